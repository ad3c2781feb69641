"""Outputs of a model: of what kind they are, and those of one that is being trained, in eval mode."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from attacks.randomness import KeyedRng, drawing


def is_plain(outputs: Tensor) -> bool:
    """Whether outputs are real numbers in memory: neither sparse, nested or complex, nor on the device ``meta``."""
    return not (outputs.is_nested or outputs.is_complex() or outputs.is_meta) and outputs.layout == torch.strided


def kind_of(outputs: Tensor) -> str:
    """What outputs are that are not plain."""
    if outputs.is_meta:
        return "a tensor without values"
    if outputs.is_complex():
        return "complex numbers"
    return "a nested tensor" if outputs.is_nested else "a sparse tensor"


def as_inputs(pixels: Tensor) -> Tensor:
    """``pixels`` as float32 in [0, 1]: levels of 255 where they are uint8, else as they are."""
    return pixels.float().div_(255) if pixels.dtype == torch.uint8 else pixels.float()


def outputs(model: nn.Module, images: Tensor, *, batch: int = 500) -> Tensor:
    """Outputs in eval mode, ``(N, K)`` or ``(N,)``, for uint8 ``images`` ``(N, C, H, W)`` or bool event frames.

    Draws are keyed.
    """
    was_training = model.training
    model.eval()
    rng = KeyedRng.of(0, torch.arange(len(images), device=images.device)).fold("figure")
    found = []
    with torch.inference_mode():
        for rows in torch.arange(len(images), device=images.device).split(batch):
            with drawing(rng.rows(rows)):
                found.append(model(as_inputs(images[rows])))
    model.train(was_training)
    return torch.cat(found)
