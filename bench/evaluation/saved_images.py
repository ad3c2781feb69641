"""Adversarial images on disk: one file per stage during a run, one per attack, radius and shard at its end.

A file is named ``attack_NUMBER_EPS_SHARD.safetensors``; models that score
have two, which end in ``_up`` and ``_down``. Each file holds ``images`` and the ids of their ``samples``, like a challenge
to a board, and the hash of its name and its tensors: a damaged file counts as missing, and is made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench.evaluation.plan import attacked
from bench.evaluation.workbench import load_shard
from bench.foundation.files import atomic_write_bytes, digest, make_folder, sha256_bytes
from zoo.tensors import parse_tensors, stated_in

if TYPE_CHECKING:
    from bench.tasks.results import Results
    from bench.tasks.task import Request
    from bench.tasks.unit import UnitKey

HASH = "sha256"
"""What the header of a file calls the hash of its tensors."""


IMAGES = "adversarial"
"""Folder of the files, beside the record."""


def path_of(folder: Path, key: str) -> Path:
    """Path of the images of the stage or attack ``key``."""
    return folder / IMAGES / f"{key.replace('/', '_')}.safetensors"


def is_saved(folder: Path, key: UnitKey) -> bool:
    """Whether the unit ``key`` has its images, undamaged, or needs none."""
    return key.kind != "attack" or _is_whole(path_of(folder, key.text))


def all_saved(folder: Path, request: Request) -> bool:
    """Whether the merged images of all attacks of a request exist and are undamaged."""
    for stages in attacked(request):
        endings = request.task.image_endings
        if not all(_is_whole(path_of(folder, stages[0].attack_text + ending)) for ending in endings):
            return False
    return True


def damaged_images(folder: Path) -> list[Path]:
    """Files of images below the ``folder`` of a record that cannot be read, or hold others than they state."""
    return sorted(path for path in (folder / IMAGES).glob("*.safetensors") if not _is_whole(path))


def save_stage(folder: Path, key: UnitKey, rows: Tensor, images: Tensor) -> None:
    """Write the images ``(m, ...)`` of one stage, for the positions ``rows`` ``(m,)`` of its shard.

    Raises ``StorageError`` if the disk refuses.
    """
    _write(path_of(folder, key.text), {"rows": rows, "images": images})


def merge_stages(folder: Path, request: Request, results: Results) -> None:
    """Replace the files of stages by files of attacks, with the image of the verdict for every sample.

    Raises ``StorageError`` if the disk refuses.
    """
    for stages in attacked(request):
        first_key = stages[0]
        outcomes = [results[key] for key in stages]
        attack_stages = request.stages[first_key.attack or 0]
        shard = load_shard(request, first_key.shard)
        for ending, positions_by_stage in request.task.chosen_images(attack_stages, outcomes).items():
            images = _merged(folder, shard.x, stages, positions_by_stage)
            samples = torch.tensor(shard.ids, dtype=torch.int64)
            _write(path_of(folder, first_key.attack_text + ending), {"images": images, "samples": samples})
        discard(folder, [key.text for key in stages])


def _merged(folder: Path, clean: Tensor, stages: Sequence[UnitKey], chosen: Sequence[Sequence[int]]) -> Tensor:
    """Images of a whole shard. chosen: per stage the positions whose image comes from it; other images are clean."""
    from safetensors.torch import load

    images = clean.cpu().clone()
    for key, positions in zip(stages, chosen, strict=True):
        saved = load(path_of(folder, key.text).read_bytes())
        is_chosen = torch.isin(saved["rows"], torch.tensor(positions, dtype=torch.int64))
        images[saved["rows"][is_chosen]] = saved["images"][is_chosen].to(images)
    return images


def discard(folder: Path, keys: Iterable[str]) -> None:
    """Remove the files of stages that have been merged."""
    for key in keys:
        path_of(folder, key).unlink()


def _write(path: Path, tensors: Mapping[str, Tensor]) -> None:
    from safetensors.torch import save

    make_folder(path.parent)
    whole = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    atomic_write_bytes(path, save(whole, {HASH: _digest(whole, path.name)}))


def _digest(tensors: Mapping[str, Tensor], *names: str) -> str:
    """Of the names, types, shapes and values of tensors, as they lie in a file. names: of the file, if it is known."""
    described = [[name, str(tensor.dtype), *tensor.shape] for name, tensor in sorted(tensors.items())]
    values = (tensor.numpy().tobytes() for _, tensor in sorted(tensors.items()))
    return digest([*names, described, [sha256_bytes(value) for value in values]])


def _is_whole(path: Path) -> bool:
    """Whether a file can be read, and has the tensors and the name whose hash it states.

    Earlier versions stated a hash without the name, or none.
    """
    if not path.is_file():
        return False
    try:
        content = path.read_bytes()
        tensors = parse_tensors(content)
    except (OSError, ValueError):
        return False
    hash_stated = stated_in(content).get(HASH)
    return hash_stated in (None, _digest(tensors), _digest(tensors, path.name))
