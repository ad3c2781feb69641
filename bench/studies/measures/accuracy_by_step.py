"""The answers of a spiking network after fewer time steps, or after more.

One run of the network contains all earlier answers: spikes up to a step do not depend on later steps, so the read-out of
the spikes of the first t steps is the answer after t steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from attacks.randomness import KeyedRng
from bench.data.base import Samples
from bench.evaluation.request.resolve import STOCHASTIC_DRAWS
from bench.foundation.errors import ModelError
from bench.metrics.statistics import Floats
from bench.models.scorer import Scorer
from zoo.canonical.convert import canonical
from zoo.card import Card, card
from zoo.conversion.convert import Converted
from zoo.loading import build, load_card, numbered_steps, with_steps
from zoo.spiking.first_spike import FirstSpike
from zoo.spiking.readouts import MeanLogits


class Anytime(nn.Module):
    """Images ``(N, C, H, W)`` to the logits after each of ``steps``, side by side: ``(N, len(steps) * K)``.

    Raises ``ValueError`` for a network without a known read-out, or one that runs for fewer steps.
    """

    def __init__(self, model: nn.Module, steps: Sequence[int]) -> None:
        super().__init__()
        readouts = [module for module in model.modules() if isinstance(module, MeanLogits | FirstSpike)]
        if len(readouts) != 1:
            raise ValueError(f"a {type(model).__name__} has no read-out over time")
        self.model, self.steps = model, list(steps)
        self._readout = readouts

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, len(steps) * K)`` of images ``(N, C, H, W)``.

        Raises ``ValueError`` if the network runs for fewer steps.
        """
        readout_inputs: list[Tensor] = []
        readout = self._readout[0]
        hook = readout.register_forward_pre_hook(lambda module, inputs: readout_inputs.append(inputs[0]))
        try:
            self.model(x)
        finally:
            hook.remove()
        if len(readout_inputs[0]) < max(self.steps):
            raise ValueError(f"the network runs for {len(readout_inputs[0])} steps, not {max(self.steps)}")
        return torch.cat([readout(readout_inputs[0][:steps]) for steps in self.steps], 1)


def longest(described: Card) -> int | None:
    """The largest number of steps that a model can run for; None if it has no limit.

    Neurons with a number per time step, and encoders that spread an intensity over all steps, fix that number.
    """
    if not described.spiking:
        return 1
    arguments: dict[str, Any] = described.builder.arguments
    if arguments.get("encoder", "direct") in ("latency", "front"):
        return int(arguments["steps"])
    return numbered_steps(described)


def calibration(name: str) -> int:
    """Calibration steps of a converted model; 0 for every other model."""
    model = build(card(name).builder)
    return model.latency - model.steps if isinstance(model, Converted) else 0


def running(name: str, steps: int) -> nn.Module:
    """The model, set to run for at least ``steps`` steps. Raises ``ModelError`` if it runs for fewer."""
    described = card(name)
    most = longest(described)
    if most is not None and steps > most:
        raise ModelError(f"zoo:{name} runs for {most} steps and no more.", "Ask for fewer.")
    return load_card(described if most is not None else with_steps(described, steps))


def accuracy_by_step(
    name: str,
    samples: Samples,
    steps: Sequence[int],
    *,
    seed: int = 0,
    device: str = "cpu",
    on_images: Callable[[int], None] = lambda count: None,
) -> Floats:
    """Rates of correct answers ``(len(steps), n)`` after each of ``steps``, from one run per draw.

    Draws and batches are those of an evaluation, so that the row of the model's own T is its clean accuracy.
    on_images: called with a number of images after so many more were answered.
    Raises ``ModelError`` if the model runs for fewer steps.
    """
    if card(name).spiking:
        network = running(name, max(steps)).to(device)
        module: nn.Module = Anytime(canonical(network) or network, steps)
    else:
        network = load_card(card(name)).to(device)
        module = canonical(network) or network
    scorer = Scorer(module, f"zoo:{name}")
    draws = STOCHASTIC_DRAWS if card(name).stochastic else 1
    rates = np.zeros((len(steps), len(samples)))
    for start in range(0, len(samples), 1000):
        part = samples[start : start + 1000]
        rng = KeyedRng.of(seed, part.ids.to(device)).fold("clean")
        for draw in range(draws):
            logits = scorer.logits(part.images.to(device), rng.fold("score", draw))
            answers = logits.view(len(logits), len(steps), -1).argmax(2).cpu()
            rates[:, start : start + len(answers)] += (answers == part.labels[:, None]).T.numpy() / draws
        on_images(len(part))
    return rates
