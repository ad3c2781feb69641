"""A submission's model, asked the same way whether it runs here or in isolation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.gradients.base import Training
from bench.boards.submission.answers_only import answers_only
from bench.boards.submission.description import MOST_LAYERS, Description
from bench.boards.submission.folder import Snapshot
from bench.boards.submission.frames import SHORT
from bench.boards.submission.namespaces import Limits
from bench.boards.submission.opening import zoo_built
from bench.boards.submission.process import Sandbox
from bench.foundation.errors import IsolationError, SubmissionError
from bench.models.scorer import BATCH, Scorer
from bench.models.subject import Subject
from bench.tasks.submission import Probe

MOST_CLASSES = 1_000
"""Logits per image that own code may answer."""


@dataclass(frozen=True)
class Here:
    """A zoo-built model, in this process."""

    subject: Subject

    def looked_at(self, images: Tensor) -> Subject:
        return self.subject

    def logits(self, images: Tensor, *, batch: int = BATCH) -> Tensor:
        return Scorer(self.subject.deciding, self.subject.ref).logits(images, batch=batch)

    def scores(self, images: Tensor, *, batch: int = BATCH) -> Tensor:
        return Scorer(self.subject.deciding, self.subject.ref).scores(images, batch=batch)

    def silent_share(self, images: Tensor) -> float:
        return silent_share(self.subject, images)


@dataclass(frozen=True)
class Isolated:
    """Own code, in its sandbox. What it answers is checked for form, never trusted."""

    sandbox: Sandbox
    verified: Snapshot

    def looked_at(self, images: Tensor) -> Subject:
        return answers_only(self.verified, described(self.sandbox, images))

    def logits(self, images: Tensor, *, batch: int = BATCH) -> Tensor:
        most = SHORT + len(images) * MOST_CLASSES * 4
        logits = self.sandbox.ask("logits", {"images": images}, most=most, batch=batch).tensors.get("logits")
        proper = logits is not None and logits.dtype == torch.float32 and logits.dim() == 2 and len(logits) == len(images)
        if logits is None or not proper or logits.shape[1] < 2 or not logits.isfinite().all():
            raise IsolationError("The code's logits are not finite numbers (N, classes).", "Return them from forward(x).")
        return logits

    def scores(self, images: Tensor, *, batch: int = BATCH) -> Tensor:
        most = SHORT + len(images) * 4
        scores = self.sandbox.ask("scores", {"images": images}, most=most, batch=batch).tensors.get("scores")
        if (
            scores is None
            or scores.dtype != torch.float32
            or scores.shape != images.shape[:1]
            or not scores.isfinite().all()
        ):
            raise IsolationError("The code's scores are not finite numbers (N,).", "Return them from forward(x).")
        return scores

    def silent_share(self, images: Tensor) -> float:
        share = self.sandbox.ask("gradient", {"images": images}).head.get("silent")
        if not isinstance(share, float) or not 0 <= share <= 1:
            raise IsolationError("The code's answer about its gradient makes no sense.", "Leave the evaluator alone.")
        return share


def silent_share(subject: Subject, images: Tensor) -> float:
    """Share of images at which the score, or the cross-entropy of the model's own decision, has a zero or no gradient.

    The gradient is the model's own, of neurons in training mode where a library's neurons have none otherwise.
    """
    x = images.clone().requires_grad_(True)
    with torch.enable_grad(), Training().applied(subject.module, sites=subject.sites):
        answers = subject.module(x)
        if not answers.requires_grad:
            return 1.0
        if answers.dim() == 1:
            loss = answers.sum()
        else:
            loss = torch.nn.functional.cross_entropy(answers, answers.detach().argmax(1), reduction="sum")
        (gradient,) = torch.autograd.grad(loss, x, allow_unused=True)
    if gradient is None:
        return 1.0
    return float((gradient.flatten(1).abs().amax(1) == 0).float().mean())


@contextmanager
def probe(verified: Snapshot, *, trust_code: bool, limits: Limits) -> Iterator[Probe]:
    """The model of a submission, ready to be asked.

    Raises ``SubmissionError`` for own code without ``trust_code``, and
    ``IsolationError`` where it cannot be isolated.
    """
    if verified.submission.code is None:
        yield Here(zoo_built(verified))
        return
    with started(verified, trust_code=trust_code, limits=limits) as (sandbox, _):
        yield Isolated(sandbox, verified)


@contextmanager
def started(verified: Snapshot, *, trust_code: bool, limits: Limits) -> Iterator[tuple[Sandbox, int]]:
    """A fresh sandbox with the submission's model loaded, and how many layers run all time steps, as it says."""
    submission = verified.submission
    if submission.code is None:
        raise SubmissionError(f"{submission.name} has no code of its own.", "It runs without isolation.")
    if not trust_code:
        raise SubmissionError(
            f"{submission.name} runs code of its own.", "Read model.py; then give --trust-code, and it runs in isolation."
        )
    with Sandbox(verified.folder, limits) as sandbox:
        answer = sandbox.ask(
            "load",
            factory=submission.code.factory,
            sha256=submission.weights.sha256,
            stochastic=submission.stochastic,
            task=submission.task,
            memory=limits.memory,
            threads=limits.threads,
        )
        layers = answer.head.get("layers")
        if not isinstance(layers, int) or not 0 <= layers <= MOST_LAYERS:
            raise IsolationError("The code's answer about its layers makes no sense.", "Leave the evaluator alone.")
        yield sandbox, layers


def described(sandbox: Sandbox, images: Tensor) -> Description:
    """What the loaded model makes spikes with, looked for on ``images`` ``(n, ...)``; later attacks make use of it.

    Raises ``IsolationError`` for an answer that is no description, and for a model whose answers change while it is watched.
    """
    return Description.read(sandbox.ask("recognise", {"images": images}).head)
