"""Which records lie in a folder, without reading their rows. This module does not import torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.evaluation.records.storage import RECORD_FILE

UNREADABLE = "(not readable)"
WEIGHTS_SHOWN = 12
"""Digits of a hash of weights, as in ``claims.yaml``."""


def listed(folder: Path) -> list[dict[str, str]]:
    """One row per record in ``folder``, in the order in which they were made: its folder, and what was evaluated.

    Hashes are not checked. A damaged record comes first, and has ``(not readable)`` in the place of its verdict.
    """
    paths = [path for path in folder.glob(f"*/{RECORD_FILE}") if not path.parent.name.startswith(".")]
    return sorted(map(_row, paths), key=lambda row: (row["made"], row["record"]))


def _row(path: Path) -> dict[str, str]:
    row = {"record": str(path.parent)}
    try:
        return row | _fields(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        unknown = dict.fromkeys(("model", "weights", "samples", "threat", "attacks", "made"), "-")
        return row | unknown | {"verdict": UNREADABLE}


def _fields(record: dict[str, Any]) -> dict[str, str]:
    data = record["data"]
    radii = dict.fromkeys(str(result["eps_text"]) for result in record["results"])
    return {
        "model": str(record["model"]["ref"]),
        "weights": _weights(record["model"]["fingerprint"]),
        "samples": f"{data['n']} {data['split']} of {data['name']}",
        "threat": f"{record['norm']} {', '.join(radii)}",
        "attacks": "; ".join(map(_attack, record["attacks"])),
        "verdict": str(record["reliability"]["status"]),
        "made": str(record["created"])[:19].replace("T", " "),
    }


def _weights(fingerprint: dict[str, Any]) -> str:
    """The beginning of the sha256 of a shipped file of weights, or of an own network's parameters; a dash without either."""
    of_zoo = fingerprint.get("weights") or {}
    return str(of_zoo.get("sha256") or fingerprint.get("parameters_sha256") or "-")[:WEIGHTS_SHOWN]


def _attack(attack: dict[str, Any]) -> str:
    """An attack as it was given, with the gradient path where it is a single one and not the model's own."""
    own = attack["path"] == "training" or len(attack.get("stages", [])) > 1
    return str(attack["spec"]) + ("" if own else f" along {attack['path']}")
