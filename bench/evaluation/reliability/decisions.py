"""Examines whether a decision depends on anything but the sample."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from bench.evaluation.reliability.examined_model import ExaminedModel
from bench.foundation.errors import ModelError
from bench.models.memory import DIFFERENT, RESET, memory_or_chance
from bench.tasks.checks import graded
from bench.tasks.results import Check

MEMORY = "memory"
"""Name of the check that a model fails if its answers depend on the calls before."""


def stability(examined: ExaminedModel) -> Iterator[Check]:
    """Compare decisions on the same samples: again, in reverse order, among other samples, and alone."""
    scorer, x, rng = examined.scorer, examined.x, examined.rng.fold("stability")
    memory = Check(name=MEMORY, status="fail", value=1, says=f"it remembers its last call. {RESET}")
    if examined.stochastic:
        if memory_or_chance(examined.subject.module, lambda images: scorer.logits(images, rng), x) == "memory":
            yield memory
            return
        says = "declared stochastic: verdicts are rates over repeated forwards"
        yield Check(name="decisions", status="pass", value=0, says=says)
        return
    first = scorer.decisions(x, rng)[0]
    reverse_index = torch.arange(len(x) - 1, -1, -1, device=x.device)
    count = min(len(x), 16)

    def repeat() -> Tensor:
        return scorer.decisions(x, rng)[0]

    def reversed_order() -> Tensor:
        return scorer.decisions(x[reverse_index], rng.rows(reverse_index))[0][reverse_index]

    def mixed_batch() -> Tensor:
        mixed = torch.cat([x, 1 - x])
        streams = torch.arange(len(x), device=x.device).repeat(2)
        return scorer.decisions(mixed, rng.rows(streams), batch=32)[0][: len(x)]

    def one_by_one() -> Tensor:
        single_decisions = scorer.decisions(x[:count], rng.rows(torch.arange(count, device=x.device)), batch=1)[0]
        return torch.cat([single_decisions, first[count:]])

    inconstant = False
    for name, run in (
        ("twice", repeat),
        ("in reverse order", reversed_order),
        ("among other images", mixed_batch),
        ("alone", one_by_one),
    ):
        try:
            changed = float((run() != first).float().mean())
        except ModelError as error:  # a state that fits one batch only
            inconstant = True
            yield Check(name=f"decisions {name}", status="fail", value=1, says=f"asked {name}, it fails: {error.what}")
            continue
        inconstant |= changed > DIFFERENT
        says = f"asked {name}, it decides otherwise on {changed:.0%} of the samples"
        yield Check(name=f"decisions {name}", status=graded(changed, warn=0, fail=0.01), value=changed, says=says)
    if inconstant and memory_or_chance(examined.subject.module, scorer.logits, x) == "memory":
        yield memory
