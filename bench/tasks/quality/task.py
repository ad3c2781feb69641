"""Models that score, as a :class:`~bench.tasks.task.Task`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bench.foundation.errors import ModelError
from bench.models.scorer import Scorer
from bench.tasks.quality.admission import admitted, identity, takes
from bench.tasks.quality.board import RULES
from bench.tasks.quality.checks import verdict
from bench.tasks.quality.comparison import FIGURE, FORM, SIGNED, compare, usable
from bench.tasks.quality.judge import Scores
from bench.tasks.quality.results import Shift, shifts
from bench.tasks.quality.rows import rows
from bench.tasks.quality.stages import WAYS, chosen_images, stages_of
from bench.tasks.quality.submission import SUBMISSION
from bench.tasks.quality.summary import figures, summary
from bench.tasks.quality.training import TRAINING
from bench.tasks.quality.units import CleanScores, ScoreOutcome
from bench.tasks.task import ComparisonRules, Task

if TYPE_CHECKING:
    from bench.tasks.results import AttackResult, Results
    from bench.tasks.task import Request


def judge(request: Request) -> Scores:
    """The judge of a request."""
    subject = request.subject
    low, high = subject.score_range
    scorer = Scorer(subject.deciding, subject.ref, batch=request.batch)
    return Scores(scorer, request.norm, high - low, request.micro_batch, request.lattice)


def results(request: Request, rows: pd.DataFrame, units: Results) -> list[AttackResult]:
    """The results that follow from the rows. Raises ``ModelError`` if an attack failed on every sample."""
    try:
        return shifts(request, rows, units)
    except ValueError as error:
        raise ModelError(f"{request.subject.ref} gives no result: {error}.", "Choose another attack.") from error


TASK = Task(
    name="quality",
    labels="quality scores",
    evaluator_version=3,
    clean_type=CleanScores,
    outcome_type=ScoreOutcome,
    result_type=Shift,
    real_labels=True,
    image_endings=tuple(f"_{way}" for way in WAYS),
    takes=takes,
    admit=admitted,
    identity=identity,
    score_range=lambda subject: subject.score_range,
    stages=stages_of,
    judge=judge,
    ask=lambda scorer, x: scorer.scores(x),
    chosen_images=chosen_images,
    rows=rows,
    results=results,
    checks=verdict,
    summary=summary,
    figures=figures,
    comparison=ComparisonRules(compare, usable, FIGURE, FORM, SIGNED),
    board=RULES,
    submission=SUBMISSION,
    training=TRAINING,
)
