"""An active test: a read-out for which an adversarial image provably exists, fitted on the model's own features.

The binarisation test of Zimmermann et al. (NeurIPS 2022). For each sample, points well inside the ball around it are
one class and one point on its surface is the other. A linear read-out that separates them is fitted on the
features before the model's last layer. The surface point is adversarial by construction, so an attack that misses
it cannot be trusted on the real model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from attacks.books import Books
from attacks.gradients.base import GradientPath, Training
from attacks.model_oracle import ModelOracle
from attacks.noise import SignNoise, UniformNoise
from attacks.standard import Quick
from attacks.threats.linf import Linf
from bench.evaluation.reliability.examined_model import ExaminedModel
from bench.tasks.checks import graded
from bench.tasks.results import Check

INNER, SHRINK, SAMPLES = 100, 0.8, 24
"""Points inside the ball per sample, the share of the radius within which they lie, and the number of samples."""


def active_test(examined: ExaminedModel) -> Iterator[Check]:
    """Check that the attack set finds adversarial images that are known to exist."""
    last = last_linear(examined.proposer)
    if last is None or examined.stochastic:
        return
    rows = torch.arange(min(SAMPLES, len(examined.y)), device=examined.y.device)
    x, rng, threat = examined.x[rows], examined.rng.rows(rows), Linf(eps=examined.eps)
    inner = [x] + [UniformNoise().draw(x, Linf(eps=SHRINK * examined.eps), rng.fold("inner", k)) for k in range(INNER)]
    outer = SignNoise().draw(x, threat, rng.fold("outer"))
    with torch.no_grad():
        inside = torch.stack([features(examined.proposer, last, points) for points in inner], 1)
        outside = features(examined.proposer, last, outer)
    weights, bias = fit(inside, outside)
    separated = (torch.einsum("nkf,nf->nk", inside, weights) + bias[:, None] < 0).all(1)
    separated &= (outside * weights).sum(1) + bias > 0
    if not bool(separated.any()):
        says = "no read-out tells the centre of a ball from its surface, so the test could not be made"
        yield Check(name="active test", status="warn", value=0, says=says)
        return
    separable = separated.nonzero()[:, 0]
    x, rng, weights, bias = x[separable], rng.rows(separable), weights[separable], bias[separable]
    labels = torch.zeros(len(separable), dtype=torch.int64, device=x.device)
    oracle = ReadoutOracle(
        examined.proposer,
        labels,
        micro_batch=examined.micro_batch,
        books=Books.of(len(separable), x.device),
        session=Training().session(len(separable)),
        last=last,
        weights=weights,
        bias=bias,
    )
    found_by_attack = oracle.broken(Quick().perturb(oracle, x.clone(), threat, rng=rng.fold("active")))
    found_by_chance = oracle.broken(UniformNoise(draws=INNER).perturb(oracle, x.clone(), threat, rng=rng.fold("lucky")))
    share = float(found_by_attack.float().mean())
    says = (
        f"of {len(separable)} read-outs with an adversarial image that provably exists, the attack set finds {share:.0%} "
        f"({float(found_by_chance.float().mean()):.0%} are found by {INNER} random draws)"
    )
    yield Check(name="active test", status=graded(1 - share, warn=0.05, fail=0.2), value=share, says=says)


def last_linear(model: nn.Module) -> nn.Linear | None:
    """The last linear layer in module order; None without linear layers."""
    linear_layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    return linear_layers[-1] if linear_layers else None


def features(model: nn.Module, last: nn.Linear, x: Tensor) -> Tensor:
    """Inputs of the layer ``last`` for ``x`` ``(n, ...)``, averaged over all axes but samples and features: ``(n, F)``."""
    layer_inputs: list[Tensor] = []
    handle = last.register_forward_pre_hook(lambda module, inputs: layer_inputs.append(inputs[0]))
    try:
        model(x)
    finally:
        handle.remove()
    layer_input = layer_inputs[-1]
    return layer_input if layer_input.dim() == 2 else layer_input.mean(tuple(range(layer_input.dim() - 2)))


def fit(inside: Tensor, outside: Tensor) -> tuple[Tensor, Tensor]:
    """Least-squares read-outs that give -1 inside and +1 outside: weights ``(n, F)`` and bias ``(n,)``.

    inside: ``(n, k, F)``; outside: ``(n, F)``. Of all solutions, it is the one of smallest norm.
    """
    points = torch.cat([inside, outside[:, None]], 1).double()
    centre = points.mean(1, keepdim=True)
    targets = torch.full(points.shape[:2], -1.0, dtype=torch.float64, device=points.device)
    targets[:, -1] = 1.0
    mean = targets.mean(1)
    solved = torch.linalg.pinv(points - centre, rtol=1e-6) @ (targets - mean[:, None])[..., None]
    weights = solved[..., 0]
    bias = mean - (centre[:, 0] * weights).sum(1)
    return weights.to(inside), bias.to(inside)


@dataclass(frozen=True)
class ReadoutOracle(ModelOracle):
    """An oracle with two logits per row, from a read-out per row."""

    last: nn.Linear = field(kw_only=True)
    weights: Tensor = field(kw_only=True)
    bias: Tensor = field(kw_only=True)

    def outputs(self, x: Tensor, rows: Tensor) -> Tensor:
        """Logits ``(m, 2)`` of inputs ``x`` ``(m, ...)`` for the read-outs of ``rows`` ``(m,)``."""
        value = (features(self.model, self.last, x) * self.weights[rows]).sum(1) + self.bias[rows]
        return torch.stack([-value, value], 1)

    def subset(self, rows: Tensor, *, path: GradientPath | None = None) -> ReadoutOracle:
        """The oracle of some rows, given by their indices ``(m,)``."""
        return replace(super().subset(rows, path=path), weights=self.weights[rows], bias=self.bias[rows])

    def broken(self, x: Tensor) -> Tensor:
        """Whether each of ``x`` ``(n, ...)``, one input per row, is in the other class: ``(n,)`` bool."""
        rows = torch.arange(len(x), device=x.device)
        return self.query(x, rows, grad=False).broken
