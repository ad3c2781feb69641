"""Submissions of a few kilobytes on the CIFAR-10 images that ship."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from bench.boards.entering import release
from bench.boards.protocol import Draft, freeze
from bench.boards.store import Board
from bench.boards.submission.template import write_hash, write_template
from bench.foundation.files import sha256_file
from zoo.architectures.compact import compact
from zoo.card import WEIGHTS, card

WIDTHS = [4, 4, 4, 4]
BUILDER = "    widths: [4, 4, 4, 4]\n    steps: 2\n"
LINEAR = """
import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.read = nn.Linear(3072, 10)

    def forward(self, x):
        return self.read(x.flatten(1))


def build():
    return Model()
"""


def small_board(root: Path, *, n: int = 6, **changed: object) -> Board:
    """A board on the first ``n`` test images."""
    fields = {
        "board": "small-linf",
        "version": 1,
        "title": "Small",
        "data": {"name": "cifar10", "n": n},
        "eps": ["2/255", "8/255"],
        "rank_by": "8/255",
        "attacks": ["pgd:steps=2"],
    }
    return release(freeze(Draft.model_validate(fields | changed)), root)


def filled_in(folder: Path, *, own_code: bool, task: str = "classification") -> None:
    """The template, with an author's words."""
    write_template(folder, own_code=own_code, task=task)
    manifest = folder / "submission.yaml"
    text = manifest.read_text().replace("One line about", "One network called").replace("Your Name", "A. Nobody")
    manifest.write_text(text.replace("How it was trained or built to resist.", "None."))


def zoo_built(folder: Path, *, seed: int = 0) -> Path:
    """A spiking network of 1,600 weights in a registered builder."""
    filled_in(folder, own_code=False)
    manifest = folder / "submission.yaml"
    manifest.write_text(manifest.read_text().replace("    steps: 4\n", BUILDER))
    torch.manual_seed(seed)
    model = compact(steps=2, neuron={"decay": 0.9, "threshold": 1.0}, widths=tuple(WIDTHS))
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / "weights.safetensors")
    write_hash(folder)
    return folder


def own_code(folder: Path, code: str = LINEAR) -> Path:
    """A linear model with code of its own. code: of ``model.py``, after which its ``build`` must fit the weights."""
    filled_in(folder, own_code=True)
    manifest = folder / "submission.yaml"
    manifest.write_text(manifest.read_text().replace("spiking: true", "spiking: false"))
    (folder / "model.py").write_text(code)
    generator = torch.Generator().manual_seed(0)
    weights = {"read.weight": torch.randn(10, 3072, generator=generator), "read.bias": torch.zeros(10)}
    save_file(weights, folder / "weights.safetensors")
    write_hash(folder)
    return folder


def state(folder: Path) -> dict[str, str]:
    """Every file below ``folder`` and its hash."""
    return {str(path.relative_to(folder)): sha256_file(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def scoring_board(root: Path, *, n: int = 5, **changed: object) -> Board:
    """A board of scores on the first ``n`` test photographs."""
    fields = {
        "board": "small-scores",
        "task": "quality",
        "data": {"name": "photos", "n": n},
        "attacks": ["pgd:steps=10", "square:queries=3"],
    }
    return small_board(root, n=n, **(fields | changed))


def scoring(folder: Path, *, own_code: bool = False, model: str = "iqa_dbcnn") -> Path:
    """A trained quality model of the zoo, as a stranger would bring it."""
    filled_in(folder, own_code=own_code, task="quality")
    builder = card(model).builder.name
    for file in ("submission.yaml", *(["model.py"] if own_code else [])):
        path = folder / file
        path.write_text(path.read_text().replace("hyperiqa", builder))
    shutil.copy(WEIGHTS / f"{model}.safetensors", folder / "weights.safetensors")
    write_hash(folder)
    return folder
