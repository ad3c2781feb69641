"""What a network gives its last linear layer, one row per image, wherever the network keeps its time steps.

Some call the layer once a step, some once for all steps on ``(T, n, F)`` or ``(n, T, F)``, and some fold time into the
batch, ``(T n, F)`` or ``(n T, F)``. Where the images are is found by asking with two numbers of images. Steps are averaged:
a linear layer followed by a mean or a sum over time computes the same from the mean, but for a factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attacks.gradients.spikes.layout import Layout, layout_of

PROBED = 3
"""Images on which the layout is found."""


class UnreadableError(Exception):
    """The features of single images cannot be told; for the reason in words."""


@dataclass(frozen=True)
class Features:
    """A reader of features. last: the linear layer that is called last. layout: of each of its calls."""

    last: nn.Linear
    layout: Layout

    def __call__(self, model: nn.Module, x: Tensor) -> Tensor:
        """``(n, F)`` for inputs ``x`` ``(n, ...)``, with a graph if one is being built.

        Raises :class:`UnreadableError` if the layer is called otherwise than it was.
        """
        calls = []
        for value in (value for layer, value in _calls(model, x) if layer is self.last):
            if not self.layout.fits(value):
                raise UnreadableError("its last linear layer is called otherwise than it was")
            by_image = self.layout.by_step(value).mean(0)
            calls.append(by_image if by_image.dim() == 2 else by_image.flatten(1, -2).mean(1))
        features = torch.stack(calls).mean(0)
        if len(features) != len(x):
            raise UnreadableError("its last linear layer is called otherwise than it was")
        return features


def features_of(model: nn.Module, x: Tensor) -> Features:
    """The reader for ``model``, found on inputs ``x`` ``(n, ...)``. Raises :class:`UnreadableError` where there is none."""
    some = x[:PROBED]
    some = some if len(some) > 1 else torch.cat([some, some.flip(-1)])
    n = len(some)
    with torch.no_grad():
        many, fewer = _calls(model, some), _calls(model, some[:-1])
    if not many:
        raise UnreadableError("no linear layer (torch.nn.Linear) is called in it")
    last = many[-1][0]
    of_many, of_fewer = ([value for layer, value in calls if layer is last] for calls in (many, fewer))
    if len(of_many) != len(of_fewer):
        raise UnreadableError("how often its last linear layer is called depends on the images")
    layouts = [layout_of(a, b, n, n - 1) for a, b in zip(of_many, of_fewer, strict=True)]
    layout = layouts[0]
    if layout is None or any(other != layout for other in layouts):
        shape = tuple(of_many[0].shape)
        raise UnreadableError(f"the rows of its last linear layer are not of single images: {shape} for {n} of them")
    return Features(last, layout)


def _calls(model: nn.Module, x: Tensor) -> list[tuple[nn.Linear, Tensor]]:
    """The linear layers in the order in which ``model(x)`` calls them, with their inputs."""
    calls: list[tuple[nn.Linear, Tensor]] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if isinstance(layer, nn.Linear):
            calls.append((layer, inputs[0]))

    handles = [module.register_forward_pre_hook(note) for module in model.modules() if isinstance(module, nn.Linear)]
    try:
        model(x)
    finally:
        for handle in handles:
            handle.remove()
    return calls
