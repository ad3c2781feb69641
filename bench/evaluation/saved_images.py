"""Adversarial images on disk: one file per stage while a run goes on, one per attack, radius and shard in the end.

They are named ``attack_NUMBER_EPS_SHARD.safetensors``; of models that score
there are two, which end in ``_up`` and ``_down``. Each holds ``images`` and the ids of their ``samples``, as a challenge
to a board does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench.evaluation.plan import attacked
from bench.evaluation.workbench import load_shard
from bench.foundation.files import atomic_write_bytes, make_folder

if TYPE_CHECKING:
    from bench.tasks.results import Results
    from bench.tasks.task import Request
    from bench.tasks.unit import UnitKey


def path_of(folder: Path, key: str) -> Path:
    """Where the images of the stage or attack ``key`` lie."""
    return folder / "adversarial" / f"{key.replace('/', '_')}.safetensors"


def is_saved(folder: Path, key: UnitKey) -> bool:
    """Whether the unit ``key`` needs no images, or has them."""
    return key.kind != "attack" or path_of(folder, key.text).exists()


def all_saved(folder: Path, request: Request) -> bool:
    """Whether the images of all attacks of a request are there, stages put together."""
    for stages in attacked(request):
        chosen = request.task.image_endings
        if not all(path_of(folder, stages[0].attack_text + ending).exists() for ending in chosen):
            return False
    return True


def save_stage(folder: Path, key: UnitKey, rows: Tensor, images: Tensor) -> None:
    """Keep the images ``(m, ...)`` of one stage, for the positions ``rows`` ``(m,)`` of its shard."""
    _write(path_of(folder, key.text), {"rows": rows, "images": images})


def merge_stages(folder: Path, request: Request, results: Results) -> None:
    """Replace the files of stages by those of their attacks: for every sample the image of its verdict."""
    for stages in attacked(request):
        first = stages[0]
        outcomes = [results[key] for key in stages]
        run = request.stages[first.attack or 0]
        shard = load_shard(request, first.shard)
        for ending, chosen in request.task.chosen_images(run, outcomes).items():
            images = _merged(folder, shard.x, stages, chosen)
            samples = torch.tensor(shard.ids, dtype=torch.int64)
            _write(path_of(folder, first.attack_text + ending), {"images": images, "samples": samples})
        discard(folder, [key.text for key in stages])


def _merged(folder: Path, clean: Tensor, stages: Sequence[UnitKey], chosen: Sequence[Sequence[int]]) -> Tensor:
    """Images for all of a shard. chosen: stage by stage the positions whose image comes from it; the others are clean."""
    from safetensors.torch import load

    images = clean.cpu().clone()
    for key, positions in zip(stages, chosen, strict=True):
        saved = load(path_of(folder, key.text).read_bytes())
        wanted = torch.isin(saved["rows"], torch.tensor(positions, dtype=torch.int64))
        images[saved["rows"][wanted]] = saved["images"][wanted].to(images)
    return images


def discard(folder: Path, keys: Iterable[str]) -> None:
    """Remove the files of stages that have been merged."""
    for key in keys:
        path_of(folder, key).unlink()


def _write(path: Path, tensors: Mapping[str, Tensor]) -> None:
    from safetensors.torch import save

    make_folder(path.parent)
    atomic_write_bytes(path, save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}))
