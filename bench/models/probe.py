"""A foreign model is asked once before anything else, on fixed images.

The call initialises lazy layers, shows the form of the outputs, finds the batch that fits into memory, and leaves answers
by which the same model is known again: whatever its weights are kept in, other weights answer otherwise.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from attacks.randomness import KeyedRng, drawing
from bench.foundation.errors import BenchError, ModelError
from bench.models.fingerprint import parameters_sha256, structure_sha256
from bench.models.preparation import Preparation
from bench.models.readout import ReadOut, finite_rows, infer
from bench.models.subject import Subject
from bench.models.words import is_out_of_memory

PROBES = 8
SEED = 20

SAME = 0.25
"""Largest typical difference between two sets of answers of one model, in standard deviations of the answers. Other weights
differ by about 1; rounding, which flips single spikes, by less than 0.1."""


@dataclass(frozen=True)
class Probed:
    """A subject that was asked. batch: inputs of a call that fit into memory."""

    subject: Subject
    batch: int


def probed(subject: Subject, shape: Sequence[int], prepare: Preparation, *, batch: int, device: torch.device) -> Probed:
    """Ask a foreign model once, and make it ready; a model of this suite comes back as it is.

    shape: of one input. batch: inputs of a call, halved until they fit into memory. A model that fails in another way comes
    back as well: the evaluation itself says what is wrong. Raises ``ModelError`` for outputs that cannot be read.
    """
    if not subject.foreign:
        return Probed(subject, batch)
    lazy = is_lazy(subject.module)
    images = probe_images(shape).to(device)
    ask = _Asking(subject.module, images)
    outputs, fitting = None, batch
    try:
        outputs, fitting = _fitting(ask, batch)
    except BenchError:
        raise
    except Exception as error:
        if lazy:
            raise ModelError(
                f"{subject.ref} has layers whose size is not known yet, and a first call fails ({type(error).__name__}).",
                "Give the layers their sizes.",
            ) from error
        return Probed(subject, batch)
    subject = replace(subject, remarks=(*subject.remarks, *_fewer(batch, fitting)))
    if lazy:
        for parameter in subject.module.parameters():
            parameter.requires_grad_(False)
        hashes = {f.__name__: f(subject.module) for f in (structure_sha256, parameters_sha256)}
        subject = replace(subject, fingerprint=subject.fingerprint | hashes)
    reading = infer(outputs, fitting, _declared(subject.module, prepare), ask)
    if not reading.is_plain:
        subject = replace(
            subject,
            module=ReadOut(subject.module, reading).eval(),
            fingerprint=subject.fingerprint | {"readout": reading.words},
            remarks=(*subject.remarks, f"Read-out: {reading.words}."),
        )
    answers = finite_rows(reading(outputs))[:PROBES]
    return Probed(replace(subject, answers=tuple(map(tuple, answers))), fitting)


def probe_images(shape: Sequence[int]) -> Tensor:
    """The images ``(8, *shape)``: grey of some brightness under noise of some contrast, of 8 bits, the same everywhere."""
    noise = KeyedRng.of(SEED, torch.arange(PROBES)).uniform(*shape)
    steps = torch.arange(1, PROBES + 1).view(-1, *[1] * len(shape)) / PROBES
    return ((1 - steps / 2 + (noise - 0.5) * steps).clamp(0, 1) * 255).round() / 255


def same_answers(first: Sequence[Sequence[float]], second: Sequence[Sequence[float]]) -> bool:
    """Whether two sets of answers are those of one model, on whatever machine; True where one of them is empty.

    The median over images of the root mean square difference, in standard deviations of the first answers.
    """
    if not first or not second:
        return True
    a, b = (torch.tensor(rows, dtype=torch.float64) for rows in (first, second))
    if a.shape != b.shape:
        return False
    distance = (a - b).square().mean(1).sqrt().median()
    return bool(distance <= SAME * a.std(correction=0) + 1e-9)


def is_lazy(module: nn.Module) -> bool:
    """Whether some layer waits for a first input to know its size."""
    return any(nn.parameter.is_lazy(tensor) for tensor in (*module.parameters(), *module.buffers()))


@contextmanager
def fixed_randomness(device: torch.device, seed: int = 0) -> Iterator[None]:
    """Inside, the generators of torch, NumPy and Python begin at ``seed``; afterwards they go on where they were."""
    state, numbers = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(state)
            np.random.set_state(numbers)


class _Asking:
    """Calls of a model on ``rows`` inputs: the images, the last one repeated; as the scorer calls it."""

    def __init__(self, module: nn.Module, images: Tensor) -> None:
        self.module, self.images = module, images

    @torch.no_grad()
    def __call__(self, rows: int) -> object:
        index = torch.arange(rows, device=self.images.device).clamp_max(len(self.images) - 1)
        with fixed_randomness(self.images.device), drawing(KeyedRng.of(SEED, index)):
            outputs: object = self.module(self.images[index])
        return outputs


def _fitting(ask: Callable[[int], object], batch: int) -> tuple[object, int]:
    while True:
        try:
            return ask(batch), batch
        except Exception as error:
            if batch == 1 or not is_out_of_memory(error):
                raise
        batch //= 2


def _fewer(batch: int, fitting: int) -> list[str]:
    if fitting == batch:
        return []
    return [f"{batch} images at a time did not fit into memory, so it is asked for {fitting}."]


def _declared(module: nn.Module, prepare: Preparation) -> str | None:
    """The read-out that the user names, or that the network itself declares."""
    if prepare.readout is not None:
        return prepare.readout
    inner = getattr(module, "model", None)
    named = [getattr(part, "readout", None) for part in (module, inner)]
    return next((name for name in named if isinstance(name, str)), None)
