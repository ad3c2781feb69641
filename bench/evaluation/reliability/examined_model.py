"""The model that the doctor examines, with samples that it classifies correctly, and queries on it."""

from __future__ import annotations

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
from bench.tasks.feasibility import statuses
from zoo.folding import folded

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
"""The gradient paths that are compared on a spiking model; any other model has one."""


@dataclass(frozen=True)
class ExaminedModel:
    """A model and ``n`` samples that it classifies correctly.

    x: ``(n, ...)``; y: ``(n,)``. eps: radius of the attacks, in linf. spiking: layers that take a gradient path.
    declared: whether its card declares that it spikes; None without a declaration.
    sources: other models of the same task, for transfer.
    """

    module: nn.Module
    name: str
    x: Tensor
    y: Tensor
    rng: KeyedRng
    eps: float
    spiking: int
    declared: bool | None
    stochastic: bool
    draws: int = 1
    micro_batch: int = 64
    batch: int = BATCH
    sources: dict[str, nn.Module] = field(default_factory=dict)
    proposer: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "proposer", folded(self.module))

    @property
    def scorer(self) -> Scorer:
        """The canonical scorer of the model."""
        return Scorer(self.module, self.name, self.draws, batch=self.batch)

    @property
    def paths(self) -> dict[str, GradientPath]:
        """The gradient paths that differ for this model."""
        return PATHS if self.spiking else {"own": PATHS["own"]}

    def oracle(self, path: GradientPath, model: nn.Module | None = None) -> ModelOracle:
        """An oracle with fresh query counts. model: another model to ask in place of this one."""
        return ModelOracle.of(
            self.proposer if model is None else model,
            self.y,
            path=path,
            rng=self.rng.fold("layers"),
            draws=self.draws if model is None else 1,
            stochastic=self.stochastic if model is None else True,
            micro_batch=self.micro_batch,
        )

    def gradient(self, path: GradientPath, x: Tensor | None = None) -> Tensor:
        """Input gradient ``(n, ...)`` of the plain cross-entropy at ``x`` (by default the samples themselves); NaN stays
        NaN.

        Published attacks follow this gradient; :class:`~attacks.objectives.CrossEntropy` is defined where it vanishes.
        """
        oracle = self.oracle(path)
        rows = torch.arange(len(self.y), device=self.y.device)
        inputs = self.x if x is None else x
        parts = []
        for batch in rows.split(self.micro_batch):
            leaf = inputs[batch].detach().requires_grad_()
            loss = torch.nn.functional.cross_entropy(oracle.logits(leaf, batch), self.y[batch], reduction="none")
            parts.append(torch.autograd.grad(loss.sum(), leaf)[0])
        return torch.cat(parts)

    @torch.no_grad()
    def loss(self, x: Tensor) -> Tensor:
        """Cross-entropy ``(n,)`` of the unfolded model at ``x`` ``(n, ...)``."""
        logits = self.scorer.logits(x, self.rng.fold("loss"))
        return torch.nn.functional.cross_entropy(logits, self.y, reduction="none")

    def attacked(
        self, attack: Attack, path: GradientPath, *, eps: float | None = None, source: nn.Module | None = None
    ) -> Tensor:
        """Whether each sample stands under an attack, ``(n,)`` bool, by the scorer. source:

        model on which images are crafted.
        """
        threat = Linf(eps=self.eps if eps is None else eps)
        oracle = self.oracle(path, source)
        adv = attack.perturb(oracle, self.x.clone(), threat, rng=self.rng.fold("attack")).detach()
        usable = torch.tensor([status == "ok" for status in statuses(adv, self.x, threat)], device=self.x.device)
        right = (self.scorer.decisions(adv, self.rng.fold("verdict")) == self.y).float().mean(0) >= 0.5
        return right | ~usable
