"""What whole evaluations take: seconds for the attack set ``standard``, memory for ASSG on VGG-11."""

from __future__ import annotations

import resource
from unittest import mock

import torch
from figures import Report
from torch import Tensor, nn

import bench
from bench.evaluation.request import shards
from bench.tasks.record import Record
from zoo.architectures.vgg import vgg

SECONDS, GIGABYTES = 60.0, 2.5
ROWS = 250


def standard(report: Report) -> None:
    """The attack set on the first test images, which lie in the package.

    A few images come first, because kernels are compiled when they are first called.
    """
    n, few, attack, batch = (2, 1, "pgd:steps=1", 2) if report.dry else (1000, 16, "standard", None)

    def evaluated(images: int) -> Record:
        where = report.device.type
        return bench.evaluate("zoo:snn_at", attack=attack, eps="2/255", n=images, device=where, batch=batch)

    report.figure(f"{attack} on {few} images, kernels compiled on the way", evaluated(few).seconds, "s")
    record = evaluated(n)
    result = record.results[0]
    for stage in result.stages:
        report.say(f"    {stage.name}: {stage.attempted} attempted, {stage.broken} broken, {stage.seconds:.2f} s")
    note = f"clean {result.clean.value:.1%}, robust {result.robust.value:.1%}, the attack alone {result.seconds:.1f} s"
    report.figure(f"{attack} on {n} images of snn_at at 2/255", record.seconds, "s", most=SECONDS, note=note)


def memory(report: Report) -> None:
    """The largest sum of what tensors held, weights included.

    Two floats per neuron, step and row are 4 GB for 250 rows of VGG-11. With half a GiB for the state, and as much for a
    query, its shards have 33 rows; a GPU with more memory takes more, which is measured as well.
    """
    rows, width, steps = (2, 0.02, 2) if report.dry else (ROWS, 1.0, 8)
    torch.manual_seed(0)
    hidden = 64 if report.dry else 4096
    network = vgg(plan="vgg11", steps=steps, hidden=hidden, multiplier=width, neuron={"decay": 0.99}).eval()
    images = torch.rand(rows, 3, 32, 32)
    half_a_gib = shards.SHARE_OF_GPU
    if report.device.type == "cuda":
        half_a_gib = torch.cuda.get_device_properties(report.device).total_memory // 2**29
    with mock.patch.object(shards, "SHARE_OF_GPU", half_a_gib):
        frugal = peak(report, network, images)
    report.figure(f"memory of VGG-11, T=8, ASSG, {rows} rows, half a GiB for each", frugal, "GB", most=GIGABYTES)
    if not report.dry:
        report.figure(f"memory of VGG-11, T=8, ASSG, {rows} rows, as large as fits", peak(report, network, images), "GB")


def peak(report: Report, network: nn.Module, images: Tensor) -> float:
    """GB while the network is attacked; on a CPU, of the whole process."""
    network.to(report.device)
    with torch.no_grad():
        labels = torch.cat([network(part.to(report.device)).argmax(1).cpu() for part in images.split(50)])
    if report.device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    attack, batch = ("pgd:steps=1", 2) if report.dry else ("pgd:steps=2", None)
    where = report.device.type
    bench.evaluate(
        network, data=(images, labels), attack=attack, path="assg", eps="2/255", n=None, device=where, batch=batch
    )
    if report.device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
