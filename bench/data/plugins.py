"""Data sets of other packages (entry-point group ``bench.datasets``): used as the protocol says, never trusted to keep it.

The protocol is :class:`~bench.data.base.Dataset`: ``info`` and ``load``. A set that can say where it lies and fetch itself
offers :class:`Fetchable` as well. Whatever else a plug-in does, and whatever it raises, ends in one sentence that names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from bench.foundation.errors import BenchError, DataError, TooFewError

if TYPE_CHECKING:
    from bench.data.base import Dataset, Samples
    from bench.data.routes import Progress, Route

_REPAIR = "Repair or uninstall the package it comes from."


@runtime_checkable
class Fetchable(Protocol):
    """What ``bench data get`` and ``bench data path`` ask of a set."""

    def where(self, root: Path | None = None) -> Path:
        """The folder that holds the set, or would."""
        ...

    def present(self, root: Path | None = None) -> bool:
        """Whether it is there."""
        ...

    def get(self, root: Path | None, *, source: Path | None, progress: Progress) -> Route | None:
        """Fetch the set, or import a copy. Returns the route that was used; None if it was there. Raises ``DataError``."""
        ...


@dataclass(frozen=True)
class Facts:
    """The facts about a set in the list of data sets."""

    name: str
    task: str = "classification"
    classes: int = 0
    shape: tuple[int, ...] = ()
    splits: Mapping[str, int] | None = None
    folder: Path | None = None
    """Where it lies; None if it is not here, or does not say."""
    here: str = "?"
    """``yes``, ``no``, or which part ships; ``?`` for a plug-in that keeps its files to itself."""
    shipped: int = 0
    licence: str = ""
    citation: str = ""
    homepage: str | None = None
    broken: str | None = None
    """Why it cannot be used."""


def build_guarded(factory: Callable[[], Dataset], name: str) -> Dataset:
    """The set that a plug-in builds. Raises ``DataError`` if it fails, or cannot load."""
    with _blamed(name, "cannot be opened"):
        dataset = factory()
        loads = callable(getattr(dataset, "load", None))
    if not loads:
        raise DataError(f"The plug-in {name!r} has no method load(split, root, n), so it is no data set.", _REPAIR)
    return dataset


def load_guarded(dataset: Dataset, name: str, split: str, root: Path | None, n: int | None) -> Samples:
    """The first ``n`` samples of a plug-in. Raises ``DataError`` if it fails or gives something else."""
    from bench.data.base import Samples

    with _blamed(name, f"cannot load {split!r}"):
        samples = dataset.load(split, root, n)
    if not isinstance(samples, Samples):
        raise DataError(
            f"The plug-in {name!r} loads a {type(samples).__name__} instead of samples.",
            "It must return bench.data.base.Samples, for example by Samples.of(images, labels).",
        )
    with _blamed(name, "loads samples that do not fit together"):
        lengths = {len(samples.labels), len(samples.ids), samples.shape[0]}
    if len(lengths) > 1:
        raise DataError(f"The plug-in {name!r} loads pixels, labels and ids of several lengths.", _REPAIR)
    if n is not None and len(samples) < n:
        raise TooFewError(f"{n:,} samples were asked for, but {name} ({split}) has {len(samples):,}.", "Ask for fewer.")
    return samples if n is None else samples.take(n)


def facts_of(name: str, opened: Callable[[str], Dataset], root: Path | None) -> Facts:
    """What can be said about the set that ``opened`` gives for a name; of a broken one, why. Nothing is raised."""
    try:
        dataset = opened(name)
        with _blamed(name, "does not describe itself"):
            return _facts(dataset, name, root)
    except BenchError as error:
        return Facts(name, here="broken", broken=error.what)


def _facts(dataset: Dataset, name: str, root: Path | None) -> Facts:
    info = dataset.info
    shipped = int(getattr(dataset, "shipped", 0))
    here, folder = "?", None
    if isinstance(dataset, Fetchable):
        present = bool(dataset.present(root))
        here = "yes" if present else f"{shipped:,} of test" if shipped else "no"
        folder = Path(dataset.where(root)) if present else None
    return Facts(
        name,
        task=str(getattr(info, "task", "classification")),
        classes=len(getattr(info, "classes", ())),
        shape=tuple(int(side) for side in getattr(info, "shape", ())),
        splits={str(split): int(size) for split, size in dict(getattr(info, "splits", {})).items()},
        folder=folder,
        here=here,
        shipped=shipped,
        licence=str(getattr(info, "licence", "")),
        citation=str(getattr(info, "citation", "")),
        homepage=_text_or_none(getattr(info, "homepage", None)),
    )


def _text_or_none(value: Any) -> str | None:
    return None if value is None else str(value)


@contextmanager
def _blamed(name: str, what: str) -> Iterator[None]:
    """What a plug-in raises in the block, as a sentence that names it."""
    try:
        yield
    except BenchError:
        raise
    except Exception as error:  # a plug-in may fail in any way
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise DataError(f"The plug-in {name!r} {what} ({text[:200]}).", _REPAIR) from error
