"""Which models and data belong to this task, and the error that attacks raise.

A reconstruction is compared with the scene that the camera was shown, *after* the attack. The attacker changes the scene,
and a camera that faithfully shows the change has lost nothing: what an attacker gains is a picture that departs from what is
there, beyond what the change of the scene itself explains. Compared with the clean scene, a perfect camera would lose as
much as the attacker adds, and the figure would measure the radius instead of the camera.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from bench.data.base import Samples
from bench.models.subject import Subject


def takes(samples: Samples) -> bool:
    """Whether samples are pictures ``(C, H, W)``, or scenes over time ``(T, C, H, W)``. Labels play no part."""
    return len(samples.shape) in (4, 5)


def shown(x: Tensor) -> Tensor:
    """What a picture of the scenes ``x`` should show, ``(n, C, H, W)``.

    The scene itself; of a scene over time ``(n, T, C, H, W)`` the mean over the ticks, as of one long exposure.
    """
    return x.mean(1) if x.dim() == 5 else x


class SquaredErrors(nn.Module):
    """A model that reconstructs, as one whose answer an attack raises: the mean squared error of each picture, ``(N,)``.

    The error is that against the scene of the same call, through which the gradient passes too.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Mean squared errors ``(N,)`` of scenes in [0, 1]. Raises ``ValueError`` for pictures of another shape."""
        pictures: Tensor = self.model(x)
        return squared_errors(pictures, x)


def squared_errors(pictures: Tensor, x: Tensor) -> Tensor:
    """Mean squared error ``(n,)`` of ``pictures`` ``(n, C, H, W)`` of scenes ``x``; see :func:`shown`.

    Raises ``ValueError`` for pictures of another shape.
    """
    scenes = shown(x)
    if pictures.shape != scenes.shape:
        raise ValueError(f"it gives pictures of shape {tuple(pictures.shape)} for scenes of shape {tuple(scenes.shape)}")
    return (pictures - scenes).square().flatten(1).mean(1)


def admitted(subject: Subject) -> Subject:
    """The subject that answers with the error of its pictures."""
    return replace(subject, module=SquaredErrors(subject.module).eval())


def identity(subject: Subject) -> dict[str, Any]:
    """The task."""
    return {"task": "reconstruction"}
