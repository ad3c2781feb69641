"""Training several zoo models: one after another, or each in a process of its own with one thread."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.evaluation.executors.worker import begin
from bench.models.cards import card_of
from bench.tasks.lookup import training_rules
from bench.training.conversion import convert_model
from bench.training.job import default_runs, train_model
from zoo.card import WEIGHTS, card, card_file, read_card

if TYPE_CHECKING:
    from bench.training.checkpoint import Epoch
    from bench.training.loop import Progress


@dataclass(frozen=True)
class Places:
    """Folders of a training, and how it runs. out: None installs into the zoo, card included. runs: of checkpoints.
    compiled: as of :func:`~bench.training.loop.train`.
    """

    out: Path | None
    runs: Path | None = None
    data_root: Path | None = None
    device: str = "cpu"
    compiled: bool = False


@dataclass(frozen=True)
class Made:
    """A finished model. value: the figure of its task on validation images. figure: the same as text."""

    name: str
    value: float
    figure: str
    weights: Path
    card: Path


def make(
    name: str,
    places: Places,
    on_step: Callable[[Progress], None] = lambda progress: None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> Made:
    """Train or convert ``name`` from its card; the same call resumes.

    Raises ``UnknownNameError`` for an unknown name, and what :func:`~bench.training.job.train_model` and
    :func:`~bench.training.conversion.convert_model` raise.
    """
    described = card_of(name)
    source, target = card_file(name), places.out or WEIGHTS
    files = (
        convert_model(described, source=source, out=target, data_root=places.data_root, device=places.device)
        if described.conversion
        else train_model(
            described,
            source=source,
            out=target,
            runs=places.runs or default_runs(),
            device=places.device,
            data_root=places.data_root,
            compiled=places.compiled,
            on_step=on_step,
            on_epoch=on_epoch,
        )
    )
    if places.out is None:
        files.card.replace(source)
        card.cache_clear()
        read_card(source)
    written = training_rules(described.task).written(files.val_figure)
    return Made(name, files.val_figure, written, files.weights, source if places.out is None else files.card)


def make_side_by_side(names: Sequence[str], places: Places, workers: int) -> Iterator[Made]:
    """Make all of ``names``, at most ``workers`` at a time, each once the model that it starts from is finished."""
    waiting, running, done = list(names), dict[Future[Made], str](), set[str]()
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=begin)
    try:
        while waiting or running:
            for name in [candidate for candidate in waiting if _can_begin(candidate, names, done)][: workers - len(running)]:
                waiting.remove(name)
                running[pool.submit(make, name, places)] = name
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                done.add(running.pop(future))
                yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _can_begin(name: str, names: Sequence[str], done: set[str]) -> bool:
    """Whether the model that ``name`` starts from is finished, or is not among ``names``."""
    needed = card_of(name).needs
    return needed not in names or needed in done
