"""Finding the spike functions of a model that this suite did not build, before anything is asked of its gradients."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from attacks.gradients.bpda import rounds_its_input
from attacks.gradients.spikes.recognition import spiking_sites
from bench.data.base import Samples
from bench.foundation.errors import ModelError
from bench.models.probe import fixed_randomness
from bench.models.saturation import saturated_share
from bench.models.slope import slope_of
from bench.models.subject import Subject

PROBED = 3
"""Real images that a model is tried on."""


def recognised(subject: Subject, samples: Samples) -> Subject:
    """A stranger's model with its spike functions; one without any with its slope; a model of the zoo, or one that was tried
    already, as it is.

    Raises ``ModelError`` if its answers change by a bit while its spike functions are under control. A model that cannot be
    run at all is left to the evaluation, which says what is wrong with it.
    """
    if not subject.foreign or subject.was_tried:
        return subject
    device = next((tensor.device for tensor in [*subject.module.parameters(), *subject.module.buffers()]), None)
    probe = samples[:PROBED].images if device is None else samples[:PROBED].images.to(device)
    try:
        sites = spiking_sites(subject.module, probe)
    except ValueError as error:
        raise ModelError(
            f"The spike functions of {subject.ref} cannot be attacked: {error}.",
            "Let forward compute the same whether or not somebody listens, or report this network.",
        ) from error
    except Exception as error:  # whatever a stranger's forward raises
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return replace(subject, unrecognised=reason)
    with fixed_randomness(probe.device):
        rounds = sites.differentiable and not subject.stochastic and rounds_its_input(subject.module, probe)
    subject = replace(subject, sites=sites, saturated=_saturated(subject, probe), rounds=rounds)
    smooth = subject.is_smooth and not subject.saturated and not subject.stochastic
    return replace(subject, slope=slope_of(subject.module, probe) if smooth else None)


@torch.no_grad()
def _saturated(subject: Subject, probe: Tensor) -> float:
    """The share of saturated answers, from a half on; the gradients of single ones are no sign of anything."""
    with fixed_randomness(probe.device):
        share = saturated_share(subject.module(probe))
    return share if share >= 0.5 else 0.0
