"""The rules of a task's submissions, and the checks that all submissions have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from bench.models.recognition import PROBED
from bench.models.scorer import BATCH
from bench.tasks.gradient_checks import path_checks, slope_checks
from bench.tasks.results import Check

if TYPE_CHECKING:
    from bench.data.base import Samples
    from bench.metrics.statistics import Estimate
    from bench.models.subject import Subject
    from bench.tasks.record import Record

ALONE = 4
"""Number of images that are also passed one by one."""


NO_LAYERS = (
    "no spiking layer takes the attacker's gradient path: write spikes as autograd Functions of the potential, as "
    "SpikingJelly, snnTorch, Norse and sinabs do, or build it of layers of this suite (zoo.spiking)"
)


class Probe(Protocol):
    """The part of a model that checks need."""

    def looked_at(self, images: Tensor) -> Subject:
        """The model after its spike functions were looked for on ``images`` ``(n, ...)``."""
        ...

    def logits(self, images: Tensor, *, batch: int = BATCH) -> Tensor:
        """Logits ``(n, K)`` of images ``(n, ...)``.

        Raises ``ModelError`` for a wrong shape, NaN or an exception of the model.
        """
        ...

    def scores(self, images: Tensor, *, batch: int = BATCH) -> Tensor:
        """Scores ``(n,)`` of images ``(n, ...)``. Raises ``ModelError`` as :meth:`logits` does."""
        ...

    def silent_share(self, images: Tensor) -> float:
        """Share of images ``(n, ...)`` at which the loss, or the score, has no gradient."""
        ...


class Claims(Protocol):
    """Figures that authors claim of their model."""

    @property
    def clean(self) -> float | None:
        """Accuracy without perturbation."""
        ...

    @property
    def srcc(self) -> float | None:
        """Rank correlation with the labels."""
        ...


class Submission(Protocol):
    """The part of a submission that rules need."""

    @property
    def name(self) -> str:
        """Of the model."""
        ...

    @property
    def dataset(self) -> str:
        """Data set that it was trained for."""
        ...

    @property
    def spiking(self) -> bool:
        """Whether it has spiking layers."""
        ...

    @property
    def stochastic(self) -> bool:
        """Whether two calls may differ."""
        ...

    @property
    def claims(self) -> Claims:
        """Figures that its authors claim."""
        ...


@dataclass(frozen=True, kw_only=True)
class Template:
    """Parts of a new submission's files.

    fields: lines of the manifest with the task. claims: an example of claims. builder: lines that name a registered
    network. code: a ``model.py``.
    """

    fields: str
    claims: str
    builder: str
    code: str


@dataclass(frozen=True, kw_only=True)
class SubmissionRules:
    """The rules of one task's submissions. claims: which of the fields of ``claims`` its authors may fill.

    may_be_stochastic: whether two calls of its models may differ.
    """

    claims: tuple[str, ...]
    may_be_stochastic: bool
    template: Template
    gradient_columns: tuple[str, ...] = ()
    """Columns of clean answers that need gradients; for own code the attacked process reports them."""
    answers: Callable[[Probe], Answers]
    """The function that asks a model for its answers."""
    probed: Callable[[Probe, Submission, Samples], Iterator[Check]]
    """The checks of ``bench submit check``."""
    refuse: Callable[[Probe, Submission], None]
    """Raises ``SubmissionError`` for a model that is not worth a long evaluation."""
    memory: Callable[[Answers, Samples, Samples | None, Tensor, int], Iterator[Check]] | None = None
    """The checks of whether a model knows the test images by heart; None where nothing measures it. Of the model's answers,
    the board's samples, others of their split, which of the board's were right, and the seed of all draws."""
    memory_under_attack: Callable[[Record, Record], Check] | None = None
    """The same from two records of a model under the same attacks: on the board's samples, and on others."""


class Answers(Protocol):
    """Images ``(n, ...)`` to one answer each."""

    def __call__(self, images: Tensor, *, batch: int = BATCH) -> Tensor: ...


def of(name: str, good: bool, value: float, says: str, *, otherwise: str = "fail") -> Check:
    """A check that passes if ``good``, and has the status ``otherwise`` if not."""
    return Check.model_validate({"name": name, "status": "pass" if good else otherwise, "value": value, "says": says})


def answers_again(ask: Answers, images: Tensor, first: Tensor) -> dict[str, Tensor]:
    """Answers on the same images ``(n, ...)`` under other circumstances, by circumstance. first:

    the former answers ``(n, ...)``.
    """
    order = torch.arange(len(images)).flip(0)
    return {
        "asked again": ask(images),
        "in another order": ask(images[order])[order],
        "after other images": _after(ask, images),
        "one by one": torch.cat([ask(images[:ALONE], batch=1), first[ALONE:]]),
    }


def asked(circumstance: str) -> str:
    """A circumstance of :func:`answers_again` as the end of a sentence: ``asked one by one``."""
    return f"asked {circumstance.removeprefix('asked ')}"


def images_asked(n: int) -> int:
    """How many images the checks ask about, repetitions included: first ``n``, then those of :func:`answers_again`."""
    return 5 * n + min(ALONE, n)


def _after(ask: Answers, images: Tensor) -> Tensor:
    """Answers after the model has seen other images; they differ if the model keeps a state."""
    ask(1 - images)
    return ask(images)


def against_claim(name: str, measured: Estimate, claimed: float | None, says: str, form: str) -> Check:
    """Check a claim: it may not lie above the measured interval; below it, the claim may be of another model.

    form: format of the claim.
    """
    if claimed is None:
        return of(name, True, measured.value, f"{says}; nothing was claimed")
    says = f"{says}; claimed {claimed:{form}}"
    if claimed < measured.low:
        return of(name, False, measured.value, f"{says}: is it another model?", otherwise="warn")
    return of(name, claimed <= measured.high, measured.value, says)


def gradient_checks(model: Probe, submission: Submission, images: Tensor) -> Iterator[Check]:
    """Check that spiking layers take gradient paths, and that there is a gradient at ``images`` ``(n, ...)``.

    What will make the verdict on the model an upper bound, or unreliable, is a warning.
    """
    subject = model.looked_at(images[:PROBED])
    layers = subject.path_takers
    if submission.spiking:
        says = f"{layers} spiking layers take the attacker's gradient path" if layers else NO_LAYERS
        yield of("gradient path", layers > 0, layers, says)
    elif layers:
        yield of("gradient path", False, layers, f"{layers} layers take gradient paths, but spiking is false")
    for check in (*path_checks(subject), *slope_checks(subject.slope)):
        if check.status != "pass" and check.name != "gradient path":
            yield check.model_copy(update={"status": "warn"})
    silent = model.silent_share(images[:ALONE])
    says = f"{silent:.0%} of {min(ALONE, len(images))} images have no gradient"
    yield of("gradient", silent < 0.5, silent, says, otherwise="warn")
