"""What an attack must know to say whether it can work: the traits of a model, and the shape of its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OF_WHOLE_LAYERS = "its gradient path is defined for layers that run all time steps, and this model has spike functions"
"""Why a stage of an attack set is left out on a model whose spikes are made by functions."""


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What a model is like, as far as it decides which attacks can work on it.

    spiking: it has layers that take a gradient path. coded: its encoder, or its filter of events, takes a coding. scores: it
    answers one score per input instead of logits. differentiable: it answers with gradients. rounds: it rounds its input, as
    far as a probe tells.
    """

    spiking: bool = False
    coded: bool = False
    scores: bool = False
    differentiable: bool = True
    rounds: bool = False


def unless_images(who: str, shape: Sequence[int], *, least: int = 1) -> str | None:
    """Why the attack ``who`` cannot work on inputs of ``shape``, without the batch; None for images of enough pixels.

    least: the fewest pixels of a side.
    """
    if len(shape) == 3 and min(shape[1:]) >= least:
        return None
    size = f" of at least {least} x {least} pixels" if least > 1 else ""
    return f"{who} needs images (C, H, W){size}, not inputs {tuple(shape)}"
