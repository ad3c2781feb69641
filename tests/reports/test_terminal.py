"""The picture of a terminal session holds what was printed, and nothing that another server would have to send."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.foundation.errors import RecordError
from reports.terminal import COMMAND, FILE, as_svg, printed_by, without_times

OUTPUT = "title\n\n\x1b[31mred\x1b[0m  7.5 [1 & <2>]\n"


def words_in(svg: str) -> str:
    texts = ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("}text")]
    return unescape(" ".join(texts)).replace("\xa0", " ")


def test_the_picture_holds_the_command_and_its_output() -> None:
    svg = as_svg("bench ls models", OUTPUT)
    text = words_in(svg)
    for wanted in ("$", "bench ls models", "title", "red", "7.5 [1 & <2>]"):
        assert wanted in text
    assert svg == as_svg("bench ls models", OUTPUT)


def test_what_differs_between_machines_is_left_out() -> None:
    assert without_times("verdict: reliable\nrecord: records/x  (3 s)\n") == "verdict: reliable\n"
    assert "record:" not in words_in(FILE.read_text(encoding="utf-8"))


def test_a_long_line_is_not_cut_off() -> None:
    line = " ".join(f"word{number}" for number in range(30))
    assert line in words_in(as_svg("bench", f"{line}\n"))


@pytest.mark.parametrize("svg", [as_svg("bench", OUTPUT), FILE.read_text(encoding="utf-8")], ids=["fresh", "shipped"])
def test_the_picture_needs_no_other_server(svg: str) -> None:
    addresses = set(re.findall(r"https?://[^\"'\s)]+", svg))
    assert addresses <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}  # a name space, and a comment
    assert "@font-face" not in svg and "url(http" not in svg


def test_the_shipped_picture_is_of_the_command_and_small() -> None:
    svg = FILE.read_text(encoding="utf-8")
    text = words_in(svg)
    assert COMMAND in text and "verdict" in text and "clean" in text
    assert len(svg) < 40_000


def test_a_command_that_fails_is_not_drawn(tmp_path: Path) -> None:
    assert "Usage: bench" in printed_by("bench --help", tmp_path)
    with pytest.raises(RecordError, match="The command failed"):
        printed_by("bench no-such-verb", tmp_path)
