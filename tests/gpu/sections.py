"""What is looked at on a GPU, in which order, and on which machine."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import evaluations
import kernels
import neurons
import torch
from figures import Report

from attacks.gradients import accelerated


def run(report: Report) -> None:
    """All sections, those without which the others mean nothing first."""
    if not accelerated.usable(torch.zeros(1, device=report.device)):
        report.failed["kernels"] = "Triton is missing or cannot compile"
        report.say("kernels: FAILED, Triton is missing or cannot compile; what follows runs in torch operations")
    report.section("spikes", kernels.spikes, needs=20)
    report.section("gradients", kernels.gradients, needs=40)
    report.section("adaptive gradients", kernels.adaptive, needs=20)
    if report.dry:  # the interpreter takes long for many programs, however small
        accelerated.INTERPRETED_BLOCK = 2**16
    report.section("layers", neurons.layers, needs=60)
    report.section("networks", neurons.networks, needs=30)
    report.section("memory", evaluations.memory, needs=60)
    report.section("standard", evaluations.standard, needs=90)


def machine() -> dict[str, str]:
    """The chip and the versions."""
    chip = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    return {"device": chip, "torch": torch.__version__, **{name: installed(name) for name in ("triton", "spikingjelly")}}


def installed(name: str) -> str:
    """The version of a package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
