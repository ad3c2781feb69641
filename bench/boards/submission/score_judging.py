"""The verdict on own code that scores, from the answers of a fresh process; see :mod:`bench.boards.submission.judging`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from attacks.levels import towards_clean
from attacks.threat import Threat
from bench.boards.submission.answers import Ask
from bench.boards.submission.judging import DRAWS_AT_ONCE, Given, answers_of, noise_of, secret, shown_as, tell
from bench.boards.submission.score_proposing import Moved
from bench.evaluation.build_record import build
from bench.evaluation.records.record import Record
from bench.evaluation.saved_images import gather, saver
from bench.evaluation.units import Evaluator, Request
from bench.tasks.classification.stages import Unit
from bench.tasks.judge import Shard

FoundScores = dict[tuple[int, str, int, int], Moved]
"""(number of the attack, radius as given, shard, stage) to what moved the scores."""


def judge_scores(request: Request, found: FoundScores, ask: Ask, identity: str, folder: Path) -> Record:
    """The record of a blind subject. request.subject: ``Blind``, over answers ``(N,)``.

    folder: where adversarial images are left, as an evaluation leaves them.
    """
    evaluator, answers, generator = Evaluator(request, saver(folder)), answers_of(request), secret()
    draws = max(planned.noise_draws for planned in request.attacks)
    units: dict[str, Unit] = {}
    for index, positions in enumerate(evaluator.shards()):
        shard = evaluator.shard(positions)
        mine = {(number, eps, stage): one for (number, eps, where, stage), one in found.items() if where == index}
        for mixture in _mixtures(request, shard, mine, draws):
            answers.learn(mixture, ask, generator)
        clean = evaluator.judge.clean(shard)
        sizes = next(iter(mine.values())).gradient_l1.tolist()
        clean["gradient_l1"] = [size if math.isfinite(size) else None for size in sizes]
        units[f"clean/{index}"] = clean
        shard = evaluator.judge.ready(shard, clean)
        for eps in request.eps:
            units[f"noise/{eps.value!r}/{index}"] = evaluator.judge.noise(shard, clean, eps, draws)
            for number, planned in enumerate(request.attacks):
                key, stages = f"attack/{number}/{eps.value!r}/{index}", evaluator.stages(planned)
                rows, done = evaluator.judge.standing(clean, []), []
                for step, stage in enumerate(stages):
                    given = mine[number, eps.text, step]
                    played = replace(stage, attack=Given(images=given.images))
                    unit = evaluator.attack(shard, rows, eps, played, step, f"{key}/{step}")
                    done.append(tell(unit, given.counts, given.status, given.failures))
                    units[f"{key}/{step}"] = unit
                units[key] = evaluator.judge.combined(stages, done)
                gather(folder, key, shard, evaluator.judge.shown(stages, units[key]))
    return build(evaluator, units, identity)


def _mixtures(request: Request, shard: Shard, found: dict[tuple[int, str, int], Moved], draws: int) -> Iterator[Tensor]:
    """Clean, moved and rounded images twice, to see whether a score depends on its company, among all noisy ones."""
    plain = [shard.x]
    for (_, text, _), one in found.items():
        eps = next(eps for eps in request.eps if eps.text == text)
        shown = shown_as(one.images, shard.x, Threat(norm=request.norm, eps=eps.value))
        plain += [shown, towards_clean(shown, shard.x)]
    everyone = torch.arange(len(shard.x))
    for start in range(0, draws, DRAWS_AT_ONCE):
        ks = range(start, min(start + DRAWS_AT_ONCE, draws))
        noisy = [noise_of(request, shard, eps, k, everyone) for eps in request.eps for k in ks]
        yield torch.cat([*(plain * 2 if start == 0 else []), *noisy])
