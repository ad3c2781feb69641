"""Sums in a fixed order: the right values, in the stated order, with the same bits in every batch and by both kernels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from zoo.canonical import input_gradient, layers
from zoo.canonical.layers import CanonicalConv, CanonicalLinear, CanonicalMean


def convolution(inputs: int, outputs: int, kernel: int, *, stride: int = 1, seed: int = 0) -> CanonicalConv:
    draw = torch.Generator().manual_seed(seed)
    weight = torch.randn(outputs, inputs, kernel, kernel, generator=draw)
    return CanonicalConv(weight, torch.randn(outputs, generator=draw), stride=stride, padding=kernel // 2)


def images(n: int, channels: int, side: int, *, density: float, unit: bool, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    active = torch.rand(n, channels, side, side, generator=draw) < density
    values = torch.ones(active.shape) if unit else torch.randn(active.shape, generator=draw)
    return torch.where(active, values, 0.0)


@given(
    inputs=st.integers(1, 20),
    outputs=st.sampled_from([1, 10, 16, 33, 64, 160, 272]),
    kernel=st.sampled_from([1, 3, 5]),
    stride=st.integers(1, 2),
    side=st.integers(5, 9),
    density=st.sampled_from([0.0, 0.2, 1.0]),
    unit=st.booleans(),
    seed=st.integers(0, 9),
)
def test_a_convolution_is_that_of_torch(
    inputs: int, outputs: int, kernel: int, stride: int, side: int, density: float, unit: bool, seed: int
) -> None:
    layer = convolution(inputs, outputs, kernel, stride=stride, seed=seed)
    x = images(2, inputs, side, density=density, unit=unit, seed=seed)
    weight, bias = layer.packed[..., :outputs].permute(3, 2, 0, 1), layer.filled_bias[:outputs]
    expected = F.conv2d(x.double(), weight.double(), bias.double(), stride, kernel // 2)
    torch.testing.assert_close(layer(x).double(), expected, rtol=1e-4, atol=1e-4)


@given(unit=st.booleans(), outputs=st.sampled_from([10, 64, 96]), stride=st.integers(1, 2), seed=st.integers(0, 9))
def test_zeros_may_be_skipped_or_multiplied(unit: bool, outputs: int, stride: int, seed: int) -> None:
    layer = convolution(9, outputs, 3, stride=stride, seed=seed)
    x = images(3, 9, 8, density=0.4, unit=unit, seed=seed)
    results = []
    for dense in (0.0, 2.0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(layers, "DENSE", dense)
            results.append(layer(x))
    assert torch.equal(*results)


@pytest.mark.parametrize("density", [0.2, 1.0])
def test_the_batch_and_the_threads_change_no_bit(density: float) -> None:
    layer = convolution(16, 48, 3)
    x = images(9, 16, 8, density=density, unit=False)
    together = layer(x)
    assert torch.equal(together, torch.cat([layer(part) for part in x.split([1, 2, 6])]))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3 - threads % 2)
        assert torch.equal(together, layer(x))
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("dense", [0.0, 2.0])
@pytest.mark.parametrize("seed", range(5))
def test_sums_go_line_by_line_pixel_by_pixel_channel_by_channel(seed: int, dense: float) -> None:
    draw = torch.Generator().manual_seed(seed)
    # Magnitudes so far apart that another order has another result. Inputs are powers of 2: their products are exact.
    shape = (16, 8, 3, 3)
    weight = torch.randn(shape, generator=draw) * 2.0 ** torch.randint(-12, 13, shape, generator=draw)
    layer = CanonicalConv(weight, torch.randn(16, generator=draw), stride=1, padding=0)
    x = 2.0 ** torch.randint(-2, 3, (1, 8, 3, 3), generator=draw)
    total = layer.filled_bias.numpy().copy()
    products = (x * weight).permute(2, 3, 1, 0).reshape(-1, 16).numpy()
    for product in products:
        total = np.add(total, product, dtype=np.float32)
    assert not np.array_equal(total, layer.filled_bias.numpy() + products.sum(0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layers, "DENSE", dense)
        assert np.array_equal(layer(x).flatten().numpy(), total)


def test_products_are_rounded_once_together_with_the_sum() -> None:
    # (1 + e)^2 - 1 - 2 e = e^2, which is lost where the product is rounded before the sum.
    e = 2.0**-12
    layer = CanonicalConv(torch.full((16, 1, 1, 1), 1 + e), torch.full((16,), -1 - 2 * e), stride=1, padding=0)
    for width in (1, 4):
        assert layer(torch.full((1, 1, 1, width), 1 + e)).unique().tolist() == [e * e]


@given(
    kernel=st.sampled_from([1, 3, 5]),
    stride=st.integers(1, 3),
    side=st.integers(5, 12),
    bfloat16=st.booleans(),
    seed=st.integers(0, 9),
)
def test_the_gradient_of_the_input_is_that_of_torch(kernel: int, stride: int, side: int, bfloat16: bool, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    weight = torch.randn(20, 5, kernel, kernel, generator=draw)
    x = torch.randn(2, 5, side, side, generator=draw, requires_grad=True)
    out = F.conv2d(x, weight, None, stride, kernel // 2)
    grad = torch.randn(out.shape, generator=draw)
    (expected,) = torch.autograd.grad((out * grad).sum(), x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(input_gradient, "bfloat16_is_fast", lambda: bfloat16)
        layer = CanonicalConv(weight, torch.zeros(20), stride=stride, padding=kernel // 2)
    (gradient,) = torch.autograd.grad((layer(x) * grad).sum(), x)
    if bfloat16:
        assert F.cosine_similarity(gradient.flatten(1), expected.flatten(1)).min() > 0.999
    else:
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-4)


def test_linear_layers_and_means() -> None:
    draw = torch.Generator().manual_seed(0)
    linear, x = torch.nn.Linear(30, 10), torch.randn(4, 30, generator=draw)
    torch.testing.assert_close(CanonicalLinear(linear.weight, linear.bias)(x), linear(x))
    x = torch.randn(2, 5, 6, 6, generator=draw)
    torch.testing.assert_close(CanonicalMean()(x), x.mean((2, 3), keepdim=True))


@pytest.mark.parametrize("shape", [(2, 4, 8, 8), (2, 3, 0, 8), (3, 8, 8)], ids=["channels", "no pixels", "no batch"])
def test_images_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    """The kernels read memory by computed addresses: nothing else would notice."""
    with pytest.raises(RuntimeError, match=r"expected inputs \(N, 3,"):
        convolution(3, 16, 3)(torch.zeros(shape))
    for features in (torch.zeros(2, 5), torch.zeros(2, 1, 6)):
        with pytest.raises(RuntimeError, match="expected inputs"):
            CanonicalLinear(torch.zeros(16, 6), torch.zeros(16))(features)


def test_other_precisions_are_refused() -> None:
    with pytest.raises(TypeError, match="float32"):
        convolution(3, 16, 3)(torch.zeros(1, 3, 4, 4, dtype=torch.float64))
