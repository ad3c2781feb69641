"""What a caller asks for, as it was said: two frozen objects that travel unchanged from the command line to the record."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from attacks.base import Attack
from attacks.gradients.base import GradientPath
from bench.data.base import Array, Samples, UpTo
from bench.foundation.errors import SpecError
from bench.models.neurons import AUTO
from bench.models.preparation import NOTHING, Preparation
from bench.models.subject import Subject

if TYPE_CHECKING:
    from bench.evaluation.request.price import Price
    from bench.tasks.record import Record
    from bench.tasks.task import Request

DEFAULT_N = UpTo(1000)
"""Samples of an evaluation, unless told otherwise."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that may change a row, the device, and what is expected of the model: the arguments of
    :func:`bench.evaluate`."""

    model: str | nn.Module | Subject
    attack: str | Attack | Sequence[str | Attack] = "pgd"
    eps: str | float | Sequence[str | float] | None = None
    norm: str = "linf"
    n: int | None = DEFAULT_N
    data: str | tuple[Array, Array] | Samples | None = None
    split: str = "test"
    path: str | GradientPath = "training"
    seed: int = 0
    stochastic: bool = False
    eot: int | None = None
    scorings: int | None = None
    eight_bit: bool = False
    device: str = "cpu"
    micro_batch: int | None = None
    batch: int | None = None
    prepare: Preparation = NOTHING
    expect: float | None = None
    neurons: str = AUTO


@dataclass(frozen=True, kw_only=True)
class Running:
    """How it is computed and where it is kept; nothing here changes a row.

    out: folder for record, rows and journal; None keeps everything in memory. save_adv: also the adversarial inputs.
    fresh: forget what an earlier call left. workers: processes of one thread each; 1 computes in this process, None
    chooses by the price. scheduler: address of a Dask scheduler, whose workers compute instead.
    """

    out: Path | None = None
    save_adv: bool = False
    fresh: bool = False
    workers: int | None = 1
    scheduler: str | None = None


def running_wanted() -> Running:
    """How a script without options computes: with ``BENCH_WORKERS`` processes (1 without this variable).

    Raises ``SpecError`` for a text that is no number of workers.
    """
    text = os.environ.get("BENCH_WORKERS", "1")
    if not text.isdecimal() or int(text) < 1:
        raise SpecError(f"BENCH_WORKERS is {text!r}, which is no number of workers.", "Set it to 2, for example.")
    return Running(workers=int(text))


IN_THIS_PROCESS = Running()
"""One worker, nothing kept."""


@dataclass(frozen=True)
class Tick:
    """Progress, after each unit."""

    done: int
    total: int
    label: str
    reused: bool


Ticked = Callable[[Tick], None]
"""Called after each unit."""


@dataclass(frozen=True)
class Watcher:
    """Functions that are called while a request runs.

    started: with the request and its price, before anything is computed. reused: in place of it, with the finished record
    that is read back. ticked: after each unit.
    """

    started: Callable[[Request, Price], None] = field(default=lambda request, price: None)
    reused: Callable[[Record], None] = field(default=lambda record: None)
    ticked: Ticked = field(default=lambda tick: None)
