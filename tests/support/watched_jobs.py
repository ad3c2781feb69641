"""What the stages of an evaluation were asked to attack, and from which points."""

from __future__ import annotations

from bench.evaluation.executors.executor import Serial
from bench.evaluation.loop import run
from bench.evaluation.plan import plan
from bench.evaluation.workbench import Job, OracleProposer, Proposal, Workbench
from bench.tasks.task import Request
from bench.tasks.unit import UnitKey, UnitResult


def jobs_and_units(request: Request) -> tuple[dict[UnitKey, Job], dict[UnitKey, UnitResult]]:
    """Compute a request in this process; returns the jobs of its stages and all its units."""
    jobs: dict[UnitKey, Job] = {}
    proposer = OracleProposer(request, Workbench(request).judge.objective)

    def noting(job: Job) -> Proposal:
        jobs[job.key] = job
        return proposer(job)

    units = run(request, plan(request), Serial(Workbench(request, noting)), existing={})
    return jobs, dict(units)
