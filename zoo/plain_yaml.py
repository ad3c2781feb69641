"""YAML that holds plain values and no more, read by one function that fails in one way.

The safe loader of PyYAML runs nothing, and yet an alias can stand for a thousand others, a tag or a date can be such that
its constructor fails with any exception, and an integer can be too long to be printed. None of that is read here.
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent

DEEPEST = 12
"""Collections within collections."""
LONGEST_NUMBER = 40
"""Characters of a number."""


class _Loader(yaml.SafeLoader):
    """The safe loader, without the key ``<<``, keys given twice or that are no text, and numbers without end."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if not all(isinstance(key, str) for key in keys):
            raise yaml.YAMLError("a key is not text")
        if len(set(keys)) < len(keys):
            raise yaml.YAMLError("a key is given twice")
        return super().construct_mapping(node, deep=deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Do nothing: keys are merged from aliases, which are refused."""

    def construct_number(self, node: yaml.ScalarNode) -> Any:
        """An integer or a real number of bounded length."""
        if len(node.value) > LONGEST_NUMBER:
            raise yaml.YAMLError(f"a number is longer than {LONGEST_NUMBER} characters")
        return self.construct_yaml_int(node) if node.tag.endswith(":int") else self.construct_yaml_float(node)


for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.construct_number)


def load_plain(content: bytes | str) -> Any:
    """The value of a YAML text: mappings with text for keys, lists, text, numbers, dates, booleans, nothing.

    Raises ``ValueError``, whose text is a clause, if it is not UTF-8, not YAML, nested too deeply, or holds an anchor, an
    alias, a tag, a second document, a key twice, a number of more than 40 characters, or a date that is none.
    """
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        _inspect(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 -- a restriction of the safe loader
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, OverflowError, RecursionError) as error:
        reason = getattr(error, "problem", None) or str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(str(reason)[:200]) from error


def _inspect(text: str) -> None:
    """Refuse by the events alone, before anything is built."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor is not None):
            raise yaml.YAMLError("anchors and aliases are not allowed")
        if getattr(event, "tag", None) is not None:
            raise yaml.YAMLError("tags are not allowed")
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > DEEPEST:
            raise yaml.YAMLError(f"it is nested deeper than {DEEPEST}")
