"""The layout of JSON text changes, its content does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from bench.foundation.json_text import indented, on_one_line

VALUES: list[Any] = [
    None,
    {},
    [],
    'a: [b], {c} \\ " é \n \t',
    {"a": [], "b": {}, "c": [[], {}, [1]], "": {"": [""]}},
    [1e-6, 1e-300, -0.0, 1e16, 123456789012345678, True, False, None],
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_known_layouts(value: Any) -> None:
    assert indented(json.dumps(value, ensure_ascii=False)) == json.dumps(value, indent=1, ensure_ascii=False)
    assert on_one_line(json.dumps(value, indent=3)) == json.dumps(value, separators=(",", ":"))


@given(JSON)
def test_every_layout_can_be_had_back(value: Any) -> None:
    pretty, plain = to_json(value, indent=1).decode(), to_json(value).decode()
    assert on_one_line(pretty) == plain
    assert indented(plain) == pretty
    assert indented(pretty) == pretty


def test_digits_stay_as_they_are_written() -> None:
    assert on_one_line('{ "a": 1e-06 }') == '{"a":1e-06}'
    assert indented('{"a":1E+6,"b":0.10}') == '{\n "a": 1E+6,\n "b": 0.10\n}'
