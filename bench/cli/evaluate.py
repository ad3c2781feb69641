"""``bench evaluate``: evaluate a model under attack."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from attacks import THREATS
from bench.cli.preparing import NEURONS, SEED, preparation, preparing
from bench.cli.progress import Units
from bench.cli.quiet import printing_to_stderr
from bench.cli.summary import summarise
from bench.cli.terminal import is_quiet, say, say_json
from bench.cli.workers import COUNT, DEVICE, running_with, worker_options

if TYPE_CHECKING:
    from bench.evaluation.request.price import Price
    from bench.tasks.record import Record
    from bench.tasks.task import Request

LONGEST_COUNT = 18
"""Digits of a number of samples."""
_FRESH = (
    "Forget what an earlier run of the same command left. Needed after edits that are not noticed: of modules that an "
    "attack of your own imports, of installed packages, and of this suite."
)


@click.command()
@click.option(
    "--model",
    required=True,
    help="zoo:NAME (for other time steps zoo:NAME:steps=4), FILE.py::NAME of a factory, class or nn.Module, "
    "FILE.onnx, FILE.nir, timm:NAME, spikingjelly:NAME or pyiqa:NAME.",
)
@click.option(
    "--attack", "attacks", multiple=True, default=("pgd",), show_default=True, help="Attack; repeat for a worst case."
)
@click.option("--eps", help="Radius, or several: 2/255,8/255 [default: 8/255 in linf; none in l2].")
@click.option("--norm", default="linf", show_default=True, help=f"Threat: {' or '.join(THREATS)}, or one of a plug-in.")
@click.option("--threat", help="Threat and budgets in one word, for --norm and --eps: events_l0:budget=2%.")
@click.option("--n", help="First N samples, or all [default: 1000, or all where there are fewer].")
@click.option("--data", help="Data set [default: the model's own], folder:PATH, or nmnist:PATH and the like.")
@click.option("--split", default="test", show_default=True, help="Part of the data set: test, val or train.")
@click.option(
    "--path", "path", default="training", show_default=True, help="Gradient path, e.g. bptt:surrogate=atan,alpha=10."
)
@SEED
@click.option("--stochastic", is_flag=True, help="FILE.py models only: two calls may differ.")
@preparing
@click.option("--expect", type=float, help="Clean accuracy in % that the model is known to reach; a remark says if not.")
@NEURONS
@click.option("--eot", type=click.IntRange(1), help="Draws averaged per query [default: 1, stochastic models 10].")
@click.option("--scorings", type=click.IntRange(1), help="Draws per verdict [default: 1, stochastic models 10].")
@click.option("--eight-bit", is_flag=True, help="The attacker hands over images of 8 bits, and searches among them.")
@DEVICE
@click.option("--threads", type=COUNT, help="CPU threads of this process, which then computes alone.")
@worker_options
@click.option("--out", type=click.Path(path_type=Path), default=Path("records"), show_default=True, help="Where records go.")
@click.option("--save-adv", is_flag=True, help="Keep the adversarial images.")
@click.option("--fresh", is_flag=True, help=_FRESH)
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
def evaluate(
    attacks: tuple[str, ...],
    n: str | None,
    threads: int | None,
    workers: int | None,
    scheduler: str | None,
    out: Path,
    save_adv: bool,
    fresh: bool,
    as_json: bool,
    threat: str | None,
    **options: Any,
) -> None:
    """Measure accuracy (or scores) clean, under noise and under attack, and the gap between noise and attack."""
    import torch

    from bench.evaluation.evaluate import evaluate_settings
    from bench.evaluation.request.settings import Settings, Watcher
    from bench.foundation.memory import keep_freed_memory

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    prepare = preparation(options)
    if threat is not None:
        options |= _norm_and_eps(threat, options["eps"])
    settings = Settings(attack=attacks, n=_count(n), prepare=prepare, **options)
    running = running_with(workers, scheduler, threads=threads, out=out, save_adv=save_adv, fresh=fresh)
    with _Live(quiet=as_json) as live, printing_to_stderr():
        record = evaluate_settings(settings, running, Watcher(live.start, live.read_back, live.tick))
    if as_json:
        say_json(record.model_dump_json(indent=1))
    else:
        summarise(record, out)


def _norm_and_eps(threat: str, eps: str | None) -> dict[str, str | None]:
    """What ``NAME[:budget=B[,B...]]`` says. Raises ``SpecError`` for anything else, and where ``--eps`` is given as well."""
    from bench.foundation.errors import SpecError

    name, colon, budgets = threat.partition(":budget=")
    if ":" in name or (colon and not budgets):
        raise SpecError(f"{threat!r} is no threat.", "Write NAME:budget=B, for example events_l0:budget=2%, or use --norm.")
    if colon and eps is not None:
        raise SpecError("The budget is given twice, by --threat and by --eps.", "Give it once.")
    return {"norm": name, "eps": budgets or eps}


def _count(text: str | None) -> int | None:
    from bench.evaluation.request.settings import DEFAULT_N
    from bench.foundation.errors import SpecError

    if text is None:
        return DEFAULT_N
    if text == "all":
        return None
    if not text.isdecimal() or len(text) > LONGEST_COUNT or int(text) < 1:
        raise SpecError(f"--n must be a positive number or 'all', not {text!r}.", "For example --n 1000.")
    return int(text)


class _Live(Units):
    """Prints the cost before and a bar during the evaluation; on stderr, so that stdout holds results only."""

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(quiet=quiet)
        self._says_cost = not (quiet or is_quiet())

    def start(self, request: Request, cost: Price) -> None:
        """Print the cost of a request."""
        if self._says_cost:
            from bench.evaluation.executors.choice import seconds_for
            from bench.tasks.summary import duration

            say(
                f"at most {cost.forwards:,} forwards and {cost.backwards:,} backwards, "
                f"about {duration(seconds_for(request))}; less as samples fall",
                err=True,
            )

    def read_back(self, record: Record) -> None:
        """Print, even if quiet, that the record is an earlier one."""
        say(f"already done on {record.created[:10]} (--fresh to run it again)", err=True)
