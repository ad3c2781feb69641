"""Projected retiming (ICLR 2026, arXiv 2602.03284): every event has logits over its shifts in time.

A softmax of the logits gives each event a soft place; the sum of these is a soft frame. The network sees the hard frame that
the threat makes of it (:meth:`~attacks.threats.event_grid.EventGrid.within`), and the gradient passes straight through to
the soft one. What is maximised is

    objective - capacity * sum relu(soft - 1) / events - budget * relu(moved - allowed) / allowed,

by steps of the sign, with the logits kept within ``clip``. ``moved`` is the soft distance: expected events moved, or the
expected sum of their shifts; where every event may move so far, nothing is counted. The two penalties are per event and per
unit of budget, so that one weight does for all recordings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.best_so_far import Best
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.restarts import Walks
from attacks.rows import per_row, places
from attacks.threats.retime import RetimeShift, RetimeTotal, Retiming
from attacks.threats.threat import Threat, ThreatKinds


@dataclass(frozen=True, kw_only=True)
class SoftRetiming(Walks[Retiming]):
    """Sign ascent on the logits of shifts.

    reach: farthest shift in frames; a budget of shifts that is smaller counts instead. step_size, clip: of the logits. stay:
    logit of staying at the start; all others start at 0. capacity, budget: weights of the penalties.
    Raises ``ValueError`` for a reach below 1, a step or clip that is not positive, and negative weights.
    """

    threats: ClassVar[ThreatKinds] = (Retiming,)

    steps: int = 20
    reach: int = 3
    step_size: float = 1.0
    clip: float = 10.0
    stay: float = 2.0
    capacity: float = 20.0
    budget: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reach < 1 or not self.step_size > 0 or not self.clip > 0 or min(self.capacity, self.budget) < 0:
            raise ValueError(
                "reach must be at least 1, step_size and clip positive, capacity and budget not negative, "
                f"got {self.reach}, {self.step_size}, {self.clip}, {self.capacity} and {self.budget}"
            )

    def ball(self, threat: Threat) -> Retiming:
        """``threat`` as one that moves events in time. Raises ``ValueError`` if it is none."""
        if not isinstance(threat, Retiming):
            raise ValueError(f"{threat.name} moves no events in time")
        return threat

    def walk(
        self, oracle: Oracle, x: Tensor, threat: Retiming, rng: KeyedRng, rows: Tensor, best: Best, *, first: bool
    ) -> None:
        """From logits for staying (later starts: from noisy ones): ``steps`` steps, and a last look. See the base."""
        clean, ball = threat.events(x[rows]), threat.rows(rows)
        shifts = list(range(-self.reach, self.reach + 1))
        logits = self._start(ball, x[rows], shifts, rng.rows(rows), first=first)
        for _ in range(self.steps):
            adv = self._hard(ball, soft_frames(logits, clean, shifts), clean, x[rows])
            answer = oracle.query(adv, rows, grad=True)
            best.update(adv, rows, answer)
            going = places(~answer.broken)
            rows, clean, logits, ball = rows[going], clean[going], logits[going], threat.rows(rows[going])
            if not len(rows):
                return
            logits = self._stepped(ball, logits, clean, shifts, answer.slope[going].flatten(2), x[rows])
        adv = self._hard(ball, soft_frames(logits, clean, shifts), clean, x[rows])
        best.update(adv, rows, oracle.query(adv, rows, grad=False))

    def _start(self, threat: Retiming, x: Tensor, shifts: list[int], rng: KeyedRng, *, first: bool) -> Tensor:
        """Logits ``(n, S, T, M)``: -inf for shifts that would leave the recording or that the threat does not allow."""
        frames, lines = x.flatten(2).shape[1:]
        logits = torch.zeros(len(x), len(shifts), frames, lines, device=x.device)
        logits[:, shifts.index(0)] = self.stay
        if not first:
            logits = logits + rng.normal(len(shifts), frames, lines).to(logits)
        shift = torch.tensor(shifts, device=x.device)
        goal = torch.arange(frames, device=x.device) + shift[:, None]
        inside = ((goal >= 0) & (goal < frames)).expand(len(x), -1, -1)
        if isinstance(threat, RetimeShift):
            inside = inside & (shift.abs() <= threat.budget(x)[:, None])[:, :, None]
        return logits.masked_fill(~inside[..., None], -torch.inf)

    def _hard(self, threat: Retiming, soft: Tensor, clean: Tensor, x: Tensor) -> Tensor:
        return threat.as_inputs(threat.within(soft.detach().double(), clean, threat.budget(x)), x)

    def _stepped(
        self, threat: Retiming, logits: Tensor, clean: Tensor, shifts: list[int], slope: Tensor, x: Tensor
    ) -> Tensor:
        """Logits ``(n, S, T, M)`` after one step. slope: of the objective by the frames, ``(n, T, M)``."""
        with torch.enable_grad():
            leaf = logits.detach().requires_grad_()
            soft = soft_frames(leaf, clean, shifts)
            events = clean.flatten(1).sum(1).clamp_min(1)
            # Both penalties are weighed against an objective of slope 1.
            scale = slope.flatten(1).abs().amax(1).clamp_min(torch.finfo(slope.dtype).tiny)
            gain = (soft * slope / per_row(scale, slope)).flatten(1).sum(1)
            crowd = (soft - 1).clamp_min(0).flatten(1).sum(1) / events
            total = gain - self.capacity * crowd - self.budget * self._overspent(threat, leaf, clean, shifts, x)
            (gradient,) = torch.autograd.grad(total.sum(), leaf)
        stepped = (logits + self.step_size * gradient.sign()).clamp(-self.clip, self.clip)
        return torch.where(logits.isinf(), logits, stepped)

    def _overspent(self, threat: Retiming, logits: Tensor, clean: Tensor, shifts: list[int], x: Tensor) -> Tensor:
        """By what share ``(n,)`` the expected distance exceeds the budget."""
        if isinstance(threat, RetimeShift):
            return torch.zeros(len(clean), device=clean.device)
        farther = [abs(shift) if isinstance(threat, RetimeTotal) else int(shift != 0) for shift in shifts]
        weights = torch.tensor(farther, dtype=logits.dtype, device=logits.device).view(1, -1, 1, 1)
        moved = (logits.softmax(1) * weights * clean[:, None]).flatten(1).sum(1)
        allowed = threat.budget(x).clamp_min(1)
        return (moved / allowed - 1).clamp_min(0)


def soft_frames(logits: Tensor, clean: Tensor, shifts: list[int]) -> Tensor:
    """Expected events ``(n, T, M)`` where every event of ``clean`` ``(n, T, M)`` takes a shift by its softmax.

    logits: ``(n, S, T, M)`` of the S ``shifts``, -inf where one would leave the recording.
    """
    shares = logits.softmax(1) * clean[:, None]
    frames = clean.shape[1]
    soft = torch.zeros_like(shares[:, 0])
    for number, shift in enumerate(shifts):
        if abs(shift) >= frames:
            continue
        kept = shares[:, number, max(0, -shift) : frames - max(0, shift)]
        before, after = max(0, shift), max(0, -shift)
        soft = soft + torch.nn.functional.pad(kept, (0, 0, before, after))
    return soft
