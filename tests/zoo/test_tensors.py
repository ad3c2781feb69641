"""Files of tensors: read whole, or refused by one exception before they cost memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from zoo.loading import read_weights
from zoo.tensors import MOST_HEADER, header_problem, parse_tensors, stated_in


def with_header(header: bytes, body: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + body


def entry(kind: str, shape: list[int], ends: list[int]) -> bytes:
    return with_header(json.dumps({"a": {"dtype": kind, "shape": shape, "data_offsets": ends}}).encode(), bytes(8))


ODD = {
    "nothing": b"",
    "a short file": b"abc",
    "a header without end": (2**40).to_bytes(8, "little") + b"{" + bytes(100),
    "a long header": with_header(b"{" + b" " * MOST_HEADER + b"}"),
    "an unknown kind": entry("F6_E2M3", [1], [0, 8]),
    "no kind at all": entry("X", [1], [0, 8]),
    "a shape that does not fit": entry("F32", [3], [0, 8]),
    "a shape that overflows": entry("F32", [2**62, 2**62], [0, 8]),
    "offsets that run backwards": entry("F32", [2], [8, 0]),
    "nested deeply": with_header(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"),
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_odd_files_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        parse_tensors(content)
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.safetensors"):
        read_weights(path, None)


def test_a_long_header_is_refused_by_its_length_alone() -> None:
    """The content is not there: what is refused was never read."""
    beginning = (MOST_HEADER + 1).to_bytes(8, "little") + b"{"
    problem = header_problem(beginning, size=2**31)
    assert problem is not None
    assert "longer than" in problem


def test_a_folder_is_no_file_of_weights(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a folder"):
        read_weights(tmp_path, None)


def test_whole_files_are_read() -> None:
    tensors = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(3)}
    read = parse_tensors(save(tensors))
    assert all(torch.equal(read[name], value) for name, value in tensors.items())


def test_words_beside_the_tensors_are_read() -> None:
    words, tensors, null = {"sha256": "0", "more": "\u00e9"}, {"a": torch.zeros(2)}, with_header(b'{"__metadata__":null}')
    assert stated_in(save(tensors, metadata=words)) == words
    assert stated_in(save(tensors)) == {}
    assert stated_in(null) == parse_tensors(null) == {}
