"""Where the Triton kernels can be tested: on a GPU, or through Triton's interpreter on a CPU."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import pytest
import torch

INTERPRETER = "TRITON_INTERPRET"


@contextmanager
def kernel_device() -> Iterator[torch.device]:
    """A device whose tensors go through the kernels inside the block; skips the test where there is none."""
    if find_spec("triton") is None:
        pytest.skip("Triton is not installed: its kernels are tested on a GPU, or with the extra gpu")
    if torch.cuda.is_available():
        yield torch.device("cuda")
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(INTERPRETER, "1")
        if "triton" in sys.modules and not _interprets():
            pytest.skip("Triton was imported before its interpreter was asked for")
        yield torch.device("cpu")


def _interprets() -> bool:
    """Whether Triton's own functions were made for the interpreter, which is settled when they are imported."""
    from triton.language.standard import sum as summing
    from triton.runtime.interpreter import InterpretedFunction

    return isinstance(summing, InterpretedFunction)
