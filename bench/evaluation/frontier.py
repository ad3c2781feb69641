"""The units of a plan that can be computed now: all that they need is done, and no worker has them yet."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Sequence

from bench.evaluation.plan import needs
from bench.tasks.unit import UnitKey


class Frontier:
    """Hands out the units of a plan, the first in the plan's order whose needed units are done.

    A unit costs one count per unit that it needs and one entry of a heap, so a plan of a million units is no slower per
    unit than a short one.
    """

    def __init__(self, units: Sequence[UnitKey], done: Collection[UnitKey] = ()) -> None:
        self._units = [key for key in units if key not in done]
        self._missing = [sum(earlier not in done for earlier in needs(key)) for key in self._units]
        self._dependents: defaultdict[UnitKey, list[int]] = defaultdict(list)
        for position, key in enumerate(self._units):
            for earlier in needs(key):
                if earlier not in done:
                    self._dependents[earlier].append(position)
        self._ready = [position for position, missing in enumerate(self._missing) if not missing]
        self._left = len(self._units)

    def __len__(self) -> int:
        """Number of units that were not handed out yet."""
        return self._left

    def next(self) -> UnitKey | None:
        """Hand out a unit; None if every unit that is left waits for another one."""
        if not self._ready:
            return None
        self._left -= 1
        return self._units[heapq.heappop(self._ready)]

    def finish(self, key: UnitKey) -> None:
        """The unit is done: units that waited for nothing else can be handed out."""
        for position in self._dependents.pop(key, ()):
            self._missing[position] -= 1
            if not self._missing[position]:
                heapq.heappush(self._ready, position)
