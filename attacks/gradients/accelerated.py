"""The door to kernels for a GPU, written in Triton.

CUDA builds of torch bring Triton with them; elsewhere it is the extra ``gpu``. It is imported when a tensor on a GPU first
asks for a kernel. On a CPU it is imported only where its interpreter is asked for, by ``TRITON_INTERPRET=1`` in the
environment: that is slow, and serves to test the kernels on a machine without a GPU.

The kernels compute in float32 and store in the dtype of their tensors. Multiplications and additions are not fused, so that
in float32 a neuron has the same bits here as in the compiled loops of a CPU (see :mod:`attacks.gradients.compiled`).
Where Triton is missing or cannot compile, and for float64, the callers fall back on torch operations.
"""

from __future__ import annotations

import importlib
import os
import warnings
from contextlib import nullcontext
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from attacks.gradients.base import Trace

DTYPES = (torch.float32, torch.float16, torch.bfloat16)

BLOCK = 1024
"""Units of one program on a GPU: 8 per thread of 4 warps, two loads of 16 bytes in float32."""

INTERPRETED_BLOCK = 256
"""Units of one program of the interpreter: small, so that tests on few units have several programs and a ragged end."""


def usable(x: Tensor) -> bool:
    """Whether Triton kernels take ``x``, of any shape; not a tensor that ``torch.compile`` or ``torch.export`` traces."""
    if x.dtype not in DTYPES or x.numel() == 0 or torch.compiler.is_compiling():
        return False
    if x.device.type == "cpu":
        return os.environ.get("TRITON_INTERPRET") == "1" and _installed()
    return x.device.type == "cuda" and _installed() and _compiles(x.device)


def takes(trace: Trace) -> bool:
    """Whether Triton kernels take what a layer remembers: they know one leak and one threshold for all."""
    return trace.same_at_each_step and usable(trace.potential)


def launch(module: str, kernel: str, grid: tuple[int, ...], device: torch.device, *arguments: Any, **choices: Any) -> None:
    """Run ``kernel`` of ``module`` on ``device`` for each point of ``grid``.

    arguments: tensors and numbers. choices: what the kernel is compiled for.
    """
    on_device = torch.cuda.device(device) if device.type == "cuda" else nullcontext()
    with on_device:
        getattr(_kernels(module), kernel)[grid](*arguments, **choices, enable_fp_fusion=False)


def block(x: Tensor) -> int:
    """Units of one program on the device of ``x``."""
    return INTERPRETED_BLOCK if x.device.type == "cpu" else BLOCK


@cache
def rounded(number: float, dtype: torch.dtype) -> float:
    """``number`` in ``dtype``, as torch compares it with a tensor: a threshold of 0.7 is 0.699 in bfloat16."""
    return float(torch.tensor(number, dtype=dtype))


def programs(units: int, size: int) -> int:
    """Programs of ``size`` units that cover all."""
    return -(-units // size)


@cache
def _installed() -> bool:
    return find_spec("triton") is not None


@cache
def _kernels(module: str) -> ModuleType:
    return importlib.import_module(module)


@cache
def _compiles(device: torch.device) -> bool:
    """Whether a kernel can be compiled and run: Triton wants a C compiler and a GPU that it knows."""
    try:
        copied = torch.zeros(1, device=device)
        launch("attacks.gradients.triton_loops", "add_one", (1,), device, copied)
    except Exception as error:  # whatever the compiler raises, torch operations compute the same
        warnings.warn(
            f"Triton cannot compile for {device} ({type(error).__name__}: {error}); neurons run in torch operations, which "
            "take longer.",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    return True
