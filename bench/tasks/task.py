"""A task: all that differs between models that decide and models that score, in one frozen object.

A new task is a folder with one :class:`Task` in it, and a line in ``TASKS`` (from another package: an entry point in the
group ``bench.tasks``). Nobody else asks which task a model is for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.tasks.unit import CleanAnswers, StageOutcome

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from attacks.base import Stage
    from attacks.fitting import Traits
    from bench.data.base import Samples
    from bench.evaluation.request.attack_specs import ResolvedAttack
    from bench.evaluation.request.request import Request
    from bench.models.scorer import Scorer
    from bench.models.subject import Subject
    from bench.tasks.board import BoardRules
    from bench.tasks.comparison import Comparison
    from bench.tasks.judge import Judge
    from bench.tasks.results import AttackResult, Reliability, Results
    from bench.tasks.submission import SubmissionRules
    from bench.tasks.summary import Figures, Summary
    from bench.tasks.training import TrainingRules


@dataclass(frozen=True)
class ComparisonRules:
    """How two records of a task are compared.

    compare: paired differences on rows of two records (suffixes ``_1``, ``_2``) under one attack (its spec) at one radius
        (its text), and whether also those of clean answers. usable: the rows that a comparison may rest on.
    figure: what is compared. form, signed: how it and a difference of it are written.
    """

    compare: Callable[[pd.DataFrame, str, str, bool], list[Comparison]]
    usable: Callable[[pd.DataFrame], pd.DataFrame]
    figure: str
    form: str
    signed: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """One kind of answers.

    name: as in cards, records and protocols. labels: what the labels of its data are, in words.
    evaluator_version: raised whenever the same request would give other rows; golden rows in the tests guard it.
    clean_type, outcome_type: what its judge's units hold. result_type: one attack at one radius, in a record.
    real_labels: whether plain arrays of labels are read as real numbers, not as classes.
    image_endings: of the names of files that keep adversarial inputs, one for each input that a sample has.
    """

    name: str
    labels: str
    evaluator_version: int
    clean_type: type[CleanAnswers]
    outcome_type: type[StageOutcome]
    result_type: type[AttackResult]
    real_labels: bool = False
    image_endings: tuple[str, ...] = ("",)

    takes: Callable[[Samples], bool]
    """Whether these samples have labels of its kind."""
    admit: Callable[[Subject], Subject]
    """The subject as it is judged. Raises ``SpecError`` for one that cannot be."""
    identity: Callable[[Subject], dict[str, Any]]
    """What else of a subject determines the rows."""
    score_range: Callable[[Subject], tuple[float, float] | None]
    """The ends of the scale on which a subject answers, for the record; None if it has none."""
    stages: Callable[[ResolvedAttack, str, Traits], tuple[Stage, ...]]
    """What an attack runs under the threat of this name on a model with these traits, in order.

    Raises ``SpecError`` if it cannot."""
    judge: Callable[[Request], Judge]
    """Who says what an input did to the model of a request."""
    ask: Callable[[Scorer, Tensor], Tensor]
    """The scorer's answers of its kind on inputs ``(n, ...)``."""
    chosen_images: Callable[[Sequence[Stage], Sequence[Any]], dict[str, list[list[int]]]]
    """Which adversarial inputs of an attack are kept: an ending of the file's name to, stage by stage, positions."""
    rows: Callable[[Request, Results], pd.DataFrame]
    """One row per sample, attack and radius."""
    results: Callable[[Request, pd.DataFrame, Results], list[AttackResult]]
    """What follows from the rows, attack by attack; with several attacks also the worst case over them."""
    checks: Callable[[Request, pd.DataFrame, list[Any], Results], Reliability]
    """Whether to believe it."""
    summary: Callable[..., Summary]
    """What is printed of the results of a record, ``summary(results, eight_bit=...)``."""
    figures: Callable[[Sequence[Any]], Figures]
    """What a table of several models shows of the results of a record."""
    comparison: ComparisonRules
    """How two records are compared."""
    board: BoardRules | None = None
    """How its boards are checked and ordered; None if there are none."""
    submission: SubmissionRules | None = None
    """How submissions are checked; None if there are none."""
    training: TrainingRules | None = None
    """How a training is watched and ended; None if the suite trains no such models."""
