"""What is said when a library that a model needs is absent, or cannot be imported."""

from __future__ import annotations

import traceback

import torch

from bench.foundation.errors import ModelError
from bench.models.words import first_line


def unimportable(text: str, library: str, error: Exception, install: str) -> ModelError:
    """The error for a model ``text`` whose library raised ``error`` on import. install: the command that installs it."""
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        return ModelError(f"{text} needs {error.name}, which is not installed.", f"Run: {install}.")
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    what = f"{text} needs {library}, which cannot be imported ({first_line(error)})."
    if "torchvision" in str(error) or any("torchvision" in file for file in files):
        fix = f"Install the torchvision that was built for torch {torch.__version__}, from where torch came."
        return ModelError(what, fix)
    return ModelError(what, f"Repair {library}: {install}.")
