"""From what a network returns to logits: outputs over time, spikes with membranes, and dicts.

snnTorch networks return ``(spikes, membranes)``, each ``(T, N, K)``; others ``(N, T, K)``; Hugging Face models a dict
with ``logits``. Which axis is time follows from N, which is known; where T = N, a call with another N decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.foundation.errors import ModelError
from bench.models.outputs import is_plain

_FORM = "Let forward(x) return logits (N, K), or say how its outputs are read: --readout mean, sum, last or max-membrane."


@dataclass(frozen=True)
class Reading:
    """How outputs become logits.

    key: of a dict. position: in a tuple; None where the output is a tensor. time: the axis of time, 0 or 1; None if there
    is none. over: ``mean``, ``sum``, ``last`` or ``max`` over time.
    """

    key: str | None = None
    position: int | None = None
    time: int | None = None
    over: str = "mean"

    @property
    def is_plain(self) -> bool:
        """Whether outputs are logits already."""
        return self.key is None and self.position is None and self.time is None

    @property
    def words(self) -> str:
        """For records."""
        source = "" if self.key is None else f" of {self.key!r}"
        source += "" if self.position is None else f" of output {self.position + 1}"
        if self.time is None:
            return f"its logits are read as they are{source}"
        axes = "(T, N, K)" if self.time == 0 else "(N, T, K)"
        how = {"mean": "mean", "sum": "sum", "last": "last step", "max": "maximum"}[self.over]
        return f"its logits are the {how} over time{source}, {axes}"

    def __call__(self, outputs: object) -> object:
        """Logits ``(N, K)``; outputs of another form come back as they are, for the scorer to refuse."""
        tensor = self._tensor(outputs)
        if self.time is None or not isinstance(tensor, Tensor) or tensor.dim() != 3:
            return tensor
        if self.over == "last":
            return tensor.select(self.time, -1)
        if self.over == "max":
            return tensor.amax(self.time)
        return tensor.sum(self.time) if self.over == "sum" else tensor.mean(self.time)

    def _tensor(self, outputs: object) -> object:
        if self.key is not None and isinstance(outputs, Mapping):
            outputs = outputs[self.key]
        if self.position is not None and isinstance(outputs, tuple | list) and self.position < len(outputs):
            outputs = outputs[self.position]
        return outputs


class ReadOut(nn.Module):
    """A network whose outputs are read by a :class:`Reading`."""

    def __init__(self, model: nn.Module, reading: Reading) -> None:
        super().__init__()
        self.model, self.reading = model, reading

    def forward(self, x: Tensor) -> object:
        return self.reading(self.model(x))


def infer(outputs: object, rows: int, declared: str | None, again: Callable[[int], object]) -> Reading:
    """How these outputs for ``rows`` inputs are read.

    declared: how over time, if the user says it. again: outputs for another number of inputs, asked where T = N.
    Raises ``ModelError`` for a read-out of something that has no time, or no membrane.
    """
    key, outputs = _entry(outputs)
    position = _position(outputs, declared)
    tensor = outputs[position] if position is not None and isinstance(outputs, tuple | list) else outputs
    if not isinstance(tensor, Tensor) or tensor.dim() != 3:
        if declared is not None:
            shape = tuple(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
            raise ModelError(f"--readout {declared} needs outputs over time, and there is {shape}.", "Leave --readout out.")
        return Reading(key, position)
    axes = [axis for axis, other in ((0, 1), (1, 0)) if tensor.shape[other] == rows]
    if len(axes) == 2:
        fewer = Reading(key, position)(again(max(1, rows // 2)))
        axes = [axis for axis in axes if isinstance(fewer, Tensor) and fewer.shape[1 - axis] == max(1, rows // 2)]
    if len(axes) != 1:
        raise ModelError(f"Outputs of shape {tuple(tensor.shape)} for {rows} inputs cannot be read.", _FORM)
    over = "max" if declared == "max-membrane" else declared or "mean"
    return Reading(key, position, axes[0], over)


def _entry(outputs: object) -> tuple[str | None, object]:
    """The entry of a dict that holds logits: by that name, or the only tensor."""
    if not isinstance(outputs, Mapping):
        return None, outputs
    tensors = [str(key) for key, value in outputs.items() if isinstance(value, Tensor)]
    known = [key for key in ("logits", "output", "out", "scores") if key in outputs]
    if not known and len(tensors) != 1:
        names = ", ".join(map(str, outputs)) or "nothing"
        raise ModelError(f"The network returns a dict with {names}.", "Let one of its entries be called 'logits'.")
    key = known[0] if known else tensors[0]
    return key, outputs[key]


def _position(outputs: object, declared: str | None) -> int | None:
    """Which output of a tuple: the first (spikes), or the second (membranes) where that is asked for."""
    if not isinstance(outputs, tuple | list) or not outputs:
        return None
    if declared == "max-membrane":
        if len(outputs) < 2:
            raise ModelError(
                "--readout max-membrane needs (spikes, membranes).", "Return both, or choose another --readout."
            )
        return 1
    return 0


def finite_rows(outputs: object) -> list[list[float]]:
    """Answers as plain numbers, row by row; none if they are no finite tensor."""
    if not isinstance(outputs, Tensor) or not is_plain(outputs):
        return []
    if outputs.dim() not in (1, 2) or not bool(torch.isfinite(outputs).all()):
        return []
    rows: list[list[float]] = outputs.detach().double().cpu().reshape(len(outputs), -1).tolist()
    return rows
