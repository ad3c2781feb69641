"""A model under test: a module that can be attacked, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import nn

from attacks.fitting import Traits
from attacks.gradients.base import GradientPath, has_coding, has_gradient_path
from attacks.gradients.spikes.sites import SpikeSites, takes_path
from bench.models.slope import Slope
from zoo.canonical.convert import Canonical, canonical
from zoo.folding import folded


@dataclass(frozen=True)
class Subject:
    """A model under test.

    module: eval mode, parameters frozen. fingerprint: what determines its answers.
    dataset: where it is evaluated by default; None if it does not say.
    spiking: declared by a card; None where nobody declared it.
    task: whether it decides or scores; None where only the data tell. score_range, higher_is_better: of its scores.
    foreign: whether this suite did not build it. sites: where a foreign model makes spikes, once it was tried; unrecognised:
    why it could not be. slope: whether the gradient of a foreign model without spikes is its derivative. saturated: the
    share of its answers that are probabilities and round to 1. rounds: whether it was seen to round its input.
    remarks: what was done or noticed when it was opened, each a sentence.
    answers: of a foreign model, its outputs on the probe images (:mod:`bench.models.probe`), image by image.
    """

    ref: str
    module: nn.Module
    fingerprint: dict[str, Any]
    dataset: str | None
    spiking: bool | None
    stochastic: bool
    task: str | None = None
    score_range: tuple[float, float] = (0.0, 1.0)
    higher_is_better: bool = True
    foreign: bool = False
    remarks: tuple[str, ...] = ()
    answers: tuple[tuple[float, ...], ...] = ()
    sites: SpikeSites | None = None
    unrecognised: str | None = None
    slope: Slope | None = None
    saturated: float = 0.0
    rounds: bool = False

    @property
    def is_held(self) -> bool:
        """Whether its module computes here; False where only answers of another process are known."""
        return True

    @cached_property
    def deciding(self) -> nn.Module:
        """The network that verdicts come from: the module in its canonical form, if it has one."""
        return canonical(self.module) or self.module

    @cached_property
    def proposing(self) -> nn.Module:
        """The network that attacks differentiate: the one that decides, if it is canonical; else the module, folded."""
        deciding = self.deciding
        return deciding.network if isinstance(deciding, Canonical) else folded(self.module)

    @property
    def whole_layers(self) -> int:
        """Layers that run all time steps and hand over their trace: every gradient path is defined on them."""
        return sum(has_gradient_path(module) for module in self.module.modules())

    @property
    def path_takers(self) -> int:
        """Layers whose backward an attacker may choose, as a whole or at their spike functions."""
        return self.whole_layers + (0 if self.sites is None else self.sites.layers)

    @property
    def kept_per_row(self) -> int | None:
        """Bytes that an adaptive gradient path keeps of its neurons per input; None where the module itself can be asked."""
        return None

    @property
    def is_coded(self) -> bool:
        """Whether an encoder of it, or a filter of events, takes a coding."""
        return any(has_coding(module) for module in self.module.modules())

    @property
    def was_tried(self) -> bool:
        """Whether its spike functions were looked for, successfully or not."""
        return self.sites is not None or self.unrecognised is not None

    @property
    def is_smooth(self) -> bool:
        """Whether no spike or other step was found in it, so that its gradient ought to be its derivative."""
        sites = self.sites
        steps = sites is not None and (sites.found > 0 or not sites.differentiable)
        return not self.whole_layers and not steps

    @property
    def differentiable(self) -> bool:
        """Whether gradients reach the input at all."""
        return self.sites is None or self.sites.differentiable

    def takes(self, path: GradientPath) -> bool:
        """Whether ``path`` can do with it what it says; see :func:`takes_path`."""
        return takes_path(self.module, path, self.sites)

    @property
    def traits(self) -> Traits:
        """What decides which attacks, and which of their stages, can work on it."""
        spiking, differentiable = self.path_takers > 0, self.differentiable
        return Traits(spiking=spiking, coded=self.is_coded, differentiable=differentiable, rounds=self.rounds)
