"""The compiled loops against the same arithmetic in torch operations, in every layout, and over several threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import Tensor

from attacks.gradients import compiled
from attacks.gradients.assg import ASSG
from attacks.gradients.base import Dynamics, LayerGradient, Reset, Trace
from attacks.gradients.bptt import ThroughTime
from attacks.gradients.pdsg import PDSG
from attacks.gradients.surrogates import SURROGATES, Surrogate
from zoo.spiking.kernels import integrate_and_fire

LAYOUTS = {
    "contiguous": lambda x: x,
    "channels last": lambda x: x.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3),
    "expanded": lambda x: x[:1].expand(x.shape),
}


@contextmanager
def in_torch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "usable", lambda x: False)
        yield


def gradients() -> dict[str, LayerGradient]:
    found: dict[str, LayerGradient] = {"pdsg": PDSG().layer_gradient(), "assg": ASSG().layer_gradient()}
    for name in SURROGATES:
        for attached in (True, False):
            found[f"{name} {'attached' if attached else 'detached'}"] = ThroughTime(Surrogate(name, 0.7), attached)
    return found


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_forward_gives_the_same_spikes(
    layout: object, reset: Reset, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = LAYOUTS["contiguous"](torch.randn(4, 30, 7, 5, 6, generator=torch.Generator().manual_seed(0)))
    current = layout(current)  # type: ignore[operator]
    dynamics = Dynamics(decay=0.9, threshold=0.8, reset=reset, start=0.1)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        mine = integrate_and_fire(current, dynamics)
    finally:
        torch.set_num_threads(before)
    with in_torch(monkeypatch):
        theirs = integrate_and_fire(current, dynamics)
    assert 0.1 < float(mine[1].mean()) < 0.9
    assert torch.allclose(mine[0], theirs[0], atol=1e-5, rtol=0)
    assert torch.equal(mine[1], theirs[1])


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("gradient", gradients().values(), ids=gradients().keys())
def test_the_backward_agrees(gradient: LayerGradient, reset: Reset, layout: object, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = torch.Generator().manual_seed(1)
    current = torch.randn(4, 6, 7, 5, 6, generator=draw, dtype=torch.float64)
    grad: Tensor = layout(torch.randn(current.shape, generator=draw, dtype=torch.float64))  # type: ignore[operator]
    dynamics = Dynamics(decay=0.9, threshold=0.8, reset=reset)
    potential, _ = integrate_and_fire(LAYOUTS["channels last"](current), dynamics)
    trace = Trace(potential, current, dynamics)
    mine = gradient.backward(grad, trace)
    with in_torch(monkeypatch):
        theirs = gradient.backward(grad, trace)
    assert float(mine.abs().max()) > 0
    assert torch.allclose(mine, theirs, atol=1e-12)


def test_what_assg_learns_is_the_same_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo.spiking.neurons import LIF

    x = torch.randn(3, 5, 4, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    layer = LIF()

    def learn() -> list[Tensor]:
        session, slopes = ASSG().session(9), []
        for rows in (torch.tensor([1, 8, 4]), torch.tensor([4, 1, 0])):
            leaf = x.clone().requires_grad_()
            with session.applied(layer, rows, learn=True):
                layer(leaf.expand(4, *leaf.shape)).sum().backward()
            assert leaf.grad is not None
            slopes.append(leaf.grad)
        return slopes

    mine = learn()
    with in_torch(monkeypatch):
        theirs = learn()
    for one, other in zip(mine, theirs, strict=True):
        assert torch.allclose(one, other, atol=1e-12)
    assert not torch.allclose(mine[0][0], mine[1][1])


@pytest.mark.parametrize("units", [0, 1, 2047, 2048, 5000])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_ranges_cover_every_unit_once(units: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    seen = np.zeros(units, dtype=int)

    def loop(target: np.ndarray, low: int, high: int) -> None:
        target[low:high] += 1

    compiled.in_parallel(loop, units, seen, least=100)
    assert (seen == 1).all()


def test_an_error_in_another_thread_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)

    def loop(low: int, high: int) -> None:
        if low:
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        compiled.in_parallel(loop, 10, least=1)
