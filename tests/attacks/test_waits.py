"""How often a step of an attack would wait for a GPU: to learn how many rows are left, and for nothing else.

A wait is an operation whose answer, or the shape of whose answer, depends on numbers that the GPU holds. Such operations are
the same on a CPU, where they are counted here.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.tiny import Linear, labelled
from torch.utils._python_dispatch import TorchDispatchMode

from attacks.apgd import APGD
from attacks.base import Attack
from attacks.gradients.assg import ASSG
from attacks.gradients.base import GradientPath, Training
from attacks.gradients.pdsg import PDSG
from attacks.mifgsm import MIFGSM
from attacks.model_oracle import ModelOracle
from attacks.pgd import PGD
from attacks.randomness import KeyedRng
from attacks.sapgd import SAPGD
from attacks.square import Square
from attacks.threats.linf import Linf
from zoo.architectures.compact import Compact

BY_VALUE = {"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "is_nonzero", "equal"}
BY_MASK = {"index", "index_put", "index_put_", "_index_put_impl_"}


class Waits(TorchDispatchMode):
    """Counts the waits inside the block."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        by_mask = name in BY_MASK and any(index is not None and index.dtype == torch.bool for index in args[1])
        self.count += name in BY_VALUE or by_mask
        return func(*args, **(kwargs or {}))


def waits(attack: Attack, model: torch.nn.Module, path: GradientPath, x: torch.Tensor, labels: torch.Tensor) -> int:
    oracle = ModelOracle.of(model, labels, path=path, micro_batch=len(x))
    with Waits() as counted:
        attack.perturb(oracle, x, Linf(eps=1e-4), rng=KeyedRng.of(0, torch.arange(len(x))))
    return counted.count


@pytest.mark.parametrize("kind", [PGD, MIFGSM, APGD, SAPGD], ids=lambda kind: kind.__name__)
def test_a_step_waits_once(kind: type[Attack]) -> None:
    model = Linear().eval()
    x, labels = labelled(model, 8)
    few, many = (waits(kind(steps=steps), model, Training(), x, labels) for steps in (10, 20))
    assert 0 < many - few <= 10


def test_a_query_of_square_waits_once() -> None:
    network = Compact(steps=1, neuron={}, widths=(4, 4, 4, 4)).eval().requires_grad_(False)
    x = torch.rand(4, 3, 32, 32)
    labels = network(x).argmax(1)
    few, many = (waits(Square(queries=queries), network, Training(), x, labels) for queries in (10, 20))
    assert 0 < many - few <= 10


@pytest.mark.parametrize("path", [Training(), PDSG(), ASSG()], ids=lambda path: type(path).__name__)
def test_a_gradient_path_never_waits(path: GradientPath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attacks.gradients.compiled.usable", lambda x: False)  # as on a GPU
    network = Compact(steps=4, neuron={}, widths=(4, 4, 4, 4)).eval().requires_grad_(False)
    x = torch.rand(4, 3, 32, 32)
    oracle = ModelOracle.of(network, network(x).argmax(1), path=path)
    with Waits() as counted:
        oracle.query(x, torch.arange(4), grad=True)
    assert counted.count == 0


def test_the_counter_counts() -> None:
    x, mask = torch.arange(4), torch.tensor([True, False, True, False])
    with Waits() as counted:
        bool(mask.any()), x[mask], x.sum().item(), mask.nonzero()
        x[mask] = 0
        x[torch.tensor([0, 1])]
    assert counted.count == 5
