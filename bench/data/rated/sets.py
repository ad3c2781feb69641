"""The rated sets: LIVE In the Wild Challenge, KonIQ-10k, KADID-10k, TID2013."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.data.info import DatasetInfo
from bench.data.rated.base import RatedSet, splits
from bench.data.rated.tables import Rating, read_kadid, read_koniq, read_livec, read_tid

_SHAPE = (3, 224, 224)
_OWN = "of its authors; not passed on here"


def _info(name: str, title: str, sizes: dict[str, int], citation: str) -> DatasetInfo:
    return DatasetInfo(name, title, (), _SHAPE, sizes, _OWN, citation, task="quality")


_LIVEC = _info(
    "livec",
    "LIVE In the Wild Image Quality Challenge",
    splits(1_162),
    "D. Ghadiyaram, A. Bovik. Massive Online Crowdsourced Study of Subjective and Objective Picture Quality. "
    "IEEE Transactions on Image Processing, 2016.",
)
_KONIQ = _info(
    "koniq10k",
    "KonIQ-10k",
    splits(10_073),
    "V. Hosu, H. Lin, T. Sziranyi, D. Saupe. KonIQ-10k: An Ecologically Valid Database for Deep Learning of Blind "
    "Image Quality Assessment. IEEE Transactions on Image Processing, 2020.",
)
_KADID = _info(
    "kadid10k",
    "KADID-10k",
    splits(81, 125),
    "H. Lin, V. Hosu, D. Saupe. KADID-10k: A Large-scale Artificially Distorted IQA Database. QoMEX, 2019.",
)
_TID = _info(
    "tid2013",
    "TID2013",
    splits(25, 120),
    "N. Ponomarenko et al. Image database TID2013: Peculiarities, results and perspectives. Signal Processing: Image "
    "Communication, 2015.",
)


@dataclass(frozen=True, kw_only=True)
class LiveChallenge(RatedSet):
    """1,162 photographs with the faults of real cameras; MOS 0 to 100."""

    info: DatasetInfo = _LIVEC
    folder: str = "ChallengeDB_release"
    table: str = "Data/AllMOS_release.mat"
    read: Callable[[Path], list[Rating]] = read_livec
    low: float = 0
    high: float = 100


@dataclass(frozen=True, kw_only=True)
class KonIQ(RatedSet):
    """10,073 photographs from the web; MOS 1 to 5."""

    info: DatasetInfo = _KONIQ
    folder: str = "koniq10k"
    table: str = "koniq10k_scores_and_distributions.csv"
    read: Callable[[Path], list[Rating]] = read_koniq
    low: float = 1
    high: float = 5


@dataclass(frozen=True, kw_only=True)
class KADID(RatedSet):
    """10,125 images: 81 photographs, 25 distortions at 5 levels; scores 1 to 5."""

    info: DatasetInfo = _KADID
    folder: str = "kadid10k"
    table: str = "dmos.csv"
    read: Callable[[Path], list[Rating]] = read_kadid
    low: float = 1
    high: float = 5

    @property
    def kind_names(self) -> tuple[str, ...]:
        from bench.data.distortions.catalogue import NAMES

        return NAMES


@dataclass(frozen=True, kw_only=True)
class TID(RatedSet):
    """3,000 images: 25 photographs, 24 distortions at 5 levels; MOS 0 to 9."""

    info: DatasetInfo = _TID
    folder: str = "tid2013"
    table: str = "mos_with_names.txt"
    read: Callable[[Path], list[Rating]] = read_tid
    low: float = 0
    high: float = 9

    @property
    def kind_names(self) -> tuple[str, ...]:
        return tuple(f"tid_{number}" for number in range(1, 25))
