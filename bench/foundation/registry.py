"""One registry for everything that has a name: lazy, typed, open to plug-ins.

A catalogue maps names to ``"module:attribute"``; nothing is imported before it is asked
for. Plug-ins join through an entry-point group; a broken one warns, is listed, and never
stops a run.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar, cast

from bench.foundation.errors import BenchError, UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of one kind of thing.

    kind: the word used in messages. catalogue: name to ``"module:attribute"``. group: entry-point group.
    aliases: old name to new name; using one warns.
    """

    def __init__(
        self, kind: str, catalogue: Mapping[str, str], group: str, aliases: Mapping[str, str] | None = None
    ) -> None:
        self.kind = kind
        self.group = group
        self._catalogue = dict(catalogue)
        self._aliases = dict(aliases or {})
        self.broken: dict[str, str] = {}
        """Plug-ins that failed to load, with the reason."""

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        found: dict[str, EntryPoint] = {}
        for point in entry_points(group=self.group):
            taken = self._catalogue.get(point.name) or (found[point.name].value if point.name in found else None)
            if taken is not None:
                raise BenchError(
                    f"Two {self.kind}s are named {point.name!r}: {taken} and {point.value}.",
                    "Uninstall or rename one of them.",
                )
            found[point.name] = point
        return found

    def names(self) -> list[str]:
        """All names, in catalogue order, plug-ins last."""
        return [*self._catalogue, *self._plugins]

    def where(self, name: str) -> str:
        """``"module:attribute"`` of a name."""
        return self._catalogue.get(name) or self._plugins[name].value

    def get(self, name: str) -> T:
        """Import and return what ``name`` stands for.

        Raises ``UnknownNameError``, or ``BenchError`` for a plug-in that fails.
        """
        if name in self._aliases:
            warnings.warn(f"{self.kind} {name!r} is now {self._aliases[name]!r}", DeprecationWarning, stacklevel=2)
            name = self._aliases[name]
        if name in self._catalogue:
            module, _, attribute = self._catalogue[name].partition(":")
            return cast(T, getattr(import_module(module), attribute))
        if name not in self._plugins:
            raise UnknownNameError.of(self.kind, name, self.names())
        try:
            return cast(T, self._plugins[name].load())
        except Exception as error:  # a plug-in may fail in any way
            self.broken[name] = f"{type(error).__name__}: {error}"
            warnings.warn(f"the plug-in {name!r} is broken: {self.broken[name]}", RuntimeWarning, stacklevel=2)
            raise BenchError(
                f"The plug-in {name!r} cannot be loaded ({self.broken[name]}).", "Repair or uninstall it."
            ) from error
