"""The verdict on own code, from the answers of a fresh process that sees shuffled images and no labels.

First come the proposals of the attacked process. Then clean, noisy and adversarial images, mixed in one order drawn here,
go to the second process. The ordinary evaluator does the rest, with the answers standing in for the model: accuracies,
noise, ball, box, 8 bits and rows are computed by the code that judges every other model.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from attacks.base import Attack, Stage
from attacks.levels import towards_clean
from attacks.noise import UniformNoise
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.threat import Threat
from bench.boards.submission.answers import Answers, Ask
from bench.boards.submission.proposing import COUNTS, STATUSES, Proposals
from bench.evaluation.build_record import build
from bench.evaluation.records.record import Record
from bench.evaluation.request.attack_specs import Planned
from bench.evaluation.saved_images import merge, saver
from bench.evaluation.units import Evaluator, Request
from bench.foundation.spec import Eps
from bench.models.subject import Subject
from bench.tasks.classification.stages import Unit, combined, standing
from bench.tasks.feasibility import statuses
from bench.tasks.judge import Shard

DRAWS_AT_ONCE = 10
"""Noise draws per mixture: enough to hide the rest among, few enough to fit into memory."""


@dataclass(frozen=True)
class Blind(Subject):
    """A model of which only answers are known. taken: layers that its process says take gradient paths."""

    taken: int = 0

    @property
    def path_takers(self) -> int:
        return self.taken


@dataclass(frozen=True, kw_only=True)
class Given(Attack):
    """Images that were found elsewhere, row by row."""

    images: Tensor

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        return self.images

    def cost(self) -> tuple[int, int]:
        return 0, 0


Found = dict[tuple[int, str, int], Proposals]
"""(number of the attack, radius as given, shard) to its proposals."""


def judge(request: Request, found: Found, ask: Ask, identity: str, folder: Path) -> Record:
    """The record of a blind subject. request.subject: :class:`Blind` over :class:`~bench.boards.submission.answers.Answers`.

    folder: where adversarial images are left, as an evaluation leaves them.
    """
    evaluator, answers, generator = Evaluator(request, saver(folder)), answers_of(request), secret()
    units: dict[str, Unit] = {}
    draws = max(planned.noise_draws for planned in request.attacks)
    for index, positions in enumerate(evaluator.shards()):
        shard = evaluator.shard(positions)
        of_shard = {(number, eps): one for (number, eps, where), one in found.items() if where == index}
        for mixture in _mixtures(request, shard, of_shard, answers, draws):
            answers.learn(mixture, ask, generator)
        clean = units[f"clean/{index}"] = evaluator.judge.clean(shard)
        for eps in request.eps:
            units[f"noise/{eps.value!r}/{index}"] = evaluator.judge.noise(shard, clean, eps, draws)
            for number, planned in enumerate(request.attacks):
                key = f"attack/{number}/{eps.value!r}/{index}"
                units |= _attack_units(evaluator, shard, clean, planned, eps, of_shard[number, eps.text], key)
                merge(folder, key, shard, [(key, units[key]["rows"])])
    return build(evaluator, units, identity)


def answers_of(request: Request) -> Answers:
    """What stands in for the model of a blind subject."""
    if not isinstance(request.subject.module, Answers):
        raise TypeError("only answers can be judged")
    return request.subject.module


def secret() -> torch.Generator:
    """Of orders that the code cannot foresee."""
    return torch.Generator().manual_seed(int.from_bytes(os.urandom(7), "little"))


def _mixtures(
    request: Request, shard: Shard, found: dict[tuple[int, str], Proposals], answers: Answers, draws: int
) -> Iterator[Tensor]:
    """Clean, noisy, adversarial and rounded images together, noise draw by noise draw as long as samples stand."""
    copies = 2 * request.scorings  # twice: does a decision depend on its company, a rate on its draws?
    plain = [shard.x]
    for (_, text), one in found.items():
        eps = next(eps for eps in request.eps if eps.text == text)
        shown = shown_as(one.images, shard.x, Threat(norm=request.norm, eps=eps.value))
        plain += [shown, towards_clean(shown, shard.x)]
    left = {eps.text: torch.arange(len(shard.x)) for eps in request.eps}
    for start in range(0, draws, DRAWS_AT_ONCE):
        noisy = {
            (eps.text, k): noise_of(request, shard, eps, k, left[eps.text])
            for eps in request.eps
            for k in range(start, min(start + DRAWS_AT_ONCE, draws))
            if len(left[eps.text])
        }
        if start and not noisy:
            return
        once = plain * (copies if start == 0 else 1)
        yield torch.cat([*once, *(images for images in noisy.values() for _ in range(request.scorings))])
        for eps in request.eps:
            said = [answers.classes(images) for (text, _), images in noisy.items() if text == eps.text]
            labels = shard.labels[left[eps.text]].tolist()
            stands = [all(label in one[row] for one in said) for row, label in enumerate(labels)]
            left[eps.text] = left[eps.text][torch.tensor(stands, dtype=torch.bool)]


def shown_as(images: Tensor, x: Tensor, threat: Threat) -> Tensor:
    """Images as the evaluator will show them: the clean one where the other leaves ball or box."""
    usable = torch.tensor([status == "ok" for status in statuses(images, x, threat)])
    return torch.where(usable.view(-1, *([1] * (x.dim() - 1))), images, x)


def noise_of(request: Request, shard: Shard, eps: Eps, k: int, rows: Tensor) -> Tensor:
    """The same draws that the evaluator will make."""
    rng = shard.rng.fold("noise", k).rows(rows)
    return UniformNoise().draw(shard.x[rows], Threat(norm=request.norm, eps=eps.value), rng)


def _attack_units(
    evaluator: Evaluator, shard: Shard, clean: Unit, planned: Planned, eps: Eps, given: Proposals, key: str
) -> dict[str, Unit]:
    """Units of one attack: judged here, with costs and stages as the attacked process tells them."""
    stages = evaluator.stages(planned)
    rows = standing(clean, [])
    index = torch.tensor(rows, dtype=torch.int64)
    stage = Stage(planned.name, Given(images=given.images[index]))
    counts = {name: given.counts[name][index] for name in COUNTS}
    judged = tell(evaluator.attack(shard, rows, eps, stage, 0, key), counts, given.status[index], given.failures)
    whole = combined((stage,), [judged])
    broke = [
        -1 if rate == 1 else int(told) if told >= 0 else len(stages) - 1
        for rate, told in zip(whole["selection"], given.stage[index], strict=True)
    ]
    whole["stage"] = [stages[number].name if number >= 0 else "" for number in broke]
    units = {key: whole}
    for number in range(len(stages)):
        units[f"{key}/{number}"] = _stage_unit(whole, broke, number, given.stages[number])
    return units


def tell(judged: Unit, counts: dict[str, Tensor], status: Tensor, failures: list[str]) -> Unit:
    """A judged unit with what the attacked process tells of it: costs, and statuses where nothing worse was seen here."""
    for name in COUNTS:
        judged[name] = counts[name].tolist()
    told = [STATUSES[number] for number in status.tolist()]
    judged["status"] = [ours if ours != "ok" else theirs for ours, theirs in zip(judged["status"], told, strict=True)]
    judged["failure"] = "; ".join(failures) or None
    return judged


def _stage_unit(whole: Unit, broke: list[int], number: int, spent: tuple[float, float, float, float]) -> Unit:
    """What one stage did: on samples that no stage before it had broken entirely."""
    fallen = [rate == 0 for rate in whole["selection"]]
    tried = [i for i in range(len(broke)) if not (fallen[i] and broke[i] < number)]
    forwards, backwards, zero, seconds = spent
    return {
        "rows": [whole["rows"][i] for i in tried],
        "selection": [0.0 if fallen[i] and broke[i] == number else 1.0 for i in tried],
        "forwards": [forwards] * len(tried),
        "backwards": [backwards] * len(tried),
        "zero_gradients": [min(zero, backwards)] * len(tried),
        "seconds": seconds,
    }


def blind(subject_fields: dict[str, Any], layers: int) -> Blind:
    """A subject with nothing but answers. subject_fields: those of a ``Subject`` but its module."""
    return replace(Blind(module=Answers().eval(), **subject_fields), taken=layers)
