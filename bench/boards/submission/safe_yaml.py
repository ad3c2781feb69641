"""YAML from strangers: plain values only, no aliases, no tags, no key twice, and not much of it."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent

from bench.foundation.errors import SubmissionError

MOST_BYTES = 32 * 1024
DEEPEST = 12
FIX = "Write it like the template that bench submit new makes."


class _Loader(yaml.SafeLoader):
    """The safe loader, without the key ``<<`` and without a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if not all(isinstance(key, str) for key in keys):
            raise yaml.YAMLError("a key is not text")
        if len(set(keys)) < len(keys):
            raise yaml.YAMLError("a key is given twice")
        return super().construct_mapping(node, deep=deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Do nothing: keys are merged from aliases, which are refused."""


def load(content: bytes, name: str) -> Any:
    """The value of a YAML text. name: of the file, for messages.

    Raises ``SubmissionError`` if it is too large, too deep, not UTF-8, not YAML, or holds an anchor,
    an alias, a tag or a second document.
    """
    if len(content) > MOST_BYTES:
        raise SubmissionError(f"{name} is larger than {MOST_BYTES // 1024} KiB.", FIX)
    try:
        text = content.decode("utf-8")
        _inspect(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 -- a restriction of the safe loader
    except UnicodeDecodeError as error:
        raise SubmissionError(f"{name} is not UTF-8.", FIX) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = getattr(error, "problem", None) or str(error).partition("\n")[0] or type(error).__name__
        raise SubmissionError(f"{name} is not YAML that is accepted: {reason}.", FIX) from error


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
