"""The table of simulated clusters: a full CIFAR-10 under ``standard``, on more workers than one has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from bench.evaluation.plan import label_of, plan
from bench.tasks.task import Request
from bench.tasks.unit import UnitKey
from reports.scaling.simulation import critical_path, simulate

IMAGES = 10_000
"""Test images of CIFAR-10."""
WORKERS = (1, 2, 8, 16, 64)


def clusters(request: Request, seconds: Mapping[UnitKey, float], workers: Sequence[int] = WORKERS) -> pd.DataFrame:
    """One row per number of workers.

    Columns: workers, makespan (minutes), speed_up, idle (share of the workers' time), tail (minutes at the end in which at
    least one worker has nothing left to do), shards, units, last_unit, last_shard, critical_path (minutes),
    critical_shard.
    """
    units = plan(request)
    chain = critical_path(units, seconds)
    rows = []
    for count in workers:
        schedule = simulate(request, units, seconds, count)
        last = schedule.straggler.key
        rows.append(
            {
                "workers": count,
                "makespan": round(schedule.makespan / 60, 2),
                "speed_up": round(schedule.work / schedule.makespan, 2),
                "idle": round(schedule.idle, 4),
                "tail": round(schedule.tail / 60, 2),
                "shards": len(request.shards),
                "units": len(units),
                "last_unit": label_of(last, request),
                "last_shard": last.shard + 1,
                "critical_path": round(sum(seconds[key] for key in chain) / 60, 2),
                "critical_shard": chain[-1].shard + 1,
            }
        )
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame) -> str:
    """The table on a page, with the critical path under it."""
    lines = ["| workers | time, min | speed-up | idle | tail, min | ends last |", "|---" * 6 + "|"]
    for row in table.itertuples():
        lines.append(
            f"| {row.workers} | {row.makespan:.1f} | {row.speed_up:.1f} | {row.idle:.1%} | {row.tail:.1f} "
            f"| {row.last_unit}, shard {row.last_shard} of {row.shards} |"
        )
    first = next(table.itertuples())
    return "\n".join(
        [
            *lines,
            "",
            f"The plan has {first.units} units. Its critical path, {first.critical_path:.1f} min, is shard "
            f"{first.critical_shard} with all of its stages: no number of workers is faster.",
        ]
    )
