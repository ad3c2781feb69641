"""The one loop: a plan, run through an executor.

Evaluations, boards, submissions, measures and claims all come here. Units may arrive in any order and from any process;
the parent alone keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bench.evaluation.executors.executor import Executor
from bench.evaluation.plan import label_of, needs, ready
from bench.evaluation.request.settings import Tick, Ticked
from bench.evaluation.workbench import Finished
from bench.tasks.task import Request
from bench.tasks.unit import UnitKey, UnitResult

Keep = Callable[[UnitKey, Finished], None]
"""Called with each unit as it is finished, before anything is computed from it."""


def run(
    request: Request,
    units: Sequence[UnitKey],
    executor: Executor,
    *,
    kept: Mapping[UnitKey, UnitResult],
    keep: Keep = lambda key, finished: None,
    ticked: Ticked = lambda tick: None,
) -> dict[UnitKey, UnitResult]:
    """All units of a plan. kept: results that are there already; the others are computed by ``executor``."""
    done: dict[UnitKey, UnitResult] = {}

    def finish(key: UnitKey, result: UnitResult, *, reused: bool) -> None:
        done[key] = result
        ticked(Tick(len(done), len(units), label_of(key, request), reused))

    for key in units:
        if key in kept:
            finish(key, kept[key], reused=True)
    waiting = [key for key in units if key not in done]
    if not waiting:
        return {key: done[key] for key in units}
    running = 0
    with executor:
        while waiting or running:
            while running < executor.capacity and (first := ready(waiting, done)) is not None:
                waiting.remove(first)
                executor.submit(first, {need: done[need] for need in needs(first)})
                running += 1
            key, finished = executor.next()
            running -= 1
            keep(key, finished)
            finish(key, finished.result, reused=False)
    return {key: done[key] for key in units}
