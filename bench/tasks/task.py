"""A task: everything that differs between models of one kind of answers and others, in one frozen object; and the request.

A new task is a folder with one :class:`Task` in it, and a line in ``TASKS`` (from another package: an entry point in the
group ``bench.tasks``). No other code depends on which task a model is for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attacks.lattice import EightBit, Lattice, RealNumbers
from bench.tasks.unit import CleanAnswers, NoiseAnswers, StageOutcome

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from torch import Tensor

    from attacks.base import Stage
    from attacks.fitting import Traits
    from attacks.gradients.base import GradientPath
    from bench.data.base import Samples
    from bench.foundation.spec import Eps
    from bench.models.scorer import Scorer
    from bench.models.subject import Subject
    from bench.tasks.board import BoardRules
    from bench.tasks.comparison import Comparison
    from bench.tasks.judge import Judge
    from bench.tasks.resolved_attack import ResolvedAttack
    from bench.tasks.results import AttackResult, Reliability, Results
    from bench.tasks.submission import SubmissionRules
    from bench.tasks.summary import Figures, Summary
    from bench.tasks.training import TrainingRules


@dataclass(frozen=True)
class ComparisonRules:
    """The rules by which two records of a task are compared.

    compare: paired differences on rows of two records (suffixes ``_1``, ``_2``) under one attack (its spec) at one radius
        (its text), and whether also those of clean answers. usable: the rows that a comparison may use.
    figure: name of the compared figure. form, signed: formats of the figure and of a difference.
    """

    compare: Callable[[pd.DataFrame, str, str, bool], list[Comparison]]
    usable: Callable[[pd.DataFrame], pd.DataFrame]
    figure: str
    form: str
    signed: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """One kind of model answers.

    name: as in cards, records and protocols. labels: kind of labels of its data, in words.
    evaluator_version: raised whenever the same request would give other rows; golden rows in the tests guard it.
    clean_type, noise_type, outcome_type: results of its judge's units. result_type: result of one attack at one radius, in a
    record.
    reads_labels: whether its data need labels of its kind. Models of a task that reads none must say that it is theirs.
    real_labels: whether plain arrays of labels are read as real numbers, not as classes.
    image_endings: endings of the names of files of adversarial inputs, one per input that a sample has.
    """

    name: str
    labels: str
    evaluator_version: int
    clean_type: type[CleanAnswers]
    outcome_type: type[StageOutcome]
    result_type: type[AttackResult]
    noise_type: type[NoiseAnswers] = NoiseAnswers
    reads_labels: bool = True
    real_labels: bool = False
    image_endings: tuple[str, ...] = ("",)

    takes: Callable[[Samples], bool]
    """Whether the labels of these samples are of its kind."""
    admit: Callable[[Subject], Subject]
    """The subject in the form in which it is judged. Raises ``SpecError`` for a subject that cannot be judged."""
    identity: Callable[[Subject], dict[str, Any]]
    """Further properties of a subject that determine the rows."""
    score_range: Callable[[Subject], tuple[float, float] | None]
    """The ends of the scale on which a subject answers, for the record; None if it has none."""
    stages: Callable[[ResolvedAttack, str, Traits], tuple[Stage, ...]]
    """The stages of an attack under the threat of this name on a model with these traits.

    Raises ``SpecError`` if the attack cannot run."""
    judge: Callable[[Request], Judge]
    """The judge of the answers of a request's model."""
    ask: Callable[[Scorer, Tensor], Tensor]
    """The scorer's answers of its kind on inputs ``(n, ...)``."""
    chosen_images: Callable[[Sequence[Stage], Sequence[Any]], dict[str, list[list[int]]]]
    """The adversarial inputs that are saved. Each ending of a file name maps to one list per stage of an attack: the
    positions whose inputs the file takes from that stage."""
    rows: Callable[[Request, Results], pd.DataFrame]
    """One row per sample, attack and radius."""
    results: Callable[[Request, pd.DataFrame, Results], list[AttackResult]]
    """The results that follow from the rows, attack by attack; with several attacks also the worst case over them."""
    checks: Callable[[Request, pd.DataFrame, list[Any], Results], Reliability]
    """The verdict on whether the results can be believed."""
    remarks: Callable[[Request, list[Any]], list[str]] = field(default=lambda request, results: [])
    """What else a reader should know, and the likely cause of results that surprise."""
    summary: Callable[..., Summary]
    """The printed text of the results of a record, ``summary(results, eight_bit=...)``."""
    figures: Callable[[Sequence[Any]], Figures]
    """The figures of a record in a table of several models."""
    comparison: ComparisonRules
    """The rules by which two records are compared."""
    board: BoardRules | None = None
    """The rules of its boards; None if it has none."""
    submission: SubmissionRules | None = None
    """The rules of its submissions; None if it has none."""
    training: TrainingRules | None = None
    """The rules of trainings; None if the suite trains no such models."""


@dataclass(frozen=True)
class Request:
    """Everything that determines the rows.

    stages: the stages of each attack on this model. shard_rows: largest number of samples of a unit. micro_batch: the
        second batch size in which a decision is made. query_rows: largest number of rows of an attack's call.
    eight_bit: whether attacked and noisy images are rounded to 8 bits.
    batch: inputs of a scoring call, if not the canonical number. expect: clean accuracy in percent; no row depends on it.
    """

    task: Task
    subject: Subject
    samples: Samples
    attacks: tuple[ResolvedAttack, ...]
    stages: tuple[tuple[Stage, ...], ...]
    left_out: tuple[tuple[str, ...], ...]
    path_spec: str
    path: GradientPath
    norm: str
    eps: tuple[Eps, ...]
    seed: int
    eot: int
    scorings: int
    device: torch.device
    micro_batch: int
    query_rows: int
    eight_bit: bool
    shard_rows: int
    batch: int | None = None
    expect: float | None = None

    @property
    def lattice(self) -> Lattice:
        """The values that attacked and noisy inputs may take."""
        return EightBit() if self.eight_bit else RealNumbers()

    @property
    def settings(self) -> dict[str, Any]:
        """Knobs that change rows.

        ``eight_bit`` and ``batch`` are named only where they are not as usual: records made before there were such settings
        keep their identity.
        """
        unusual: dict[str, Any] = {"eight_bit": True} if self.eight_bit else {}
        if self.batch:
            unusual["batch"] = self.batch
        return {"eot": self.eot, "scorings": self.scorings} | unusual

    @property
    def noise_draws(self) -> int:
        """Draws of noise per sample: the largest number that any attack is compared with."""
        return max(attack.noise_draws for attack in self.attacks)

    @property
    def shards(self) -> tuple[range, ...]:
        """Sample positions, shard by shard."""
        n = len(self.samples)
        return tuple(range(start, min(start + self.shard_rows, n)) for start in range(0, n, self.shard_rows))
