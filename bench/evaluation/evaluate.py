"""One evaluation from request to record: plan, journal, units, rows, metrics, record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, product
from pathlib import Path

from torch import nn

from attacks.base import Attack
from attacks.gradients.base import GradientPath
from attacks.threat import Norm
from bench.data.base import Array, Samples
from bench.evaluation.build_record import build
from bench.evaluation.journal import Journal
from bench.evaluation.records.record import RECORD_FILE, Record, read_record, write_record
from bench.evaluation.request.attack_specs import Planned, Price
from bench.evaluation.request.resolve import DEFAULT_N, cost_of, identity_fields, resolve
from bench.evaluation.saved_images import all_saved, gather, is_saved, saver
from bench.evaluation.units import Evaluator, Request
from bench.foundation.errors import SpecError
from bench.foundation.files import digest, make_folder
from bench.foundation.spec import Eps
from bench.models.subject import Subject, borrowed
from bench.tasks.classification.stages import Unit

JOURNAL_FILE = "journal.jsonl"
"""Beside a record that is not finished."""


@dataclass(frozen=True)
class Tick:
    """Progress, after each unit."""

    done: int
    total: int
    label: str
    reused: bool


Watcher = Callable[[Tick], None]


def evaluate(
    model: str | nn.Module | Subject,
    *,
    attack: str | Attack | Sequence[str | Attack] = "pgd",
    eps: str | float | Sequence[str | float] | None = None,
    norm: Norm = "linf",
    n: int | None = DEFAULT_N,
    data: str | tuple[Array, Array] | Samples | None = None,
    split: str = "test",
    path: str | GradientPath = "training",
    seed: int = 0,
    stochastic: bool = False,
    eot: int | None = None,
    scorings: int | None = None,
    eight_bit: bool = False,
    device: str = "cpu",
    micro_batch: int | None = None,
    out: Path | str | None = None,
    save_adv: bool = False,
    fresh: bool = False,
    on_start: Callable[[Request, Price], None] = lambda request, cost: None,
    on_kept: Callable[[Record], None] = lambda record: None,
    on_tick: Watcher = lambda tick: None,
) -> Record:
    """Evaluate a model and return its record, rows included.

    model: ``zoo:NAME``, ``file.py::factory``, an ``nn.Module`` (images in [0, 1] to logits ``(N, K)``, or to scores ``(N,)``
        on data whose labels are scores), or a subject.
    attack: spec(s) such as ``"pgd:steps=20,restarts=3"``; several give the per-sample worst case as well.
    eps: radius or radii, in [0, 1] pixel units: numbers, or text such as ``2/255,8/255`` (by default 8/255 in ``linf``;
        ``l2`` has no default). norm: ``linf`` or ``l2``.
    n: the first n samples (by default 1000, or all where there are fewer); None for all.
    data: a data set name, ``(images, labels)``, or None for the model's own.
    path: gradient path through spikes. eot: draws averaged per query of an attack, scorings: draws per verdict
        (1 each; 10 for stochastic models, whose accuracy is a rate).
    eight_bit: what attacks and noise hand over is rounded to multiples of 1/255, and attacks search through that rounding:
        the attacker who has to store a picture. Otherwise pixels are real numbers, as in most of the literature.
    out: folder for record, rows and journal; the same call resumes there, or reads back a finished record.
        None keeps everything in memory.
    save_adv: also write the adversarial images (safetensors, in ``out``).
    fresh: forget what an earlier call left in ``out``, as is needed after edits of modules that a model's file or an attack
        imports, which nobody notices.
    on_start: called before anything is computed; on_kept: called instead with a finished record that is read back.
    Raises a ``BenchError`` for anything the user can fix.
    """
    with borrowed(model):
        request = resolve(
            model,
            attack,
            eps,
            norm=norm,
            n=n,
            data=data,
            path=path,
            seed=seed,
            split=split,
            stochastic=stochastic,
            eot=eot,
            scorings=scorings,
            eight_bit=eight_bit,
            device=device,
            micro_batch=micro_batch,
        )
        identity = digest(identity_fields(request))
        folder = None if out is None else Path(out) / folder_name(request.subject.ref, identity)
        if folder is not None and not fresh and _is_finished(request, folder, save_adv):
            record = read_record(folder)
            on_kept(record)
            return record
        on_start(request, cost_of(request))
        if folder is None:
            if save_adv:
                raise SpecError("There is nowhere to save adversarial images.", "Give out=FOLDER (--out FOLDER).")
            evaluator = Evaluator(request)
            units = _compute(evaluator, {}, lambda key, unit: None, on_tick)
            return build(evaluator, units, identity)
        make_folder(folder)
        evaluator = Evaluator(request, saver(folder) if save_adv else None)
        journal_path = folder / JOURNAL_FILE
        with Journal.open(journal_path, identity=identity, fresh=fresh) as journal:
            kept = {key: unit for key, unit in journal.done.items() if not save_adv or is_saved(folder, key)}
            units = _compute(evaluator, kept, journal.append, on_tick)
            if save_adv:
                _merge_adversarial(evaluator, folder, units)
            record = write_record(build(evaluator, units, identity), folder)
            journal_path.unlink(missing_ok=True)
        return record


def _compute(
    evaluator: Evaluator, done: dict[str, Unit], keep: Callable[[str, Unit], None], on_tick: Watcher
) -> dict[str, Unit]:
    """All units of the request, from the journal where it has them."""
    request = evaluator.request
    units: dict[str, Unit] = {}
    shards = evaluator.shards()
    stages = [evaluator.stages(planned) for planned in request.attacks]
    total = len(shards) * (1 + len(request.eps) * (1 + sum(len(one) for one in stages)))

    counted = count(1)

    def unit(key: str, label: str, work: Callable[[], Unit]) -> Unit:
        reused = key in done
        if not reused:
            with evaluator.own_randomness(key):
                result = work()
            keep(key, result)
            done[key] = result
        units[key] = done[key]
        on_tick(Tick(next(counted), total, label, reused))
        return units[key]

    judge = evaluator.judge
    draws = max(planned.noise_draws for planned in request.attacks)
    for index, positions in enumerate(shards):
        shard = evaluator.shard(positions)
        clean = unit(f"clean/{index}", "clean", lambda s=shard: judge.clean(s))  # type: ignore[misc]
        shard = judge.ready(shard, clean)
        for eps in request.eps:
            unit(
                f"noise/{eps.value!r}/{index}",
                f"noise at {eps.text}",
                lambda s=shard, c=clean, e=eps: judge.noise(s, c, e, draws),  # type: ignore[misc]
            )
            for number, planned in enumerate(request.attacks):
                done_here: list[Unit] = []
                for step, stage in enumerate(stages[number]):
                    left = judge.standing(clean, done_here)
                    key = f"attack/{number}/{eps.value!r}/{index}/{step}"
                    done_here.append(
                        unit(
                            key,
                            _label(planned, step, len(stages[number]), eps),
                            lambda s=shard, r=left, e=eps, g=stage, k=key, i=step: evaluator.attack(s, r, e, g, i, k),  # type: ignore[misc]
                        )
                    )
                units[f"attack/{number}/{eps.value!r}/{index}"] = judge.combined(stages[number], done_here)
    return units


def _label(planned: Planned, step: int, steps: int, eps: Eps) -> str:
    return f"{planned.name} at {eps.text}" if steps == 1 else f"{planned.name} {step + 1}/{steps} at {eps.text}"


def _merge_adversarial(evaluator: Evaluator, folder: Path, units: dict[str, Unit]) -> None:
    for key, positions, planned in _attacked(evaluator):
        gather(folder, key, evaluator.shard(positions), evaluator.judge.shown(evaluator.stages(planned), units[key]))


def _attacked(evaluator: Evaluator) -> Iterator[tuple[str, range, Planned]]:
    """Every attack on every shard at every radius, by its key."""
    request = evaluator.request
    for index, positions in enumerate(evaluator.shards()):
        for eps, (number, planned) in product(request.eps, enumerate(request.attacks)):
            yield f"attack/{number}/{eps.value!r}/{index}", positions, planned


def _is_finished(request: Request, folder: Path, save_adv: bool) -> bool:
    """Whether all that is asked for is there; a journal beside a record means that its images are being made."""
    if not (folder / RECORD_FILE).exists():
        return False
    if not save_adv:
        return True
    return not (folder / JOURNAL_FILE).exists() and all_saved(folder, (key for key, *_ in _attacked(Evaluator(request))))


def folder_for(request: Request) -> str:
    """Where the record of a request lies below ``out``."""
    return folder_name(request.subject.ref, digest(identity_fields(request)))


def folder_name(ref: str, identity: str) -> str:
    """Where a record lies below ``out``: readable, and unique to what was asked."""
    readable = "".join(c if c.isalnum() or c in "-_" else "-" for c in ref.rpartition("/")[2])
    return f"{readable}-{identity[:12]}"
