"""What ``bench evaluate`` prints: tables with intervals, the verdict, and where the record lies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.table import show_table

if TYPE_CHECKING:
    from bench.evaluation.records.record import Cell, Interval, Record, Shift

VERDICTS = {"unreliable": "UNRELIABLE", "upper_bound": "verdict", "reliable": "verdict: reliable"}


def summarise(record: Record, out: Path) -> None:
    """Print it."""
    title = f"{record.model.ref} on {record.data.n} {record.data.split} images of {record.data.name}, {record.threat}"
    click.echo(title)
    if record.task == "quality":
        show_table(_shifts_by_radius(record))
        click.echo(
            "[95% interval over photographs]; shifts in units of the score, a sample's being the larger of up and down"
        )
    else:
        show_table(_by_radius(record))
        click.echo("accuracy in % [95% interval]; gaps are paired, in points")
    for cell in record.cells:
        if len(cell.stages) > 1:
            click.echo(f"\n{cell.attack} at {cell.eps_text}, stage by stage")
            show_table(_by_stage(cell))
    for shift in record.shifts:
        if len(shift.stages) > 2:
            click.echo(f"\n{shift.attack} at {shift.eps_text}, stage by stage")
            show_table(_by_shift_stage(shift))
    for reason in record.reliability.reasons:
        click.echo(f"{VERDICTS[record.reliability.status]}: {reason}")
    if record.reliability.status == "upper_bound":
        click.echo("         use --attack standard for a number to publish; bench doctor looks closer")
    if any(_lost_by_rounding(cell) for cell in record.cells) and not record.eight_bit:
        click.echo("8 bits:  many of these images lose their effect as stored pictures; --eight-bit searches among pictures")
    click.echo(f"record: {out}/{_folder(record)}  ({duration(record.seconds)})")


def _lost_by_rounding(cell: Cell) -> bool:
    """Whether a tenth of all samples was broken by images that do not survive being stored."""
    return cell.robust_8bit.value - cell.robust.value >= 0.1


def _by_stage(cell: Cell) -> list[dict[str, str]]:
    """One row per stage that had samples left to attack."""
    return [
        {
            "": stage.name,
            "attempted": str(stage.attempted),
            "broke": str(stage.broken),
            "passes per sample": f"{stage.forwards:.1f} + {stage.backwards:.1f}",
            "time": duration(stage.seconds),
        }
        for stage in cell.stages
        if stage.attempted
    ]


def _by_shift_stage(shift: Shift) -> list[dict[str, str]]:
    return [
        {
            "": stage.name,
            "mean shift": f"{stage.shift:+z.3f}",
            "passes per sample": f"{stage.forwards:.1f} + {stage.backwards:.1f}",
            "time": duration(stage.seconds),
        }
        for stage in shift.stages
    ]


def _by_radius(record: Record) -> list[dict[str, str]]:
    """One column per radius; one row per thing measured."""
    from reports.tables import percent

    columns: dict[str, dict[str, str]] = {}
    for cell in record.cells:
        column = columns.setdefault(cell.eps_text, {})
        column["clean"] = percent(cell.clean)
        column["random noise"] = percent(cell.noise)
        column[f"random noise, worst of {cell.noise_draws}"] = percent(cell.noise_best)
    for cell in record.cells:
        columns[cell.eps_text][cell.attack] = percent(cell.robust)
    for cell in record.cells:  # the last cell of a radius is the strongest statement about it
        column = columns[cell.eps_text]
        column[f"{cell.attack}, rounded to 8 bits"] = percent(cell.robust_8bit)
        column["gap: noise - attack"] = percent(cell.gap)
        column["gap: worst noise - attack"] = percent(cell.gap_best)
        column["passes per sample"] = f"{cell.forwards:.1f} + {cell.backwards:.1f}"
    last = record.cells[-1].attack
    return _turned(columns, lambda name: not name.endswith(", rounded to 8 bits") or name.startswith(f"{last},"))


def _shifts_by_radius(record: Record) -> list[dict[str, str]]:
    """One column per radius; one row per thing measured."""
    columns: dict[str, dict[str, str]] = {}
    for one in record.shifts:
        column = columns.setdefault(one.eps_text, {})
        column["rank correlation with MOS (SRCC), clean"] = _told(one.srcc_clean)
        column["|shift|: random noise"] = _told(one.noise)
        column[f"|shift|: random noise, worst of {one.noise_draws}"] = _told(one.noise_best)
    for one in record.shifts:
        columns[one.eps_text][f"|shift|: {one.attack}"] = _told(one.absolute)
    for one in record.shifts:  # the last one of a radius is the strongest statement about it
        column = columns[one.eps_text]
        column["    upwards"] = _told(one.up)
        column["    downwards"] = _told(one.down)
        column["    in deviations of the clean scores"] = _told(one.in_deviations)
        column["    rounded to 8 bits"] = _told(one.rounded)
        column["R: log10 of largest possible / actual shift"] = _told(one.robustness)
        column["gap: attack - noise"] = _told(one.gap)
        column["gap: attack - worst noise"] = _told(one.gap_best)
        column["SRCC with MOS, attacked"] = _told(one.srcc_attacked)
        column["SRCC with clean scores"] = _told(one.srcc_between)
        column["l1 norm of the input gradient"] = _told(one.gradient_l1, ".1f")
        column["passes per sample"] = f"{one.forwards:.1f} + {one.backwards:.1f}"
    return _turned(columns, lambda name: True)


def _turned(columns: dict[str, dict[str, str]], keep: Callable[[str], bool]) -> list[dict[str, str]]:
    names = dict.fromkeys(name for column in columns.values() for name in column)
    return [
        {"": name} | {f"eps {eps}": column.get(name, "") for eps, column in columns.items()} for name in names if keep(name)
    ]


def _told(interval: Interval | None, form: str = "z.3f") -> str:
    if interval is None:
        return "-"
    return f"{interval.value:{form}} [{interval.low:{form}}, {interval.high:{form}}]"


def _folder(record: Record) -> str:
    from bench.evaluation.evaluate import folder_name

    return folder_name(record.model.ref, record.identity)


def duration(seconds: float) -> str:
    """In the largest fitting unit."""
    return (
        f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
    )
