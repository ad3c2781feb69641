"""The printed text for a model that scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bench.tasks.quality.results import Shift
from bench.tasks.results import Interval
from bench.tasks.summary import Figures, Line, Summary, decimal, duration, percent, turned


def summary(shifts: Sequence[Shift], *, eight_bit: bool) -> Summary:
    """Shifts and correlations by radius, and the mean shift of each stage."""
    stages = [
        (f"{shift.attack} at {shift.eps_text}, stage by stage", _by_stage(shift))
        for shift in shifts
        if len(shift.stages) > 2
    ]
    caption = "[95% interval over photographs]; shifts in units of the score, a sample's being the larger of up and down"
    return Summary(_by_radius(shifts), caption, stages)


def figures(shifts: Sequence[Shift]) -> Figures:
    """One row of a table of several models."""
    attacked = {(shift.eps_text, shift.attack): (decimal(shift.noise), decimal(shift.absolute)) for shift in shifts}
    return Figures("clean SRCC", decimal(shifts[0].srcc_clean), attacked)


def _by_stage(shift: Shift) -> list[Line]:
    return [
        {
            "": stage.name,
            "mean shift": f"{stage.shift:+z.3f}",
            "passes per sample": f"{stage.forwards:.1f} + {stage.backwards:.1f}",
            "time": duration(stage.seconds),
        }
        for stage in shift.stages
    ]


def _saturating(shift: Shift) -> Iterator[tuple[str, Interval, Callable[[Interval], str]]]:
    """What of a shift counts on the scale of the scores: text, figure and its format. Nothing in records that lack it."""
    figures_of_shift: tuple[tuple[str, Interval | None, Callable[[Interval], str]], ...] = (
        ("    of scores clipped to their range, in ranges", shift.clipped, decimal),
        ("images moved across half of the range (%)", shift.across_half, percent),
        ("images moved across the whole range (%)", shift.across_range, percent),
        ("pairs of images whose order flips (%)", shift.flipped_pairs, percent),
    )
    for says, interval, form in figures_of_shift:
        if interval is not None:
            yield says, interval, form


def _by_radius(shifts: Sequence[Shift]) -> list[Line]:
    columns: dict[str, Line] = {}
    for shift in shifts:
        column = columns.setdefault(shift.eps_text, {})
        column["rank correlation with MOS (SRCC), clean"] = decimal(shift.srcc_clean)
        column["|shift|: random noise"] = decimal(shift.noise)
        column[f"|shift|: random noise, worst of {shift.noise_draws}"] = decimal(shift.noise_best)
    for shift in shifts:
        columns[shift.eps_text][f"|shift|: {shift.attack}"] = decimal(shift.absolute)
    for shift in shifts:  # the last one of a radius is the strongest statement about it
        column = columns[shift.eps_text]
        column["    upwards"] = decimal(shift.up)
        column["    downwards"] = decimal(shift.down)
        for says, interval, form in _saturating(shift):
            column[says] = form(interval)
        column["    in deviations of the clean scores"] = decimal(shift.in_deviations)
        column["    rounded to 8 bits"] = decimal(shift.rounded)
        column["R: log10 of largest possible / actual shift"] = decimal(shift.robustness)
        column["gap: attack - noise"] = decimal(shift.gap)
        column["gap: attack - worst noise"] = decimal(shift.gap_best)
        column["SRCC with MOS, attacked"] = decimal(shift.srcc_attacked)
        column["SRCC with clean scores"] = decimal(shift.srcc_between)
        column["l1 norm of the input gradient"] = decimal(shift.gradient_l1, ".1f")
        column["passes per sample"] = f"{shift.forwards:.1f} + {shift.backwards:.1f}"
    return turned(columns)
