"""One evaluation from request to record: plan, journal, units, rows, metrics, record."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from attacks.base import Attack
from attacks.gradients.base import GradientPath
from attacks.threat import Norm
from bench.assembly import assemble, cells, reliability
from bench.data import load_samples
from bench.data.base import Samples
from bench.errors import SpecError
from bench.evaluator import Evaluator, Request, Unit
from bench.files import atomic_write_bytes, digest, make_folder
from bench.journal import Journal
from bench.plan import Planned, Price, plan_attack, plan_path, price, threat_of
from bench.record import EVALUATOR_VERSION, RECORD_FILE, AttackInfo, DataInfo, ModelInfo, Record, read_record, write_record
from bench.spec import parse_eps
from bench.subject import borrowed, open_subject

STOCHASTIC_DRAWS = 10
"""EOT draws per query and scoring draws per verdict of a stochastic model, unless told otherwise."""


@dataclass(frozen=True)
class Tick:
    """Progress, after each unit."""

    done: int
    total: int
    label: str
    reused: bool


Watcher = Callable[[Tick], None]


def evaluate(
    model: str | nn.Module,
    *,
    attack: str | Attack | Sequence[str | Attack] = "pgd",
    eps: str = "8/255",
    norm: Norm = "linf",
    n: int | None = 1000,
    data: str | tuple[Tensor, Tensor] | Samples | None = None,
    split: str = "test",
    path: str | GradientPath = "training",
    seed: int = 0,
    stochastic: bool = False,
    eot: int | None = None,
    device: str = "cpu",
    micro_batch: int | None = None,
    out: Path | str | None = None,
    save_adv: bool = False,
    fresh: bool = False,
    on_start: Callable[[Request, Price], None] = lambda request, cost: None,
    on_tick: Watcher = lambda tick: None,
) -> Record:
    """Evaluate a model and return its record, rows included.

    model: ``zoo:NAME``, ``file.py::factory``, or an ``nn.Module`` (images in [0, 1] to logits ``(N, K)``).
    attack: spec(s) such as ``"pgd:steps=20,restarts=3"``; several give the per-sample worst case as well.
    eps: radius or comma-separated radii, in [0, 1] pixel units; norm: ``linf`` or ``l2``.
    n: the first n samples; None for all. data: a data set name, ``(images, labels)``, or None for the model's own.
    path: gradient path through spikes. eot: draws averaged per query (1; 10 for stochastic models).
    out: folder for record, rows and journal; the same call resumes there, or reads back a finished record.
        None keeps everything in memory.
    save_adv: also write the adversarial images (safetensors, in ``out``).
    fresh: forget what an earlier call left in ``out``.
    Raises a :class:`~bench.errors.BenchError` for anything the user can fix.
    """
    with borrowed(model):
        request = _request(model, attack, eps, norm, n, data, split, path, seed, stochastic, eot, device, micro_batch)
        identity = digest(identity_fields(request))
        folder = None if out is None else Path(out) / folder_name(request.subject.ref, identity)
        on_start(request, cost_of(request))
        if folder is None:
            if save_adv:
                raise SpecError("There is nowhere to save adversarial images.", "Give out=FOLDER (--out FOLDER).")
            evaluator = Evaluator(request)
            units = _compute(evaluator, {}, lambda key, unit: None, on_tick)
            return _record(request, evaluator, units, identity)
        if not fresh and not save_adv and (folder / RECORD_FILE).exists():
            return read_record(folder)
        make_folder(folder)
        evaluator = Evaluator(request, _saver(folder) if save_adv else None)
        journal_path = folder / "journal.jsonl"
        with Journal.open(journal_path, identity=identity, fresh=fresh) as journal:
            kept = {key: unit for key, unit in journal.done.items() if not save_adv or _saved(folder, key)}
            units = _compute(evaluator, kept, journal.append, on_tick)
            record = write_record(_record(request, evaluator, units, identity), folder)
            journal_path.unlink()
        return record


def _request(
    model: str | nn.Module,
    attack: str | Attack | Sequence[str | Attack],
    eps: str,
    norm: Norm,
    n: int | None,
    data: str | tuple[Tensor, Tensor] | Samples | None,
    split: str,
    path: str | GradientPath,
    seed: int,
    stochastic: bool,
    eot: int | None,
    device: str,
    micro_batch: int | None,
) -> Request:
    if norm not in ("linf", "l2"):
        raise SpecError(f"Unknown norm {norm!r}.", "Use linf or l2.")
    radii = parse_eps(eps, norm=norm)
    given = [attack] if isinstance(attack, str | Attack) else list(attack)
    planned = [plan_attack(one) for one in given]
    if not planned:
        raise SpecError("No attack was given.", "Give at least one, for example --attack pgd.")
    specs = [one.spec for one in planned]
    if len(set(specs)) < len(specs):
        raise SpecError(f"An attack is given twice: {', '.join(specs)}.", "Give each attack once.")
    for name, value in (("n", n), ("eot", eot), ("micro_batch", micro_batch)):
        if value is not None and value < 1:
            raise SpecError(f"{name} must be at least 1, not {value}.", "Correct it, or leave it out.")
    for one in planned:
        for radius in radii:
            threat_of(norm, radius, one.attack)
    path_spec, chosen = plan_path(path)
    target = _device(device)
    subject = open_subject(model, stochastic=stochastic)
    samples = _samples(data if data is not None else subject.dataset, split, n)
    subject = replace(subject, module=subject.module.to(target))
    return Request(
        subject=subject,
        samples=samples,
        attacks=planned,
        path_spec=path_spec,
        path=chosen,
        norm=norm,
        eps=radii,
        seed=seed,
        eot=eot or (STOCHASTIC_DRAWS if subject.stochastic else 1),
        scorings=STOCHASTIC_DRAWS if subject.stochastic else 1,
        device=target,
        micro_batch=micro_batch or (64 if target.type == "cpu" else 512),
    )


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise SpecError(f"There is no device {name!r}.", "Use cpu or cuda.") from error
    if device.type not in ("cpu", "cuda"):
        raise SpecError(f"Nothing has been tested on {name!r}.", "Use cpu or cuda.")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SpecError("No CUDA device is available.", "Use --device cpu.")
    return device


def _samples(data: str | tuple[Tensor, Tensor] | Samples | None, split: str, n: int | None) -> Samples:
    if data is None:
        raise SpecError("The model does not say which data it is for.", "Give --data NAME, for example --data cifar10.")
    if isinstance(data, str):
        return load_samples(data, split=split, n=n)
    samples = data if isinstance(data, Samples) else Samples.of(*data)
    return samples if n is None or n >= len(samples.labels) else samples.take(n)


def identity_fields(request: Request) -> dict[str, Any]:
    """What determines the rows, as canonical JSON can hold it. Device and batch sizes are not in it."""
    return {
        "evaluator": EVALUATOR_VERSION,
        "model": request.subject.fingerprint,
        "stochastic": request.subject.stochastic,
        "data": request.samples.sha256(),
        "norm": request.norm,
        "eps": [eps.value for eps in request.eps],
        "attacks": [{"name": a.name, **a.defaulted, **a.passed} for a in request.attacks],
        "path": {"type": type(request.path).__name__, **asdict(request.path)},
        "seed": request.seed,
        "eot": request.eot,
        "scorings": request.scorings,
    }


def cost_of(request: Request) -> Price:
    """The most this request can cost."""
    return price(len(request.samples.labels), request.attacks, request.eps, eot=request.eot, scorings=request.scorings)


def _compute(
    evaluator: Evaluator, done: dict[str, Unit], keep: Callable[[str, Unit], None], on_tick: Watcher
) -> dict[str, Unit]:
    """All units of the request, from the journal where it has them."""
    request = evaluator.request
    units: dict[str, Unit] = {}
    shards = evaluator.shards()
    total = len(shards) * (1 + len(request.eps) * (1 + len(request.attacks)))

    def unit(key: str, label: str, work: Callable[[], Unit]) -> Unit:
        reused = key in done
        if not reused:
            with evaluator.own_randomness(key):
                result = work()
            keep(key, result)
            done[key] = result
        units[key] = done[key]
        on_tick(Tick(len(units), total, label, reused))
        return units[key]

    draws = max(planned.noise_draws for planned in request.attacks)
    for index, positions in enumerate(shards):
        shard = evaluator.shard(positions)
        clean = unit(f"clean/{index}", "clean", lambda s=shard: evaluator.clean(s))  # type: ignore[misc]
        for eps in request.eps:
            unit(
                f"noise/{eps.value!r}/{index}",
                f"noise at {eps.text}",
                lambda s=shard, c=clean, e=eps: evaluator.noise(s, c, e, draws),  # type: ignore[misc]
            )
            for number, planned in enumerate(request.attacks):
                key = f"attack/{number}/{eps.value!r}/{index}"
                unit(
                    key,
                    f"{planned.name} at {eps.text}",
                    lambda s=shard, c=clean, e=eps, p=planned, k=key: evaluator.attack(s, c, e, p, k),  # type: ignore[misc]
                )
    return units


def _adversarial(folder: Path, key: str) -> Path:
    return folder / "adversarial" / f"{key.replace('/', '_')}.safetensors"


def _saved(folder: Path, key: str) -> bool:
    return not key.startswith("attack/") or _adversarial(folder, key).exists()


def _saver(folder: Path) -> Callable[[str, Tensor], None]:
    def save_adversarial(key: str, adv: Tensor) -> None:
        from safetensors.torch import save

        path = _adversarial(folder, key)
        make_folder(path.parent)
        atomic_write_bytes(path, save({"images": adv.cpu().contiguous()}))

    return save_adversarial


def _record(request: Request, evaluator: Evaluator, units: dict[str, Unit], identity: str) -> Record:
    subject, samples = request.subject, request.samples
    rows = assemble(request, units, len(evaluator.shards()))
    results = cells(request, rows, units)
    return Record(
        identity=identity,
        model=ModelInfo(
            ref=subject.ref,
            fingerprint=subject.fingerprint,
            spiking=bool(subject.spiking) or subject.path_takers > 0,
            stochastic=subject.stochastic,
            layers=subject.path_takers,
        ),
        data=DataInfo(name=samples.name, split=samples.split, n=len(samples.labels), sha256=samples.sha256()),
        norm=request.norm,
        attacks=[_attack_info(planned, request) for planned in request.attacks],
        seed=request.seed,
        settings={"eot": request.eot, "scorings": request.scorings},
        cells=results,
        reliability=reliability(request, rows, units),
        rows_sha256="",
        seconds=sum(unit["seconds"] for unit in units.values()),
        machine=_machine(request),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    ).with_rows(rows)


def _attack_info(planned: Planned, request: Request) -> AttackInfo:
    return AttackInfo(
        spec=planned.spec,
        name=planned.name,
        passed=planned.passed,
        defaulted=planned.defaulted,
        path=request.path_spec,
        path_parameters=asdict(request.path),
    )


def _machine(request: Request) -> dict[str, Any]:
    return {
        "device": str(request.device),
        "threads": torch.get_num_threads(),
        "micro_batch": request.micro_batch,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def folder_name(ref: str, identity: str) -> str:
    """Where a record lies below ``out``: readable, and unique to what was asked."""
    readable = "".join(c if c.isalnum() or c in "-_" else "-" for c in ref.rpartition("/")[2])
    return f"{readable}-{identity[:12]}"
