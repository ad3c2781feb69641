"""The folder a submission starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from bench.boards.naming import is_slug
from bench.boards.submission.schema import CODE, MANIFEST, PLACEHOLDERS, WEIGHTS
from bench.foundation.errors import SubmissionError
from bench.foundation.files import atomic_write_text, make_folder, sha256_file

Task = Literal["classification", "quality"]

TEMPLATE = """\
schema_version: 1
name: {name}
version: 1
summary: {words[summary]}
authors: [{words[authors]}]
defense: {words[defense]}
paper: {{title: "", url: ""}}
licence: Apache-2.0
homepage: ""
{task}
threat_model: {{norm: linf, eps: 8/255}}
stochastic: false
{network}
# The next two are written by: bench submit hash {name}
weights: {{file: weights.safetensors, sha256: "{nothing}", bytes: 1}}
# What you measured yourself, for example {claims}; leave out what you did not.
claims: {{}}
"""
TASKS = {
    "classification": "task: classification\ndataset: cifar10\nspiking: true",
    "quality": "# Scores on the scale of the labels, from 0 to 1: higher is better, and spread as the labels are.\n"
    "task: quality\ndataset: photos\nspiking: false",
}
CLAIMS = {
    "classification": "{clean: 0.81, robust: {8/255: 0.3}}",
    "quality": "{srcc: 0.7, shift: {8/255: 1.5}}",
}
BUILT = {
    "classification": """\
# A registered network: nothing of yours is run. See bench show zoo:snn_vanilla.
builder:
  name: compact
  arguments:
    steps: 4
    neuron: {decay: 0.9, threshold: 1.0, reset: hard, surrogate: triangle, width: 1.0}""",
    "quality": """\
# A registered network: nothing of yours is run. See bench show zoo:iqa_hyperiqa.
builder: {name: hyperiqa, arguments: {}}""",
}
OWN = """\
# A network of your own: it is run in isolation, and marked as own code on the board.
code: {file: model.py, factory: build}"""
MODEL = {
    "classification": '''\
"""A network of one's own: torch and this project's packages can be imported, nothing else of yours."""

from __future__ import annotations

from torch import nn

from zoo.architectures.compact import compact


def build() -> nn.Module:
    """Images (N, C, H, W) in [0, 1] to logits (N, K). The weights are loaded into what this returns."""
    return compact(steps=4, neuron={"decay": 0.9, "threshold": 1.0})
''',
    "quality": '''\
"""A network of one's own: torch and this project's packages can be imported, nothing else of yours."""

from __future__ import annotations

from torch import nn

from zoo.quality.hyperiqa import hyperiqa


def build() -> nn.Module:
    """Images (N, C, H, W) in [0, 1] to scores (N,), higher is better. The weights are loaded into what this returns."""
    return hyperiqa()
''',
}


def write_template(folder: Path, *, own_code: bool, task: Task = "classification") -> None:
    """Make ``folder``, named after the model. Raises ``SubmissionError`` if it exists or is no slug."""
    if not is_slug(folder.name):
        raise SubmissionError(
            f"{folder.name!r} cannot name a model.", "Use lower-case letters, digits, - and _, a letter first."
        )
    if folder.exists():
        raise SubmissionError(f"{folder} exists already.", "Choose another name.")
    make_folder(folder)
    network = OWN if own_code else BUILT[task]
    words = {field: text.format(name=folder.name) for field, text in PLACEHOLDERS.items()}
    text = TEMPLATE.format(
        name=folder.name, words=words, task=TASKS[task], network=network, nothing="0" * 64, claims=CLAIMS[task]
    )
    if own_code:
        atomic_write_text(folder / CODE, MODEL[task])
    atomic_write_text(folder / MANIFEST, text)


def write_hash(folder: Path) -> None:
    """Put size and sha256 of the weights into the manifest, and leave the rest of it as it is."""
    manifest, weights = folder / MANIFEST, folder / WEIGHTS
    if not manifest.is_file() or not weights.is_file():
        raise SubmissionError(f"{folder} lacks {MANIFEST} or {WEIGHTS}.", "Put both there.")
    line = f"weights: {{file: {WEIGHTS}, sha256: {sha256_file(weights)}, bytes: {weights.stat().st_size}}}"
    lines = manifest.read_text(encoding="utf-8").splitlines()
    found = [number for number, text in enumerate(lines) if text.startswith("weights:")]
    if len(found) != 1:
        raise SubmissionError(f"{MANIFEST} has no line that begins with weights:.", "Restore it.")
    lines[found[0]] = line
    atomic_write_text(manifest, "\n".join(lines) + "\n")
