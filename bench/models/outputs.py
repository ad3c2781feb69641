"""Outputs of a model that is being trained, in eval mode."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from attacks.randomness import KeyedRng, drawing


def outputs(model: nn.Module, images: Tensor, *, batch: int = 500) -> Tensor:
    """Outputs in eval mode for uint8 ``images`` ``(N, C, H, W)``: ``(N, K)`` or ``(N,)``; draws are keyed."""
    was_training = model.training
    model.eval()
    rng = KeyedRng.of(0, torch.arange(len(images), device=images.device)).fold("figure")
    found = []
    with torch.inference_mode():
        for rows in torch.arange(len(images), device=images.device).split(batch):
            with drawing(rng.rows(rows)):
                found.append(model(images[rows].float().div(255)))
    model.train(was_training)
    return torch.cat(found)
