"""The model that the doctor examines, with samples that it classifies correctly, and queries on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from attacks.base import Attack
from attacks.gradients.assg import ASSG
from attacks.gradients.base import GradientPath, Training
from attacks.gradients.bptt import BPTT
from attacks.gradients.hart import HART
from attacks.gradients.pdsg import PDSG
from attacks.gradients.rate import BPTR, RGA
from attacks.model_oracle import ModelOracle
from attacks.randomness import KeyedRng
from attacks.threats.linf import Linf
from bench.models.scorer import BATCH, Scorer
from bench.models.subject import Subject
from bench.tasks.feasibility import statuses

PATHS: dict[str, GradientPath] = {
    "own": Training(),
    "narrow triangle": BPTT(surrogate="triangle", width=0.5),
    "wide triangle": BPTT(surrogate="triangle", width=2.0),
    "atan": BPTT(surrogate="atan"),
    "BPTR": BPTR(),
    "RGA": RGA(),
    "HART": HART(),
    "PDSG": PDSG(),
    "ASSG": ASSG(),
}
"""The gradient paths that are compared on a spiking model; any other model has one.

Those that are not defined for single spike functions are for models with layers that run all time steps.
"""


@dataclass(frozen=True)
class ExaminedModel:
    """A model and ``n`` samples that it classifies correctly.

    x: ``(n, ...)``; y: ``(n,)``. eps: radius of the attacks, in linf. sources: other models of the same task, for transfer.
    on_work: called with a few words before each gradient and each attack.
    What several examinations ask for, a gradient at the samples or an attack on them, is computed once.
    """

    subject: Subject
    x: Tensor
    y: Tensor
    rng: KeyedRng
    eps: float
    draws: int = 1
    micro_batch: int = 64
    batch: int = BATCH
    sources: Mapping[str, Subject] = field(default_factory=dict)
    on_work: Callable[[str], None] = lambda work: None
    _gradients: dict[GradientPath, Tensor] = field(init=False, default_factory=dict)
    _standing: dict[tuple[Attack, GradientPath, float], Tensor] = field(init=False, default_factory=dict)

    @property
    def proposer(self) -> nn.Module:
        """The network from which gradients are asked."""
        return self.subject.proposing

    @property
    def spiking(self) -> bool:
        """Whether an attacker may choose how some of its spikes are differentiated."""
        return self.subject.path_takers > 0

    @property
    def stochastic(self) -> bool:
        """Whether two calls may differ."""
        return self.subject.stochastic

    @property
    def scorer(self) -> Scorer:
        """The canonical scorer of the model."""
        return Scorer(self.subject.deciding, self.subject.ref, self.draws, batch=self.batch)

    @property
    def threat(self) -> Linf:
        """The ball of the attacks."""
        return Linf(eps=self.eps)

    @property
    def paths(self) -> dict[str, GradientPath]:
        """The gradient paths that differ for this model."""
        if not self.spiking:
            return {"own": PATHS["own"]}
        return {name: path for name, path in PATHS.items() if self.subject.takes(path)}

    def oracle(self, path: GradientPath, source: Subject | None = None) -> ModelOracle:
        """An oracle with fresh query counts. source: another model to ask in place of this one."""
        return ModelOracle.of(
            self.proposer if source is None else source.module,
            self.y,
            path=path,
            rng=self.rng.fold("layers"),
            draws=self.draws if source is None else 1,
            stochastic=self.stochastic if source is None else True,
            micro_batch=self.micro_batch,
            sites=self.subject.sites if source is None else source.sites,
        )

    def gradient(self, path: GradientPath) -> Tensor:
        """Input gradient ``(n, ...)`` of the plain cross-entropy at the samples; NaN stays NaN.

        Published attacks follow this gradient; :class:`~attacks.objectives.CrossEntropy` is defined where it vanishes.
        """
        if path not in self._gradients:
            self._gradients[path] = self._gradient(path)
        return self._gradients[path]

    def _gradient(self, path: GradientPath) -> Tensor:
        self.on_work(f"gradient along {type(path).__name__}")
        oracle = self.oracle(path)
        rows = torch.arange(len(self.y), device=self.y.device)
        parts = []
        for batch in rows.split(self.micro_batch):
            leaf = self.x[batch].detach().requires_grad_()
            loss = torch.nn.functional.cross_entropy(oracle.logits(leaf, batch), self.y[batch], reduction="none")
            parts.append(torch.autograd.grad(loss.sum(), leaf)[0])
        return torch.cat(parts)

    @torch.no_grad()
    def loss(self, x: Tensor) -> Tensor:
        """Cross-entropy ``(n,)`` of the deciding model at ``x`` ``(n, ...)``."""
        logits = self.scorer.logits(x, self.rng.fold("loss"))
        return torch.nn.functional.cross_entropy(logits, self.y, reduction="none")

    def attacked(
        self, attack: Attack, path: GradientPath, *, eps: float | None = None, source: Subject | None = None
    ) -> Tensor:
        """Whether each sample stands under an attack, ``(n,)`` bool, by the scorer. source: model on which it crafts."""
        radius = self.eps if eps is None else eps
        if source is not None:
            return self._attacked(attack, path, radius, source)
        key = (attack, path, radius)
        if key not in self._standing:
            self._standing[key] = self._attacked(attack, path, radius, None)
        return self._standing[key]

    def _attacked(self, attack: Attack, path: GradientPath, eps: float, source: Subject | None) -> Tensor:
        self.on_work(f"{attack} along {type(path).__name__}" if attack.access == "white-box" else str(attack))
        threat = Linf(eps=eps)
        oracle = self.oracle(path, source)
        adv = attack.perturb(oracle, self.x.clone(), threat, rng=self.rng.fold("attack")).detach()
        usable = torch.tensor([status == "ok" for status in statuses(adv, self.x, threat)], device=self.x.device)
        right = (self.scorer.decisions(adv, self.rng.fold("verdict")) == self.y).float().mean(0) >= 0.5
        return right | ~usable
