"""The checks that a submission must pass, the same at home as in continuous integration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.boards.submission.folder import snapshot
from bench.boards.submission.namespaces import Limits
from bench.boards.submission.probes import probe
from bench.boards.submission.signature import SAYS
from bench.boards.submission.watched import Watched
from bench.data import load_samples
from bench.evaluation.request.settings import Ticked
from bench.foundation.errors import BenchError, IsolationError, SubmissionError
from bench.tasks.lookup import submission_rules, task_named
from bench.tasks.results import Check
from bench.tasks.submission import images_asked, of

if TYPE_CHECKING:
    from bench.boards.submission.schema import Submission


@dataclass(frozen=True)
class Checked:
    """The result of the checks. submission: None if it could not be read."""

    submission: Submission | None
    checks: list[Check]

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return all(check.status != "fail" for check in self.checks)


def check(
    source: Path,
    *,
    n: int = 200,
    trust_code: bool = False,
    limits: Limits | None = None,
    on_tick: Ticked = lambda tick: None,
) -> Checked:
    """Check the folder ``source`` on the first ``n`` test samples of its data set. Never raises for what is wrong with it.

    on_tick: told how many images were answered.
    Raises ``IsolationError`` if own code cannot be isolated here.
    """
    checks: list[Check] = []
    submission = None
    try:
        with snapshot(source) as verified:
            submission = verified.submission
            checks.append(of("files", True, 0, "files, hashes and fields are as they should be"))
            if verified.signed != "none":
                checks.append(of("signature", verified.signed == "valid", 0, SAYS[verified.signed], otherwise="warn"))
            samples = load_samples(submission.dataset, n=n)
            task = task_named(submission.task)
            if not task.takes(samples):
                raise SubmissionError(f"{samples.name} is no data set for {submission.task}.", "Name another as dataset.")
            with probe(verified, trust_code=trust_code, limits=limits or Limits()) as model:
                watched = Watched(model, images_asked(len(samples)), on_tick)
                checks += submission_rules(task).probed(watched, submission, samples)
    except IsolationError as error:
        if error.what.startswith("Foreign code cannot be isolated"):
            raise
        checks.append(of("isolation", False, 0, str(error)))
    except BenchError as error:
        checks.append(of("acceptance", False, 0, str(error)))
    return Checked(submission, checks)
