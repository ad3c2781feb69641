"""Spike functions that are called for all time steps at once, and convolutional layers."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from support.strangers import STEPS, CellOverTime, Recipe, ScaledArctan
from torch import Tensor, nn

from attacks.gradients.assg import ASSG
from attacks.gradients.base import GradientPath
from attacks.gradients.bptt import BPTT
from attacks.gradients.pdsg import PDSG
from attacks.gradients.spikes.layout import Layout, layout_of
from attacks.gradients.spikes.recognition import spiking_sites
from attacks.model_oracle import ModelOracle
from zoo.spiking.neurons import LIF

Order = Literal["n", "t, n", "tn", "nt"]
PATHS: list[GradientPath] = [BPTT(width=0.5), PDSG(), ASSG()]
every_path = pytest.mark.parametrize("path", PATHS, ids=repr)


class Memoryless(nn.Module):
    """Neurons that forget at once; every step has a current of its own. order: how the spike function sees it."""

    def __init__(self, order: Order | None) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(STEPS, 20, 32, generator=generator, dtype=torch.float64) / 3)
        self.read = nn.Parameter(torch.randn(5, 20, generator=generator, dtype=torch.float64))
        self.order, self.thresh, self.native = order, 0.7, LIF(decay=0.0, threshold=0.7)

    def forward(self, x: Tensor) -> Tensor:
        current = torch.einsum("toi,ni->tno", self.weight, 2 * x.flatten(1) - 0.5)
        if self.order is None:
            spikes = self.native(current)
        elif self.order == "n":
            spikes = torch.stack([ScaledArctan.apply(step - self.thresh, 2.0) for step in current])
        elif self.order == "t, n":
            spikes = ScaledArctan.apply(current - self.thresh, 2.0)
        elif self.order == "tn":
            spikes = ScaledArctan.apply(current.flatten(0, 1) - self.thresh, 2.0).unflatten(0, (STEPS, -1))
        else:
            folded = current.transpose(0, 1).flatten(0, 1)
            spikes = ScaledArctan.apply(folded - self.thresh, 2.0).unflatten(0, (-1, STEPS)).transpose(0, 1)
        return spikes.mean(0) @ self.read.T


def images(n: int) -> Tensor:
    return torch.rand(n, 2, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def third_gradient(model: nn.Module, x: Tensor, path: GradientPath, *, known: bool) -> Tensor:
    """The slope of the third query of all rows, after one of all and one of some of them."""
    sites = spiking_sites(model, x) if known else None
    oracle = ModelOracle.of(model, torch.zeros(len(x), dtype=torch.int64), path=path, sites=sites)
    rows = torch.arange(len(x))
    oracle.query(x, rows, grad=True)
    oracle.query(1 - x[2:4], rows[2:4], grad=True)
    return oracle.query(x, rows, grad=True).slope


@every_path
@pytest.mark.parametrize("order", ["n", "t, n", "tn", "nt"])
@pytest.mark.parametrize("n", [STEPS, 6])
def test_what_is_learnt_is_learnt_per_sample_wherever_time_is(path: GradientPath, order: Order, n: int) -> None:
    expected = third_gradient(Memoryless(None), images(n), path, known=False)
    found = third_gradient(Memoryless(order), images(n), path, known=True)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6 * float(expected.abs().max()))


@pytest.mark.parametrize("order", ["n", "t, n", "tn", "nt"])
def test_the_layout_is_recognised(order: Order) -> None:
    calls = spiking_sites(Memoryless(order), images(3)).calls
    assert {(call.layout.kind, call.layout.steps) for call in calls} == {(order, 1 if order == "n" else STEPS)}
    assert len(calls) == (STEPS if order == "n" else 1)


@pytest.mark.parametrize("layout", [Layout("n", 1), Layout("t, n", 3), Layout("tn", 3), Layout("nt", 3)], ids=str)
def test_by_step_and_back(layout: Layout) -> None:
    samples = torch.rand(3 if layout.steps > 1 else 1, 4, 5)
    seen = layout.back(samples)
    assert torch.equal(layout.by_step(seen), samples)
    fewer = layout.back(samples[:, :3])
    assert layout_of(seen, fewer, 4, 3) == layout


def test_a_tensor_without_samples_has_no_layout() -> None:
    assert layout_of(torch.rand(7, 2), torch.rand(7, 2), 4, 3) is None
    assert layout_of(torch.rand(()), torch.rand(()), 4, 3) is None


class Convolutional(nn.Module):
    """Two convolutions over time, with neurons of ours or of others."""

    def __init__(self, *, ours: bool) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.kernels = nn.ParameterList(
            torch.randn(*shape, 3, 3, generator=generator, dtype=torch.float64) / 3 for shape in ((4, 2), (5, 4))
        )
        recipe = Recipe()
        settings = {"decay": recipe.decay, "threshold": recipe.threshold}
        self.neurons = nn.ModuleList(LIF(**settings) if ours else CellOverTime(recipe) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        h = x.expand(STEPS, *x.shape)
        for kernel, neurons in zip(self.kernels, self.neurons, strict=True):
            folded = nn.functional.conv2d(h.flatten(0, 1).contiguous(memory_format=torch.channels_last), kernel, padding=1)
            h = neurons(folded.unflatten(0, (STEPS, -1)))
        return h.mean((0, 3, 4))


@every_path
def test_layers_with_space_in_any_memory_order(path: GradientPath) -> None:
    x = images(5)
    expected = third_gradient(Convolutional(ours=True), x, path, known=False)
    found = third_gradient(Convolutional(ours=False), x, path, known=True)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6 * float(expected.abs().max()))


def test_layers_of_ours_and_functions_of_others_mix() -> None:
    model, x = Convolutional(ours=False), images(5)
    model.neurons[1] = LIF(decay=0.8, threshold=0.7)
    sites = spiking_sites(model, x)
    for path in PATHS:
        with path.applied(model, sites=sites) as bound:
            model(x)
        assert (bound.layers, bound.functions, bound.functions_found) == (1, 1, 1)
        found = third_gradient(model, x, path, known=True)
        expected = third_gradient(Convolutional(ours=True), x, path, known=False)
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6 * float(expected.abs().max()))
