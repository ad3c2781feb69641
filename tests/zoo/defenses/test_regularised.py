"""Orthogonal retraction: what it does to singular values, and to which weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from zoo.architectures.compact import compact
from zoo.defenses.adversarial import AdversarialTraining
from zoo.defenses.regularised import RegularisedAdversarialTraining, retract_


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (5, 3, 3, 3)])
def test_singular_values_move_by_the_formula_and_their_vectors_stay(shape: tuple[int, ...]) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    u, s, v = torch.linalg.svd(weight.flatten(1), full_matrices=False)
    retract_(weight, 0.01)
    torch.testing.assert_close(weight.flatten(1), u @ torch.diag(s + 0.01 * s * (1 - s**2)) @ v)


def test_many_steps_make_the_rows_orthonormal() -> None:
    weight = torch.randn(4, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for _ in range(2000):
        retract_(weight, 0.02)
    torch.testing.assert_close(weight @ weight.T, torch.eye(4, dtype=torch.float64))


def test_after_a_step_every_matrix_is_retracted_and_nothing_else() -> None:
    torch.manual_seed(0)
    model = compact(steps=2, neuron={"input_scale": 2}, widths=(4, 4, 4, 4))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    RegularisedAdversarialTraining(retraction=0.01).after_step(model)
    matrices = {f"{n}.weight" for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    assert len(matrices) == 5
    for name, value in model.state_dict().items():
        if name in matrices:
            retract_(before[name], 0.01)
        assert torch.equal(value, before[name]), name
    kernel = model.body[0][0].weight
    assert kernel.is_contiguous(memory_format=torch.channels_last)


def test_the_loss_is_that_of_adversarial_training() -> None:
    torch.manual_seed(0)
    model = compact(steps=1, neuron=None, widths=(4, 4, 4, 4)).eval()
    x, y = torch.rand(3, 3, 32, 32), torch.tensor([1, 2, 3])
    losses = [
        kind(eps=0.02).loss(model, x, y, generator=torch.Generator().manual_seed(0))[0]
        for kind in (AdversarialTraining, RegularisedAdversarialTraining)
    ]
    assert torch.equal(*losses)
