"""An active test: a read-out for which an adversarial image provably exists, re-fitted on the model's own features.

The binarisation test of Zimmermann et al. (NeurIPS 2022). For each sample, points well inside the ball around it are
one class and one point on its surface is the other; a linear read-out that tells them apart is fitted on the
features before the model's last layer. The surface point is adversarial by construction, so an attack that finds
none on such a model cannot be believed on the real one.
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
from bench.evaluation.reliability.examined_model import Patient
from bench.tasks.checks import graded
from bench.tasks.results import Check

INNER, SHRINK, SAMPLES = 100, 0.8, 24
"""Points inside the ball per sample, the share of the radius they stay within, and how many samples are tried."""


def active_test(patient: Patient) -> Iterator[Check]:
    """Whether the attack set finds what is known to be there."""
    last = last_linear(patient.proposer)
    if last is None or patient.stochastic:
        return
    rows = torch.arange(min(SAMPLES, len(patient.y)), device=patient.y.device)
    x, rng, threat = patient.x[rows], patient.rng.rows(rows), Linf(eps=patient.eps)
    inner = [x] + [UniformNoise().draw(x, Linf(eps=SHRINK * patient.eps), rng.fold("inner", k)) for k in range(INNER)]
    outer = SignNoise().draw(x, threat, rng.fold("outer"))
    with torch.no_grad():
        inside = torch.stack([features(patient.proposer, last, points) for points in inner], 1)
        outside = features(patient.proposer, last, outer)
    weights, bias = fit(inside, outside)
    told_apart = (torch.einsum("nkf,nf->nk", inside, weights) + bias[:, None] < 0).all(1)
    told_apart &= (outside * weights).sum(1) + bias > 0
    if not bool(told_apart.any()):
        says = "no read-out tells the centre of a ball from its surface, so the test could not be made"
        yield Check(name="active test", status="warn", value=0, says=says)
        return
    kept = told_apart.nonzero()[:, 0]
    x, rng, weights, bias = x[kept], rng.rows(kept), weights[kept], bias[kept]
    labels = torch.zeros(len(kept), dtype=torch.int64, device=x.device)
    oracle = ReadoutOracle(
        patient.proposer,
        labels,
        micro_batch=patient.micro_batch,
        books=Books.of(len(kept), x.device),
        session=Training().session(len(kept)),
        last=last,
        weights=weights,
        bias=bias,
    )
    found = oracle.broken(Quick().perturb(oracle, x.clone(), threat, rng=rng.fold("active")))
    lucky = oracle.broken(UniformNoise(draws=INNER).perturb(oracle, x.clone(), threat, rng=rng.fold("lucky")))
    share = float(found.float().mean())
    says = (
        f"of {len(kept)} read-outs with an adversarial image that provably exists, the attack set finds {share:.0%} "
        f"({float(lucky.float().mean()):.0%} are found by {INNER} random draws)"
    )
    yield Check(name="active test", status=graded(1 - share, warn=0.05, fail=0.2), value=share, says=says)


def last_linear(model: nn.Module) -> nn.Linear | None:
    """The linear layer that comes last in module order."""
    found = [module for module in model.modules() if isinstance(module, nn.Linear)]
    return found[-1] if found else None


def features(model: nn.Module, last: nn.Linear, x: Tensor) -> Tensor:
    """What enters ``last``, averaged over everything but samples and features: ``(n, F)``."""
    seen: list[Tensor] = []
    handle = last.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    try:
        model(x)
    finally:
        handle.remove()
    found = seen[-1]
    return found if found.dim() == 2 else found.mean(tuple(range(found.dim() - 2)))


def fit(inside: Tensor, outside: Tensor) -> tuple[Tensor, Tensor]:
    """Least-squares read-outs, -1 inside and +1 outside: weights ``(n, F)`` and bias ``(n,)``.

    inside: ``(n, k, F)``; outside: ``(n, F)``. Of all solutions, the one of smallest norm.
    """
    points = torch.cat([inside, outside[:, None]], 1).double()
    centre = points.mean(1, keepdim=True)
    wanted = torch.full(points.shape[:2], -1.0, dtype=torch.float64, device=points.device)
    wanted[:, -1] = 1.0
    mean = wanted.mean(1)
    solved = torch.linalg.pinv(points - centre, rtol=1e-6) @ (wanted - mean[:, None])[..., None]
    weights = solved[..., 0]
    bias = mean - (centre[:, 0] * weights).sum(1)
    return weights.to(inside), bias.to(inside)


@dataclass(frozen=True)
class ReadoutOracle(ModelOracle):
    """Two logits per row, from a read-out of its own."""

    last: nn.Linear = field(kw_only=True)
    weights: Tensor = field(kw_only=True)
    bias: Tensor = field(kw_only=True)

    def outputs(self, x: Tensor, rows: Tensor) -> Tensor:
        value = (features(self.model, self.last, x) * self.weights[rows]).sum(1) + self.bias[rows]
        return torch.stack([-value, value], 1)

    def subset(self, rows: Tensor, *, path: GradientPath | None = None) -> ReadoutOracle:
        return replace(super().subset(rows, path=path), weights=self.weights[rows], bias=self.bias[rows])

    def broken(self, x: Tensor) -> Tensor:
        """Where ``x`` ``(n, ...)``, one input per row, is in the other class."""
        rows = torch.arange(len(x), device=x.device)
        return self.query(x, rows, grad=False).broken
