"""What layers whose neurons have numbers of their own share: gradient paths, a canonical form, an unchanged forward."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from attacks.gradients.assg import ASSG
from attacks.gradients.base import GradientPath, Training
from attacks.gradients.bptt import BPTT
from attacks.gradients.hart import HART
from attacks.gradients.last_step import LastStep
from attacks.gradients.pdsg import PDSG
from attacks.gradients.rate import BPTR, RGA
from zoo.canonical.convert import canonical
from zoo.spiking.neurons import LIF

PATHS: list[GradientPath] = [
    *(Training(), BPTT(surrogate="atan"), BPTT(surrogate="sigmoid", reset="detached")),
    *(ASSG(), ASSG(reset="attached"), PDSG(), HART(), BPTR(), RGA(), LastStep()),
]


def drawn(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers, float64."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def images(n: int) -> Tensor:
    """``(n, 3, 32, 32)`` in [0, 1]."""
    return torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(2))


def assert_same_gradients(layers: tuple[LIF, LIF], path: GradientPath) -> None:
    """Two layers give a current ``(4, 3, 4, 2, 2)`` the same gradient along a path, and it is not zero."""
    current, weights = drawn(4, 3, 4, 2, 2), drawn(4, 3, 4, 2, 2, seed=1)
    gradients = []
    for layer in layers:
        leaf = current.clone().requires_grad_()
        with path.applied(layer.double().requires_grad_(False)) as bound:
            spikes = layer(leaf)
        assert bound.layers == 1
        gradients.append(torch.autograd.grad((weights * spikes).sum(), leaf)[0])
    assert gradients[0].abs().sum() > 0
    torch.testing.assert_close(*gradients)


def assert_canonical(model: nn.Module) -> None:
    """The network has a canonical form, of the same function, whose answers do not depend on the batch."""
    form, x = canonical(model), images(6)
    assert form is not None
    with torch.no_grad():
        expected, computed = model(x), form(x)
        assert torch.equal(torch.cat([form(x[:1]), form(x[1:])]), computed)
    # One rounding at a threshold moves a spike; most images have none.
    assert ((computed - expected).abs().amax(1) < 1e-3).float().mean() >= 0.5


def assert_forward_is_left(model: nn.Module, path: GradientPath) -> None:
    """All four layers of the compact network take the path, which changes no answer and has a gradient."""
    x = images(3)
    own, leaf = model.requires_grad_(False)(x), x.clone().requires_grad_()
    with path.applied(model) as bound:
        logits = model(leaf)
    assert bound.layers == 4 and torch.equal(logits, own)
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), leaf)
    assert gradient.isfinite().all() and gradient.abs().sum() > 0
