"""Filters that remove suspicious events before a network sees them.

A background-activity filter (Delbruck, 2008) keeps an event only if neighbouring pixels had one shortly before: noise is
alone, edges are not. The quantisation-aware filter does so in coarser time, and silences pixels that are active too often.
As defenses they remove what an attacker adds here and there. A filter has no useful derivative, and a network whose gradient
ends at its filter only looks robust, so that each filter defines a backward, which an attacker may choose:

    smooth             for each cell the change of the network's linearisation when one event is added there, or removed,
                       and the filter looks anew: exact but for the linearisation (:mod:`zoo.spiking.support_rule`)
    straight_through   every gradient passes, as if every event had been kept (BPDA, Athalye et al., ICML 2018)
    masked             gradients pass where the filter keeps events

``smooth`` is the default. Of 58 validation recordings that snn_ev_filter decides rightly, 53 stand against an ascent with
2% of the events along ``straight_through``, 21 along ``masked`` and 17 along ``smooth``; of snn_ev_aqf 27, 21 and 22
(``python -m reports.event_stages``). The forward does not depend on it, and computes in whole numbers, the same on every
machine.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from attacks.gradients.base import Coding
from zoo.spiking.support_rule import SupportRule


class _Filtered(torch.autograd.Function):
    """Frames times what is kept; backward, by a rule."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rule: SupportRule, coding: Coding) -> Tensor:
        kept = rule.kept(x)[:, :, None].to(x.dtype)
        ctx.save_for_backward(x if coding == "smooth" else kept)
        ctx.rule, ctx.coding = rule, coding
        return x * kept

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        if ctx.coding == "straight_through":
            return grad, None, None
        (saved,) = ctx.saved_tensors
        return (grad * saved if ctx.coding == "masked" else ctx.rule.slopes(saved, grad)), None, None


class EventFilter(nn.Module):
    """Removes events by a rule. An attacker may choose how it is differentiated (see the module)."""

    def __init__(self, rule: SupportRule) -> None:
        super().__init__()
        self.rule = rule
        self._chosen: Coding | None = None

    def take_coding(self, coding: Coding | None) -> Coding | None:
        """Use ``coding`` from the next forward on; None for ``smooth``. Returns the coding used before."""
        before, self._chosen = self._chosen, coding
        return before

    def forward(self, x: Tensor) -> Tensor:
        """Event frames ``(N, T, C, H, W)`` without the events that the rule removes."""
        filtered: Tensor = _Filtered.apply(x, self.rule, self._chosen or "smooth")  # type: ignore[no-untyped-call]
        return filtered


class BackgroundActivityFilter(EventFilter):
    """Keeps an event if at least ``support`` of the 8 neighbouring pixels had one in the same frame or the one before.

    A pixel counts in each of the two frames, and events of either polarity support each other.
    Raises ``ValueError`` for a support outside of 1 to 16.
    """

    def __init__(self, *, support: int = 1) -> None:
        if not 1 <= support <= 16:
            raise ValueError(f"support must be 1 to 16 neighbours, in two frames of 8, not {support}")
        super().__init__(SupportRule(support=support))

    def extra_repr(self) -> str:
        """Support for ``repr``."""
        return f"support={self.rule.support}"


class QuantisedFilter(EventFilter):
    """Approximate quantisation-aware filtering, AQF (Ahmad, Siddique, Hoque, DATE 2023, arXiv 2301.05264), on event frames.

    It joins the two filters of DVS-Attacks (Marchisio et al., IJCNN 2021), against events that stand alone and against stuck
    pixels, in quantised time. There each event has a time of its own, and only earlier events support it; here a frame is
    the finest time, and ``quantum`` frames make one tick of the filter's clock. The paper put the filter before approximate
    networks; here it stands before exact ones. Of the paper the abstract alone was at hand: that events are filtered in
    quantised time is its, the order of the steps and the default arguments are ours.

    reach, memory: an event is kept if another pixel, at most ``reach`` away in rows and columns, had an event in its tick or
        the ``memory`` ticks before. Events of the same tick support each other: frames do not say which came first.
    most: a pixel with more events in the recording, of both polarities together, is taken for a stuck one, and all its
        events are removed.
    Raises ``ValueError`` for a quantum, reach or most below 1, or a memory below 0.
    """

    def __init__(self, *, quantum: int = 2, reach: int = 2, memory: int = 1, most: int = 12) -> None:
        if min(quantum, reach, most) < 1 or memory < 0:
            raise ValueError(
                "quantum, reach and most must be at least 1, and memory at least 0, "
                f"not {quantum}, {reach}, {most} and {memory}"
            )
        super().__init__(SupportRule(quantum=quantum, reach=reach, memory=memory, most=most))

    def extra_repr(self) -> str:
        """Arguments for ``repr``."""
        rule = self.rule
        return f"quantum={rule.quantum}, reach={rule.reach}, memory={rule.memory}, most={rule.most}"
