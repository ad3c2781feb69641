"""Two identical calls gave different answers: does the model remember its last call, or does it draw at random?

Under one fixed seed a model that only draws gives the same answers again. One that answers otherwise after other images, or
after itself, keeps something between calls, such as the membranes of a network whose state is not reset.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from bench.foundation.errors import ModelError
from bench.models.fingerprint import draws_by_itself
from bench.models.probe import fixed_randomness

RESET = (
    "Reset its state at the beginning of forward(x): utils.reset (snnTorch), functional.reset_net (SpikingJelly), "
    "reset_states (sinabs), or a state made anew."
)
RANDOM = "If it is random by design, say so with --stochastic (or `stochastic = True` on the module)."
DIFFERENT = 0.01
"""Share of rows from which on two sets of answers differ: single ones may flip by rounding."""


def memory_or_chance(model: nn.Module, ask: Callable[[Tensor], Tensor], x: Tensor) -> Literal["memory", "chance"]:
    """Why ``ask``, images to answers row by row, answers ``x`` in two ways: calls A, B, A under one seed tell."""
    if draws_by_itself(model):  # a generator of its own goes on from call to call, whatever the seed
        return "chance"
    try:
        first, _, again = (_seeded(ask, images) for images in (x, 1 - x, x))
    except Exception:  # a state of one batch does not fit the next
        return "memory"
    return "memory" if differ(first, again) else "chance"


def inconstant(
    says: str, model: nn.Module, ask: Callable[[Tensor], Tensor], x: Tensor, *, by_chance: str = RANDOM
) -> ModelError:
    """The error of a model that answers one question in two ways, with the reason as far as it can be seen.

    says: which answers changed. ask, x: as of :func:`memory_or_chance`. by_chance: how to fix a model that draws.
    """
    says = f"{says} between two identical calls"
    if memory_or_chance(model, ask, x) == "memory":
        return ModelError(f"{says}: it remembers its last call.", RESET)
    return ModelError(f"{says}.", by_chance)


def differ(first: Tensor, second: Tensor) -> bool:
    """Whether more than single rows of two sets of answers, decisions or scores, are different."""
    changed = (first - second).abs() > (1e-4 * first.abs().clamp_min(1) if first.is_floating_point() else 0)
    return float(changed.reshape(len(changed), -1).any(1).float().mean()) > DIFFERENT


def _seeded(ask: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    with fixed_randomness(x.device), torch.no_grad():
        return ask(x)
