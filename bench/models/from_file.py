"""``FILE.py::NAME``: a factory, a class, or a module itself, in a file of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.foundation.errors import ModelError
from bench.foundation.files import sha256_file
from bench.foundation.model_refs import FileRef
from bench.models.own import Origin, own_subject
from bench.models.preparation import Preparation
from bench.models.subject import Subject
from bench.models.user_code import neighbours, run_file
from bench.models.words import failure


def from_file(text: str, ref: FileRef, stochastic: bool, prepare: Preparation) -> Subject:
    """The model that a file defines. Raises ``ModelError`` for whatever fails in it, with the line that failed."""
    path = Path(ref.path)
    if not path.is_file():
        raise ModelError(f"There is no file {path}.", "Give --model FILE.py::FACTORY.")
    with neighbours(path) as loading:
        defined = getattr(run_file(path), ref.attr, None)
        if not callable(defined):
            raise ModelError(f"{path.name} has no function {ref.attr!r}.", "Name a function that returns an nn.Module.")
        module = defined if isinstance(defined, nn.Module) else _built(defined, f"{path.name}::{ref.attr}", path.parent)
    return own_subject(module, Origin(text, {"file_sha256": sha256_file(path)} | loading.fingerprint), stochastic, prepare)


def _built(factory: Any, name: str, folder: Path) -> nn.Module:
    """What the factory returns. Layers that nobody gave a size or weights are drawn the same at every load."""
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module = factory()
    except (Exception, SystemExit) as error:
        what, fix = failure(error, folder, otherwise="It is called without arguments.")
        raise ModelError(f"{name} failed: {what}.", fix) from error
    if not isinstance(module, nn.Module):
        raise ModelError(f"{name} returned a {type(module).__name__}.", "Return an nn.Module.")
    return module
