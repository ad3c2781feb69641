"""What is said when a library that a model needs is absent, cannot be imported, or does not build the model."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bench.foundation.errors import ModelError
from bench.models.probe import fixed_randomness
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


@contextmanager
def building(text: str) -> Iterator[None]:
    """Build a model ``text`` of a library inside the block, always with the same random weights.

    Raises ``ModelError`` for whatever the library raises: its constructors make of options what they will.
    """
    try:
        with fixed_randomness(torch.device("cpu")):
            yield
    except Exception as error:
        raise ModelError(f"{text} cannot be built ({first_line(error)}).", "Correct its options.") from error
