"""What goes through the pipe between the program and foreign code: a JSON head and tensors as safetensors, never pickles.

A frame is two lengths of eight bytes (little-endian), the head, the body.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

MOST_HEAD = 2**20
MOST_BODY = 2**31
SHORT = 2**16
"""Bytes of a body that holds little or nothing beside its header."""
LENGTHS = 16


@dataclass(frozen=True)
class Frame:
    """One message."""

    head: dict[str, Any]
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def packed(self) -> bytes:
        """As bytes."""
        from safetensors.torch import save

        head = json.dumps(self.head, allow_nan=False).encode()
        body = save({name: tensor.contiguous() for name, tensor in self.tensors.items()}) if self.tensors else b""
        return len(head).to_bytes(8, "little") + len(body).to_bytes(8, "little") + head + body


def lengths(start: bytes, most: int = MOST_BODY) -> tuple[int, int]:
    """Bytes of head and body, from the first sixteen bytes.

    most: bytes that the body may have. Raises ``ValueError`` if head or body is longer than what is accepted.
    """
    head, body = int.from_bytes(start[:8], "little"), int.from_bytes(start[8:LENGTHS], "little")
    if head > MOST_HEAD or body > most:
        raise ValueError("a message is too large")
    return head, body


def unpacked(head: bytes, body: bytes) -> Frame:
    """A frame. Raises ``ValueError`` for anything that is none."""
    from zoo.tensors import parse_tensors

    try:
        parsed = json.loads(head)
        tensors = parse_tensors(body, MOST_HEAD) if body else {}
    except (RecursionError, ValueError) as error:
        raise ValueError("a message is damaged") from error
    if not isinstance(parsed, dict):
        raise ValueError("a message has no head")
    return Frame(parsed, tensors)
