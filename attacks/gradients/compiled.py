"""Compiled loops over units, for kernels that go through memory once on a CPU.

numba compiles them on first use and keeps the result on disk. Each takes matrices ``(T, M)`` in memory
order, whose first axis may have length 1 (the same at every step), and a range of units; :func:`in_parallel`
cuts the units among as many threads as torch uses.
Where numba cannot be imported, off the CPU, and while ``torch.compile`` or ``torch.export`` traces, the callers
fall back on torch operations.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from attacks.gradients.flat import matrix

if TYPE_CHECKING:
    from attacks.gradients.base import Trace

try:
    import numba as _numba
except ImportError:  # a machine without it computes the same, more slowly
    _numba = None  # type: ignore[assignment]

CHUNK = 2048
"""Units whose state a loop holds at a time: a few arrays of 8 KiB, which stay in the first-level cache."""

Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(loop: Loop) -> Loop:
    """``loop`` as machine code that releases the interpreter's lock; as it is without numba."""
    return loop if _numba is None else cast(Loop, _numba.njit(nogil=True, cache=True, error_model="numpy")(loop))


def usable(x: Tensor) -> bool:
    """Whether compiled loops take ``x``, of any shape: float32 or float64 on a CPU with numba, while nothing is traced."""
    return (
        _numba is not None
        and x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.float64)
        and not torch.compiler.is_compiling()
    )


def takes(trace: Trace) -> bool:
    """Whether compiled loops take what a layer remembers: they know one leak and one threshold for all."""
    return trace.same_at_each_step and usable(trace.potential)


def array(x: Tensor) -> np.ndarray[Any, Any]:
    """``x`` ``(T, n, ...)``, dense, as a matrix sharing its memory: ``(1, M)`` if it is one step expanded."""
    flat = matrix(x.detach())
    if flat.stride(0) == 0:
        flat = flat[:1]
    return flat.contiguous().numpy()


def constants(dtype: np.dtype[Any], *values: float) -> np.ndarray[Any, Any]:
    """Numbers in the arithmetic of the arrays: a Python float would lift a loop to float64."""
    return np.array(values, dtype=dtype)


def in_parallel(loop: Callable[..., None], units: int, *arguments: Any, least: int = CHUNK) -> None:
    """``loop(*arguments, low, high)`` over ranges that cover all units, one per thread of torch.

    least: units that are worth a thread.
    """
    threads = min(torch.get_num_threads(), max(1, units // least))
    share = max(1, -(-units // threads))
    submitted = [
        _pool(os.getpid(), threads - 1).submit(loop, *arguments, low, min(low + share, units))
        for low in range(share, units, share)
    ]
    loop(*arguments, 0, min(share, units))
    for future in submitted:
        future.result()


@cache
def _pool(process: int, workers: int) -> ThreadPoolExecutor:
    """One pool a process: threads do not survive a fork."""
    return ThreadPoolExecutor(workers, thread_name_prefix="neurons")
