"""Train on a GPU what a CPU cannot: ``python -m reports.gpu_zoo --budget 540 --out build/gpu_zoo``.

Models are trained side by side, each in a process of its own, the most valuable ones first, and each once the model that it
starts from is there. A checkpoint follows each epoch; what is finished is installed into the zoo with its card. At the end
of the budget the rest is stopped, and the same command goes on with it. Several small networks share a GPU well: one of
them leaves most of it idle between launches (NVIDIA's Multi-Process Service, where it runs, helps further).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zoo.card import Card, card_file, read_card

FAMILY = [
    "ann_resnet20",
    "ann_qcfs_resnet20",
    "ann_nq_resnet20",
    "snn_vanilla_resnet20",
    "ann_at_resnet20",
    "snn_at_resnet20",
]
SEEDS = [f"snn_{name}_seed{seed}" for name in ("vanilla", "at", "gsr_at", "trades", "mppd_at", "gsr") for seed in (1, 2)]
CAMERAS = ["cam_tfp_snn", "cam_tfp_ann", "cam_tfi_snn", "cam_tfp_snn_at", "cam_direct_snn"]
DEFENSES = ["snn_mpd_sgr", "snn_tgo", "snn_feel", "snn_hosnn", "snn_stog"]
DEFENSES += [f"{name}_at" for name in DEFENSES]
LARGE = ["snn_vanilla_vgg11", "snn_at_vgg11", "snn_gsr_at_vgg11", "snn_mppd_at_vgg11", "snn_at_wrn16", "ann_qcfs_vgg16"]
PLAN: tuple[str, ...] = (
    *(*FAMILY[:3], *SEEDS[:2], *CAMERAS[:2], *FAMILY[3:], *SEEDS[2:4], *DEFENSES),
    *("snn_gsr_at_resnet20", "snn_robust_conversion_resnet20", *SEEDS[4:], *CAMERAS[2:]),
    *("snn_qcfs_resnet20", "snn_nq_resnet20", "snn_srp_resnet20", "snn_cos_resnet20"),
    *LARGE,
)
"""In order of value: the network of the papers on conversion, other seeds of the compact network, cameras, and then what
needs hours."""
POLL = 0.25
"""Seconds between two looks at the processes."""


@dataclass
class Plan:
    """What is to do and what became of it. waiting: names, the most valuable first. failed: name to exit status."""

    waiting: list[str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    failed: dict[str, int] = field(default_factory=dict)

    def ready(self) -> list[str]:
        """Names whose start or source model has weights, or that need none."""
        return [name for name in self.waiting if _may_begin(described_now(name))]

    def collect(self) -> None:
        """Move finished processes to where they belong."""
        for name, process in list(self.running.items()):
            status = process.poll()
            if status is None:
                continue
            del self.running[name]
            if status:
                self.failed[name] = status
            else:
                self.made.append(name)


def _may_begin(described: Card) -> bool:
    return described.needs is None or described_now(described.needs).weights is not None


def described_now(name: str) -> Card:
    """The card as it is on the disk now, where other processes install what they finish."""
    return read_card(card_file(name))


def untrained(names: Iterable[str]) -> list[str]:
    """Those of ``names`` without weights."""
    return [name for name in names if described_now(name).weights is None]


def run(plan: Plan, start: Callable[[str], subprocess.Popen[bytes]], *, workers: int, budget: float) -> Plan:
    """Run the plan for ``budget`` seconds at most, ``workers`` processes at a time. Nothing of it runs on afterwards."""
    end = time.monotonic() + budget
    try:
        while time.monotonic() < end:
            plan.collect()
            for name in plan.ready()[: workers - len(plan.running)]:
                plan.waiting.remove(name)
                plan.running[name] = start(name)
            if not plan.running:
                break
            time.sleep(POLL)
    finally:
        plan.collect()
        plan.stopped += plan.running
        for process in plan.running.values():
            process.terminate()
        for process in plan.running.values():
            process.wait()
        plan.running.clear()
    return plan


def starter(out: Path, device: str, options: Sequence[str] = ()) -> Callable[[str], subprocess.Popen[bytes]]:
    """What starts the training of a model, its output in ``out``/logs."""
    logs = out / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}

    def start(name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "bench.cli.main", "train", f"zoo:{name}", "--install", "--threads", "1"]
        command += ["--device", device, "--runs", str(out / "runs"), *options]
        with (logs / f"{name}.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)

    return start


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was made, as JSON. Returns 1 if a training failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=540.0, help="seconds [540]")
    parser.add_argument("--out", type=Path, default=Path("build/gpu_zoo"), help="checkpoints and logs [build/gpu_zoo]")
    parser.add_argument("--workers", type=int, default=14, help="trainings side by side [14]")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--only", action="append", help="only this model; may be repeated")
    parser.add_argument("--data-root", type=Path, help="folder of data sets")
    chosen = parser.parse_args(arguments)
    options = [] if chosen.data_root is None else ["--data-root", str(chosen.data_root)]
    plan = Plan(untrained(chosen.only or PLAN))
    run(plan, starter(chosen.out, chosen.device, options), workers=chosen.workers, budget=chosen.budget)
    unfinished = [*plan.stopped, *plan.waiting]
    sys.stdout.write(json.dumps({"made": plan.made, "failed": plan.failed, "unfinished": unfinished}) + "\n")
    return 1 if plan.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
