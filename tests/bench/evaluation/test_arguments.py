"""The Python interface: arguments of other types are refused in one sentence, and the caller's process stays as it was."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from support.tiny import Linear, labelled
from torch import Tensor

import bench
from attacks.model_oracle import ModelOracle
from attacks.pgd import PGD
from attacks.randomness import KeyedRng
from bench.evaluation.reliability.doctor import examine
from bench.foundation.errors import BenchError, ModelError, SpecError, UnknownNameError, WorkerError
from bench.foundation.threats import threat_at
from bench.models.borrowing import undisturbed

X, Y = labelled(Linear(), 20)
with warnings.catch_warnings(action="ignore"):  # torch calls them a prototype
    NESTED = torch.nested.nested_tensor(list(X))
QUICK: dict[str, Any] = {"attack": "pgd:steps=2", "eps": "0.1", "data": (X, Y)}
TRUTHS = ("stochastic", "eight_bit", "partial", "fresh", "save_adv")


@pytest.mark.parametrize("name", ["n", "eot", "scorings", "micro_batch", "batch", "seed", "workers"])
@pytest.mark.parametrize("value", [1.5, "2", float("nan"), True, [1]], ids=repr)
def test_whole_numbers(name: str, value: object) -> None:
    with pytest.raises(SpecError, match=f"{name} is a whole number"):
        bench.evaluate(Linear(), **QUICK | {name: value})


@pytest.mark.parametrize("value", [np.int64(5), torch.tensor(5)], ids=repr)
def test_numbers_of_other_libraries(value: Any) -> None:
    assert bench.evaluate(Linear(), **QUICK | {"n": value}).data.n == 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("attack", value) for value in (None, 5, [None], {"pgd": 1}, b"pgd")),
        *(("path", value) for value in (None, 5, ["training"], "training@3")),
        *((name, value) for name in ("norm", "split", "device") for value in (None, 5, ["x"])),
        *(("expect", value) for value in ([1], True)),
        *(("out", value) for value in (5, "a\0b")),
        *(
            (name, value)
            for name in ("stochastic", "eight_bit", "partial", "fresh", "save_adv")
            for value in (None, "no", 2)
        ),
        *((name, 5) for name in ("progress", "on_start", "on_kept", "on_tick")),
    ],
    ids=repr,
)
def test_other_arguments(name: str, value: object) -> None:
    with pytest.raises(SpecError) as caught:
        bench.evaluate(Linear(), **QUICK | {name: value})
    assert "\n" not in str(caught.value)


def test_what_is_no_address_of_a_scheduler() -> None:
    with pytest.raises(WorkerError, match="no address"):
        bench.evaluate(Linear(), **QUICK | {"scheduler": 5})


def test_truth_values_of_other_libraries() -> None:
    assert not bench.evaluate(Linear(), **QUICK | {"stochastic": np.bool_(False)}).model.stochastic


@pytest.mark.parametrize("attack", ["standard@9", "pgd@1:steps=2"])
def test_versions_that_do_not_exist(attack: str) -> None:
    with pytest.raises(UnknownNameError):
        bench.evaluate(Linear(), **QUICK | {"attack": attack})


@pytest.mark.parametrize(
    "model",
    [lambda x: x, Linear, None, 5, [Linear()], Linear().to("meta")],
    ids=["function", "class", "none", "number", "list", "without values"],
)
def test_what_is_no_model(model: Any) -> None:
    with pytest.raises(ModelError, match=r"no model|not a model|no values"):
        bench.evaluate(model, **QUICK)


class Returning(Linear):
    """Does something with its logits before it returns them."""

    def __init__(self, change: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.change = change

    def forward(self, x: Tensor) -> object:  # type: ignore[override]
        return self.change(super().forward(x))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda logits: logits.to(torch.complex64), "complex numbers"),
        (Tensor.to_sparse, "a sparse tensor"),
        (lambda logits: logits.to("meta"), "without values"),
    ],
    ids=["complex", "sparse", "meta"],
)
@pytest.mark.filterwarnings("ignore:Casting complex values")
def test_what_is_no_answer(change: Callable[[Tensor], object], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        bench.evaluate(Returning(change), **QUICK)


@pytest.mark.parametrize(
    "data",
    [
        (X, Y, Y),
        {"images": X, "labels": Y},
        (X.to("meta"), Y),
        (X, Y.to("meta")),
        (None, Y),
        ({"a": X}, Y),
        len,
        (NESTED, Y),
    ],
    ids=["three", "dictionary", "meta images", "meta labels", "none", "dictionary of images", "function", "nested"],
)
def test_what_is_no_data(data: Any) -> None:
    with pytest.raises(BenchError) as caught:
        bench.evaluate(Linear(), **QUICK | {"data": data})
    assert "\n" not in str(caught.value)


def test_sparse_images_are_images() -> None:
    assert (
        bench.evaluate(Linear(), **QUICK | {"data": (X.to_sparse(), Y)}).identity
        == bench.evaluate(Linear(), **QUICK).identity
    )


def test_gradients_are_taken_wherever_the_caller_is() -> None:
    usual = bench.evaluate(Linear(), **QUICK)
    with torch.no_grad():
        assert bench.evaluate(Linear(), **QUICK).rows.equals(usual.rows)
        assert not torch.is_grad_enabled()
    with torch.inference_mode():
        images, labels, model = X.clone(), Y.clone(), Linear()
        inside = bench.evaluate(model, **QUICK | {"data": (images, labels)})
        assert inside.rows.equals(usual.rows)
        assert torch.is_inference_mode_enabled()
        assert examine(model, n=4, data=(images, labels), sources=(), eps="0.1").samples == 4
    assert all(parameter.is_inference() for parameter in model.parameters())
    assert bench.evaluate(model, **QUICK | {"data": (images, labels)}).rows.equals(usual.rows)


def test_an_attack_alone_takes_gradients_without_the_caller() -> None:
    model, threat = Linear().eval().requires_grad_(False), threat_at("linf", 0.1)

    def attacked() -> Tensor:
        return PGD(steps=2).perturb(ModelOracle.of(model, Y), X, threat, rng=KeyedRng.of(0, torch.arange(len(X))))

    usual = attacked()
    with torch.no_grad():
        assert torch.equal(attacked(), usual)


class Meddler(Linear):
    """Changes what belongs to the process, whenever it is called."""

    def forward(self, x: Tensor) -> Tensor:
        torch.set_num_threads(torch.get_num_threads() + 1)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)
        with torch.enable_grad():
            outputs: Tensor = super().forward(x)
        return outputs


def surroundings() -> list[object]:
    return [
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_default_device(),
        torch.get_float32_matmul_precision(),
        torch.get_deterministic_debug_mode(),
        np.geterr(),
        random.getstate(),
        np.random.get_state()[1].tolist(),
        torch.get_rng_state().tolist(),
    ]


@pytest.mark.parametrize("fails", [False, True])
def test_a_model_leaves_the_process_as_it_was(fails: bool) -> None:
    model, data = Meddler(), (X, Y) if not fails else (X, Y[:3])
    before = surroundings()
    try:
        bench.evaluate(model, **QUICK | {"data": data})
    except BenchError:
        assert fails
    assert surroundings() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda: torch.set_default_device("meta"),
        lambda: torch.set_float32_matmul_precision("medium"),
        lambda: torch.use_deterministic_algorithms(True),
        lambda: np.seterr(all="raise"),
    ],
    ids=["device", "precision of products", "deterministic algorithms", "errors of numpy"],
)
def test_what_else_a_process_is_set_to_comes_back(change: Callable[[], object]) -> None:
    before = surroundings()
    with undisturbed():
        change()
        assert surroundings() != before
    assert surroundings() == before
