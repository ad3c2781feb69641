"""The numeric tests as other machines run them: with other instructions, threads, random numbers and examples.

``make test-elsewhere`` runs them all, ``python tests/elsewhere.py --part`` what fits into three minutes. Processors round
differently, and a search that turns at a rounding ends elsewhere; so a test may claim exactly what is exact, and of a random
result no more than its mean. Capped instruction sets stand for other processors, shifted seeds for the searches
that end elsewhere. What this cannot show: other operating systems, other versions of the libraries, GPUs.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOGS = ROOT / "build" / "elsewhere"

NUMERIC = ("tests/attacks", "tests/zoo", "tests/bench", "tests/reports", "tests/strangers")
NOT_NUMERIC = (
    "tests/bench/boards",
    "tests/bench/cli",
    "tests/bench/data",
    "tests/bench/foundation",
    "tests/reports/test_gallery.py",
    "tests/reports/test_site.py",
    "tests/reports/test_site_gallery.py",
    "tests/reports/test_site_in_browser.py",
    "tests/zoo/test_cards.py",
    "tests/zoo/test_imports.py",
)
SLOW = (
    "tests/bench/evaluation/reliability/test_known_answers.py",
    "tests/bench/studies/measures",
    "tests/strangers/test_standard.py",
    "tests/zoo/test_loading.py",
    "tests/zoo/test_shipped.py",
)
"""Shipped networks on real images: minutes, where the rest takes one."""

OPTIONS = (
    "-n",
    "0",
    "-p",
    "no:cacheprovider",
    "-rfE",
    "--tb=short",
    "--timeout=600",
    "--continue-on-collection-errors",
    "-m",
    "not gallery",
)

OLD = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NUMBA_CPU_NAME": "generic",
}
AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "NUMBA_CPU_NAME": "haswell",
}


@dataclass(frozen=True)
class Setting:
    """A machine to stand for.

    variables: what caps the instructions of the libraries. threads: of torch. shift: added to the seed of every stream.
    slow: whether the slow tests run too. part: what of the three minutes it runs, the settings sharing the tests.
    """

    name: str
    variables: dict[str, str] = field(default_factory=dict)
    threads: int = 1
    shift: int = 0
    slow: bool = False
    part: tuple[str, ...] = ()

    def environment(self) -> dict[str, str]:
        """Of its test run."""
        one = {"OMP_NUM_THREADS": str(self.threads), "OMP_WAIT_POLICY": "PASSIVE", "HYPOTHESIS_PROFILE": "elsewhere"}
        own = {"BENCH_TEST_THREADS": str(self.threads), "BENCH_TEST_SEED_SHIFT": str(self.shift)}
        return os.environ | one | own | self.variables


SETTINGS = (
    Setting("this machine, 2 threads", threads=2, slow=True),
    Setting("MKL compatible", {"MKL_CBWR": "COMPATIBLE"}),
    Setting("MKL avx2", {"MKL_CBWR": "AVX2"}),
    Setting("ATen default", {"ATEN_CPU_CAPABILITY": "default"}),
    Setting("ATen avx2", {"ATEN_CPU_CAPABILITY": "avx2"}),
    Setting("oneDNN avx2", {"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    Setting("all avx2", AVX2, slow=True),
    Setting("all old, 2 threads", OLD, threads=2, part=("tests/zoo", "tests/bench/evaluation", "tests/bench/models")),
    Setting("seeds + 1000", shift=1000, slow=True),
    Setting("seeds + 2000, all avx2", AVX2, shift=2000, part=("tests/attacks",)),
    Setting("seeds + 3000", shift=3000),
    Setting("seeds + 4000, all old", OLD, shift=4000),
    Setting("seeds + 5000", shift=5000),
    Setting("seeds + 6000, all avx2", AVX2, shift=6000),
    Setting("seeds + 7000", shift=7000),
    Setting("seeds + 8000, all old", OLD, shift=8000),
)


@dataclass(frozen=True)
class Outcome:
    """What one run of pytest came to."""

    passed: int
    failed: int
    skipped: int
    seconds: float
    failures: tuple[str, ...]
    log: Path


def outcome(setting: Setting, tests: Sequence[str]) -> Outcome:
    """Run ``tests`` under ``setting``; a run that ends without a count is one failure."""
    log = LOGS / (re.sub(r"\W+", "_", setting.name) + ".txt")
    command = [sys.executable, "-m", "pytest", *OPTIONS]
    started = time.monotonic()
    with log.open("w") as file:
        status = subprocess.run(
            [*command, *tests], cwd=ROOT, env=setting.environment(), stdout=file, stderr=file, check=False
        )
    seconds = time.monotonic() - started
    lines = log.read_text(errors="replace").splitlines()
    counts = {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|errors?|skipped)", _last(lines))}
    failed = counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
    if status.returncode not in (0, 1) or not counts:
        failed = max(failed, 1)
    failures = tuple(line for line in lines if line.startswith(("FAILED ", "ERROR ")))
    return Outcome(counts.get("passed", 0), failed, counts.get("skipped", 0), seconds, failures, log)


def _last(lines: Sequence[str]) -> str:
    return next((line for line in reversed(lines) if re.search(r"\d+ (passed|failed|error)", line)), "")


def arguments(setting: Setting, *, part: bool, paths: Sequence[str]) -> list[str]:
    """Which tests run under ``setting``, as arguments of pytest."""
    slow = setting.slow and not part
    left_out = [*NOT_NUMERIC, *(() if slow else SLOW)]
    marked = () if slow else ("-m", "not gallery and not slow")
    return list(paths) or [*marked, *(setting.part if part else NUMERIC), *(f"--ignore={path}" for path in left_out)]


def run(settings: Sequence[Setting], *, part: bool, paths: Sequence[str], at_once: int) -> Iterator[tuple[Setting, Outcome]]:
    """Each setting and its outcome, as they end; the slow ones start first."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(at_once) as pool:
        order = sorted(settings, key=lambda setting: not setting.slow)
        futures = {pool.submit(outcome, setting, arguments(setting, part=part, paths=paths)): setting for setting in order}
        for future in as_completed(futures):
            yield futures[future], future.result()


def main() -> int:
    """Run, print a line per setting, and say how many tests passed and failed; 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", help="tests to run instead of the numeric ones (paths and options of pytest)")
    parser.add_argument("--part", action="store_true", help="three minutes of it")
    parser.add_argument("--only", default="", metavar="WORDS", help="settings whose name contains this")
    parser.add_argument("--at-once", type=int, default=2, metavar="N", help="settings at a time (2)")
    options = parser.parse_args()
    chosen = [s for s in SETTINGS if options.only in s.name and (s.part or not options.part)]
    if not chosen:
        parser.error(f"no setting is called {options.only!r}; there are: {'; '.join(setting.name for setting in SETTINGS)}")
    passed = failed = 0
    say(f"{'setting':26}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for setting, result in run(chosen, part=options.part, paths=options.paths, at_once=options.at_once):
        passed, failed = passed + result.passed, failed + result.failed
        say(f"{setting.name:26}{result.passed:8}{result.failed:8}{result.skipped:9}{result.seconds:9.0f}")
        for failure in result.failures:
            say(f"    {failure}")
        if result.failed:
            say(f"    see {result.log.relative_to(ROOT)}")
    say(f"{passed} passed, {failed} failed")
    return int(failed > 0)


def say(line: str) -> None:
    """Print ``line`` at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
