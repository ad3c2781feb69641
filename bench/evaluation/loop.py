"""The loop that runs a plan through an executor.

Evaluations, boards, submissions, measures and claims all use it. Units may arrive in any order and from any process;
only the parent process stores them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bench.evaluation.executors.executor import Executor
from bench.evaluation.frontier import Frontier
from bench.evaluation.plan import label_of, needs
from bench.evaluation.request.settings import Tick, Ticked
from bench.evaluation.workbench import Finished
from bench.tasks.task import Request
from bench.tasks.unit import UnitKey, UnitResult

Keep = Callable[[UnitKey, Finished], None]
"""Called with each finished unit before other units are computed from it."""


def run(
    request: Request,
    units: Sequence[UnitKey],
    executor: Executor,
    *,
    existing: Mapping[UnitKey, UnitResult],
    keep: Keep = lambda key, finished: None,
    ticked: Ticked = lambda tick: None,
) -> dict[UnitKey, UnitResult]:
    """The results of all units of a plan.

    existing: results that are there already; ``executor`` computes the others. keep: stores a new unit. ticked: called after
    each unit. Raises what a unit or the executor raises.
    """
    done: dict[UnitKey, UnitResult] = {}

    def finish(key: UnitKey, result: UnitResult, *, reused: bool) -> None:
        done[key] = result
        ticked(Tick(len(done), len(units), label_of(key, request), reused))

    for key in units:
        if key in existing:
            finish(key, existing[key], reused=True)
    waiting = Frontier(units, done)
    if not waiting:
        return {key: done[key] for key in units}
    running = 0
    with executor:
        while waiting or running:
            while running < executor.capacity and (next_key := waiting.next()) is not None:
                executor.submit(next_key, {earlier: done[earlier] for earlier in needs(next_key)})
                running += 1
            key, finished = executor.next()
            running -= 1
            keep(key, finished)
            finish(key, finished.result, reused=False)
            waiting.finish(key)
    return {key: done[key] for key in units}
