"""Adversarial images on disk: one file per stage while a run goes on, one per attack, radius and shard in the end.

They are named ``attack_NUMBER_EPS_SHARD.safetensors``; of models that score
there are two, which end in ``_up`` and ``_down``. Each holds ``images`` and the ids of their ``samples``, as a challenge
to a board does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench.foundation.files import atomic_write_bytes, make_folder

if TYPE_CHECKING:
    from bench.tasks.judge import Shard

Saver = Callable[[str, Tensor, Tensor], None]
"""``save(key, rows, images)``: images of the positions ``rows`` of a shard."""


def path_of(folder: Path, key: str) -> Path:
    """Where the images of the unit ``key`` lie."""
    return folder / "adversarial" / f"{key.replace('/', '_')}.safetensors"


def is_saved(folder: Path, key: str) -> bool:
    """Whether the unit ``key`` needs no images, or has them."""
    return not key.startswith("attack/") or path_of(folder, key).exists()


def all_saved(folder: Path, keys: Iterable[str]) -> bool:
    """Whether the images of the attacks ``keys`` are there, stages put together; of models that score, both ways."""
    kinds = (("",), ("_up", "_down"))
    return all(any(all(path_of(folder, key + ending).exists() for ending in kind) for kind in kinds) for key in keys)


def saver(folder: Path) -> Saver:
    """Writes each stage's images below ``folder``."""

    def save_adversarial(key: str, rows: Tensor, images: Tensor) -> None:
        _write(path_of(folder, key), {"rows": rows, "images": images})

    return save_adversarial


def merge(folder: Path, key: str, shard: Shard, stages: Iterable[tuple[str, list[int]]]) -> None:
    """Put the stages of one attack on one shard together into the file of ``key``: images for all of ``shard``.

    stages: key of each stage, and the positions that are taken from it.
    """
    from safetensors.torch import load

    images = shard.x.cpu().clone()
    for stage, taken in stages:
        saved = load(path_of(folder, stage).read_bytes())
        wanted = torch.isin(saved["rows"], torch.tensor(taken, dtype=torch.int64))
        images[saved["rows"][wanted]] = saved["images"][wanted].to(images)
    _write(path_of(folder, key), {"images": images, "samples": torch.tensor(shard.ids, dtype=torch.int64)})


def gather(folder: Path, key: str, shard: Shard, shown: Mapping[str, list[list[int]]]) -> None:
    """Replace the files of an attack's stages on one shard by those of the attack.

    shown: an ending for a file's name to, stage by stage, the positions taken from it.
    """
    stages = [f"{key}/{step}" for step in range(len(next(iter(shown.values()))))]
    for ending, taken in shown.items():
        merge(folder, key + ending, shard, zip(stages, taken, strict=True))
    discard(folder, stages)


def discard(folder: Path, keys: Iterable[str]) -> None:
    """Remove the files of stages that have been merged."""
    for key in keys:
        path_of(folder, key).unlink()


def _write(path: Path, tensors: dict[str, Tensor]) -> None:
    from safetensors.torch import save

    make_folder(path.parent)
    atomic_write_bytes(path, save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}))
