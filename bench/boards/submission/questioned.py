"""Own code as a model whose answers on foreign images are asked for: each image hidden among others, in isolation.

The code sees neither labels nor which of the images somebody brought. Everything goes in twice, in one order drawn here, so
that an answer which depends on its company is seen to do so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from attacks.lattice import RealNumbers
from attacks.randomness import KeyedRng
from bench.boards.submission.answers import Answers, Ask, key, secret_generator
from bench.boards.submission.answers_only import answers_only
from bench.boards.submission.description import Description
from bench.boards.submission.folder import snapshot
from bench.boards.submission.namespaces import Limits
from bench.boards.submission.probes import Isolated, started
from bench.tasks.judge import noisy
from bench.tasks.lookup import submission_rules, task_named

if TYPE_CHECKING:
    from attacks.threats.threat import Threat
    from bench.data.base import Samples
    from bench.models.subject import Subject

COMPANY = 100
"""Images of the board, and as many with noise on them, that are asked about together with those in question."""
TWICE = 2


@dataclass(frozen=True)
class Questioning:
    """How own code is asked.

    samples: the board's. threat: its radius is that of the noise. draws: answers per image of a model that draws.
    trust_code: somebody has read the code. limits: of the isolated process.
    """

    samples: Samples
    threat: Threat
    draws: int = 1
    trust_code: bool = False
    limits: Limits = field(default_factory=Limits)


class Questioned(Answers):
    """Images ``(N, ...)`` to the answers of ``ask``, given at the first call that needs them and known from then on.

    company: images ``(m, ...)`` that are asked about as well. copies: how often each image is asked about.
    """

    def __init__(self, ask: Ask, company: Tensor, *, copies: int) -> None:
        super().__init__()
        self._ask, self._company, self._copies = ask, company, copies
        self._secret = secret_generator()

    def forward(self, x: Tensor) -> Tensor:
        if new := [image for image in x if key(image) not in self._known]:
            mixture = torch.cat([torch.stack(new), self._company]).repeat(self._copies, *[1] * (x.dim() - 1))
            self.learn(mixture, self._ask, self._secret)
        return super().forward(x)


@contextmanager
def questioned(source: Path, how: Questioning) -> Iterator[Subject]:
    """The model of the submission in ``source``, which has code of its own, answering from an isolated process.

    Raises ``SubmissionError`` and ``IsolationError`` for whatever is wrong with the folder or the code, for own code without
    ``trust_code`` among them.
    """
    with snapshot(source) as verified, started(verified, trust_code=how.trust_code, limits=how.limits) as (sandbox, _):
        submission = verified.submission
        ask = submission_rules(task_named(submission.task)).answers(Isolated(sandbox, verified))
        copies = TWICE * (how.draws if submission.stochastic else 1)
        module = Questioned(ask, _company(how), copies=copies)
        yield replace(answers_only(verified, Description()), module=module.eval())


def _company(how: Questioning) -> Tensor:
    """Images of the board as they are, and others with noise on them."""
    secret = secret_generator()
    samples = how.samples[torch.randperm(len(how.samples), generator=secret)[:COMPANY]]
    seed = int(torch.randint(2**31, (), generator=secret))
    return torch.cat([samples.images, noisy(samples.images, how.threat, KeyedRng.of(seed, samples.ids), RealNumbers())])
