"""Does a decision depend on anything but the sample?"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from bench.evaluation.reliability.examined_model import Patient
from bench.tasks.checks import graded
from bench.tasks.results import Check


def stability(patient: Patient) -> Iterator[Check]:
    """The same sample twice, in reverse order, in other company, and alone."""
    if patient.stochastic:
        says = "declared stochastic: verdicts are rates over repeated forwards"
        yield Check(name="decisions", status="pass", value=0, says=says)
        return
    scorer, x, rng = patient.scorer, patient.x, patient.rng.fold("stability")
    first = scorer.decisions(x, rng)[0]
    back = torch.arange(len(x) - 1, -1, -1, device=x.device)
    alone = min(len(x), 16)

    def again() -> Tensor:
        return scorer.decisions(x, rng)[0]

    def reverse() -> Tensor:
        return scorer.decisions(x[back], rng.rows(back))[0][back]

    def company() -> Tensor:
        mixed = torch.cat([x, 1 - x])
        streams = torch.arange(len(x), device=x.device).repeat(2)
        return scorer.decisions(mixed, rng.rows(streams), batch=32)[0][: len(x)]

    def single() -> Tensor:
        one = scorer.decisions(x[:alone], rng.rows(torch.arange(alone, device=x.device)), batch=1)[0]
        return torch.cat([one, first[alone:]])

    for name, run in (("twice", again), ("in reverse order", reverse), ("in other company", company), ("alone", single)):
        changed = float((run() != first).float().mean())
        says = f"asked {name}, it changes its mind on {changed:.0%} of the samples"
        yield Check(name=f"decisions {name}", status=graded(changed, warn=0, fail=0.01), value=changed, says=says)
