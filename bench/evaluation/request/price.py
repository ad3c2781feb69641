"""The most that a request can cost, before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass

from bench.tasks.task import Request


@dataclass(frozen=True)
class Price:
    """Passes through the model, summed over samples."""

    forwards: int
    backwards: int


def price_of(request: Request) -> Price:
    """Upper bound before early exits: every sample survives everything."""
    costs = [[stage.attack.cost() for stage in stages] for stages in request.stages]
    forwards = [sum(forwards for forwards, _ in stages) for stages in costs]
    backwards = [sum(backwards for _, backwards in stages) for stages in costs]
    scorings, radii, n = request.scorings, len(request.eps), len(request.samples)
    per_radius = request.noise_draws * scorings + sum(each * request.eot + 3 * scorings for each in forwards)
    return Price(n * (2 * scorings + radii * per_radius), n * radii * sum(each * request.eot for each in backwards))
