"""Figures of a run on a GPU: printed as they come, kept for the JSON at the end."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch


@dataclass(frozen=True)
class Figure:
    """bar: what it must reach, or None. passed: whether it does; None without a bar, and in a dry run."""

    name: str
    value: float
    unit: str
    bar: str | None
    passed: bool | None
    note: str


@dataclass
class Report:
    """What a run found. dry: tiny sizes on a CPU, whose figures mean nothing. seconds: what the run may take."""

    device: torch.device
    dry: bool
    seconds: float
    began: float = field(default_factory=time.perf_counter)
    figures: list[Figure] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def figure(
        self, name: str, value: float, unit: str, *, least: float | None = None, most: float | None = None, note: str = ""
    ) -> None:
        """Print and keep a figure. least, most: its bar. A figure of correctness counts in a dry run, too."""
        bar, passed = None, None
        if least is not None:
            bar, passed = f"at least {least:g}", value >= least
        elif most is not None:
            bar, passed = f"at most {most:g}", value <= most
        if self.dry and unit != "error":
            passed = None
        self.figures.append(Figure(name, value, unit, bar, passed, note))
        mark = {None: "", True: "ok", False: "MISSED"}[passed]
        words = (f"{name}: {value:.4g} {unit}", f"(bar: {bar})" if bar else "", mark, note)
        self.say("  ".join(filter(None, words)))

    def skip(self, name: str, reason: str) -> None:
        """Print and keep that something was not looked at."""
        self.skipped[name] = reason
        self.say(f"{name}: skipped, {reason}")

    def section(self, name: str, work: Callable[[Report], None], *, needs: float) -> None:
        """Do ``work``, unless fewer than ``needs`` seconds are left. An error ends the section, not the run."""
        left = self.seconds - (time.perf_counter() - self.began)
        if left < needs and not self.dry:
            self.skip(name, f"{left:.0f} s are left and it may need {needs:.0f}")
            return
        self.say(f"--- {name}")
        try:
            work(self)
        except Exception as error:  # the other sections are worth having
            self.failed[name] = f"{type(error).__name__}: {error}"
            self.say(f"{name}: FAILED, {self.failed[name]}")

    def say(self, line: str) -> None:
        """Print at once, with the seconds since the beginning."""
        sys.stdout.write(f"[{time.perf_counter() - self.began:6.1f} s] {line}\n")
        sys.stdout.flush()

    @property
    def good(self) -> bool:
        """Whether nothing failed and every bar was reached."""
        return not self.failed and all(figure.passed is not False for figure in self.figures)

    def summary(self) -> dict[str, Any]:
        """Everything, for JSON."""
        figures = [asdict(figure) for figure in self.figures]
        return {"dry": self.dry, "figures": figures, "skipped": self.skipped, "failed": self.failed, "good": self.good}


def milliseconds(task: Callable[[], object], device: torch.device, *, rounds: int = 20) -> float:
    """Median time of ``task``, after three calls that are not counted."""
    for _ in range(3 if device.type == "cuda" else 1):
        task()
    times = []
    for _ in range(rounds if device.type == "cuda" else 1):
        if device.type == "cuda":
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            task()
            end.record()
            end.synchronize()
            times.append(begin.elapsed_time(end))
        else:
            began = time.perf_counter()
            task()
            times.append(1e3 * (time.perf_counter() - began))
    return statistics.median(times)
