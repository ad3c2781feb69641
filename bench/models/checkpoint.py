"""Checkpoints of other people: tensors are found in whatever they were wrapped in, and no code in them is ever run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.foundation.errors import WeightsError

INSIDE = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params", "ema", "model_ema")
"""Keys under which checkpoints keep the tensors of the network."""
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "_forward_module.")
"""What wrappers put before every name."""
MOST_NAMES = 5

SAVE = "Save its tensors alone: torch.save(model.state_dict(), FILE)."


def load_checkpoint(module: nn.Module, path: Path, *, partial: bool) -> list[str]:
    """Load a file's tensors into a network; remarks on how they were found.

    partial: whether names may be missing or left over, and shapes differ. Raises ``WeightsError``.
    """
    tensors, remarks = _tensors(_read(path), path.name)
    own = module.state_dict()
    tensors, prefix = _without_prefixes(tensors, set(own))
    if prefix:
        remarks.append(f"{path.name}: the prefix {prefix!r} was taken off the names of its tensors.")
    missing = [name for name in own if name not in tensors and not name.endswith("num_batches_tracked")]
    extra = [name for name in tensors if name not in own]
    shapes = [name for name in tensors if name in own and not _fits(own[name], tensors[name])]
    if missing or extra or shapes:
        problems = _problems(own, tensors, missing, extra, shapes)
        fitting = {name: tensor for name, tensor in tensors.items() if name in own and name not in shapes}
        if not partial or not fitting:
            raise WeightsError(
                f"{path.name} does not fit the network: {problems}.",
                "Build the network that was saved, or take what fits with --partial."
                if fitting
                else "Build the network that was saved: none of its tensors fit.",
            )
        remarks.append(f"{path.name}: {len(fitting)} tensors were loaded; {problems}.")
        tensors = fitting
    try:
        module.load_state_dict(tensors, strict=False)
    except (RuntimeError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{path.name} cannot be loaded into the network ({str(error).splitlines()[-1].strip()}).",
            "Build the network that was saved.",
        ) from error
    return remarks


def _fits(own: object, given: Tensor) -> bool:
    """Tensors of lazy layers, and what is no tensor at all (packed int8), are left for torch to judge."""
    return not isinstance(own, Tensor) or nn.parameter.is_lazy(own) or own.shape == given.shape


def _problems(own: Mapping[str, Any], tensors: Mapping[str, Any], *groups: list[str]) -> str:
    missing, extra, shapes = groups
    parts = []
    if missing:
        parts.append(f"it lacks {_listed(missing)}")
    if extra:
        parts.append(f"the network has no {_listed(extra)}")
    if shapes:
        worded = [f"{name} ({tuple(tensors[name].shape)} instead of {tuple(own[name].shape)})" for name in shapes]
        parts.append(f"other shapes: {_listed(worded)}")
    return "; ".join(parts)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _read(path: Path) -> object:
    """What a file holds, tensors only. Raises ``WeightsError`` where it is missing, damaged, or holds code."""
    if not path.is_file():
        raise WeightsError(f"There is no file {path}.", "Give --weights FILE (.pth, .pt or .safetensors).")
    if path.suffix == ".safetensors":
        from zoo.loading import read_weights

        try:
            return read_weights(path, None)
        except ValueError as error:
            raise WeightsError(f"{error}.", "Restore the file from where it came.") from error
    return unpickled_tensors(path)


def unpickled_tensors(path: Path) -> object:
    """What ``torch.save`` wrote, by torch's restricted unpickler, which builds tensors and plain containers only.

    The one place where a pickle is opened. There is no other way in if it refuses. Raises ``WeightsError``.
    """
    import pickle

    try:
        # weights_only: no global but those of tensors is ever looked up, so no code of the file can run.
        return torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251
    except pickle.UnpicklingError as error:
        names = _globals(path)
        held = f" ({', '.join(names)})" if names else ""
        raise WeightsError(f"{path.name} holds Python objects{held}, and nothing in it is executed here.", SAVE) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, AttributeError) as error:
        if "TorchScript" in str(error):
            raise WeightsError(f"{path.name} is a TorchScript archive, not a file of weights.", SAVE) from error
        reason = str(error).strip().partition("\n")[0]
        raise WeightsError(f"{path.name} is not a readable checkpoint ({reason}).", "Restore the file.") from error


def _globals(path: Path) -> list[str]:
    """The names in a pickle that are not tensors; none are looked up."""
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))[:MOST_NAMES]
    except Exception:  # old formats have no list of names
        return []


def _tensors(content: object, name: str) -> tuple[dict[str, Tensor], list[str]]:
    """The state dict in what was read, and where it lay."""
    place: list[str] = []
    while isinstance(content, Mapping) and not _is_state(content):
        inside = next((key for key in INSIDE if isinstance(content.get(key), Mapping)), None)
        if inside is None:
            break
        place.append(inside)
        content = content[inside]
    if not isinstance(content, Mapping) or not _is_state(content):
        keys = _listed([str(key) for key in content]) if isinstance(content, Mapping) else type(content).__name__
        raise WeightsError(f"{name} holds no tensors by name, but {keys or 'nothing'}.", SAVE)
    remarks = [f"{name}: the tensors lay under {'.'.join(place)!r}."] if place else []
    return {str(key): value for key, value in content.items() if isinstance(value, Tensor)}, remarks


def _is_state(content: Mapping[Any, Any]) -> bool:
    return any(isinstance(value, Tensor) for value in content.values()) and all(isinstance(key, str) for key in content)


def _without_prefixes(tensors: dict[str, Tensor], own: set[str]) -> tuple[dict[str, Tensor], str]:
    """Names without what wrappers put before all of them, as long as that makes more of them fit."""
    taken_off = ""
    while True:
        candidates = [prefix for prefix in PREFIXES if tensors and all(name.startswith(prefix) for name in tensors)]
        first = re.match(r"[^.]+\.", next(iter(tensors), ""))
        if first and first[0] not in candidates and all(name.startswith(first[0]) for name in tensors):
            candidates.append(first[0])
        for prefix in candidates:
            stripped = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
            fits_now, fitted = len(own & set(stripped)), len(own & set(tensors))
            if fits_now > fitted or (prefix in PREFIXES[:2] and fits_now == fitted == 0):
                tensors, taken_off = stripped, taken_off + prefix
                break
        else:
            return tensors, taken_off
