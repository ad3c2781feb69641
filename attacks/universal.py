"""One perturbation for every image (Moosavi-Dezfooli et al., CVPR 2017; for quality models Shumitskaya et al., BMVC 2022).

It is fitted on images that are not attacked, by ascent on the mean objective over mini-batches, with the model's own
answers as labels (Shafahi et al., AAAI 2020, with momentum in the place of plain gradients):

    m <- 0.9 m + mean_b grad value(P(x_b + d)),   d <- P_ball(d + eta * steepest(m)),   eta falling linearly to 0

and then added to every input.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from attacks.base import Access, Attack
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.resources import Parameters, Resources
from attacks.threats.norm_ball import NormBall, as_norm_ball
from attacks.threats.threat import Threat, ThreatKinds

SPLIT = "train"
"""The images come from this split: what is attacked must not be among what was fitted on."""


@dataclass(frozen=True, kw_only=True)
class UniversalParameters:
    """What a spec may say.

    data: a data set whose training images have the size of those under attack. n: how many of them, spread evenly over the
    split. steps and batch: see :class:`Universal`.
    """

    data: str = ""
    n: int = 500
    steps: int = 60
    batch: int = 32


@dataclass(frozen=True, kw_only=True)
class Universal(Attack):
    """The same perturbation for all, of the size of the inputs; the box clips it image by image.

    images: what it is fitted on, ``(m, ...)`` in the box, none of them under attack. In a spec: ``universal:data=NAME``.
    steps: mini-batches it sees. batch: images in each, taken in turn.

    It asks nothing about the images under attack. Fitting costs ``steps * batch`` forwards and backwards for each radius,
    which are spent once, on other images, and not booked to those under attack. A fit draws from no stream of the samples,
    so that it is the same in every shard.
    Raises ``ValueError`` without images, or for steps or images a step below 1.
    """

    threats: ClassVar[ThreatKinds] = (NormBall,)
    access: ClassVar[Access] = "none"

    images: Tensor = field(repr=False)
    steps: int = 60
    batch: int = 32

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1 or not len(self.images):
            raise ValueError(
                "a universal perturbation needs at least one step, one image and one image a step, "
                f"got {self.steps}, {len(self.images)} and {self.batch}"
            )

    @classmethod
    def from_spec(cls, params: Mapping[str, str], resources: Resources[Attack]) -> tuple[Self, Parameters]:
        """The attack of :class:`UniversalParameters`, its images read; other images are another request.

        Raises ``ValueError`` without a data set, and for fewer than one image or step.
        """
        given = resources.bind(UniversalParameters, params)
        if not given.data:
            raise ValueError("it needs images to be fitted on, as in universal:data=NAME")
        if given.n < 1:
            raise ValueError(f"it cannot be fitted on {given.n} images")
        attack = cls(images=resources.images(given.data, SPLIT, given.n), steps=given.steps, batch=given.batch)
        parameters = Parameters.of(given, params)
        return attack, replace(parameters, defaulted=parameters.defaulted | {"split": SPLIT} | attack._fitted_on())

    def recorded(self, resources: Resources[Attack]) -> Parameters:
        """As in the base; the images are known by their hash."""
        fitted_on = self._fitted_on()
        spec = f"universal:images={fitted_on['fitted_on']['sha256'][:8]},steps={self.steps},batch={self.batch}"
        return Parameters({"steps": self.steps, "batch": self.batch}, fitted_on, spec)

    def _fitted_on(self) -> dict[str, Any]:
        digest = hashlib.sha256(self.images.detach().cpu().contiguous().numpy().tobytes()).hexdigest()
        return {"fitted_on": {"n": len(self.images), "sha256": digest}}

    def cost(self) -> tuple[int, int]:
        """(0, 0): nothing is asked about the inputs under attack."""
        return 0, 0

    def misfit_of_shape(self, shape: Sequence[int]) -> str | None:
        """The images that it is fitted on must have the shape of the inputs."""
        if tuple(shape) == tuple(self.images.shape[1:]):
            return None
        own = tuple(self.images.shape[1:])
        return f"A universal perturbation for inputs {tuple(shape)} cannot be fitted on inputs {own}"

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """``x`` ``(n, ...)`` plus the perturbation fitted for its radius, clipped image by image. See the base."""
        self.require_fit(oracle, x, threat)
        adv = x.clone()
        if not len(x):
            return adv
        radii = threat.radius(x).flatten()
        for eps in radii.unique():
            rows = (radii == eps).nonzero()[:, 0]
            ball = as_norm_ball(threat).with_radius(float(eps))
            if float(eps) > 0:
                adv[rows] = ball.project(x[rows] + self.fit(oracle, x[:1], ball), x[rows])
        return adv

    def fit(self, oracle: Oracle, like: Tensor, threat: NormBall) -> Tensor:
        """The perturbation ``(1, ...)``, in the ball, for inputs of the shape, type and device of ``like`` ``(1, ...)``.

        Raises ``ValueError`` if the images it is to be fitted on are of another shape.
        """
        images = self.images.to(like).clamp(threat.low, threat.high)
        reason = self.misfit_of_shape(like.shape[1:])
        if reason is not None:
            raise ValueError(reason)
        beside = oracle.beside(images)
        stream = KeyedRng.of(0, torch.zeros(1, dtype=torch.int64, device=like.device))
        # From a random point, because some objectives are flat at the clean images.
        centre = torch.full_like(like, (threat.low + threat.high) / 2)
        delta = threat.random(centre, stream) - centre
        momentum = torch.zeros_like(like)
        for step in range(self.steps):
            rows = torch.arange(step * self.batch, (step + 1) * self.batch, device=like.device) % len(images)
            points = (images[rows] + delta).clamp(threat.low, threat.high)
            gradient = beside.query(points, rows, grad=True).slope.mean(0, keepdim=True)
            momentum = 0.9 * momentum + gradient
            size = 2.5 * threat.radius(like) / self.steps * 2 * (1 - step / self.steps)
            delta = threat.shrink(delta + size * threat.steepest(momentum))
        return delta
