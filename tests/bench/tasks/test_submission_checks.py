"""Checks of submissions that need no isolation: what they say of spiking layers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attacks.gradients.base import has_gradient_path
from attacks.gradients.spikes.inventory import Uncontrolled
from attacks.gradients.spikes.sites import SpikeSites
from bench.tasks.submission import gradient_checks


class Probe:
    """A model of which only layers and gradients are asked."""

    def __init__(self, layers: int, sites: SpikeSites | None = None) -> None:
        self.subject = SimpleNamespace(
            path_takers=layers, spiking=None, sites=sites, saturated=0.0, unrecognised=None, slope=None
        )

    def looked_at(self, images: Tensor) -> Any:
        return self.subject

    def silent_share(self, images: Tensor) -> float:
        return 0.0


def path_check(layers: int, *, spiking: bool) -> Any:
    submission: Any = SimpleNamespace(spiking=spiking)
    probe: Any = Probe(layers)
    checks = gradient_checks(probe, submission, torch.zeros(2, 3, 8, 8))
    return next((check for check in checks if check.name == "gradient path"), None)


def test_a_network_whose_spikes_are_not_found_is_told_what_to_do() -> None:
    assert path_check(2, spiking=True).status == "pass"
    refused = path_check(0, spiking=True)
    assert refused.status == "fail" and "autograd Functions" in refused.says
    assert path_check(0, spiking=False) is None
    assert path_check(2, spiking=False).status == "fail"


def test_what_makes_the_verdict_an_upper_bound_is_said_before_the_evaluation() -> None:
    sites = SpikeSites(uncontrolled=(Uncontrolled("a comparison", "model.py:3", "it is no Function"),))
    submission: Any = SimpleNamespace(spiking=False)
    probe: Any = Probe(0, sites)
    warned = {check.name: check for check in gradient_checks(probe, submission, torch.zeros(2, 3, 8, 8))}
    assert warned["out of control"].status == "warn" and "model.py:3" in warned["out of control"].says


def test_an_adopted_network_takes_paths_and_the_same_weights() -> None:
    pytest.importorskip("spikingjelly.activation_based")
    from spikingjelly.activation_based import functional, neuron

    from zoo.adapters.spikingjelly import adopt

    network = nn.Sequential(nn.Linear(4, 3), neuron.LIFNode(tau=2.0, detach_reset=True))
    functional.set_step_mode(network, "m")
    adopted = adopt(network)
    assert list(adopted.state_dict()) == list(network.state_dict())
    assert sum(has_gradient_path(module) for module in adopted.modules()) == 1
