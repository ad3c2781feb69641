"""How far ``standard`` moves the scores of quality models, and how much farther three times its budget gets.

    python -m reports.score_stages

On validation photographs, at each radius: the sets of version 4 and of today, APGD-400 alone, the attacks that were made for
scores, and a search as long as twice the budget of ``standard`` from the best points that it has left. If that search moves
scores hardly any farther, the set has converged. Writes ``leaderboards/stages/scores.csv``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.base import Stage
from attacks.cascade import Cascade, fitting
from attacks.inheritance import Levels, Reached
from attacks.model_oracle import ModelOracle
from attacks.randomness import KeyedRng
from attacks.threats.threat import Threat
from bench.data import load_samples
from bench.evaluation.request.attack_specs import resolve_attack
from bench.foundation.spec import parse_eps
from bench.foundation.threats import threat_at
from bench.metrics import quality
from bench.metrics.quality import ScoreRange
from bench.metrics.weighted import ones
from bench.models.opening import open_subject
from bench.models.scorer import Scorer
from bench.models.subject import Subject
from bench.tasks.quality.stages import UP, WAYS
from reports.growing import rows_of_others, write_growing
from reports.stages import WHERE
from zoo.card import card, names

RADII = ("1/255", "2/255", "4/255")
ALONE = ("standard@4", "apgd:steps=400", "korhonen:steps=400", "perceptual:steps=400")
"""What ``standard`` is compared with."""
LONGER = ("apgd:steps=400,restarts=2", "warm_apgd:steps=100,restarts=7")
"""Searches after ``standard``, one after another: together twice its pairs each way, so that all together spend three times
its budget."""


@dataclass(frozen=True)
class Moved:
    """Points of both ways, and how far each image's score lies from the clean one there: ``(n,)``, at least 0."""

    points: dict[str, Reached]
    shift: dict[str, Tensor]


@dataclass(frozen=True)
class ScoreTrial:
    """Validation photographs whose scores are to be moved. x: ``(n, C, H, W)``; clean: their scores ``(n,)``."""

    subject: Subject
    scorer: Scorer
    x: Tensor
    clean: Tensor
    rng: KeyedRng
    threat: Threat

    @classmethod
    def of(cls, name: str, radius: str, n: int) -> ScoreTrial:
        """The trial of a model on n validation photographs, spread evenly over all of them. radius: as ``2/255``."""
        every = load_samples(card(name).dataset, split="val")
        samples = every[torch.arange(n) * len(every) // n]
        subject = open_subject(f"zoo:{name}")
        scorer = Scorer(subject.deciding, subject.ref)
        rng = KeyedRng.of(0, samples.ids)
        threat = threat_at("linf", parse_eps(radius)[0].value)
        return cls(subject, scorer, samples.images, scorer.scores(samples.images), rng, threat)

    @property
    def scale(self) -> ScoreRange:
        """The model's score range."""
        return ScoreRange(*self.subject.score_range)

    def nothing(self) -> Moved:
        """Before any search."""
        return Moved({way: Reached.nothing(self.x) for way in WAYS}, {way: torch.zeros(len(self.x)) for way in WAYS})

    def after(self, stages: Sequence[Stage], before: Moved | None = None) -> Moved:
        """What stages reach that inherit from each other, and from ``before`` if it is given."""
        moved = before or self.nothing()
        points = {way: Reached(reached.points.clone(), reached.margin.clone()) for way, reached in moved.points.items()}
        shift = dict(moved.shift)
        rng = self.rng.fold("further") if before else self.rng
        for lane, (way, objective) in enumerate(WAYS.items()):
            for number, stage in enumerate(stages):
                inherited = points[way].points if number or before else None
                oracle = ModelOracle.of(
                    self.subject.proposing, self.clean, objective=objective, inherited=inherited, micro_batch=16
                )
                # As in an evaluation, whose stages go up and down in turn.
                streams = rng.fold("stage", 2 * number + lane) if number or lane else rng
                adv = stage.attack.perturb(oracle, self.x, self.threat, rng=streams.fold("attack"))
                gain = (self.scorer.scores(adv) - self.clean) * (1 if way == UP else -1)
                nearer = points[way].better(gain, torch.arange(len(gain))).nonzero()[:, 0]
                levels = Levels.of(adv[nearer], self.x[nearer])
                points[way].take(levels, gain[nearer], nearer, self.x, self.threat)
                shift[way] = torch.maximum(shift[way], gain)
        return Moved(points, shift)

    def stages(self, spec: str) -> tuple[Stage, ...]:
        """Those of an attack on this model."""
        attack = resolve_attack(spec).attack
        traits = ModelOracle.of(self.subject.proposing, self.clean, objective=WAYS[UP]).traits
        stages = attack.stages(type(self.threat), traits)
        return fitting(stages, self.threat, self.x.shape[1:], traits)[0] if isinstance(attack, Cascade) else stages

    def figures(self, moved: Moved) -> dict[str, float]:
        """Mean |shift| as it is, and clipped to the range, both in score ranges."""
        clean = self.clean.double().numpy()
        up, down = (moved.shift[way].double().numpy() for way in WAYS)
        largest = torch.maximum(moved.shift["up"], moved.shift["down"]).double().mean()
        clipped = quality.clipped_shift(clean, clean + up, clean - down, self.scale)
        return {"shift": float(largest) / self.scale.width, "clipped": float(clipped(ones(len(clean)))[0])}


def rows(name: str, radius: str, n: int) -> Iterator[dict[str, object]]:
    """One row per search on this model. Columns: pairs and further forwards that it spends on an image each way, mean shift
    and mean clipped shift in score ranges, and by how much percent the latter exceeds that of ``standard``.
    """
    trial = ScoreTrial.of(name, radius, n)
    after_standard = trial.after(trial.stages("standard"))
    reached = trial.figures(after_standard)

    def row(search: str, stages: Sequence[Stage], moved: Moved) -> dict[str, object]:
        forwards, backwards = (sum(costs) for costs in zip(*(stage.attack.cost() for stage in stages), strict=True))
        figures = trial.figures(moved)
        rise = 100 * (figures["clipped"] / reached["clipped"] - 1) if reached["clipped"] else 0.0
        spent: dict[str, object] = {"pairs": backwards, "forwards": forwards - backwards}
        rounded = {key: round(value, 4) for key, value in figures.items()} | {"rise": round(rise, 2)}
        return {"model": name, "eps": radius, "n": n, "search": search} | spent | rounded

    yield row("standard", trial.stages("standard"), after_standard)
    for spec in ALONE:
        yield row(spec, trial.stages(spec), trial.after(trial.stages(spec)))
    longer = [stage for spec in LONGER for stage in trial.stages(spec)]
    yield row(f"standard, then {', then '.join(LONGER)}", longer, trial.after(longer, after_standard))


def main() -> None:
    """Run all searches on all quality models and write the table, row by row."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--n", type=int, default=20, help="validation photographs")
    options.add_argument("--model", action="append", default=[], help="may be repeated; all quality models if left out")
    options.add_argument("--eps", action="append", default=[], help="may be repeated")
    given = options.parse_args()
    models = given.model or [name for name in names() if card(name).task == "quality"]
    on = [(name, radius) for name in models for radius in given.eps or RADII]
    all_rows = (row for name, radius in on for row in rows(name, radius, given.n))
    line = "{model} {eps}: {search}: shift {shift}, clipped {clipped} ({rise:+}%)".format_map
    write_growing(WHERE / "scores.csv", all_rows, line, rows_of_others(WHERE / "scores.csv", on))


if __name__ == "__main__":
    main()
