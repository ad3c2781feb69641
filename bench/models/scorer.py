"""The canonical scorer: the one place where a verdict comes from.

Floating-point convolutions round differently with batch shape, threads and processor, and one ulp can flip a spike. So
decisions are taken here and only here, in float32 and outside any gradient path. Whatever is fast elsewhere only proposes.

A network in canonical form (:mod:`zoo.canonical`) answers with the same bits everywhere. Any other is asked in batches of
one fixed size, the last one padded, which leaves the processor and the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attacks.randomness import KeyedRng, drawing
from bench.foundation.errors import ModelError
from bench.models.outputs import is_plain, kind_of
from bench.models.precision import without_tf32
from bench.models.words import failure
from zoo.canonical.convert import Canonical

BATCH = 50
"""Small, because the last batch is padded: a shard of 250 would cost 300 in batches of 100."""
LARGE_BATCH = 100
"""Where batches need no padding. A call of the compact network costs 2 ms beside 0.3 ms an image (one core, T = 4)."""


@dataclass(frozen=True)
class _Kind:
    """What a model may answer. fits: whether outputs for so many inputs have the shape."""

    name: str
    shape: str
    fits: Callable[[Tensor, int], bool]


LOGITS = _Kind("logits", "(N, classes)", lambda out, rows: out.dim() == 2 and out.shape[0] == rows and out.shape[1] > 1)
SCORES = _Kind("scores", "(N,)", lambda out, rows: out.dim() == 1 and out.shape[0] == rows)
PICTURES = _Kind("pictures", "(N, C, H, W)", lambda out, rows: out.dim() == 4 and out.shape[0] == rows)


@dataclass(frozen=True)
class Scorer:
    """Decisions of a model.

    draws: keyed forwards per input; more than one only for stochastic models, whose rows then
        hold the rate of correct decisions instead of one lucky or unlucky draw.
    classes: how many the labels tell apart; a model that knows fewer can never be right on some.
    batch: inputs of a call, if not the canonical number. Another one may flip a spike, so it is part of what is recorded.
    """

    model: nn.Module
    name: str
    draws: int = 1
    classes: int = 2
    batch: int | None = None

    @property
    def exact(self) -> bool:
        """Whether the bits of an answer depend on the input alone."""
        return isinstance(self.model, Canonical)

    @torch.no_grad()  # inference_mode would poison tensors that a model caches in its first call
    def logits(
        self, x: Tensor, rng: KeyedRng | None = None, *, rows: Tensor | None = None, batch: int | None = None
    ) -> Tensor:
        """``(n, K)`` float32. Raises ``ModelError`` on a wrong shape, NaN or an exception.

        rows: which inputs ``(n,)`` to answer for, one stream each; all by default. batch: another size than the scorer's
        own is only for asking whether a decision depends on it.
        """
        found = self._answers(x, rng, batch, LOGITS, rows)
        if found.shape[1] < self.classes:
            raise ModelError(
                f"{self.name} tells {found.shape[1]} classes apart, and there are labels up to {self.classes - 1}.",
                "Let forward(x) return a logit for each class, or choose other data.",
            )
        return found

    @torch.no_grad()
    def scores(self, x: Tensor, *, batch: int | None = None) -> Tensor:
        """``(n,)`` float32, of a model that scores. Raises and batches as :meth:`logits` does."""
        return self._answers(x, None, batch, SCORES)

    @torch.no_grad()
    def pictures(self, x: Tensor, rng: KeyedRng | None = None, *, batch: int | None = None) -> Tensor:
        """``(n, C, H, W)`` float32, of a model that reconstructs. Raises and batches as :meth:`logits` does."""
        return self._answers(x, rng, batch, PICTURES)

    def _answers(
        self, x: Tensor, rng: KeyedRng | None, batch: int | None, kind: _Kind, rows: Tensor | None = None
    ) -> Tensor:
        batch = batch or self.batch or (LARGE_BATCH if self.exact else BATCH)
        rows = torch.arange(len(x), device=x.device) if rows is None else rows
        parts = []
        for start in range(0, len(rows), batch):
            end = min(start + batch, len(rows)) if self.exact else start + batch
            index = torch.arange(start, end, device=x.device).clamp_max(len(rows) - 1)
            with drawing(None if rng is None else rng.rows(index)):
                answers = self._checked(self._called(x[rows[index]]), len(index), kind)
            parts.append(answers[: len(rows) - start])
        return torch.cat(parts)

    def decisions(self, x: Tensor, rng: KeyedRng, *, batch: int | None = None) -> Tensor:
        """Predicted classes ``(draws, n)``."""
        return self.drawn(x, rng, batch=batch).argmax(2)

    def drawn(self, x: Tensor, rng: KeyedRng, *, batch: int | None = None) -> Tensor:
        """Logits ``(draws, n, K)``. The draws share batches: those of a few inputs would be mostly padding."""
        rows = torch.arange(len(x), device=x.device).repeat(self.draws)
        draws = torch.arange(self.draws, device=x.device).repeat_interleave(len(x))
        logits = self.logits(x, rng.rows(rows).fold("score", draws), rows=rows, batch=batch)
        return logits.view(self.draws, len(x), logits.shape[1])

    def _called(self, x: Tensor) -> object:
        try:
            with without_tf32():
                return self.model(x)
        except Exception as error:
            shape = " x ".join(str(size) for size in x.shape[1:])
            what, fix = failure(error, None, otherwise="Correct forward(x): it is given images (N, ...) in [0, 1].")
            raise ModelError(f"{self.name} failed on images of shape {shape}: {what}.", fix) from error

    def _checked(self, outputs: object, rows: int, kind: _Kind) -> Tensor:
        fix = f"Let forward(x) return {kind.name} of shape {kind.shape}."
        if not isinstance(outputs, Tensor):
            raise ModelError(f"{self.name} returned a {type(outputs).__name__} instead of a tensor.", fix)
        if not is_plain(outputs):
            raise ModelError(f"{self.name} returned {kind_of(outputs)}, not real numbers in memory.", fix)
        if not kind.fits(outputs, rows):
            raise ModelError(f"{self.name} returned shape {tuple(outputs.shape)} for {rows} inputs.", fix)
        if not outputs.isfinite().all():
            raise ModelError(
                f"{self.name} returned NaN or infinite {kind.name}.", "Check its weights and its input range: [0, 1]."
            )
        return outputs
