"""Text of strangers is shown as it is, wherever it is shown, and instructs nobody."""

from __future__ import annotations

import pytest

from bench.foundation.escaping import begins_formula, for_code, for_csv, for_markdown, for_terminal, is_hidden, one_line


@pytest.mark.parametrize(
    "text", ["=cmd", "+1", "-1", "@x", "\uff1dcmd", "\uff0b1", "\uff0d1", "\uff20x", "\u3164=cmd", " =cmd"]
)
def test_formulas_in_every_disguise(text: str) -> None:
    assert begins_formula(text)
    assert for_csv(text) == f"'{text}"


@pytest.mark.parametrize("text", ["a=b", "", "1-2", "\u00e9tude", "\u65e5\u672c"])
def test_other_cells_stay(text: str) -> None:
    assert for_csv(text) == text


@pytest.mark.parametrize(
    "character",
    [
        "\u3164",
        "\u115f",
        "\uffa0",
        "\u2800",
        "\u034f",
        "\ufe0f",
        "\u180e",
        "\u200b",
        "\u202e",
        "\x1b",
        "\n",
        "\ufffe",
        "\U000e0041",
    ],
)
def test_hidden(character: str) -> None:
    assert is_hidden(character)


@pytest.mark.parametrize("character", ["a", " ", "\u00e9", "\u65e5", "\u0301", "\u20ac", "\U0001f600"])
def test_visible(character: str) -> None:
    assert not is_hidden(character)


def test_one_line() -> None:
    assert one_line("a\nb\x1b[31m\u202ec") == "a b?[31m?c"
    assert one_line("a\u3164b") == "a?b"
    assert len(one_line("x" * 999)) == 200


def test_no_line_is_a_command() -> None:
    assert for_terminal("a\n::notice::x\n  ::error::y\n") == "a\n: :notice::x\n  : :error::y\n"
    assert for_terminal("a ##[error]b") == "a ## [error]b"
    assert for_terminal("\x1b]8;;https://example.org\x07x\rz") == "?]8;;https://example.org?x?z"
    assert for_terminal("model.py::build fails") == "model.py::build fails"
    assert for_terminal(":::x") == ": ::x"


@pytest.mark.parametrize("text", ["\v::notice::x", "\u2028::notice::x", "\u3000::notice::x", "\u00a0::notice::x"])
def test_no_line_is_a_command_after_other_spaces(text: str) -> None:
    assert not for_terminal(text).lstrip().startswith("::")


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("[x](https://example.org)", r"\[x\](https:\//example.org)"),
        ("![x](y)", r"!\[x\](y)"),
        ("<img src=x>", r"\<img src=x\>"),
        ("a | b", r"a \| b"),
        ("`x` *y* _z_", r"\`x\` \*y\* \_z\_"),
        ("snn_at", "snn_at"),
        ("# x", r"\# x"),
        ("- x", r"\- x"),
        ("1. x", r"1\. x"),
        ("a\n\n# b", "a # b"),
        ("www.example.org", r"www\.example.org"),
        ("&lt;", r"\&lt;"),
        ("accuracy 0.5 at 8/255", "accuracy 0.5 at 8/255"),
    ],
)
def test_markdown(text: str, markdown: str) -> None:
    assert for_markdown(text) == markdown


def test_code() -> None:
    assert for_code("zoo:snn_at") == "`zoo:snn_at`"
    assert for_code("a`|\nb") == r"`a'\| b`"
