"""Reads tables of flatbuffers without trust: every offset is checked before it is followed.

A buffer begins with the offset of its root table and four letters that name its kind. A table begins with the distance back
to its list of fields, which gives the offset of each field within the table, or 0 where the field has its default value.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_OUTSIDE = "is damaged: an offset in it points outside of what it belongs to"


@dataclass(frozen=True)
class Table:
    """One table of a buffer."""

    content: bytes
    place: int
    """Of its first byte."""
    fields: tuple[int, ...]
    """Where each field begins, counted from ``place``; 0: it has its default value."""

    @classmethod
    def root(cls, content: bytes, kind: bytes) -> Table:
        """The root of a buffer that is named ``kind``. Raises ``ValueError``, a clause that goes on from a file's name."""
        if content[4:8] != kind:
            raise ValueError(f"is damaged: a part of it is not marked {kind.decode()}")
        place = _number(content, "<I", 0)
        listing = place - _number(content, "<i", place)
        size = _number(content, "<H", listing)
        if size < 4 or size % 2:
            raise ValueError(_OUTSIDE)
        return cls(content, place, tuple(_number(content, "<H", listing + at) for at in range(4, size, 2)))

    def number(self, field: int, form: str, default: int) -> int:
        """An integer field; form: as in ``struct``. Raises ``ValueError``."""
        offset = self._offset(field)
        return default if offset is None else _number(self.content, form, self.place + offset)

    def vector(self, field: int, size: int) -> tuple[int, int]:
        """First byte and length of a field of many elements of ``size`` bytes, a text among them. Raises ``ValueError``."""
        offset = self._offset(field)
        if offset is None:
            return 0, 0
        pointer = self.place + offset
        start = pointer + _number(self.content, "<I", pointer)
        length = _number(self.content, "<I", start)
        if start + 4 + length * size > len(self.content):
            raise ValueError(_OUTSIDE)
        return start + 4, length

    def _offset(self, field: int) -> int | None:
        return (self.fields[field] or None) if field < len(self.fields) else None


def _number(content: bytes, form: str, place: int) -> int:
    if not 0 <= place <= len(content) - struct.calcsize(form):
        raise ValueError(_OUTSIDE)
    number: int = struct.unpack_from(form, content, place)[0]
    return number
