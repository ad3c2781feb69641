"""A spike gradient on a network: resets, thresholds that move, calls that vary, threads that share the network."""

from __future__ import annotations

import threading
from itertools import combinations
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from support.strangers import AgainstATensor, AttributeApply, LoopOverLayers, Recipe, ScaledArctan, native, stranger
from torch import Tensor, nn

from attacks.gradients.assg import ASSG
from attacks.gradients.base import GradientPath
from attacks.gradients.bptt import BPTT
from attacks.gradients.spikes.recognition import spiking_sites
from attacks.gradients.spikes.sites import SpikeSites


@pytest.fixture
def images() -> Tensor:
    return torch.rand(6, 2, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def slope(model: nn.Module, path: GradientPath, x: Tensor, sites: SpikeSites | None) -> Tensor:
    leaf = x.clone().requires_grad_()
    with path.applied(model, sites=sites):
        outputs = model(leaf)
    return torch.autograd.grad(outputs[:, 0].sum(), leaf)[0]


def test_whether_the_reset_is_attached_is_recognised(images: Tensor) -> None:
    for manner, attached in (("module per layer", True), ("delayed reset", True), ("loop over layers", False)):
        sites = spiking_sites(stranger(manner, Recipe()), images)
        later = [call.resets for call in sites.calls if call.previous is not None]
        assert later == [attached] * 6


def test_a_recurrent_connection_is_no_reset(images: Tensor) -> None:
    """It is kept where the reset is dropped."""

    class Recurrent(nn.Module):
        def __init__(self, *, drop: bool) -> None:
            super().__init__()
            generator = torch.Generator().manual_seed(0)
            self.w, self.r = (torch.randn(20, m, generator=generator, dtype=torch.float64) / 4 for m in (32, 20))
            self.drop, self.threshold = drop, 0.7

        def forward(self, x: Tensor) -> Tensor:
            v = s = torch.zeros(len(x), 20, dtype=x.dtype)
            total = torch.zeros((), dtype=x.dtype)
            for _ in range(4):
                reset = s.detach() if self.drop else s
                v = 0.8 * v * (1 - reset) + F.linear(4 * x.flatten(1) - 1.6, self.w) + F.linear(s, self.r)
                s = ScaledArctan.apply(v - self.threshold, 2.0)
                total = total + s
            return total

    whole, dropped = Recurrent(drop=False), Recurrent(drop=True)
    found = slope(whole, BPTT(reset="detached"), images, spiking_sites(whole, images))
    torch.testing.assert_close(found, slope(dropped, BPTT(), images, spiking_sites(dropped, images)))
    assert not torch.allclose(found, slope(whole, BPTT(), images, spiking_sites(whole, images)))


class Adaptive(nn.Module):
    """Thresholds that rise with every spike; gradients flow through them."""

    def forward(self, x: Tensor) -> Tensor:
        v = a = torch.zeros((), dtype=x.dtype)
        total = torch.zeros((), dtype=x.dtype)
        current = 2 * x.flatten(1)
        for _ in range(4):
            v = 0.8 * v + current
            s = AgainstATensor.apply(v, 1.0 + a)
            a, v = 0.9 * a + 0.3 * s, v * (1 - s)
            total = total + s
        return total


class ByHand(Adaptive):
    """The same with a triangle of one threshold's width, by torch's own operations."""

    def forward(self, x: Tensor) -> Tensor:
        v = a = torch.zeros((), dtype=x.dtype)
        total = torch.zeros((), dtype=x.dtype)
        current = 2 * x.flatten(1)
        for _ in range(4):
            v = 0.8 * v + current
            th = 1.0 + a
            distance = v - th
            slope = ((1 - (distance / th).abs()).clamp_min(0) / th).detach()
            soft = slope * distance
            s = (distance >= 0).to(x.dtype) + soft - soft.detach()
            a, v = 0.9 * a + 0.3 * s, v * (1 - s)
            total = total + s
        return total


def test_a_threshold_that_moves_is_the_unit_and_has_a_gradient(images: Tensor) -> None:
    model = Adaptive()
    leaf = images.clone().requires_grad_()
    expected = torch.autograd.grad(ByHand()(leaf)[:, 0].sum(), leaf)[0]
    torch.testing.assert_close(slope(model, BPTT(width=1.0), images, spiking_sites(model, images)), expected)


def test_more_steps_than_were_looked_at(images: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    model = AttributeApply(Recipe()).eval()
    sites = spiking_sites(model, images)
    for steps in (2, 7):
        monkeypatch.setattr("support.strangers.STEPS", steps)
        torch.testing.assert_close(slope(model, BPTT(), images, sites), slope(native(Recipe()), BPTT(), images, None))


class AsManyStepsAsItTakes(LoopOverLayers):
    """Stops early on a bright batch."""

    def forward(self, x: Tensor) -> Tensor:
        outputs = super().forward(x)
        return outputs if float(x.detach().mean()) > 0.2 else outputs + super().forward(x)


def test_a_number_of_calls_that_depends_on_the_inputs_is_told(images: Tensor) -> None:
    dark = torch.cat([images[:2] * 0.1, images[2:] * 0 + 1])
    sites = spiking_sites(AsManyStepsAsItTakes(Recipe()).eval(), dark[:3])
    assert any("depends on the inputs" in remark for remark in sites.remarks)


def test_blocks_nest(images: Tensor) -> None:
    model = stranger("module per layer", Recipe())
    sites = spiking_sites(model, images)
    outer, inner = BPTT(surrogate="atan"), ASSG()
    expected = [slope(model, path, images, sites) for path in (outer, inner, outer)]
    with outer.applied(model, sites=sites):
        outputs = []
        for path in (None, inner, None):
            leaf = images.clone().requires_grad_()
            if path is None:
                outputs.append((leaf, model(leaf)))
            else:
                with path.applied(model, sites=sites):
                    outputs.append((leaf, model(leaf)))
    found = [torch.autograd.grad(output[:, 0].sum(), leaf)[0] for leaf, output in outputs]
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_threads_may_share_a_network(images: Tensor) -> None:
    model = stranger("module per layer", Recipe())
    sites = spiking_sites(model, images)
    paths: list[GradientPath] = [BPTT(width=0.5), BPTT(surrogate="atan", reset="detached"), ASSG()]
    expected = [slope(model, path, images, sites) for path in paths]
    assert min(float((a - b).abs().max()) for a, b in combinations(expected, 2)) > 0.01
    wrong: list[int] = []
    start = threading.Barrier(len(paths))

    def ask(number: int) -> None:
        start.wait()
        for _ in range(20):
            # The first gradient of a thread rounds otherwise on some processors (by 1e-15), without any path too.
            if not torch.allclose(slope(model, paths[number], images, sites), expected[number], rtol=0, atol=1e-9):
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(paths))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert torch.equal(slope(model, paths[0], images, sites), expected[0])


def test_sites_serve_a_copy_of_the_network(images: Tensor) -> None:
    import copy

    model = stranger("attribute", Recipe())
    sites = spiking_sites(model, images)
    twin = copy.deepcopy(model)
    assert torch.equal(slope(twin, BPTT(), images, sites), slope(model, BPTT(), images, sites))


def test_without_a_graph_nothing_is_kept(images: Tensor) -> None:
    model = stranger("module per layer", Recipe())
    sites = spiking_sites(model, images)
    seen: list[Any] = []

    class Watching:
        attached = True

        def remember(self, firing: Any, past: Any) -> Any:
            seen.append(firing)

        def backward(self, grad: Tensor, firing: Any, memory: Any) -> Tensor:
            return grad

    with sites.controlled_by(model, Watching()), torch.no_grad():
        model(images)
    assert seen == []
    with sites.controlled_by(model, Watching()):
        model(images.clone().requires_grad_())
    assert [firing.number for firing in seen] == list(range(8))


@torch.jit.script
def _hard_reset(v: Tensor, spikes: Tensor) -> Tensor:
    return (1.0 - spikes) * v


class ScriptedReset(nn.Module):
    """Resets in a script, whose operations become one node of the graph once it has been compiled."""

    def __init__(self, *, detached: bool) -> None:
        super().__init__()
        self.detached, self.thresh = detached, 0.7

    def forward(self, x: Tensor) -> Tensor:
        v = total = torch.zeros((), dtype=x.dtype)
        for _ in range(4):
            v = 0.8 * v + 2 * x.flatten(1)
            s = ScaledArctan.apply(v - self.thresh, 2.0)
            v = _hard_reset(v, s.detach() if self.detached else s)
            total = total + s
        return total


def test_a_reset_in_a_script_is_dropped_like_any_other(images: Tensor) -> None:
    attached, detached = ScriptedReset(detached=False), ScriptedReset(detached=True)
    for _ in range(3):
        found = slope(attached, BPTT(reset="detached"), images, spiking_sites(attached, images))
        torch.testing.assert_close(found, slope(detached, BPTT(), images, spiking_sites(detached, images)))
        assert not torch.allclose(found, slope(attached, BPTT(), images, spiking_sites(attached, images)))
