"""ASSG's Triton kernel against the compiled loop of a CPU, and chains of rows that occur more than once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from unittest import mock

import pytest
import torch
from support.on_gpu import kernel_device
from torch import Tensor

from attacks.gradients import accelerated
from attacks.gradients.assg import ASSG
from attacks.gradients.on_gpu import chains
from zoo.spiking.neurons import LIF

STEPS, ROWS, SHAPE = 4, 6, (5, 4, 6)


@pytest.fixture
def device() -> Iterator[torch.device]:
    with kernel_device() as where:
        yield where


def signal(rows: int, seed: int, *shape: int) -> Tensor:
    x = torch.rand((STEPS, rows, *shape), generator=torch.Generator().manual_seed(seed)) * 2
    return x.movedim(2, -1).contiguous().movedim(-1, 2)


def learnt(path: ASSG, neurons: LIF, queries: list[Tensor], device: torch.device, pool: int = 1) -> list[Tensor]:
    """Input gradients of three queries of one run, and the state that it ends with."""
    session, results = path.session(ROWS), []
    for number, rows in enumerate(queries):
        leaf = signal(len(rows), number, *SHAPE).to(device).requires_grad_()
        with session.applied(neurons, rows.to(device), learn=number != 1):
            means = neurons.pooled(leaf, pool)
            weights = torch.rand(means.shape, generator=torch.Generator().manual_seed(9)).to(device)
        results.append(torch.autograd.grad((means * weights).sum(), leaf)[0].cpu())
    (state,) = session.layers.values()
    return [*results, state.centre.cpu(), state.spread.cpu()]


@pytest.mark.parametrize("pool", [1, 2])
@pytest.mark.parametrize(
    ("kind", "reset"), [("hard", "attached"), ("hard", "detached"), ("soft", "attached"), ("soft", "detached")]
)
def test_equals_the_compiled_loop(kind: str, reset: str, pool: int, device: torch.device) -> None:
    """Also where a row occurs twice in a query: its state learns from one after the other."""
    path, neurons = ASSG(reset=reset), LIF(decay=0.9, threshold=0.75, reset=kind)
    queries = [torch.arange(ROWS), torch.tensor([4, 1]), torch.tensor([3, 0, 3, 5, 0, 3])]
    ours = learnt(path, neurons, queries, device, pool)
    with mock.patch.object(accelerated, "usable", return_value=False):
        expected = learnt(path, neurons, queries, torch.device("cpu"), pool)
    for found, wanted in zip(ours, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5 * float(wanted.abs().max()))
    assert not torch.equal(expected[0], expected[2])


def test_a_constant_current_gets_the_sum_over_steps(device: torch.device) -> None:
    step, neurons = torch.rand(ROWS, 7, generator=torch.Generator().manual_seed(0)) * 2, LIF()
    sums = []
    for repeated in (True, False):
        leaf = step.to(device).requires_grad_()
        with ASSG().applied(neurons):
            spikes = neurons(leaf.expand(STEPS, *leaf.shape) if repeated else torch.stack([leaf] * STEPS))
        sums.append(torch.autograd.grad((spikes * signal(ROWS, 3, 7).to(device)).sum(), leaf)[0])
    torch.testing.assert_close(*sums, rtol=1e-4, atol=1e-6)


def test_chains() -> None:
    heads, following = chains(torch.tensor([3, 5, 3, 7, 3, 5]))
    assert heads.tolist() == [0, 1, -1, 3, -1, -1]
    assert following.tolist() == [2, 5, 4, -1, -1, -1]
    assert [len(each) for each in chains(torch.tensor([], dtype=torch.int64))] == [0, 0]


def test_a_cpu_without_the_interpreter_never_asks_for_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with mock.patch.object(accelerated, "_installed", side_effect=AssertionError):
        assert not accelerated.usable(torch.zeros(3))


def test_a_gpu_for_which_nothing_compiles_is_left_to_torch() -> None:
    def fails(*arguments: object, **choices: object) -> None:
        raise RuntimeError("no C compiler")

    with mock.patch.object(accelerated, "launch", fails), pytest.warns(RuntimeWarning, match="no C compiler"):
        assert not accelerated._compiles.__wrapped__(torch.device("cpu"))


def test_the_smallest_kernel_runs(device: torch.device) -> None:
    """By it a machine with a GPU finds out whether there can be any."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert accelerated._compiles.__wrapped__(device)
