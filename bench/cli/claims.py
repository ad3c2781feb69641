"""``bench claims``: claims of papers, and whether they hold on the zoo."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.table import show_table
from bench.cli.terminal import JSON, say, say_json
from bench.cli.workers import COUNT, DEVICE, running_with, worker_options

if TYPE_CHECKING:
    from bench.evaluation.request.settings import Running
    from bench.studies.claims.claim import Claim, Result
    from bench.studies.claims.multiplicity import Corrected


@click.command()
@click.argument("names", nargs=-1)
@click.option("--run", "measure", is_flag=True, help="Run the checks and write their results.")
@click.option("--boards", "root", type=click.Path(path_type=Path), help="Folder of claims.yaml [default: leaderboards].")
@click.option("--out", type=click.Path(path_type=Path), default=Path("records"), show_default=True, help="Where records go.")
@DEVICE
@click.option("--threads", type=COUNT, help="CPU threads of this process, which then computes alone.")
@worker_options
@JSON
def claims(
    names: tuple[str, ...],
    measure: bool,
    root: Path | None,
    out: Path,
    device: str,
    threads: int | None,
    workers: int | None,
    scheduler: str | None,
    as_json: bool,
) -> int:
    """Show the claims (all, or NAMES) with what was measured; with --run, measure them. A killed run is resumed."""
    from bench.boards.store import boards_root, boards_to_write
    from bench.foundation.errors import BoardError
    from bench.studies.claims.claim import read_claims
    from bench.studies.claims.multiplicity import corrected

    folder, failed = boards_to_write(root) if measure else boards_root(root), 0
    if measure:
        failed = _run(folder, names, out, device, threads, running_with(workers, scheduler, threads=threads))
    all_claims = read_claims(folder)
    if not all_claims:
        raise BoardError(f"There are no claims in {folder}.", "Name the folder of claims.yaml with --boards.")
    unknown = [name for name in names if name not in all_claims]
    if unknown:
        from bench.foundation.errors import UnknownNameError

        raise UnknownNameError.of("claim", unknown[0], list(all_claims))
    chosen_claims = {name: claim for name, claim in all_claims.items() if not names or name in names}
    corrections = corrected(all_claims)
    if as_json:
        shown = {name: _fields(claim, corrections.get(name)) for name, claim in chosen_claims.items()}
        say_json(json.dumps(shown, indent=1))
    else:
        _show(chosen_claims, corrections)
    return int(failed > 0)


def _run(root: Path, names: tuple[str, ...], out: Path, device: str, threads: int | None, running: Running) -> int:
    """Run the claims, with progress on stderr; returns the number of claims that could not be run."""
    import torch

    from bench.cli.progress import Units
    from bench.evaluation.request.resolve import device_named
    from bench.foundation.memory import keep_freed_memory
    from bench.studies.claims.lab import Lab
    from bench.studies.claims.running import run

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    device_named(device)
    failed = 0
    with Units() as bar:
        for outcome in run(root, names, Lab(out, device, on_tick=bar.tick, running=running)):
            if outcome.error is not None:
                failed += 1
                say(f"{outcome.name}: not run. {outcome.error}", err=True)
            elif outcome.result is not None:
                say(f"{outcome.name}: {outcome.verdict} ({_interval(outcome.result)})", err=True)
    return failed


def _fields(claim: Claim, correction: Corrected | None) -> dict[str, Any]:
    """A claim as JSON has it. corrected: the verdict among all claims of the file; None where nothing was measured."""
    return claim.model_dump() | {"corrected": None if correction is None else asdict(correction)}


def _show(claims: Mapping[str, Claim], corrections: Mapping[str, Corrected]) -> None:
    from bench.studies.claims.freshness import stale

    rows = [
        {
            "claim": name,
            "verdict": (claim.verdict or "not run") + (" (of other weights)" if stale(claim) else ""),
            "corrected": corrections[name].verdict if name in corrections else "",
            "adjusted p": corrections[name].adjusted_text if name in corrections else "",
            "measured": "" if claim.result is None else _interval(claim.result),
            "says": claim.claim,
        }
        for name, claim in claims.items()
    ]
    show_table(rows, right=("adjusted p",))
    say(
        "measured: statistic [95% interval], samples; bench claims NAME --json shows models, protocol and parts\n"
        f"corrected: the verdict by Holm's method among the {len(corrections)} measured claims; it decides where the "
        "adjusted p is below 0.05"
    )


def _interval(result: Result) -> str:
    return f"{result.value:.3g} [{result.low:.3g}, {result.high:.3g}], n={result.n}"
