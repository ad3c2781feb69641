"""Training several zoo models: one after the other, or each in a process of its own with one thread."""

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
from zoo.card import CARDS, WEIGHTS, card, read_card

if TYPE_CHECKING:
    from bench.training.checkpoint import Epoch
    from bench.training.loop import Progress


@dataclass(frozen=True)
class Places:
    """Where a training reads and writes, and on what. out: None installs into the zoo, card included. runs: checkpoints.
    compiled: as of :func:`~bench.training.loop.train`.
    """

    out: Path | None
    runs: Path | None = None
    data_root: Path | None = None
    device: str = "cpu"
    compiled: bool = False


@dataclass(frozen=True)
class Made:
    """One model that is done. figure: on validation images, as text."""

    name: str
    figure: str
    weights: Path


def make(
    name: str,
    places: Places,
    on_step: Callable[[Progress], None] = lambda progress: None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> Made:
    """Train or convert ``name`` from its card; the same call resumes. Raises a ``BenchError`` if that cannot be done."""
    described = card_of(name)
    source, target = CARDS / f"{name}.yaml", places.out or WEIGHTS
    made = (
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
        made.card.replace(source)
        card.cache_clear()
        read_card(source)
    return Made(name, training_rules(described.task).written(made.val_figure), made.weights)


def make_side_by_side(names: Sequence[str], places: Places, workers: int) -> Iterator[Made]:
    """All of ``names``, at most ``workers`` at a time, each as soon as the model it starts from is done."""
    waiting, running, done = list(names), dict[Future[Made], str](), set[str]()
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=begin)
    try:
        while waiting or running:
            for name in [each for each in waiting if _can_begin(each, names, done)][: workers - len(running)]:
                waiting.remove(name)
                running[pool.submit(make, name, places)] = name
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                done.add(running.pop(future))
                yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _can_begin(name: str, names: Sequence[str], done: set[str]) -> bool:
    needed = card_of(name).needs
    return needed not in names or needed in done
