"""Random noise has the distribution it names."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from support.norms import Norm, row_norm
from torch import Tensor, nn

from attacks.model_oracle import ModelOracle
from attacks.noise import GaussianNoise, RandomNoise, SignNoise, UniformNoise
from attacks.randomness import KeyedRng
from attacks.threats.catalogue import threat_named
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat

both_norms = pytest.mark.parametrize("norm", ["linf", "l2"])


@pytest.fixture
def noise() -> Callable[..., Tensor]:
    """Draws perturbations of grey inputs, far from the edge of the box."""

    def draw(attack: RandomNoise, threat: Threat, n: int, d: int) -> Tensor:
        x = torch.full((n, d), 0.5, dtype=torch.float64)
        oracle = ModelOracle.of(nn.Identity(), torch.zeros(n, dtype=torch.int64), stochastic=True)
        return attack.perturb(oracle, x, threat, rng=KeyedRng.of(0, torch.arange(n))) - x

    return draw


@both_norms
def test_uniform_noise_fills_the_ball(norm: Norm, noise: Callable[..., Tensor]) -> None:
    delta = noise(UniformNoise(), threat_named(norm, eps=0.2), 4000, 3)
    volume = (row_norm(delta, norm) / 0.2) ** 3
    assert float(volume.mean()) == pytest.approx(0.5, abs=0.025)
    assert float(volume.var()) == pytest.approx(1 / 12, abs=0.01)
    assert float(delta.mean(0).abs().max()) < 0.01


def test_sign_noise_is_a_corner_of_the_cube(noise: Callable[..., Tensor]) -> None:
    delta = noise(SignNoise(), Linf(eps=0.2), 200, 8)
    torch.testing.assert_close(delta.abs(), torch.full_like(delta, 0.2))
    assert float((delta > 0).double().mean()) == pytest.approx(0.5, abs=0.06)


def test_sign_noise_in_l2_lies_on_the_sphere(noise: Callable[..., Tensor]) -> None:
    delta = noise(SignNoise(), L2(eps=0.2), 200, 8)
    torch.testing.assert_close(row_norm(delta, "l2"), torch.full((200,), 0.2, dtype=torch.float64))
    assert float(delta.mean(0).abs().max()) < 0.03


def test_small_gaussian_noise_has_its_standard_deviation(noise: Callable[..., Tensor]) -> None:
    delta = noise(GaussianNoise(sigma=0.1), Linf(eps=0.2), 500, 8)
    assert float(delta.std()) == pytest.approx(0.02, rel=0.05)
    delta = noise(GaussianNoise(sigma=0.1), L2(eps=0.2), 500, 8)
    assert float(delta.square().sum(1).mean().sqrt()) == pytest.approx(0.02, rel=0.05)


@both_norms
def test_large_gaussian_noise_is_cut_at_the_budget(norm: Norm, noise: Callable[..., Tensor]) -> None:
    delta = noise(GaussianNoise(sigma=100.0), threat_named(norm, eps=0.2), 50, 8)
    torch.testing.assert_close(row_norm(delta, norm), torch.full((50,), 0.2, dtype=torch.float64))
