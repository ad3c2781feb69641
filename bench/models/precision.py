"""Full float32 where a verdict is made: by default, convolutions of a GPU round their inputs to 10 bits of mantissa.

Attacks may ask in less: they propose, and what they propose is judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

PRECISIONS: dict[str, torch.dtype | None] = {"float32": None, "float16": torch.float16, "bfloat16": torch.bfloat16}
"""Names under which an attack's precision is chosen, and what its oracle takes for them."""


@contextmanager
def without_tf32() -> Iterator[None]:
    """Neither convolutions nor matrix products use TF32 inside the block; afterwards both do as before."""
    convolutions, products = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = convolutions, products
