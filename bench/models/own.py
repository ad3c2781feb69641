"""A module that this suite did not build, as a subject."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.foundation.errors import ModelError
from bench.foundation.files import sha256_bytes
from bench.models.checkpoint import load_checkpoint
from bench.models.fingerprint import hidden_sha256, parameters_sha256, structure_sha256
from bench.models.normalised import Normalised
from bench.models.preparation import Preparation
from bench.models.probe import is_lazy
from bench.models.subject import Subject


@dataclass(frozen=True)
class Origin:
    """Where a module comes from. ref: as given. known: what of its origin determines its answers. remarks: sentences."""

    ref: str
    known: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def own_subject(module: nn.Module, origin: Origin, stochastic: bool, prepare: Preparation) -> Subject:
    """The subject, prepared as asked: weights loaded, inputs normalised, in eval mode, frozen.

    Raises a ``BenchError`` for weights that do not fit or have no values, and for what the module declares and cannot be.
    """
    remarks = list(origin.remarks)
    if prepare.weights is not None:
        remarks += load_checkpoint(module, Path(prepare.weights), partial=prepare.partial)
    _refuse_without_values(module, origin.ref)
    declared = stochastic or bool(getattr(module, "stochastic", False))
    task, score_range = getattr(module, "task", None), _range_of(origin.ref, module)
    higher_is_better = bool(getattr(module, "higher_is_better", True))
    frozen = _frozen(module)
    normalisation = prepare.normalisation()
    if normalisation is not None:
        frozen = _frozen(Normalised(frozen, *normalisation))
    return Subject(
        origin.ref,
        frozen,
        origin.known | _hashes(frozen) | prepare.fingerprint,
        None,
        None,
        declared,
        task,
        score_range,
        higher_is_better,
        foreign=True,
        remarks=tuple(remarks),
    )


def _frozen(module: nn.Module) -> nn.Module:
    """In eval mode without gradients of parameters; what a user's ``eval`` or ``train`` returns does not matter."""
    module.eval()
    for parameter in module.parameters():
        if not nn.parameter.is_lazy(parameter):
            parameter.requires_grad_(False)
    return module


def _hashes(module: nn.Module) -> dict[str, Any]:
    """Of lazy layers the hashes follow a first call (:mod:`bench.models.probe`)."""
    if is_lazy(module):
        return {}
    if isinstance(module, torch.jit.ScriptModule):
        return {"script_sha256": sha256_bytes(str(module.code).encode()), "parameters_sha256": parameters_sha256(module)}
    hidden = hidden_sha256(module)
    hashes = {"structure_sha256": structure_sha256(module), "parameters_sha256": parameters_sha256(module)}
    return hashes | ({} if hidden is None else {"hidden_sha256": hidden})


def _range_of(ref: str, module: nn.Module) -> tuple[float, float]:
    """``score_range`` of a user's own model, (0, 1) if it has none."""
    given = getattr(module, "score_range", (0.0, 1.0))
    try:
        low, high = (float(end) for end in given)
    except (TypeError, ValueError):
        low = high = 0.0
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ModelError(f"{ref} gives {given!r} as its score_range.", "Give two finite numbers, the lower one first.")
    return low, high


def _refuse_without_values(module: nn.Module, ref: str) -> None:
    tensors = [tensor for tensor in (*module.parameters(), *module.buffers()) if not nn.parameter.is_lazy(tensor)]
    if any(tensor.is_meta for tensor in tensors):
        fix = "Build it outside of torch.device('meta'), or give it memory (to_empty) and load its weights."
        raise ModelError(f"{ref} has parameters on the device 'meta', which have no values.", fix)
