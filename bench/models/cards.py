"""Cards of the zoo by name, with errors a user can act on. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.foundation.errors import ModelError, UnknownNameError

if TYPE_CHECKING:
    from zoo.card import Card


OWN = (".py", ".onnx", ".nir")
"""Endings of files that hold a model of the user's own."""


def card_of(name: str) -> Card:
    """The card of ``zoo:NAME``. Raises a ``BenchError`` for an unknown name and a malformed card."""
    from zoo.card import card, is_described, names

    if "::" in name or name.endswith(OWN):
        raise ModelError(
            f"{name} is a model of your own, and this command is for those of the zoo.",
            "Name one of bench ls models; bench evaluate, doctor, certify and submit take your own.",
        )
    if not is_described(name):
        raise UnknownNameError.of("model", f"zoo:{name}", [f"zoo:{known}" for known in names()])
    try:
        return card(name)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"The card of zoo:{name} cannot be read ({reason}).", f"Correct zoo/cards/{name}.yaml.") from error


def card_at(name: str, version: str | None) -> Card:
    """The card of ``zoo:NAME[@VERSION]``. Raises as :func:`card_of` does, and ``ModelError`` for another version."""
    described = card_of(name)
    if version is not None and str(described.version) != version.removeprefix("v"):
        raise ModelError(f"zoo:{name} is at version {described.version} here.", f"Drop @{version}.")
    return described


def named_card(text: str) -> Card:
    """The card of the model that a user calls ``[zoo:]NAME[@VERSION]``. Raises as :func:`card_at` does."""
    name, at, version = text.removeprefix("zoo:").partition("@")
    return card_at(name, version if at else None)
