"""Models that reconstruct, as a :class:`~bench.tasks.task.Task`.

Submissions and trainings have no rules for them: the reconstructions of the zoo have nothing to train.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bench.foundation.errors import ModelError
from bench.models.scorer import Scorer
from bench.tasks.reconstruction.admission import SquaredErrors, admitted, identity, takes
from bench.tasks.reconstruction.board import RULES
from bench.tasks.reconstruction.checks import verdict
from bench.tasks.reconstruction.comparison import FIGURE, FORM, SIGNED, compare, usable
from bench.tasks.reconstruction.judge import Reconstructions
from bench.tasks.reconstruction.results import Drop, drops
from bench.tasks.reconstruction.rows import rows
from bench.tasks.reconstruction.stages import chosen_images, stages_of
from bench.tasks.reconstruction.summary import figures, summary
from bench.tasks.reconstruction.units import CleanPictures, NoisyPictures, PictureOutcome
from bench.tasks.task import ComparisonRules, Task
from zoo.canonical.convert import canonical

if TYPE_CHECKING:
    from bench.tasks.results import AttackResult, Results
    from bench.tasks.task import Request


def judge(request: Request) -> Reconstructions:
    """The judge of a request, which measures errors by itself. Raises ``TypeError`` for a subject that was not admitted."""
    subject = request.subject
    if not isinstance(subject.module, SquaredErrors):
        raise TypeError(f"{subject.ref} was not admitted as a model that reconstructs")
    model = subject.module.model
    scorer = Scorer(canonical(model) or model, subject.ref, request.scorings, batch=request.batch)
    return Reconstructions(scorer, request.norm, subject.stochastic, request.micro_batch, request.lattice)


def results(request: Request, rows: pd.DataFrame, units: Results) -> list[AttackResult]:
    """The results that follow from the rows. Raises ``ModelError`` if an attack failed on every sample."""
    try:
        return drops(request, rows, units)
    except ValueError as error:
        raise ModelError(f"{request.subject.ref} gives no result: {error}.", "Choose another attack.") from error


TASK = Task(
    name="reconstruction",
    labels="pictures",
    evaluator_version=1,
    clean_type=CleanPictures,
    noise_type=NoisyPictures,
    outcome_type=PictureOutcome,
    result_type=Drop,
    reads_labels=False,
    takes=takes,
    admit=admitted,
    identity=identity,
    score_range=lambda subject: None,
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
)
