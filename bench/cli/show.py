"""``bench show zoo:NAME``: a model's card."""

from __future__ import annotations

import json

import click

from bench.errors import UnknownNameError


@click.command()
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(model: str, as_json: bool) -> None:
    """Show the card of MODEL (zoo:NAME)."""
    import yaml

    from zoo.card import card, names

    name = model.removeprefix("zoo:").partition("@")[0]
    if name not in names():
        raise UnknownNameError.of("model", model, [f"zoo:{known}" for known in names()])
    fields = card(name).model_dump(mode="json")
    text = json.dumps(fields, indent=1) if as_json else yaml.safe_dump(fields, sort_keys=False, width=100).rstrip()
    click.echo(text)
