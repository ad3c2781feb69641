"""Strategies: odd words, and good files with something wrong in them."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

import yaml
from hypothesis import strategies as st

ODD_WORDS = [
    *(
        "",
        " ",
        "-",
        "--",
        ":",
        "::",
        "@",
        "/",
        "..",
        "../x",
        "~",
        "a,b",
        "=",
        "x=",
        "%",
        "1%",
        "0",
        "-1",
        "1.5",
        "1e999",
        "nan",
    ),
    *(
        "inf",
        "8/0",
        "0/0",
        "1/3/5",
        "\u0661",
        "\uff11",
        "9" * 30,
        "9" * 6000,
        "0x1f",
        "1_000",
        "true",
        "none",
        "None",
        "null",
    ),
    *(
        "\0",
        "\n",
        "\t",
        "\x1b[31m",
        "\u202e",
        "\u200b",
        "\ud7ff",
        "a" * 5000,
        "[/red]",
        "<b>",
        "=1+1",
        "{",
        "}",
        "[",
        "{{x}}",
    ),
    *(
        "zoo:",
        "zoo:snn_at",
        "zoo:snn_at@1",
        "zoo:snn_at@9",
        "x.py::f",
        "x.yaml",
        "x.onnx",
        "nir:x",
        "timm:",
        "folder:",
        "folder:.",
    ),
    *(
        "pgd",
        "pgd:steps=2",
        "pgd@1",
        "pgd:",
        "pgd:steps",
        "foolbox:LinfPGD",
        "torchattacks:",
        "standard@9",
        "linf",
        "l2",
        "cifar10",
    ),
]
YAML_PIECES = [
    *(
        "&a ",
        "*a",
        "!!int ata",
        "!x ",
        "<<: ",
        "2026-02-30",
        "9" * 6000,
        "0x" + "f" * 500,
        ".nan",
        "-.inf",
        "? ",
        "- ",
        "---\n",
    ),
    *(
        "[" * 40,
        "{" * 40,
        "\t",
        "\0",
        "\ufeff",
        "\u202e",
        "'",
        '"',
        "|",
        ">",
        "#",
        "%YAML 9\n",
        "null",
        "~",
        "1:2:3",
        "=",
        "\r",
        "yes",
    ),
]
ODD_VALUES: list[Any] = [
    *(
        None,
        True,
        "",
        "x",
        "x" * 3000,
        "=1",
        "<b>",
        "\u202e",
        "../x",
        0,
        -1,
        1,
        2**70,
        1e308,
        0.5,
        [],
        {},
        [[]],
        [None],
        {"a": 1},
    ),
    *(["x"] * 50, "9" * 400, "2026-02-30", "8/255", "\n", "\x1b[0m"),
]

odd_words = st.sampled_from(ODD_WORDS) | st.text(max_size=12)


@st.composite
def mutated(draw: st.DrawFn, samples: Sequence[bytes], pieces: Sequence[bytes] = (b"\0", b"\xff" * 8)) -> bytes:
    """One of ``samples`` after up to four changes: bits, cuts, repetitions, pieces put in."""
    content = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, max(len(content) - 1, 0)))
        length = draw(st.sampled_from((1, 2, 4, 8, 64, 1024)))
        kind = draw(st.integers(0, 5))
        if kind == 0 and content:
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == 1:
            del content[place : place + length]
        elif kind == 2:
            content[place:place] = draw(st.sampled_from(pieces))
        elif kind == 3:
            content[place:place] = content[place : place + length]
        elif kind == 4:
            content[place : place + length] = draw(st.binary(max_size=8))
        else:
            del content[place:]
    return bytes(content)


def texts(*samples: str) -> st.SearchStrategy[bytes]:
    """Mutated YAML or JSON."""
    return mutated([sample.encode() for sample in samples], [piece.encode() for piece in YAML_PIECES])


@st.composite
def changed(draw: st.DrawFn, fields: Any, form: str) -> bytes:
    """``fields`` with up to three values that are others, missing or too many, as ``yaml`` or ``json``."""
    value = copy.deepcopy(fields)
    for _ in range(draw(st.integers(1, 3))):
        parent, key = draw(st.sampled_from(_places(value) or [(value, None)]))
        if key is None:
            continue
        kind = draw(st.integers(0, 4))
        if kind == 0:
            del parent[key]
        elif kind == 1 and isinstance(parent, dict):
            parent[draw(odd_words)] = draw(st.sampled_from(ODD_VALUES))
        else:
            parent[key] = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))
    if form == "json":
        return json.dumps(value).encode()
    return yaml.safe_dump(value, allow_unicode=True).encode("utf-8", errors="replace")


def _places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value inside of another."""
    places: list[tuple[Any, Any]] = []
    pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    for key, inner in pairs:
        places += [(value, key), *_places(inner)]
    return places
