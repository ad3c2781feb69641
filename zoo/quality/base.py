"""The base of every quality model: a network that scores, and a calibration that puts its scores on the common scale."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from zoo.quality.purifiers import purifier

M = TypeVar("M", bound=nn.Module)


class Calibration(nn.Module):
    """``scale * score + offset``, fitted once on clean validation images and then frozen with the weights.

    Scores of the validation images get the mean and the standard deviation of their (pseudo-)MOS, so a shift of
    0.1 means the same for every model. Deviations are matched, not squared errors minimised: a least-squares
    slope shrinks with the correlation, so the shifts of a worse model would look smaller. The map is a straight line, not
    a logistic curve: it has the same slope everywhere, so it hides no gradient.
    """

    scale: Tensor
    offset: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("offset", torch.zeros(()))

    def forward(self, scores: Tensor) -> Tensor:
        """Calibrated scores ``(N,)`` of uncalibrated ones."""
        return scores * self.scale + self.offset

    def reset(self) -> None:
        """Return to uncalibrated scores."""
        self.scale.fill_(1.0)
        self.offset.fill_(0.0)

    def fit(self, scores: Tensor, labels: Tensor) -> None:
        """Set the line from uncalibrated ``scores`` ``(N,)`` and their ``labels`` ``(N,)``.

        Raises ``ValueError`` if the scores or the labels are all the same, or not all finite.
        """
        score_spread, label_spread = (values.double().std(correction=0) for values in (scores, labels))
        if not (score_spread.isfinite() and label_spread.isfinite() and score_spread > 1e-9 and label_spread > 1e-9):
            raise ValueError(
                f"scores that spread by {score_spread:.2g} cannot be put on a scale that spreads by {label_spread:.2g}"
            )
        self.scale.copy_(label_spread / score_spread)
        self.offset.copy_(labels.double().mean() - scores.double().mean() * label_spread / score_spread)


class QualityModel(nn.Module, ABC):
    """Images ``(N, 3, H, W)`` in [0, 1], of any size from 32 x 32 up, to calibrated scores ``(N,)``.

    A model may give several scores per image that are trained together (:meth:`levels`); the first is the answer.
    ``purifier``, if there is one, cleans images before they are scored (see :mod:`zoo.quality.purifiers`).
    """

    def __init__(self) -> None:
        super().__init__()
        self.calibration = Calibration()
        self.purifier: nn.Module | None = None

    @abstractmethod
    def raw(self, x: Tensor) -> tuple[Tensor, ...]:
        """Uncalibrated scores, each ``(N,)``, the answer first."""

    def levels(self, x: Tensor) -> tuple[Tensor, ...]:
        """All scores of :meth:`raw`, ``(N,)`` each, on the calibrated scale of the first, for images ``(N, 3, H, W)``.

        Raises ``ValueError`` for anything but RGB images large enough for the trunk.
        """
        if x.dim() != 4 or x.shape[1] != 3 or min(x.shape[2:]) < 32:
            raise ValueError(f"a quality model needs images (N, 3, H, W) of at least 32 x 32 pixels, got {tuple(x.shape)}")
        scores = self.raw(x if self.purifier is None else self.purifier(x))
        return tuple(self.calibration(score) for score in scores)

    def forward(self, x: Tensor) -> Tensor:
        """Calibrated scores ``(N,)``. Raises ``ValueError`` for unsuitable images; see :meth:`levels`."""
        return self.levels(x)[0]


Q = TypeVar("Q", bound=QualityModel)


def behind(model: Q, purify: dict[str, Any] | None) -> Q:
    """``model`` with a purifier in front of it, its ``name`` and arguments in ``purify``; as it is without."""
    if purify is not None:
        model.purifier = purifier(**purify)
    return model


def channels_last(model: M) -> M:
    """The model with its convolutions in the memory order that is fastest on a CPU."""
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
