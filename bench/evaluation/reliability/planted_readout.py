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
from torch import Tensor

from attacks.books import Books
from attacks.gradients.base import GradientPath, Training
from attacks.model_oracle import ModelOracle
from attacks.noise import SignNoise, UniformNoise
from attacks.randomness import KeyedRng
from attacks.standard import Quick
from attacks.threats.linf import Linf
from bench.evaluation.reliability.examined_model import ExaminedModel
from bench.evaluation.reliability.readout_features import Features, UnreadableError, features_of
from bench.tasks.checks import graded, not_looked_at
from bench.tasks.results import Check

INNER, SHRINK, SAMPLES = 100, 0.8, 24
"""Points inside the ball per sample, the share of the radius within which they lie, and the number of samples."""


def active_test(examined: ExaminedModel) -> Iterator[Check]:
    """Check that the attack set finds adversarial images that are known to exist, where such a read-out can be made."""
    try:
        yield from _active_test(examined)
    except UnreadableError as error:
        yield not_looked_at("active test", "whether attacks find images that are known to exist", str(error))


def _active_test(examined: ExaminedModel) -> Iterator[Check]:
    if examined.stochastic:
        raise UnreadableError("two calls may differ")
    examined.on_work("read-outs with a known answer")
    reader = features_of(examined.proposer, examined.x)
    rows = torch.arange(min(SAMPLES, len(examined.y)), device=examined.y.device)
    x, rng = examined.x[rows], examined.rng.rows(rows)
    weights, bias, separated = _readouts(examined, reader, x, rng)
    if not bool(separated.any()):
        raise UnreadableError("no read-out tells the centre of a ball from its surface")
    separable = separated.nonzero()[:, 0]
    x, rng, weights, bias = x[separable], rng.rows(separable), weights[separable], bias[separable]
    labels = torch.zeros(len(separable), dtype=torch.int64, device=x.device)
    oracle = ReadoutOracle(
        examined.proposer,
        labels,
        micro_batch=examined.micro_batch,
        sites=examined.subject.sites,
        books=Books.of(len(separable), x.device),
        session=Training().session(len(separable)),
        reader=reader,
        weights=weights,
        bias=bias,
    )
    examined.on_work("the attack set on read-outs with a known answer")
    found_by_attack = oracle.broken(Quick().perturb(oracle, x.clone(), examined.threat, rng=rng.fold("active")))
    lucky = UniformNoise(draws=INNER).perturb(oracle, x.clone(), examined.threat, rng=rng.fold("lucky"))
    share = float(found_by_attack.float().mean())
    says = (
        f"{len(separable)} read-outs were planted whose adversarial image is known to exist; the attack set finds "
        f"{share:.0%} of these images, {INNER} random draws find {float(oracle.broken(lucky).float().mean()):.0%}"
    )
    yield Check(name="active test", status=graded(1 - share, warn=0.05, fail=0.2), value=share, says=says)


def _readouts(examined: ExaminedModel, reader: Features, x: Tensor, rng: KeyedRng) -> tuple[Tensor, Tensor, Tensor]:
    """Read-outs for balls around ``x`` ``(n, ...)``: weights ``(n, F)``, bias and whether they separate ``(n,)``."""
    inner = [x] + [UniformNoise().draw(x, Linf(eps=SHRINK * examined.eps), rng.fold("inner", k)) for k in range(INNER)]
    outer = SignNoise().draw(x, examined.threat, rng.fold("outer"))

    def read(points: Tensor) -> Tensor:
        return torch.cat([reader(examined.proposer, part) for part in points.split(examined.micro_batch)])

    with torch.no_grad():
        inside, outside = torch.stack([read(points) for points in inner], 1), read(outer)
    weights, bias = fit(inside, outside)
    separated = (torch.einsum("nkf,nf->nk", inside, weights) + bias[:, None] < 0).all(1)
    separated &= (outside * weights).sum(1) + bias > 0
    return weights, bias, separated


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

    reader: Features = field(kw_only=True)
    weights: Tensor = field(kw_only=True)
    bias: Tensor = field(kw_only=True)

    def outputs(self, x: Tensor, rows: Tensor) -> Tensor:
        """Logits ``(m, 2)`` of inputs ``x`` ``(m, ...)`` for the read-outs of ``rows`` ``(m,)``."""
        value = (self.reader(self.model, x) * self.weights[rows]).sum(1) + self.bias[rows]
        return torch.stack([-value, value], 1)

    def subset(self, rows: Tensor, *, path: GradientPath | None = None) -> ReadoutOracle:
        """The oracle of some rows, given by their indices ``(m,)``."""
        return replace(super().subset(rows, path=path), weights=self.weights[rows], bias=self.bias[rows])

    def broken(self, x: Tensor) -> Tensor:
        """Whether each of ``x`` ``(n, ...)``, one input per row, is in the other class: ``(n,)`` bool."""
        rows = torch.arange(len(x), device=x.device)
        return self.query(x, rows, grad=False).broken
