"""One evaluation from settings to record: request, plan, loop, rows, results, record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from torch import nn

from attacks.base import Attack
from attacks.gradients.base import GradientPath
from bench.data.base import Array, Samples
from bench.evaluation.baselines import Baselines
from bench.evaluation.build_record import build_record
from bench.evaluation.executors.choice import executor_for
from bench.evaluation.journal import FINISHED, Journal, remove_finished
from bench.evaluation.loop import run
from bench.evaluation.plan import plan
from bench.evaluation.records.storage import RECORD_FILE, read_record, write_record
from bench.evaluation.request.argument_types import callback, truth, whole_number, with_types
from bench.evaluation.request.argument_types import folder as folder_at
from bench.evaluation.request.identity import folder_name, identity_fields
from bench.evaluation.request.price import Price, price_of
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.settings import DEFAULT_N, Running, Settings, Ticked, Watcher
from bench.evaluation.saved_images import all_saved, is_saved, merge_stages, save_stage
from bench.evaluation.ticking import Counter, ticking
from bench.evaluation.workbench import Finished
from bench.foundation.errors import ModelError, SpecError
from bench.foundation.files import digest, make_folder, remove_file
from bench.models.borrowing import borrowed
from bench.models.neurons import AUTO
from bench.models.preparation import Preparation
from bench.models.probe import same_answers
from bench.models.subject import Subject
from bench.tasks.record import Record
from bench.tasks.results import Results
from bench.tasks.task import Request
from bench.tasks.unit import CleanAnswers, UnitKey, UnitResult, clean_key

JOURNAL_FILE = "journal.jsonl"
"""The journal of an unfinished run, in the record's folder."""
ANSWERS = "answers"
"""Where a journal keeps the outputs of a foreign model on the probe images."""
FRESH = "fresh"
"""Where a journal keeps that its run began with ``fresh``: whoever resumes it uses nothing older either."""


def evaluate(
    model: str | nn.Module | Subject,
    *,
    attack: str | Attack | Sequence[str | Attack] = "pgd",
    eps: str | float | Sequence[str | float] | None = None,
    norm: str = "linf",
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
    batch: int | None = None,
    weights: Path | str | None = None,
    partial: bool = False,
    preprocess: str | None = None,
    mean: str | None = None,
    std: str | None = None,
    readout: str | None = None,
    expect: float | None = None,
    neurons: str = AUTO,
    out: Path | str | None = None,
    save_adv: bool = False,
    fresh: bool = False,
    workers: int | None = 1,
    scheduler: str | None = None,
    progress: bool | Callable[..., Counter] = False,
    on_start: Callable[[Request, Price], None] | None = None,
    on_kept: Callable[[Record], None] | None = None,
    on_tick: Ticked | None = None,
) -> Record:
    """Evaluate a model and return its record, rows included.

    model: ``zoo:NAME[:steps=N]``, ``file.py::NAME`` (a factory, class or module), an ``nn.Module`` (images in [0, 1] to
        logits ``(N, K)``, or to scores ``(N,)`` on data whose labels are scores), or a subject.
    attack: spec(s) such as ``"pgd:steps=20,restarts=3"``; several give the per-sample worst case as well.
    eps: radius or radii, in [0, 1] pixel units: numbers, or text such as ``2/255,8/255`` (by default 8/255 in ``linf``;
        ``l2`` has no default). norm: ``linf`` or ``l2``.
    n: the first n samples (by default 1000, or all where there are fewer); None for all.
    data: a data set name, ``(images, labels)``, or None for the model's own.
    path: gradient path through spikes. eot: draws averaged per query of an attack, scorings: draws per verdict
        (1 each; 10 for stochastic models, whose accuracy is a rate).
    eight_bit: attacked and noisy images are rounded to multiples of 1/255, and attacks search through that rounding, as
        attackers must who store a picture. Otherwise pixels are real numbers, as in most of the literature.
    batch: inputs of a scoring call, 50 or as many as fit into memory; rows may depend on it, so it is on record.
    weights, partial, preprocess, mean, std, readout: what is done to a network of your own first, see
        :class:`~bench.models.preparation.Preparation`. expect: clean accuracy in percent that it is known to reach. neurons:
        ``spikingjelly``, ``snntorch``, ``norse`` or ``sinabs`` refuses a network in which none of that library fires.
    out: folder for record, rows and journal; the same call resumes there, or reads a finished record, and another attack on
        the model finds its answers on clean and noisy images there. None keeps everything in memory.
    save_adv: also write the adversarial images (safetensors, in ``out``).
    fresh: discard the results of an earlier call in ``out``. This is needed after edits of modules that a model's file or an
        attack imports, because such edits are not detected.
    workers: number of processes of one thread each that compute in parallel; rows do not depend on it. None starts
        one per core if the estimated work is worth it. A script with more than one worker needs the usual
        ``if __name__ == "__main__":``. scheduler: address of a Dask scheduler, whose workers compute instead.
    progress: True shows on standard error how far it is; or a function that makes a bar, such as ``tqdm.auto.tqdm``.
    on_start: called before the computation; on_kept: called instead with a finished record that is read from ``out``;
        on_tick: called after each unit.
    Raises a ``BenchError`` for anything the user can fix.
    """
    settings = Settings(
        model=model,
        attack=attack,
        eps=eps,
        norm=norm,
        n=n,
        data=data,
        split=split,
        path=path,
        seed=seed,
        stochastic=stochastic,
        eot=eot,
        scorings=scorings,
        eight_bit=eight_bit,
        device=device,
        micro_batch=micro_batch,
        batch=batch,
        prepare=Preparation(
            weights=None if weights is None else str(weights),
            partial=truth("partial", partial),
            preprocess=preprocess,
            mean=mean,
            std=std,
            readout=readout,
        ),
        expect=expect,
        neurons=neurons,
    )
    running = Running(
        out=folder_at("out", out),
        save_adv=truth("save_adv", save_adv),
        fresh=truth("fresh", fresh),
        workers=None if workers is None else whole_number("workers", workers),
        scheduler=scheduler,
    )
    for name, value in (("on_start", on_start), ("on_kept", on_kept), ("on_tick", on_tick)):
        callback(name, value)
    callback("progress", None if isinstance(progress, bool) else progress)
    with ticking(progress, on_tick or _ignore) as ticked:
        return evaluate_settings(settings, running, Watcher(on_start or _ignore, on_kept or _ignore, ticked))


def _ignore(*_: object) -> None:
    """Stands where nothing is to be called."""


def evaluate_settings(settings: Settings, running: Running, watcher: Watcher) -> Record:
    """:func:`evaluate`, with its arguments as objects. Raises a ``BenchError`` for anything the user can fix."""
    settings = with_types(settings)
    with borrowed(settings.model):
        request = resolve(settings)
        fields = identity_fields(request)
        identity = digest(fields)
        if running.out is None:
            return _in_memory(settings, request, identity, running, watcher)
        folder = running.out / folder_name(request.subject.ref, identity)
        if not running.fresh and _is_finished(request, folder, running):
            record = read_record(folder)
            _check_answers(request, record.model.answers, folder)
            remove_finished(folder / JOURNAL_FILE)
            watcher.reused(record)
            return record if request.expect is None else _with_remarks(request, record)
        return _on_disk(settings, request, identity, folder, Baselines.of(request, fields, running.out), running, watcher)


def _with_remarks(request: Request, record: Record) -> Record:
    """A record that is read back, with what this call expects of it."""
    own = [text for text in request.task.remarks(request, record.results) if text not in record.remarks]
    return record.model_copy(update={"remarks": [*record.remarks, *own]})


def _check_answers(request: Request, before: Sequence[Sequence[float]], folder: Path) -> None:
    """Raise ``ModelError`` if the model answers otherwise than the one that ``folder`` was begun with."""
    subject = request.subject
    if not subject.stochastic and not same_answers(before, subject.answers):
        raise ModelError(
            f"{folder} was begun with a model that answers otherwise: the weights of {subject.ref} have changed since.",
            "Begin anew with --fresh, or use another --out.",
        )


def _in_memory(settings: Settings, request: Request, identity: str, running: Running, watcher: Watcher) -> Record:
    if running.save_adv:
        raise SpecError("There is nowhere to save adversarial images.", "Give out=FOLDER (--out FOLDER).")
    watcher.started(request, price_of(request))
    executor = executor_for(settings, request, running)
    units = run(request, plan(request), executor, existing={}, ticked=watcher.ticked)
    return build_record(request, Results(units, len(request.shards)), identity)


def _on_disk(
    settings: Settings,
    request: Request,
    identity: str,
    folder: Path,
    baselines: Baselines,
    running: Running,
    watcher: Watcher,
) -> Record:
    make_folder(folder)
    journal_path = folder / JOURNAL_FILE
    if running.fresh:  # before anything else: a run that is killed must not leave the record that was to be discarded
        remove_file(folder / RECORD_FILE)
    with Journal.open(journal_path, identity=identity, fresh=running.fresh) as journal:
        anew = running.fresh or FRESH in journal.done
        if running.fresh:
            journal.append(FRESH, True)
        watcher.started(request, price_of(request))

        def keep(key: UnitKey, finished: Finished) -> None:
            if running.save_adv and finished.rows is not None and finished.images is not None:
                save_stage(folder, key, finished.rows, finished.images)
            journal.append(key.text, finished.result.to_json())
            baselines.write(key, finished.result)

        _check_answers(request, journal.done.get(ANSWERS, []), folder)
        if request.subject.answers and ANSWERS not in journal.done:
            journal.append(ANSWERS, [list(row) for row in request.subject.answers])
        units = plan(request)
        stored = {} if anew else baselines.read(units)
        existing = kept_units(request, units, stored | journal.done)
        if running.save_adv:
            existing = {key: result for key, result in existing.items() if is_saved(folder, key)}
        executor = executor_for(settings, request, running)
        all_units = run(request, units, executor, existing=existing, keep=keep, ticked=watcher.ticked)
        results = Results(all_units, len(request.shards))
        if running.save_adv:
            merge_stages(folder, request, results)
        journal.append(FINISHED, True)
        record = write_record(build_record(request, results, identity), folder)
        journal_path.unlink(missing_ok=True)
    return record


def kept_units(request: Request, units: Sequence[UnitKey], stored: Mapping[str, object]) -> dict[UnitKey, UnitResult]:
    """Results of these units among stored ones, by the text of their keys. The others are computed again: those that cannot
    be read, and those of shards that were cut otherwise, whose clean answers are of other samples."""
    task = request.task
    types: dict[str, type[UnitResult]] = {"clean": task.clean_type, "noise": task.noise_type, "attack": task.outcome_type}
    results: dict[UnitKey, UnitResult] = {}
    for key in units:
        data = stored.get(key.text)
        if isinstance(data, dict):
            try:
                results[key] = types[key.kind].from_json(data)
            except (TypeError, ValueError):
                continue
    same_cut = {
        number
        for number, positions in enumerate(request.shards)
        if isinstance(clean := results.get(clean_key(number)), CleanAnswers)
        and clean.sample == request.samples.ids[positions.start : positions.stop].tolist()
    }
    return {key: result for key, result in results.items() if key.shard in same_cut}


def _is_finished(request: Request, folder: Path, running: Running) -> bool:
    """Whether record and, if requested, images are complete; a journal beside a record means that images are missing."""
    if not (folder / RECORD_FILE).exists():
        return False
    if not running.save_adv:
        return True
    return not (folder / JOURNAL_FILE).exists() and all_saved(folder, request)
