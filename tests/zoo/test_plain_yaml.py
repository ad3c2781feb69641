"""YAML that is odd is refused by one exception, before it costs anything; YAML that is plain is read as PyYAML reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from zoo.card import CARDS, read_card
from zoo.plain_yaml import load_plain

BOMB = "a: &a [x, x, x, x]\n" + "".join(
    f"{c}: &{c} [*{p}, *{p}, *{p}, *{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
)
ODD = {
    "a bomb": BOMB,
    "an integer of letters": "a: !!int ata",
    "an empty integer": "a: !!int ''",
    "a boolean that is none": "a: !!bool maybe",
    "a date that is none by tag": "a: !!timestamp soon",
    "an impossible date": "a: 2026-02-30",
    "an impossible time": "a: 2026-02-03 25:61:00",
    "an integer of 6,000 digits": f"a: {'9' * 6000}",
    "a hexadecimal of 6,000 digits": f"a: 0x{'f' * 6000}",
    "a sum of sixties": f"a: 1{':59' * 3000}",
    "a real number of 6,000 digits": f"a: 0.{'9' * 6000}",
    "brackets": "a: " + "[" * 5000 + "]" * 5000,
    "braces": "{a: " * 5000 + "}" * 5000,
    "blocks": "\n".join("  " * depth + "a:" for depth in range(2000)),
    "a key twice": "a: 1\na: 2",
    "a number for a key": "1: 2",
    "a list for a key": "? [a]\n: 2",
    "a merge": "<<: {a: 1}",
    "two documents": "a: 1\n---\nb: 2",
    "a null byte": "a: \x00",
    "a lone digit system": "a: 0b_",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_yaml_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]{1,200}$"):
        load_plain(text)


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(ValueError, match="UTF-8"):
        load_plain(b"\xff\xfe\x00")


def test_plain_yaml_is_read_as_pyyaml_reads_it() -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted(CARDS.glob("*.yaml"))]
    texts += ["a: [1, 0x10, 1.5, -.inf, 2026-01-02, yes, ~, text]\nb: {c: |\n    d\n}\n".replace("|\n    d\n", '"d"'), ""]
    for text in texts:
        assert load_plain(text) == yaml.safe_load(text)


@pytest.mark.parametrize("text", [text for text in ODD.values() if "\x00" not in text])
def test_a_card_is_refused_in_one_clause(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"odd\.yaml"):
        read_card(path)
