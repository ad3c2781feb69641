"""``bench show zoo:NAME``: a model's card."""

from __future__ import annotations

import json

import click

from bench.cli.terminal import JSON, say, say_json


@click.command()
@click.argument("model")
@JSON
def show(model: str, as_json: bool) -> None:
    """Show the card of MODEL (zoo:NAME)."""
    import yaml

    from bench.models.cards import named_card

    fields = named_card(model).model_dump(mode="json")
    text = (
        json.dumps(fields, indent=1)
        if as_json
        else yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=100).rstrip()
    )
    (say_json if as_json else say)(text)
