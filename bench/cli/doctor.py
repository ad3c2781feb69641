"""``bench doctor``: examine whether a model's robustness can be measured, and what would mislead an attack."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from bench.cli.preparing import NEURONS, examining, preparation
from bench.cli.quiet import printing_to_stderr
from bench.cli.table import show_table
from bench.cli.terminal import JSON, say, say_json
from bench.foundation.errors import SpecError

if TYPE_CHECKING:
    from bench.evaluation.reliability.doctor import Diagnosis

FAILED = "Numbers of attacks along its own gradient are not to be believed, for the reasons marked fail."
WARNED = "Look at the warnings: attacks along one gradient overstate its robustness. Use --attack standard."
HEALTHY = "Nothing was found that would fool an attack."


@click.command()
@click.argument("model", required=False)
@click.option("--system", is_flag=True, help="Describe this machine and installation instead, for a bug report.")
@click.option("--n", type=click.IntRange(1), default=64, show_default=True, help="Samples that it gets right.")
@click.option("--eps", default="4/255", show_default=True, help="Radius of the attacks, in linf.")
@examining
@NEURONS
@click.option("--source", "sources", multiple=True, help="Model to transfer from [default: undefended ones of the zoo].")
@JSON
def doctor(
    model: str | None,
    system: bool,
    n: int,
    eps: str,
    data: str | None,
    seed: int,
    stochastic: bool,
    device: str,
    threads: int | None,
    sources: tuple[str, ...],
    as_json: bool,
    batch: int | None,
    neurons: str,
    **options: Any,
) -> None:
    """Examine MODEL, named as for bench evaluate, for everything that makes robustness look better than it is."""
    if system:
        _describe_system(as_json)
        return
    if model is None:
        raise SpecError("Nothing to examine was named.", "Name a model (bench doctor zoo:NAME), or give --system.")
    import torch

    from bench.cli.progress import Examinations
    from bench.evaluation.reliability.doctor import examine
    from bench.foundation.memory import keep_freed_memory

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    with Examinations() as shown, printing_to_stderr():
        diagnosis = examine(
            model,
            n=n,
            eps=eps,
            data=data,
            seed=seed,
            stochastic=stochastic,
            device=device,
            sources=sources,
            batch=batch,
            neurons=neurons,
            prepare=preparation(options),
            on_progress=shown.show,
        )
    if as_json:
        fields = asdict(diagnosis) | {
            "checks": [check.model_dump() for check in diagnosis.checks],
            "status": diagnosis.status,
            "not_looked_at": diagnosis.not_looked_at,
        }
        say_json(json.dumps(fields, indent=1))
    else:
        _explain(diagnosis, eps)


def _describe_system(as_json: bool) -> None:
    from bench.cli.system import system_facts

    facts = system_facts()
    if as_json:
        say_json(json.dumps(facts, indent=1))
    else:
        say("\n".join(f"- {name}: {value}" for name, value in facts.items()))


def _explain(diagnosis: Diagnosis, eps: str) -> None:
    say(f"{diagnosis.name}: {100 * diagnosis.accuracy:.0f}% clean; examined on {diagnosis.samples} samples at {eps}, linf")
    show_table([{"": check.status, "what was found": check.says} for check in diagnosis.checks])
    if len(diagnosis.path_names) > 1:
        say("\nmean cosine between the input gradients along different paths")
        show_table(
            [
                {"": name} | {other: f"{value:z.2f}" for other, value in zip(diagnosis.path_names, row, strict=True)}
                for name, row in zip(diagnosis.path_names, diagnosis.cosines, strict=True)
            ]
        )
    counts = {status: sum(check.status == status for check in diagnosis.checks) for status in ("fail", "warn", "pass")}
    say(f"\n{counts['fail']} failed, {counts['warn']} warnings, {counts['pass']} passed. {_conclusion(diagnosis)}")


def _conclusion(diagnosis: Diagnosis) -> str:
    """What follows from the checks. Those that could not be made are named, so that nobody takes them for passed."""
    from bench.tasks.classification.checks import LEAST_ATTACKED

    unknown = diagnosis.not_looked_at
    warned = sum(check.status == "warn" for check in diagnosis.checks) > len(unknown)
    sentences = [FAILED if diagnosis.status == "fail" else WARNED if warned else HEALTHY]
    if unknown:
        sentences.append(f"But not everything was looked at: {', '.join(dict.fromkeys(unknown))}.")
    if diagnosis.samples < LEAST_ATTACKED:
        sentences.append(f"{diagnosis.samples} samples say little; examine at least {LEAST_ATTACKED} (--n).")
    return " ".join(sentences)
