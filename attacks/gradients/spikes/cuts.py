"""Why the output of a network has no gradient: the operations that drop it, with their lines."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from attacks.gradients.spikes.recording import innermost


@dataclass(eq=False)
class Cuts(TorchFunctionMode):
    """A mode that writes down where a number that has a gradient becomes one that has none.

    drops: such places. comparisons: where numbers become truth values, which never have a gradient and may be harmless.
    """

    drops: list[str] = field(default_factory=list)
    comparisons: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if any(isinstance(value, Tensor) and value.requires_grad for value in args):
            place = innermost(sys._getframe(1))[0]
            name = getattr(func, "__name__", str(func))
            if not torch.is_grad_enabled():
                self.drops.append(f"{place} runs without gradients (torch.no_grad or inference_mode)")
            elif name in ("numpy", "__array__", "tolist", "item"):
                self.drops.append(f"{name}() at {place} leaves torch")
            elif isinstance(out, Tensor) and out.is_floating_point() and not out.requires_grad:
                operation = "detach()" if name in ("detach", "__get__") else f"{name}()"
                self.drops.append(f"{operation} at {place} drops the gradient")
            elif isinstance(out, Tensor) and out.dtype == torch.bool:
                self.comparisons.append(f"a comparison at {place} has no gradient")
        return out
