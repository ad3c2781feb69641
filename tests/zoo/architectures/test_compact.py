"""The compact network: shapes, size, determinism, and every number its docstring gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.networks import settled
from torch import nn

import zoo.architectures.compact as module
from attacks.randomness import KeyedRng, drawing
from zoo.architectures.compact import compact
from zoo.spiking.neurons import LIF

IMAGES = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
SMALL = (4, 6, 6, 8)


def small(seed: int = 0, **arguments: Any) -> nn.Module:
    torch.manual_seed(seed)
    model = compact(**{"steps": 3, "neuron": {"threshold": 0.5}, "widths": SMALL} | arguments)
    return settled(model, IMAGES[:, : len(arguments.get("mean", "rgb"))])


def multiply_accumulates(model: nn.Module, images: torch.Tensor) -> dict[nn.Module, int]:
    """Per layer, for one image, counted from what passes through it."""
    counts: dict[nn.Module, int] = {}

    def count(layer: nn.Module, _: object, out: torch.Tensor) -> None:
        counts[layer] = out.numel() * layer.weight[0].numel() // len(images)

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    model(images)
    for hook in hooks:
        hook.remove()
    return counts


@pytest.mark.parametrize("encoder", ["direct", "poisson", "latency", "front"])
@pytest.mark.parametrize(("rows", "classes"), [(1, 10), (5, 7)])
def test_shapes(rows: int, classes: int, encoder: str) -> None:
    logits = small(encoder=encoder, classes=classes)(IMAGES[:rows])
    assert logits.shape == (rows, classes) and logits.isfinite().all()
    assert len(logits.unique(dim=0)) == rows


def test_the_first_spike_can_be_the_readout() -> None:
    model, mean = small(output={"threshold": 3.0}), small()
    assert model(IMAGES).shape == (5, 10) and model(IMAGES).isfinite().all()
    assert model.state_dict().keys() == mean.state_dict().keys()
    assert sum(isinstance(m, LIF) for m in model.modules()) == 5


def test_one_channel() -> None:
    assert small(channels=1, mean=(0.5,), std=(0.5,))(IMAGES[:, :1]).shape == (5, 10)


def test_numbers_in_the_docstring() -> None:
    model = compact(steps=4, neuron={})
    parameters = sum(p.numel() for p in model.parameters())
    stem, *convolutions, _ = multiply_accumulates(model, IMAGES[:1]).values()
    assert parameters <= 1_000_000
    text = " ".join(module.__doc__.split())
    assert f"{parameters / 1e6:.2f} M parameters" in text
    assert f"{sum(convolutions) / 4e6:.1f} M multiply-accumulates per time step" in text
    assert f"{stem / 1e6:.1f} M once for the stem" in text


def test_constant_stem_and_readout_run_once() -> None:
    one, four = (list(multiply_accumulates(small(steps=steps), IMAGES).values()) for steps in (1, 4))
    assert [b / a for a, b in zip(one, four, strict=True)] == [1, 4, 4, 4, 1]


def test_twin_without_spikes() -> None:
    ann, snn = small(neuron=None, steps=1), small(steps=1)
    assert [sum(isinstance(m, kind) for m in ann.modules()) for kind in (LIF, nn.ReLU)] == [0, 4]
    assert [sum(isinstance(m, kind) for m in snn.modules()) for kind in (LIF, nn.ReLU)] == [4, 0]
    for (name, a), (other, b) in zip(ann.named_parameters(), snn.named_parameters(), strict=True):
        assert name == other and torch.equal(a, b)
    assert not torch.equal(ann(IMAGES), snn(IMAGES))
    with pytest.raises(ValueError, match="set steps to 1"):
        compact(steps=2, neuron=None)


@pytest.mark.parametrize("arguments", [{}, {"neuron": None, "steps": 1}], ids=["snn", "ann"])
def test_decisions_do_not_depend_on_the_batch(arguments: dict[str, Any]) -> None:
    model, images = small(**arguments).double(), IMAGES.double()
    together = model(images)
    alone = torch.cat([model(image[None]) for image in images])
    assert torch.equal(together.argmax(1), alone.argmax(1))
    torch.testing.assert_close(together, alone, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(model(images.flip(0)).flip(0), together, rtol=1e-9, atol=1e-12)


def test_poisson_decisions_do_not_depend_on_the_batch() -> None:
    model, images = small(encoder="poisson").double(), IMAGES.double()
    rng = KeyedRng.of(0, torch.arange(5))
    with drawing(rng):
        together = model(images)
    with drawing(rng.rows(torch.tensor([3]))):
        alone = model(images[3:4])
    torch.testing.assert_close(together[3:4], alone, rtol=1e-9, atol=1e-12)


def test_weights_are_channels_last() -> None:
    model = small()
    model.load_state_dict({name: value.contiguous() for name, value in model.state_dict().items()})
    kernels = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert len(kernels) == 4
    assert all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels)


def test_eval_is_deterministic_and_leaves_the_buffers() -> None:
    model = small()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first = model(IMAGES)
    model(IMAGES[:2].flip(3))
    assert torch.equal(first, model(IMAGES))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_input_layout_is_taken_as_it_comes() -> None:
    model = small().double()
    images = IMAGES.double()
    other = images.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(model(images), model(other), rtol=1e-12, atol=1e-12)


def test_normalisation_is_inside() -> None:
    """Pixels go in: shifting the statistics with the image changes nothing."""
    plain = small(mean=(0.0,) * 3, std=(1.0,) * 3).double()
    shifted = small(mean=(0.5,) * 3, std=(0.25,) * 3).double()
    shifted.load_state_dict(plain.state_dict())
    torch.testing.assert_close(plain(IMAGES.double()), shifted(IMAGES.double() / 4 + 0.5), rtol=1e-9, atol=1e-9)


def test_every_parameter_is_trained() -> None:
    model = small().train()
    gradients = torch.autograd.grad(model(IMAGES).square().sum(), list(model.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)
