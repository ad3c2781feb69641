"""Thresholds against a calculation by hand, and what is left of the model afterwards."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zoo.architectures.compact import compact
from zoo.architectures.residual import resnet20, wrn16
from zoo.architectures.vgg import vgg
from zoo.conversion.thresholds import calibrate_, fed
from zoo.spiking.kernels import integrate_and_fire

NEURON = {"decay": 1.0}


def batches(n: int = 3) -> list[Tensor]:
    return list(torch.rand(n, 8, 3, 32, 32, generator=torch.Generator().manual_seed(0)))


def snn() -> nn.Module:
    torch.manual_seed(0)
    return compact(steps=2, neuron=NEURON, widths=(4, 6, 6, 8))


def test_the_first_threshold_is_the_percentile_of_the_largest_batch() -> None:
    model = snn()
    first = model.body[0].train()
    currents = [first(model.normalise(x)).detach() for x in batches()]
    wanted = max(np.percentile(current.numpy(), 90, method="nearest") for current in currents)
    found = calibrate_(model, batches(), steps=5, percentile=90, share=0.5)
    assert found[0] == pytest.approx(0.5 * wanted, rel=1e-5)


def test_later_thresholds_see_the_whole_earlier_ones() -> None:
    """Those of earlier layers are in place, not yet shrunk, and time runs for the steps of the calibration."""
    model, (x,) = snn(), batches(1)
    first, second = model.body[0].train(), model.body[3].train()
    current = first(model.normalise(x)).detach()
    threshold = float(np.percentile(current.numpy(), 90, method="nearest"))
    neurons = model.body[1]
    _, spikes = integrate_and_fire((current / threshold).expand(7, *current.shape), neurons.dynamics)
    means = nn.functional.avg_pool2d(spikes.flatten(0, 1), 2)
    wanted = float(np.percentile(second(means).detach().numpy(), 90, method="nearest"))
    found = calibrate_(model, [x], steps=7, percentile=90, share=1.0)
    assert found[:2] == pytest.approx([threshold, wanted], rel=1e-4)


def test_a_threshold_is_folded_into_what_feeds_the_neurons() -> None:
    model, before = snn(), snn()
    thresholds = calibrate_(model, batches(), steps=4, percentile=99, share=0.3)
    for ((one,), _), ((other,), _), threshold in zip(fed(model), fed(before), thresholds, strict=True):
        torch.testing.assert_close(one[0].weight, other[0].weight)
        for mine, plain in zip(one[1].parameters(), other[1].parameters(), strict=True):
            torch.testing.assert_close(mine, plain / threshold)
    assert len(thresholds) == 4 and all(threshold > 0 for threshold in thresholds)


def test_the_model_is_as_it_was_but_for_weights_and_statistics() -> None:
    model = snn().eval()
    momenta = [module.momentum for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    calibrate_(model, batches(), steps=4, percentile=99, share=0.3)
    assert model.encoder.steps == 2 and not model.training
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert [norm.momentum for norm in norms] == momenta
    x = torch.cat(batches())
    current = model.body[0][0](model.normalise(x))
    torch.testing.assert_close(norms[0].running_mean, current.mean((0, 2, 3)), rtol=1e-4, atol=1e-4)


def test_neurons_behind_linear_layers_are_calibrated_too() -> None:
    torch.manual_seed(0)
    model = vgg(plan="vgg5", steps=2, neuron=NEURON, hidden=16, multiplier=0.1)
    assert len(calibrate_(model, batches(1), steps=3, percentile=99.7, share=0.3)) == 5


def test_both_branches_of_a_residual_block_are_divided() -> None:
    """Neurons behind a sum see its percentile as their threshold: calibrated once more, all thresholds are 1."""
    torch.manual_seed(0)
    model = resnet20(steps=2, neuron=NEURON, widths=(4, 6, 8))
    thresholds = calibrate_(model, batches(1), steps=3, percentile=90, share=1.0)
    assert len(thresholds) == 19 and all(threshold > 0 for threshold in thresholds)
    (main, shortcut), _ = fed(model)[2]
    before = resnet20(steps=2, neuron=NEURON, widths=(4, 6, 8))
    assert float(shortcut.scale) == pytest.approx(1 / thresholds[2], rel=1e-5)
    torch.testing.assert_close(main[1].weight, fed(before)[2][0][0][1].weight / thresholds[2])
    # A current at its percentile lies at the threshold then, where rounding decides about a spike.
    assert calibrate_(model, batches(1), steps=3, percentile=90, share=1.0) == pytest.approx([1.0] * 19, abs=0.15)


def test_what_cannot_be_calibrated_is_said() -> None:
    with pytest.raises(TypeError, match="no sequence of weights and neurons"):
        fed(wrn16(steps=2, neuron=NEURON))
    with pytest.raises(TypeError, match="no sequence of weights and neurons"):
        fed(compact(steps=1, neuron=None))
    with pytest.raises(TypeError, match="without direct encoding"):
        fed(compact(steps=2, neuron=NEURON, encoder="poisson"))
    silent = snn()
    nn.init.zeros_(silent.body[0][1].weight)
    with pytest.raises(ValueError, match="never fires"):
        calibrate_(silent, batches(1), steps=2, percentile=99, share=0.3)
