"""How an evaluation scales, measured on this machine and simulated on more workers than it has.

    python -m reports.scaling                 simulate, write the table and docs/cluster.md
    python -m reports.scaling --units 8       measure the units of 8 shards first (on one quiet core, 2 minutes each)
    python -m reports.scaling --workers 500   measure 1 and 2 workers on 500 images first (on a quiet machine)

Everything is kept in ``leaderboards/scaling``.
"""

from __future__ import annotations

import argparse
import sys

import torch

from bench.foundation.memory import keep_freed_memory
from reports.growing import write_growing
from reports.scaling import page, unit_times, workers
from reports.script import end_with


def main(arguments: list[str]) -> int:
    """Measure what is asked for, then write the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--units", type=int, metavar="SHARDS", help="measure the units of the first SHARDS shards")
    options.add_argument("--workers", type=int, metavar="N", help="measure 1 and 2 workers on the first N images")
    options.add_argument("--repeats", type=int, default=3, help="runs of each job, of which the fastest counts")
    chosen = options.parse_args(arguments)

    torch.set_num_threads(1)  # as every worker has
    keep_freed_memory()
    if chosen.units:
        rows = unit_times.measured(unit_times.the_request(), chosen.units)
        write_growing(page.UNITS, rows, "{unit}: {samples} samples, {cpu_seconds} s".format_map)
    if chosen.workers:
        rows = workers.measured(workers.jobs_of(chosen.workers), (1, 2), chosen.repeats)
        write_growing(page.MEASURED, rows, "{attack}, {workers} workers: {wall_seconds} s".format_map)
    page.write()
    sys.stdout.write("\n\n".join(page.tables().values()) + "\n")
    return 0


if __name__ == "__main__":
    end_with(lambda: main(sys.argv[1:]))
