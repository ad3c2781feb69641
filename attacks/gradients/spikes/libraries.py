"""Neurons of libraries that do not fire through a Function as they stand.

Told by their attributes, so that no library is imported. In eval mode some versions of SpikingJelly compare potentials in a
script, with no gradient at all; in training mode they fire through ``surrogate_function``. Where a fused kernel or a plain
Python callable makes the spikes, the callable is called through a Function of ours. Each adjustment is
tried by the caller, and kept only if the network answers with the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from torch import Tensor, nn

from attacks.gradients.spikes.inventory import Adjustment
from attacks.gradients.spikes.wrapping import Fired, Through

SURROGATES = ("surrogate_function", "spike_grad")
"""Attributes that hold what makes the spikes: SpikingJelly's and snnTorch's."""


def firing_modules(model: nn.Module) -> list[str]:
    """Names of modules that hold a spike function of theirs."""
    return [name for name, module in model.named_modules() if _attribute(module)]


def resettable_modules(model: nn.Module) -> tuple[str, ...]:
    """Names of modules that say by an attribute whether the gradient flows through their reset."""
    return tuple(name for name, module in model.named_modules() if isinstance(getattr(module, "detach_reset", None), bool))


def remedies(model: nn.Module, silent: list[str]) -> Iterator[tuple[Adjustment, ...]]:
    """Ways to make the modules ``silent``, of which no Function was heard, fire through one; the mildest first."""
    own = [Adjustment(name, "training", lambda before: True) for name in silent if not model.get_submodule(name).training]
    if own:
        yield tuple(own)
    through = tuple(Adjustment(name, _attribute(model.get_submodule(name)) or "", _through) for name in silent)
    yield through
    if own:
        yield (*own, *through)


def _attribute(module: nn.Module) -> str | None:
    """The attribute that holds the spike function of ``module``."""
    return next((name for name in SURROGATES if callable(getattr(module, name, None)) and _has_threshold(module)), None)


def _has_threshold(module: nn.Module) -> bool:
    return hasattr(module, "v_threshold") or hasattr(module, "threshold")


def _through(function: Any) -> Any:
    if isinstance(function, nn.Module):
        return Through(function)
    return partial(_fired, function)


def _fired(function: Any, x: Tensor) -> Tensor:
    spikes: Tensor = Fired.apply(x, function)  # type: ignore[no-untyped-call]
    return spikes
