"""What a user asks to be done to a network of their own before it is judged: weights, input range, read-out."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from bench.foundation.errors import SpecError, WeightsError

CIFAR10 = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PREPROCESSING: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "cifar10": CIFAR10,
    "imagenet": IMAGENET,
    "255": ((0.0,), (1 / 255,)),
}
"""Name to mean and standard deviation: the network is given (x - mean) / std of images x in [0, 1]."""

READOUTS = ("mean", "sum", "last", "max-membrane")
"""How outputs over time become logits."""


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Fields as the options of ``bench evaluate``.

    weights: a checkpoint that is loaded into the network. partial: whether keys may be missing or left over.
    preprocess: ``cifar10``, ``imagenet``, ``255`` or ``none``; or else mean and std, one number or one for each channel.
    readout: one of :data:`READOUTS`; None infers it.
    """

    weights: str | None = None
    partial: bool = False
    preprocess: str | None = None
    mean: str | None = None
    std: str | None = None
    readout: str | None = None

    def __post_init__(self) -> None:
        if self.preprocess not in (None, "none", *PREPROCESSING):
            raise SpecError(f"Unknown preprocessing {self.preprocess!r}.", "Use cifar10, imagenet, 255 or none.")
        if self.readout not in (None, *READOUTS):
            raise SpecError(f"Unknown read-out {self.readout!r}.", f"Use {', '.join(READOUTS)}.")
        if (self.mean is None) != (self.std is None):
            raise SpecError("Mean and standard deviation belong together.", "Give both --mean and --std.")
        if self.mean is not None and self.preprocess is not None:
            raise SpecError("Inputs are normalised in two ways.", "Give --preprocess, or --mean and --std.")
        if self.partial and self.weights is None:
            raise SpecError("There are no weights that could fit in part.", "Leave --partial out, or give --weights.")
        self.normalisation()

    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """Mean and standard deviation, or None if images are handed over as they are. Raises ``SpecError``."""
        if self.mean is not None and self.std is not None:
            mean, std = _numbers("mean", self.mean), _numbers("std", self.std)
            if len({len(mean), len(std)} - {1}) > 1 or any(value <= 0 for value in std):
                raise SpecError("Mean and standard deviation do not fit together.", "Give positive ones, one per channel.")
            return mean, std
        return None if self.preprocess in (None, "none") else PREPROCESSING[self.preprocess]

    def refused(self, kind: str, *names: str) -> None:
        """Raise ``SpecError`` if one of the options ``names`` (by default any) was given for a model of this kind."""
        for option in fields(self):
            if (not names or option.name in names) and getattr(self, option.name) != option.default:
                raise SpecError(f"--{option.name} is not for {kind}.", f"Leave --{option.name} out.")

    def require_weights(self, text: str) -> None:
        """Raise ``WeightsError`` if no checkpoint was given for ``text``, which names a network and no weights."""
        if self.weights is None:
            raise WeightsError(f"{text} names a network and no weights.", "Give --weights FILE (.safetensors or .pth).")

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What of it determines answers and cannot be seen in the weights."""
        normalisation = self.normalisation()
        return {} if normalisation is None else {"normalised": [list(values) for values in normalisation]}


NOTHING = Preparation()


def _numbers(name: str, text: str) -> tuple[float, ...]:
    from bench.foundation.spec import number

    try:
        return tuple(number(part.strip()) for part in text.split(","))
    except ValueError as error:
        raise SpecError(f"--{name} {text} is not a list of numbers.", "For example 0.5 or 0.49,0.48,0.45.") from error
