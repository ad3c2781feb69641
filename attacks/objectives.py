"""What an attack maximises, per sample, and when it has won.

Only the objective depends on the task: the same PGD attacks a classifier through :class:`CrossEntropy` and a score through a
score objective. ``value`` is summed over the batch before differentiating, so that a row's gradient does not depend on the
batch size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from attacks.score_objectives import AwayFromMid, Decrease, Deviation, Increase, Scoring


class Objective(Protocol):
    """A per-sample value to maximise.

    flat_at_clean: whether its gradient is 0 at every clean input, so that a walk along gradients must start elsewhere.
    """

    flat_at_clean: ClassVar[bool]

    def value(self, outputs: Tensor, reference: Tensor, target: Tensor | None) -> Tensor:
        """``(n,)`` from outputs, what they are compared with ``(n,)``, and target classes ``(n,)`` or None.

        outputs: logits ``(n, K)`` with labels as reference, or scores ``(n,)`` with clean scores as reference.
        """
        ...

    def broken(self, outputs: Tensor, reference: Tensor) -> Tensor:
        """``(n,)`` bool: where the attack has reached its goal."""
        ...


def pick(logits: Tensor, index: Tensor) -> Tensor:
    """The entry ``index[i]`` of row i: ``(n,)``."""
    return logits.gather(1, index[:, None])[:, 0]


def best_other(logits: Tensor, index: Tensor) -> Tensor:
    """The largest logit of each row apart from ``index``: ``(n,)``."""
    return logits.scatter(1, index[:, None], -torch.inf).amax(1)


def _logits(outputs: Tensor) -> Tensor:
    if outputs.dim() != 2:
        shape = tuple(outputs.shape)
        raise ValueError(f"an objective of classifiers needs logits (n, K); this model gives {shape}")
    return outputs


class Classification:
    """Objectives on logits ``(n, K)`` with labels ``(n,)``: the attack wins where the decision is wrong."""

    flat_at_clean: ClassVar[bool] = False

    def broken(self, outputs: Tensor, reference: Tensor) -> Tensor:
        """``(n,)`` bool: whether logits ``(n, K)`` miss the labels ``(n,)``, whatever class a targeted attack aims at."""
        return outputs.argmax(1) != reference


@dataclass(frozen=True)
class Margin(Classification):
    """Largest other logit minus the label's; targeted: target minus the largest other.

    The loss of Carlini and Wagner (S&P 2017) without its clamp at zero. Positive where broken.
    """

    def value(self, outputs: Tensor, reference: Tensor, target: Tensor | None) -> Tensor:
        """``(n,)`` from logits ``(n, K)``, labels and target classes ``(n,)``. Raises ``ValueError`` for scores."""
        _logits(outputs)
        if target is None:
            return best_other(outputs, reference) - pick(outputs, reference)
        return pick(outputs, target) - best_other(outputs, target)


SATURATED = 15.0
"""Margin from which on cross-entropy is continued as a straight line. Where it begins, float32 still resolves 1 - p."""


@dataclass(frozen=True)
class CrossEntropy(Classification):
    """Cross-entropy of the label, or minus that of the target (Goodfellow et al., ICLR 2015).

    Where the label leads by more than :data:`SATURATED`, cross-entropy is about ``exp(-lead)``: its gradient loses the label
    first and is zero from a lead of about 100 on, so a model could hide behind a large factor on its logits. There its
    tangent stands in, ``exp(-15) * (1 + 15 - lead)``, which goes on falling and whose gradient is that of the margin.
    """

    def value(self, outputs: Tensor, reference: Tensor, target: Tensor | None) -> Tensor:
        """``(n,)`` from logits ``(n, K)``, labels and target classes ``(n,)``. Raises ``ValueError`` for scores."""
        _logits(outputs)
        if target is not None:
            return -F.cross_entropy(outputs, target, reduction="none")
        lead = -Margin().value(outputs, reference, None)
        tangent = math.exp(-SATURATED) * (1 + SATURATED - lead)
        return torch.where(lead > SATURATED, tangent, F.cross_entropy(outputs, reference, reduction="none"))


@dataclass(frozen=True)
class DLR(Classification):
    """Difference of logits ratio (Croce and Hein, ICML 2020, eqs. 6 and 7): margin over logit spread.

    Invariant to shifting and scaling the logits. With fewer than 3 classes (4 when targeted) the ratio does not
    exist, and the margin stands in for it.
    """

    def value(self, outputs: Tensor, reference: Tensor, target: Tensor | None) -> Tensor:
        """``(n,)`` from logits ``(n, K)``, labels and target classes ``(n,)``. Raises ``ValueError`` for scores."""
        needed = 3 if target is None else 4
        if _logits(outputs).shape[1] < needed:
            return Margin().value(outputs, reference, target)
        top = outputs.topk(needed, dim=1).values
        tiny = 1e-12
        if target is None:
            return (best_other(outputs, reference) - pick(outputs, reference)) / (top[:, 0] - top[:, 2] + tiny)
        spread = top[:, 0] - 0.5 * (top[:, 2] + top[:, 3])
        return (pick(outputs, target) - pick(outputs, reference)) / (spread + tiny)


@dataclass(frozen=True)
class Misclassified(Classification):
    """1 where misclassified, 0 elsewhere (targeted: 1 at the target): all that an attacker who sees decisions knows.

    Averaged over the draws of a stochastic model it is the share of wrong decisions. It has no gradient.
    """

    def value(self, outputs: Tensor, reference: Tensor, target: Tensor | None) -> Tensor:
        """``(n,)`` from logits ``(n, K)``, labels and target classes ``(n,)``. Raises ``ValueError`` for scores."""
        decided = _logits(outputs).argmax(1)
        return (decided != reference if target is None else decided == target).to(outputs.dtype)


OBJECTIVES: dict[str, type[Objective]] = {
    "ce": CrossEntropy,
    "margin": Margin,
    "dlr": DLR,
    "increase": Increase,
    "decrease": Decrease,
    "away_from_mid": AwayFromMid,
    "deviation": Deviation,
}
"""Names under which an attack's ``objective`` parameter finds them."""


def objective_named(name: str) -> Objective:
    """The objective of a catalogue name. Raises ``ValueError`` for an unknown one."""
    if name not in OBJECTIVES:
        raise ValueError(f"unknown objective {name!r}; known: {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name]()


def unless_scoring(who: str, name: str | None) -> str | None:
    """Why the attack ``who`` cannot maximise the objective ``name`` on scores; None where it can, and for no name."""
    if name is None or issubclass(OBJECTIVES[name], Scoring):
        return None
    known = ", ".join(key for key, kind in OBJECTIVES.items() if issubclass(kind, Scoring))
    return f"{who} is to maximise {name}, which needs classes; on a score it can maximise {known}"
