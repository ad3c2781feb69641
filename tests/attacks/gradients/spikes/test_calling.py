"""Listening to Functions leaves no trace: neither on classes, nor in other threads, nor after an exception."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from attacks.gradients.spikes.calling import Kind, functions_of_strangers, listening


class Half(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x / 2

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad / 2


class Inherited(Half):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad / 3


class Mixin:
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 4


class Mixed(Mixin, torch.autograd.Function):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad * 4


class Apart(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, factor: float = 5.0) -> Tensor:
        return x * factor

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.factor = inputs[1]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad * ctx.factor, None


class Outer(torch.autograd.Function):
    """Uses another Function in its forward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return Half.apply(x) + 1

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


KINDS: list[Kind] = [Half, Inherited, Mixed, Apart, Outer]


@dataclass
class Steep:
    """A listener that gives each call a slope."""

    slope: float
    heard_of: list[str] = field(default_factory=list)

    def heard(self, kind: Kind, context: Any, inputs: tuple[Any, ...], outputs: Any) -> None:
        self.heard_of.append(kind.__name__)
        context.apply = lambda grad: (self.slope * grad, *[None] * (len(inputs) - 1))


def slope(function: Any, *more: Any) -> float:
    x = torch.ones(1, requires_grad=True)
    return float(torch.autograd.grad(function(x, *more), x)[0])


def snapshot() -> list[dict[str, object]]:
    return [dict(vars(kind)) for kind in KINDS]


@pytest.mark.parametrize(
    ("kind", "own"), [(Half, 0.5), (Inherited, 1 / 3), (Mixed, 4.0), (Apart, 5.0), (Outer, 1.0)], ids=lambda v: str(v)
)
def test_a_call_in_the_block_has_the_listeners_gradient_whatever_holds_apply(kind: Kind, own: float) -> None:
    before, held = snapshot(), [kind.apply, functools.partial(kind.apply), lambda x: kind.apply(x)]
    for function in held:
        listener = Steep(7.0)
        with listening(listener, functions_of_strangers()):
            assert slope(function) == 7.0
        assert listener.heard_of == [kind.__name__]
        assert slope(function) == pytest.approx(own)
    assert snapshot() == before


def test_the_gradient_belongs_to_the_call_and_not_to_the_time_of_the_backward() -> None:
    x = torch.ones(1, requires_grad=True)
    outside = Half.apply(x)
    with listening(Steep(7.0), KINDS):
        inside = Half.apply(x)
        assert float(torch.autograd.grad(outside, x)[0]) == 0.5
    assert float(torch.autograd.grad(inside, x)[0]) == 7.0


def test_blocks_nest_and_an_exception_restores() -> None:
    before = snapshot()

    def failing() -> None:
        with listening(Steep(7.0), KINDS):
            with listening(Steep(3.0), KINDS[:1]):
                assert slope(Half.apply) == 3.0
            assert slope(Half.apply) == 7.0
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert snapshot() == before
    assert slope(Half.apply) == 0.5


def test_an_exception_in_a_forward_does_not_silence_what_follows() -> None:
    class Failing(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            raise ArithmeticError

    listener = Steep(7.0)
    with listening(listener, [Failing, Half]):
        with pytest.raises(ArithmeticError):
            Failing.apply(torch.ones(1))
        assert slope(Half.apply) == 7.0
    assert listener.heard_of == ["Half"]


def test_classes_made_in_the_block_are_heard_too() -> None:
    def make() -> Kind:
        class Born(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Tensor) -> Tensor:
                return x * 2

            @staticmethod
            def backward(ctx: Any, grad: Tensor) -> Tensor:
                return grad * 2

        return Born

    for newborn, expected in ((True, 7.0), (False, 2.0)):
        with listening(Steep(7.0), [], newborn=newborn):
            born = make()
            assert slope(born.apply) == expected
        assert slope(born.apply) == 2.0
    assert "__init_subclass__" not in vars(torch.autograd.Function)


def test_functions_of_torch_and_of_this_suite_are_left_out() -> None:
    import zoo.spiking.kernels  # noqa: F401

    found = {f"{kind.__module__}.{kind.__qualname__}" for kind in functions_of_strangers()}
    ours = {name for name in found if name.split(".")[0] in ("torch", "attacks", "zoo", "bench", "reports")}
    assert ours <= {"attacks.gradients.spikes.wrapping.Fired"}  # it stands for callables of strangers
    assert all(kind in functions_of_strangers() for kind in (Half, Mixed, Apart))
    assert Inherited not in functions_of_strangers()  # its forward is heard as that of Half


def test_other_threads_hear_nothing_and_may_listen_themselves() -> None:
    found: dict[str, list[float]] = {"7": [], "3": [], "none": []}
    start = threading.Barrier(3)

    def ask(name: str) -> None:
        start.wait()
        for _ in range(200):
            if name == "none":
                found[name].append(slope(Half.apply))
            else:
                with listening(Steep(float(name)), KINDS):
                    found[name].append(slope(Half.apply))

    threads = [threading.Thread(target=ask, args=(name,)) for name in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: set(values) for name, values in found.items()} == {"7": {7.0}, "3": {3.0}, "none": {0.5}}
    assert slope(Half.apply) == 0.5
