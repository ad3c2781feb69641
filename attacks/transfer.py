"""Transfer: inputs crafted on another model. The model under attack is never asked.

What holds against every gradient path of its own and falls to inputs made on another network hid its gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from torch import Tensor, nn

from attacks.base import Access, Attack
from attacks.fitting import Traits
from attacks.gradients.base import GradientPath, Training
from attacks.mifgsm import MIFGSM
from attacks.model_oracle import ModelOracle
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.score_objectives import Scoring
from attacks.threats.threat import Threat


@dataclass(frozen=True, kw_only=True)
class Transfer(Attack):
    """Inputs that another attack crafts on another model.

    model: the source, in eval mode, for inputs and classes like those of the model under attack. attack: what crafts.
    path: how the spikes of the source are differentiated. In a spec: ``transfer:source=NAME,attack=mifgsm``.

    The attack never leaves a sample because the source is fooled: what just fools the source seldom fools another. Passes
    through the source are booked to the sample, because they are what it cost: on a score one more forward, because the
    source's score is moved away from what the source itself says of the clean input.
    """

    access: ClassVar[Access] = "none"

    model: nn.Module = field(repr=False)
    attack: Attack = field(default_factory=MIFGSM)
    path: GradientPath = field(default_factory=Training)

    def __post_init__(self) -> None:
        if self.model.training:
            raise ValueError("the model to transfer from is in training mode; call its eval() first")

    def misfit_of_threat(self, threat: Threat) -> str | None:
        """What the attack on the source says."""
        return self.attack.misfit_of_threat(threat)

    def misfit_of_shape(self, shape: Sequence[int]) -> str | None:
        """What the attack on the source says."""
        return self.attack.misfit_of_shape(shape)

    def misfit_of_model(self, traits: Traits) -> str | None:
        """What the attack on the source says. It is the source that must give gradients, and a module does."""
        return self.attack.misfit_of_model(replace(traits, differentiable=True))

    def cost(self) -> tuple[int, int]:
        return self.attack.cost()

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        self.require_fit(oracle, x, threat)
        source = ModelOracle.of(
            self.model.to(x.device),
            oracle.labels,
            path=self.path,
            objective=oracle.objective,
            rng=rng.fold("source's layers"),
            stochastic=True,
        )
        if isinstance(oracle.objective, Scoring):
            source = source.referring_to(x)
        adv = self.attack.perturb(source, x, threat, rng=rng.fold("source"))
        oracle.charge(source)
        return adv
