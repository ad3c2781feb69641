"""Training one zoo model: from its card to weights, a log, a curve and a card that names them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from bench.data import load_samples
from bench.foundation.errors import ModelError
from bench.foundation.files import atomic_write_bytes, atomic_write_text, canonical_json, make_folder
from bench.tasks.lookup import training_rules
from bench.training.checkpoint import Epoch
from bench.training.history import as_csv, curve
from bench.training.loop import Progress, Split, train
from zoo.card import Card, card, is_described
from zoo.loading import adopt, build, build_defense, load_card

_OLD_WEIGHTS = re.compile(r"^weights:.*\n?(?:[ \t]+.*\n?)*", re.MULTILINE)


@dataclass(frozen=True)
class Trained:
    """Files and log of a finished training."""

    card: Path
    weights: Path
    log: Path
    curve: Path
    epochs: list[Epoch]

    @property
    def val_figure(self) -> float:
        """The task's figure on validation images after the last epoch."""
        return self.epochs[-1].val_figure


def default_runs() -> Path:
    """Folder of checkpoints: ``$BENCH_RUNS``, or a cache folder outside of the working tree."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("BENCH_RUNS") or Path(cache) / "bench" / "training")


def train_model(
    described: Card,
    *,
    source: Path,
    out: Path,
    runs: Path,
    device: str = "cpu",
    data_root: Path | None = None,
    compiled: bool = False,
    on_step: Callable[[Progress], None] = lambda progress: None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> Trained:
    """Train ``described`` and write ``NAME.safetensors``, ``NAME.csv``, ``NAME.png`` and ``NAME.yaml``.

    source: the card file; its text is copied except for its weights. out: folder of the files.
    runs: folder of checkpoints; training continues from a checkpoint of the same recipe.
    compiled: as of :func:`~bench.training.loop.train`.
    Raises ``DataError`` if the data set is missing, ``ModelError`` if the start model is missing or the card cannot be
    built, ``BenchError`` if training diverges.
    """
    run = runs / described.name
    for folder in (run, out):
        make_folder(folder)
    target = torch.device(device)
    splits = {}
    for split in ("train", "val"):
        samples = load_samples(described.dataset, split=split, root=data_root)
        splits[split] = Split(samples.pixels, samples.labels).to(target)
    try:
        model, defense = initial_model(described).to(target), build_defense(described.defense)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{described.name} cannot be built: {error}.", "Correct the arguments in its card.") from error
    digest = recipe_digest(described)
    log = train(
        model.requires_grad_(True),
        defense,
        described.training,
        splits["train"],
        splits["val"],
        checkpoint=run / "checkpoint.safetensors",
        digest=digest,
        task=training_rules(described.task),
        compiled=compiled,
        on_step=on_step,
        on_epoch=on_epoch,
    )
    training_rules(described.task).finish(model, splits["val"].images, splits["val"].labels)
    return export(described, source=source, model=model, log=log, out=out)


def initial_model(described: Card) -> nn.Module:
    """The network before its first step: from the seed, and from the weights of the recipe's start model if it has one.

    Neuron parameters that the start model lacks begin at their initial value; all others must fit.
    Raises ``ModelError`` if the start model cannot be loaded or does not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(described.training.seed)
        model = build(described.builder)
    start = described.training.start
    if start is None:
        return model
    try:
        tensors = load_card(card(start)).state_dict()
    except (KeyError, ValueError) as error:
        raise ModelError(
            f"{described.name} starts from zoo:{start}, which cannot be loaded ({error}).",
            f"Train that first: bench train zoo:{start} --install.",
        ) from error
    try:
        return adopt(model, tensors, f"zoo:{start}")
    except ValueError as error:
        raise ModelError(
            f"{described.name} cannot start from zoo:{start}: {error}.",
            "Name a start model of the same network in its card.",
        ) from error


def recipe_digest(described: Card) -> str:
    """A hash of everything that a checkpoint depends on: network, defense, recipe (without its notes) and start weights.

    A recipe field that is newer than the first checkpoints is left out where it has its default.
    """
    fields = described.model_dump(mode="json", include={"builder", "defense", "recipe", "dataset"})
    fields["recipe"].pop("notes")
    newer = {"optimiser": "sgd", "precision": None, "horizon": None, "cooldown": 0, "decayed": "weights"}
    for choice, default in newer.items():
        if fields["recipe"][choice] == default:
            fields["recipe"].pop(choice)
    start = described.training.start
    if start is not None and is_described(start):
        weights = card(start).weights
        fields["start"] = None if weights is None else weights.sha256
    return hashlib.sha256(canonical_json(fields)).hexdigest()


def export(described: Card, *, source: Path, model: nn.Module, log: list[Epoch], out: Path) -> Trained:
    """Write weights, log, curve and card into ``out``, the card last. Raises ``StorageError`` if the disk refuses."""
    make_folder(out)
    name, task = described.name, training_rules(described.task)
    files = Trained(out / f"{name}.yaml", out / f"{name}.safetensors", out / f"{name}.csv", out / f"{name}.png", log)
    atomic_write_text(files.log, as_csv(log, task=task))
    atomic_write_bytes(files.curve, curve(log, title=f"{name}: {described.defense.name}", task=task))
    write_weights(model.state_dict(), source=source, weights=files.weights, card_file=files.card)
    return files


def write_weights(tensors: dict[str, Tensor], *, source: Path, weights: Path, card_file: Path) -> None:
    """Write ``tensors`` (name to value) as ``weights``, then the card at ``source`` with their hash and size as
    ``card_file``.

    Raises ``StorageError`` if the disk refuses.
    """
    content = save({key: value.detach().cpu().contiguous() for key, value in tensors.items()})
    atomic_write_bytes(weights, content)
    text = _OLD_WEIGHTS.sub("", source.read_text())
    named = f"weights:\n  sha256: {hashlib.sha256(content).hexdigest()}\n  bytes: {len(content)}\n"
    atomic_write_text(card_file, text.rstrip("\n") + "\n" + named)
