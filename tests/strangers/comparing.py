"""The same evaluation of a stranger and of its twin, paired image by image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from torch import Tensor, nn

import bench
from bench.metrics.statistics import PairedDifference, paired_difference
from bench.tasks.record import Record
from strangers.gallery import Stranger
from strangers.twins import native

EPS = "1/255"
"""A radius at which every twin keeps between 10% and 60% of all images."""
FEW, ALL = 40, 100
"""Images of the tests, and of the table: the first of those that ship. The networks were trained on others."""
LEVEL = 0.999
"""Of the paired interval of the tests. Both searches turn at roundings, so that single images may fall on one side only."""


def images(n: int) -> tuple[Tensor, Tensor]:
    """Images and labels of the evaluations."""
    return bench.load_data("cifar10", n=n)


def evaluated(model: nn.Module | str, n: int, attack: str = "standard") -> Record:
    """The record of a model under an attack on the first n images."""
    return bench.evaluate(model, data=images(n), attack=attack, eps=EPS)


@cache
def twin_record(kind: str, n: int) -> Record:
    """The record of a network of this suite under ``standard``; made once a process."""
    return evaluated(native(kind), n)


@dataclass(frozen=True)
class Pair:
    """Two records of the same images."""

    stranger: Record
    twin: Record

    def difference(self, level: float) -> PairedDifference:
        """Robust accuracy of the stranger minus that of its twin, with Newcombe's interval for pairs."""
        first, second = (record.rows.set_index("sample").sort_index()["robust"] for record in (self.stranger, self.twin))
        return paired_difference(first.to_numpy(float), second.to_numpy(float), level)


def pair(stranger: Stranger, folder: Path, n: int) -> Pair:
    """Both records under ``standard`` on the first n images. folder: for strangers that are files."""
    return Pair(evaluated(stranger.make(folder), n), twin_record(stranger.kind, n))
