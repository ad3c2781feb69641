"""Searches on validation images of one model, verified and scored as in an evaluation."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from attacks.base import Stage
from attacks.cascade import fitting
from attacks.fitting import Traits
from attacks.inheritance import Levels, Reached
from attacks.model_oracle import ModelOracle
from attacks.objectives import Margin
from attacks.randomness import KeyedRng
from attacks.threats.threat import Threat
from bench.data import load_samples
from bench.evaluation.request.attack_specs import resolve_attack, resolve_path
from bench.foundation.spec import parse_eps
from bench.foundation.threats import threat_at
from bench.models.scorer import Scorer
from bench.tasks.feasibility import statuses
from zoo.canonical.convert import canonical
from zoo.card import card
from zoo.folding import folded
from zoo.loading import load


@dataclass(frozen=True)
class Outcome:
    """What a search returned for n images, verified and scored.

    broken: ``(n,)`` bool. points: ``(n, ...)``. margin: ``(n,)``, minus infinity for a point outside of the ball.
    forwards, backwards: of the search, on all images together. seconds: of CPU time.
    """

    broken: Tensor
    points: Tensor
    margin: Tensor
    forwards: int
    backwards: int
    seconds: float


@dataclass(frozen=True)
class Run:
    """What a stage of a set did. attempted, broken: images. pairs: of a forward and a backward; forwards: further ones."""

    stage: str
    attempted: int
    broken: int
    pairs: int
    forwards: int
    seconds: float


@dataclass(frozen=True)
class Standing:
    """What stages leave. rows: indices ``(m,)`` of the images that stand. points: the best of each ``(m, ...)``. runs: one
    per stage that had images to attack.
    """

    rows: Tensor
    points: Tensor
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Trial:
    """Validation images that one model classifies correctly, to be attacked by searches.

    x: ``(n, C, H, W)``. y: ``(n,)``. ids: their numbers in the split ``(n,)``.
    """

    name: str
    scorer: Scorer
    proposer: nn.Module
    x: Tensor
    y: Tensor
    ids: Tensor
    rng: KeyedRng
    threat: Threat

    @classmethod
    def of(cls, name: str, radius: str, n: int, *, norm: str = "linf", first: int = 0) -> Trial:
        """The trial of a model on n validation samples from the ``first`` on. radius: as written, for example ``2/255``."""
        samples = load_samples(card(name).dataset, split="val", n=first + n)[first:]
        model = load(name)
        twin = canonical(model)
        scorer = Scorer(twin or model, name)
        rng = KeyedRng.of(0, samples.ids)
        right = (scorer.decisions(samples.images, rng)[0] == samples.labels).nonzero()[:, 0]
        x, y, ids = samples.images[right], samples.labels[right], samples.ids[right]
        threat = threat_at(norm, parse_eps(radius, norm=norm)[0].value)
        proposer = twin.network if twin else folded(model)
        return cls(name, scorer, proposer, x, y, ids, rng.rows(right), threat)

    def among(self, rows: Tensor) -> Trial:
        """The trial restricted to some rows, given by their indices ``(m,)``."""
        return replace(self, x=self.x[rows], y=self.y[rows], ids=self.ids[rows], rng=self.rng.rows(rows))

    @property
    def traits(self) -> Traits:
        """Of the model."""
        return ModelOracle.of(self.proposer, self.y).traits

    def broken(self, stage: Stage, inherited: Tensor | None = None) -> Tensor:
        """Whether each image falls, ``(n,)`` bool. inherited: see :meth:`attacked`."""
        return self.attacked(stage, inherited).broken

    def attacked(self, stage: Stage, inherited: Tensor | None = None, rng: KeyedRng | None = None) -> Outcome:
        """The search of a stage, verified and scored as in an evaluation. inherited: where it may start, ``(n, ...)``."""
        if not len(self.y):
            return Outcome(torch.zeros(0, dtype=torch.bool), self.x, torch.zeros(0), 0, 0, 0.0)
        start, began = inherited if stage.attack.inherits else None, time.process_time()
        oracle = ModelOracle.of(self.proposer, self.y, path=stage.path, rng=self.rng.fold("layers"), inherited=start)
        adv = stage.attack.perturb(oracle, self.x, self.threat, rng=rng or self.rng.fold("attack"))
        seconds = time.process_time() - began
        inside = torch.tensor([status == "ok" for status in statuses(adv, self.x, self.threat)])
        logits = self.scorer.drawn(adv, self.rng)[0]
        margin = torch.where(inside, Margin().value(logits, self.y, None), -torch.inf)
        forwards, backwards = int(oracle.forwards.sum()), int(oracle.backwards.sum())
        return Outcome((logits.argmax(1) != self.y) & inside, adv, margin, forwards, backwards, seconds)

    def after(self, stages: Sequence[Stage]) -> Standing:
        """What stages leave that inherit from each other, each on what the ones before it have left."""
        reached, standing, runs = Reached.nothing(self.x), torch.arange(len(self.y)), []
        for position, stage in enumerate(stages):
            if not len(standing):
                break
            among, rng = self.among(standing), self.rng.rows(standing).fold("attack")
            inherited = reached.points[standing] if position else None
            outcome = among.attacked(stage, inherited, rng.fold("stage", position) if position else rng)
            nearer = reached.better(outcome.margin, standing)
            levels = Levels.of(outcome.points[nearer], among.x[nearer])
            reached.take(levels, outcome.margin[nearer], standing[nearer], self.x, self.threat)
            further = outcome.forwards - outcome.backwards
            fell = int(outcome.broken.sum())
            runs.append(Run(stage.name, len(standing), fell, outcome.backwards, further, outcome.seconds))
            standing = standing[~outcome.broken]
        return Standing(standing, reached.points[standing], tuple(runs))

    def fitting(self, attack: str) -> tuple[Stage, ...]:
        """The stages of an attack set that can run here. attack: its spec."""
        stages = resolve_attack(attack).attack.stages(type(self.threat), self.traits)
        return fitting(stages, self.threat, self.x.shape[1:], self.traits)[0]

    def stage(self, attack: str, path: str) -> Stage:
        """The candidate of two specs. ``{model}`` in the first stands for this model."""
        plan = resolve_attack(attack.format(model=self.name))
        return Stage(f"{attack} along {path}", plan.attack, resolve_path(path)[1])
