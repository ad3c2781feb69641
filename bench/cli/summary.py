"""The output of ``bench evaluate``: tables with intervals, the verdict, and the record's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.table import show_table
from bench.cli.terminal import say

if TYPE_CHECKING:
    from bench.tasks.record import Record
    from bench.tasks.results import Reliability

VERDICTS = {
    "unreliable": "UNRELIABLE",
    "upper_bound": "verdict",
    "reliable_with_remarks": "verdict: reliable with remarks",
    "reliable": "verdict: reliable",
}


def summarise(record: Record, out: Path) -> None:
    """Print the summary of a record. out: folder below which the record lies."""
    from bench.evaluation.request.identity import folder_name
    from bench.tasks.lookup import task_named
    from bench.tasks.summary import duration
    from reports.site.frozen import plainly

    title = f"{record.model.ref} on {record.data.n} {record.data.split} images of {record.data.name}, {record.threat}"
    summary = task_named(record.task).summary(record.results, eight_bit=record.eight_bit)
    say(title)
    show_table(summary.lines)
    say(summary.caption)
    for heading, lines in summary.stages:
        say(f"\n{heading}")
        show_table(lines)
    for reason in record.reliability.reasons:
        say(f"{VERDICTS[record.reliability.status]}: {plainly(reason)}")
    if record.reliability.status == "upper_bound":
        say(f"         {advice(record.reliability)}")
    for remark in (*summary.remarks, *(f"remark: {text}" for text in record.remarks)):
        say(remark)
    say(f"record: {out}/{folder_name(record.model.ref, record.identity)}  ({duration(record.seconds)})")


def advice(verdict: Reliability) -> str:
    """What turns an upper bound into a number to publish. A reason that belongs to no check is that of a weak attack."""
    of_checks = {check.says for check in verdict.checks}
    few = any(check.name == "attacked samples" and check.status == "bound" for check in verdict.checks)
    steps = []
    if any(reason not in of_checks for reason in verdict.reasons):
        steps.append("use --attack standard for a number to publish")
    if few:
        steps.append("evaluate more images (--n)")
    return "; ".join([*steps, "bench doctor looks closer"])
