"""Attacks of foolbox (Rauber et al., JOSS 2020), under the names foolbox gives them: ``foolbox:LinfPGD,steps=20``.

Each gets eps as it is, the step in input units (foolbox's own default is relative to eps) and the threat's box.

Left out, seen in version 3.3.4: L2FMNAttack divides a norm by itself and so never projects (ours is ``fmn``);
HopSkipJumpAttack normalises its gradient over the whole batch and gives up unless every sample has a start (ours is
``hopskipjump``); the boundary attacks raise for a batch in which one sample has no start.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

from torch import Tensor, nn

from attacks.adapters.base import ForeignAttack, step_or_default
from attacks.base import Kind
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat, ThreatKinds, entry_for

_DEEPFOOL: dict[type[Threat], str] = {Linf: "LinfDeepFoolAttack", L2: "L2DeepFoolAttack"}


@dataclass(frozen=True, kw_only=True)
class FoolboxAttack(ForeignAttack):
    """Base of the attacks of foolbox."""

    library: ClassVar[str] = "foolbox"
    install: ClassVar[str] = "pip install foolbox==3.3.4"

    @abstractmethod
    def build(self, attacks: Any, threat: Threat, eps: float) -> Any:
        """The attack of foolbox for the radius ``eps``. attacks: the module ``foolbox.attacks``."""

    def attacked(self, model: nn.Module, x: Tensor, labels: Tensor, threat: Threat, eps: float) -> Tensor:
        """What foolbox returns for one shard ``x`` ``(n, ...)``. See the base."""
        foolbox = import_module("foolbox")
        bounded = foolbox.PyTorchModel(model, bounds=(threat.low, threat.high), device=x.device)
        goal = foolbox.criteria.Misclassification(labels)
        attack = self.build(foolbox.attacks, threat, eps)
        adv: Tensor = attack.run(bounded, x, goal, **({} if self.kind == "minimal" else {"epsilon": eps}))
        return adv


@dataclass(frozen=True, kw_only=True)
class FGSM(FoolboxAttack):
    """One signed step of size eps."""

    threats: ClassVar[ThreatKinds] = (Linf,)

    random_start: bool = False

    def cost(self) -> tuple[int, int]:
        """One gradient."""
        return 1, 1

    def build(self, attacks: Any, threat: Threat, eps: float) -> Any:
        """See the base."""
        return attacks.LinfFastGradientAttack(random_start=self.random_start)


@dataclass(frozen=True, kw_only=True)
class FGM(FGSM):
    """One normalised step of length eps in l2."""

    threats: ClassVar[ThreatKinds] = (L2,)

    def build(self, attacks: Any, threat: Threat, eps: float) -> Any:
        """See the base."""
        return attacks.L2FastGradientAttack(random_start=self.random_start)


@dataclass(frozen=True, kw_only=True)
class LinfPGD(FoolboxAttack):
    """Projected gradient descent in linf.

    step_size: in input units; None means ``2.5 * eps / steps``.
    """

    threats: ClassVar[ThreatKinds] = (Linf,)
    foreign: ClassVar[str] = "LinfPGD"

    steps: int = 40
    step_size: float | None = None
    random_start: bool = True

    def cost(self) -> tuple[int, int]:
        """A gradient per step."""
        return self.steps, self.steps

    def build(self, attacks: Any, threat: Threat, eps: float) -> Any:
        """See the base."""
        step = step_or_default(self.step_size, eps, self.steps)
        return getattr(attacks, self.foreign)(steps=self.steps, abs_stepsize=step, random_start=self.random_start)


@dataclass(frozen=True, kw_only=True)
class L2PGD(LinfPGD):
    """Projected gradient descent in l2."""

    threats: ClassVar[ThreatKinds] = (L2,)
    foreign: ClassVar[str] = "L2PGD"


@dataclass(frozen=True, kw_only=True)
class LinfAdamPGD(LinfPGD):
    """Projected steps of Adam on the gradient's sign, linf."""

    foreign: ClassVar[str] = "LinfAdamPGD"


@dataclass(frozen=True, kw_only=True)
class L2AdamPGD(LinfPGD):
    """Projected steps of Adam on the normalised gradient, l2."""

    threats: ClassVar[ThreatKinds] = (L2,)
    foreign: ClassVar[str] = "L2AdamPGD"


@dataclass(frozen=True, kw_only=True)
class DDN(FoolboxAttack):
    """Decoupled direction and norm, minimal l2 (Rony et al., CVPR 2019).

    start: first radius tried. gamma: by which share the radius grows or shrinks per step.
    """

    threats: ClassVar[ThreatKinds] = (L2,)
    kind: ClassVar[Kind] = "minimal"

    steps: int = 100
    start: float = 1.0
    gamma: float = 0.05

    def cost(self) -> tuple[int, int]:
        """A gradient per step."""
        return self.steps, self.steps

    def build(self, attacks: Any, threat: Threat, eps: float) -> Any:
        """See the base."""
        return attacks.DDNAttack(init_epsilon=self.start, steps=self.steps, gamma=self.gamma)


@dataclass(frozen=True, kw_only=True)
class LInfFMN(FoolboxAttack):
    """Fast minimum norm, linf (Pintor et al., NeurIPS 2021)."""

    threats: ClassVar[ThreatKinds] = (Linf,)
    kind: ClassVar[Kind] = "minimal"

    steps: int = 100
    gamma: float = 0.05

    def cost(self) -> tuple[int, int]:
        """A gradient per step."""
        return self.steps, self.steps

    def build(self, attacks: Any, threat: Threat, eps: float) -> Any:
        """See the base."""
        return attacks.LInfFMNAttack(steps=self.steps, gamma=self.gamma)


@dataclass(frozen=True, kw_only=True)
class DeepFool(FoolboxAttack):
    """DeepFool (Moosavi-Dezfooli et al., CVPR 2016), linf and l2, by foolbox.

    candidates: classes considered, the predicted one included; each costs a pass per step. overshoot: by which share
    the step to the linearised boundary is lengthened.
    """

    threats: ClassVar[ThreatKinds] = (Linf, L2)
    kind: ClassVar[Kind] = "minimal"

    steps: int = 50
    candidates: int = 10
    overshoot: float = 0.02

    def cost(self) -> tuple[int, int]:
        """A backward per step and wrong candidate, and a first look."""
        passes = self.steps * (self.candidates - 1)
        return passes + 1, passes

    def build(self, attacks: Any, threat: Threat, eps: float) -> Any:
        """See the base."""
        kind = getattr(attacks, entry_for(threat, _DEEPFOOL))
        return kind(steps=self.steps, candidates=self.candidates, overshoot=self.overshoot, loss="logits")


@dataclass(frozen=True, kw_only=True)
class LinfDeepFool(DeepFool):
    """DeepFool in linf."""

    threats: ClassVar[ThreatKinds] = (Linf,)


@dataclass(frozen=True, kw_only=True)
class L2DeepFool(DeepFool):
    """DeepFool in l2."""

    threats: ClassVar[ThreatKinds] = (L2,)


@dataclass(frozen=True, kw_only=True)
class CarliniWagner(FoolboxAttack):
    """Carlini and Wagner's l2 attack (S&P 2017), by foolbox.

    searches: values of the constant that weighs margin against distance. steps: of Adam per value.
    step_size: of Adam, in the space of ``arctanh``. confidence: margin asked for. The shortcut that stops a
    whole batch when its summed loss stalls is off: it would make a sample depend on its neighbours.
    """

    threats: ClassVar[ThreatKinds] = (L2,)
    kind: ClassVar[Kind] = "minimal"

    searches: int = 6
    steps: int = 100
    step_size: float = 0.02
    confidence: float = 0.0
    constant: float = 0.1

    def cost(self) -> tuple[int, int]:
        """A gradient per step and value of the constant."""
        passes = self.searches * self.steps
        return passes, passes

    def build(self, attacks: Any, threat: Threat, eps: float) -> Any:
        """See the base."""
        return attacks.L2CarliniWagnerAttack(
            binary_search_steps=self.searches,
            steps=self.steps,
            stepsize=self.step_size,
            confidence=self.confidence,
            initial_const=self.constant,
            abort_early=False,
        )
