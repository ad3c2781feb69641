"""Who is first, and how sure that is: a rank and the interval of ranks that the samples cannot tell apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from bench.metrics.statistics import paired_difference
from bench.tasks.lookup import board_rules

if TYPE_CHECKING:
    from bench.boards.naming import EntryName
    from bench.boards.protocol import Protocol
    from bench.boards.store import Entry


@dataclass(frozen=True)
class Rank:
    """1 is best; ranks are tied where a longer attack may turn them. low: one more than the number of entries that are
    surely better; high: last minus the surely worse.
    """

    rank: int
    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.rank}" if self.low == self.high else f"{self.rank} [{self.low}-{self.high}]"


def is_current(name: EntryName, names: list[EntryName]) -> bool:
    """Whether no later version of the same model is on the board."""
    return not any(other.model == name.model and other.version > name.version for other in names)


def ranks(entries: list[Entry], protocol: Protocol) -> dict[EntryName, Rank]:
    """Ranks of current entries whose record is not unreliable, by the mean of what the board ranks by.

    "Surely" means that the 95% interval of the paired difference over the board's samples excludes zero, and that the
    difference is larger than what a longer attack may take from the better one; a smaller one leaves the rank shared.
    Superseded and unreliable entries have none.
    """
    names, rules = [entry.name for entry in entries], board_rules(protocol.task)
    ranked = [
        entry for entry in entries if is_current(entry.name, names) and entry.record.reliability.status != "unreliable"
    ]
    judged = {entry.name: rules.ranked_by(entry, protocol) for entry in ranked}
    means = {name: float(values.mean()) for name, values in judged.items()}
    lowest = {entry.name: means[entry.name] - rules.reach(entry, protocol) for entry in ranked}
    better = dict.fromkeys(judged, 0)
    worse = dict.fromkeys(judged, 0)
    for first, second in combinations(judged, 2):
        difference = paired_difference(judged[first], judged[second])
        ahead, behind = (first, second) if difference.value > 0 else (second, first)
        if (difference.low > 0 or difference.high < 0) and lowest[ahead] > means[behind]:
            better[behind] += 1
            worse[ahead] += 1
    return {
        name: Rank(1 + sum(other > means[name] for other in lowest.values()), 1 + better[name], len(judged) - worse[name])
        for name in judged
    }


def best_first(entries: list[Entry], order: Mapping[EntryName, Rank], protocol: Protocol) -> list[Entry]:
    """Ranked entries, then unreliable ones, then superseded ones; of a shared rank, first the one that measured best.

    order: their ranks, as of :func:`ranks`.
    """
    rules, names = board_rules(protocol.task), [entry.name for entry in entries]

    def position(entry: Entry) -> tuple[int, int, float, str]:
        name, ranked = str(entry.name), order.get(entry.name)
        if not ranked:
            return 1 if is_current(entry.name, names) else 2, 0, 0.0, name
        return 0, ranked.rank, -float(rules.ranked_by(entry, protocol).mean()), name

    return sorted(entries, key=position)
