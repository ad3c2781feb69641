"""The frequency encoding: against the Fourier sums themselves, and what it does to waves."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from zoo.architectures.compact import compact
from zoo.canonical.convert import canonical
from zoo.canonical.frequency import CanonicalFrequency, passing
from zoo.spiking.frequency import Frequency, boxes


def images(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def by_hand(image: Tensor, radius: int) -> Tensor:
    """``|sum over the box of X[m, n] exp(2 pi i (m a + n b) / side)| / side^2``, with the double sums written out."""
    side = len(image)
    places = torch.arange(side, dtype=torch.float64)
    total = torch.zeros(side, side, dtype=torch.complex128)
    for m in range(-radius, radius):
        for n in range(-radius, radius):
            angle = 2 * math.pi * (m * places[:, None] + n * places[None, :]) / side
            wave = torch.polar(torch.ones_like(angle), angle)
            total += (image * wave.conj()).sum() * wave
    return total.abs() / side**2


def test_it_is_the_sum_over_the_box() -> None:
    x = images(2, 3, 8, 8)
    encoded = Frequency(steps=2)(x)
    assert encoded.shape == (2, 2, 3, 8, 8)
    for step, radius in enumerate([4, 2]):
        for sample, channel in ((0, 0), (1, 2)):
            expected = by_hand(x[sample, channel], radius)
            torch.testing.assert_close(encoded[step, sample, channel], expected, rtol=1e-9, atol=1e-12)


def test_the_first_step_is_the_image_itself() -> None:
    x = images(1, 3, 8, 8)
    assert torch.equal(Frequency(steps=2)(x)[0], x)


def test_boxes_are_those_of_the_paper() -> None:
    assert [tall for tall, _ in boxes(4, 32, 32)] == [16, 14, 12, 10]
    assert [tall for tall, _ in boxes(8, 32, 32)] == [16, 14, 12, 10, 8, 6, 4, 2]
    assert [tall for tall, _ in boxes(4, 64, 64)] == [32, 30, 28, 26]


def test_a_wave_passes_while_its_frequency_does() -> None:
    """Frequency 11 of 32: within r = 16, 14 and 12, beyond r = 10, where only the mean is left."""
    wave = 0.5 + 0.4 * torch.cos(2 * math.pi * 11 * torch.arange(32, dtype=torch.float64) / 32)
    x = wave.expand(1, 1, 32, 32)
    encoded = Frequency(steps=4)(x)
    torch.testing.assert_close(encoded[:3], x.expand(3, 1, 1, 32, 32), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(encoded[3], torch.full_like(x, 0.5), rtol=1e-9, atol=1e-12)


def test_it_is_differentiable() -> None:
    """Away from magnitudes of 0, where |z| has a corner."""
    x = (0.2 + images(1, 1, 8, 8)).requires_grad_()
    assert torch.autograd.gradcheck(Frequency(steps=2), (x,))


@pytest.mark.parametrize(("steps", "side", "complaint"), [(4, 7, "even side"), (5, 8, "no frequency left after 5 steps")])
def test_images_that_have_no_boxes(steps: int, side: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Frequency(steps=steps)(images(1, 1, side, side))


# --- in canonical form ---


def test_the_matrices_are_those_of_the_transform() -> None:
    """``F^-1 M F`` on the unit vectors, to the grid of 2^-24."""
    side, radius = 12, 4
    kept = ((torch.fft.fftfreq(side, 1 / side) >= -radius) & (torch.fft.fftfreq(side, 1 / side) < radius)).double()
    wanted = torch.fft.ifft(torch.fft.fft(torch.eye(side, dtype=torch.float64), dim=0) * kept[:, None], dim=0)
    real, imaginary = passing(side, radius)
    torch.testing.assert_close(torch.complex(real, imaginary).to(wanted), wanted, rtol=0, atol=2.0**-23)


def test_the_canonical_form_is_the_same_encoding() -> None:
    """For any batch the same bits; its gradient, which may be made in bfloat16, points the same way."""
    x = images(3, 2, 16, 12).float()
    plain, form = Frequency(steps=3), CanonicalFrequency(steps=3)
    torch.testing.assert_close(form(x), plain(x), rtol=0, atol=1e-5)
    assert torch.equal(torch.cat([form(x[:1]), form(x[1:])], 1), form(x))
    weights = torch.randn(3, *x.shape, generator=torch.Generator().manual_seed(1))
    gradients = []
    for encoder in (plain, form):
        leaf = x.clone().requires_grad_()
        gradients.append(torch.autograd.grad((weights * encoder(leaf)).sum(), leaf)[0].flatten())
    assert torch.cosine_similarity(*gradients, dim=0) > 0.999


def test_black_images_have_a_gradient_without_gaps() -> None:
    leaf = torch.zeros(1, 1, 8, 8, requires_grad=True)
    (gradient,) = torch.autograd.grad(CanonicalFrequency(steps=2)(leaf).sum(), leaf)
    assert gradient.isfinite().all()


def test_a_network_behind_the_encoding_has_a_canonical_form() -> None:
    torch.manual_seed(0)
    model = compact(steps=3, encoder="frequency", neuron={"leaks": 3}, widths=(4, 4, 4, 4)).eval()
    form = canonical(model)
    assert form is not None and any(isinstance(module, CanonicalFrequency) for module in form.modules())
