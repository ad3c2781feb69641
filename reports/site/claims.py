"""``claims.yaml``: what papers state and what was measured here, as a list of mappings or a mapping of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from bench.errors import BoardError

CLAIMS_FILE = "claims.yaml"
HEAD = ("title", "claim", "says", "statement")
"""The first of these that a claim has is its headline; every other field is shown below it."""


def read_claims(root: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    """Headline and fields of every claim; none without a file. Raises :class:`~bench.errors.BoardError` if it is damaged."""
    path = root / CLAIMS_FILE
    if not path.is_file():
        return []
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BoardError(f"{path} is not readable YAML.", "Correct it.") from error
    if isinstance(content, dict) and isinstance(content.get("claims"), dict | list):
        content = content["claims"]
    if isinstance(content, dict):
        content = [{"id": key, **value} if isinstance(value, dict) else value for key, value in content.items()]
    if not isinstance(content, list) or not all(isinstance(claim, dict) for claim in content):
        raise BoardError(f"{path} is not a list of claims.", "Write a list of mappings.")
    return [_shown(claim) for claim in content]


def _shown(claim: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    head = next((key for key in HEAD if claim.get(key)), next(iter(claim), ""))
    rest = [
        (str(key).replace("_", " "), _text(value)) for key, value in claim.items() if key != head and value not in (None, "")
    ]
    return str(claim.get(head, "")), rest


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_text(part)}" for key, part in value.items())
    return ", ".join(map(_text, value)) if isinstance(value, list) else str(value)
