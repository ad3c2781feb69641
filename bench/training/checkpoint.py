"""Checkpoints of a training run: one safetensors file, replaced atomically after each epoch.

It holds the model, the optimiser's momentum, the log so far and a hash of all of these; nothing is pickled.
Randomness needs no state, because every epoch draws from a generator seeded by
(seed, epoch).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from bench.foundation.errors import BenchError
from bench.foundation.files import atomic_write_bytes, canonical_json, sha256_bytes


@dataclass(frozen=True)
class Epoch:
    """One line of the training log. Figures: accuracy in [0, 1], or rank correlation; seconds of wall time."""

    epoch: int
    loss: float
    train_figure: float
    val_figure: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Checkpoint:
    """State after ``len(log)`` epochs. momentum: of the optimiser. recipe: digest of the card's recipe."""

    model: dict[str, Tensor]
    momentum: dict[str, Tensor]
    log: list[Epoch]
    recipe: str

    def write(self, path: Path) -> None:
        """Replace the file at ``path``; if that fails, the old file stays. Raises ``StorageError`` if the disk refuses."""
        tensors = {f"model/{k}": v.detach().cpu().contiguous() for k, v in self.model.items()}
        tensors |= {f"momentum/{k}": v.detach().cpu().contiguous() for k, v in self.momentum.items()}
        about = {"recipe": self.recipe, "log": json.dumps([asdict(epoch) for epoch in self.log])}
        atomic_write_bytes(path, save(tensors, metadata=about | {"sha256": _digest(tensors, about)}))

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """The checkpoint at ``path``. Raises :class:`BenchError` if the file is damaged.

        Older checkpoints have no hash, and are taken as they are.
        """
        try:
            with safe_open(path, framework="pt") as file:
                about = file.metadata() or {}
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            stated = about.pop("sha256", None)
            if stated not in (None, _digest(tensors, about)):
                raise ValueError("its content has another hash than it states")
            log = [_epoch(epoch) for epoch in json.loads(about["log"])]
            recipe = about["recipe"]
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise BenchError(
                f"The checkpoint {path} is damaged ({error}).", "Delete it to start this training again."
            ) from error

        def part(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        return cls(part("model/"), part("momentum/"), log, recipe)


def _digest(tensors: dict[str, Tensor], about: dict[str, str]) -> str:
    """The hash of a checkpoint: sha256 of its tensors as safetensors writes them without words, and of the words."""
    return sha256_bytes(save(tensors) + canonical_json(about))


def _epoch(written: dict[str, Any]) -> Epoch:
    """One log line. Older checkpoints, of one task only, name their figures accuracies."""
    return Epoch(**{key.replace("_accuracy", "_figure"): value for key, value in written.items()})
