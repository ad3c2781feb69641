"""The features of single images are found in every layout of time, and no others are taken for them."""

from __future__ import annotations

import pytest
import torch
from support.folding_time import MANNERS, FoldingTime, Manner, folding_time, images
from torch import Tensor, nn

from bench.evaluation.reliability.readout_features import UnreadableError, features_of


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_they_are_the_mean_over_the_steps(manner: Manner, n: int) -> None:
    model, x = folding_time(manner), images(7)
    assert isinstance(model, FoldingTime)
    reader = features_of(model, images(n))
    assert reader.last is model.last
    torch.testing.assert_close(reader(model, x), model.features(x).mean(0))


def test_a_layer_whose_rows_are_not_images_is_refused() -> None:
    class Pairs(nn.Module):
        """Its last layer is given all pairs of images."""

        def __init__(self) -> None:
            super().__init__()
            self.read = nn.Linear(36, 3)

        def forward(self, x: Tensor) -> Tensor:
            flat = x.flatten(1)
            logits: Tensor = self.read((flat[:, None] - flat[None] + 1).flatten(0, 1)).unflatten(0, (len(x), -1)).mean(1)
            return logits

    with pytest.raises(UnreadableError, match="not of single images"):
        features_of(Pairs(), images(4))


def test_a_network_without_linear_layers_is_refused() -> None:
    with pytest.raises(UnreadableError, match="no linear layer"):
        features_of(nn.Flatten(), images(4))
