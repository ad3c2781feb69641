"""Pickles as Python 2 wrote them."""

from __future__ import annotations

import io
import pickle
from typing import Any


class _Python2Pickler(pickle._Pickler):  # type: ignore[name-defined, misc]
    """Writes bytes as Python 2 wrote its strings, which is what the published files hold."""

    def save_python2_string(self, value: bytes) -> None:
        self.write(pickle.BINSTRING + len(value).to_bytes(4, "little") + value)
        self.memoize(value)

    dispatch = {**pickle._Pickler.dispatch, bytes: save_python2_string}  # type: ignore[attr-defined] # noqa: RUF012


def pickle_of_python2(value: Any) -> bytes:
    """``value``, of lists, dictionaries, numbers, bytes and arrays of bytes."""
    target = io.BytesIO()
    _Python2Pickler(target, protocol=2).dump(value)
    return target.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
