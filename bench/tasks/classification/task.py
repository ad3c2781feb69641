"""Models that decide, as a :class:`~bench.tasks.task.Task`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.data.base import Samples
from bench.models.scorer import Scorer
from bench.tasks.classification.board import RULES
from bench.tasks.classification.checks import verdict
from bench.tasks.classification.comparison import FIGURE, FORM, SIGNED, compare, usable
from bench.tasks.classification.judge import Decisions
from bench.tasks.classification.remarks import remarks
from bench.tasks.classification.results import Cell, cells
from bench.tasks.classification.rows import rows
from bench.tasks.classification.stages import chosen_images, stages_of
from bench.tasks.classification.submission import SUBMISSION
from bench.tasks.classification.summary import figures, summary
from bench.tasks.classification.training import TRAINING
from bench.tasks.classification.units import CleanDecisions, DecisionOutcome
from bench.tasks.task import ComparisonRules, Task

if TYPE_CHECKING:
    from bench.tasks.task import Request


def takes(samples: Samples) -> bool:
    """Whether labels are classes."""
    return not samples.labels.is_floating_point()


def judge(request: Request) -> Decisions:
    """The judge of a request; its scorer refuses a model with fewer classes than there are labels."""
    subject = request.subject
    scorer = Scorer(
        subject.deciding, subject.ref, request.scorings, classes=int(request.samples.labels.max()) + 1, batch=request.batch
    )
    return Decisions(scorer, request.norm, subject.stochastic, request.micro_batch, request.lattice)


TASK = Task(
    name="classification",
    labels="classes",
    evaluator_version=4,
    clean_type=CleanDecisions,
    outcome_type=DecisionOutcome,
    result_type=Cell,
    takes=takes,
    admit=lambda subject: subject,
    identity=lambda subject: {},
    score_range=lambda subject: None,
    stages=stages_of,
    judge=judge,
    ask=lambda scorer, x: scorer.logits(x),
    chosen_images=chosen_images,
    rows=rows,
    results=cells,
    checks=verdict,
    remarks=remarks,
    summary=summary,
    figures=figures,
    comparison=ComparisonRules(compare, usable, FIGURE, FORM, SIGNED),
    board=RULES,
    submission=SUBMISSION,
    training=TRAINING,
)
