"""From what a user calls a model to a module that can be attacked.

``zoo:NAME[@VERSION]``, a user's own ``file.py::factory``, or a Python object.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from attacks.gradients.base import TakesGradientPath
from bench.errors import BenchError, ModelError, UnknownNameError, WeightsError
from bench.files import sha256_file
from bench.spec import FileRef, ZooRef, parse_model_ref

if TYPE_CHECKING:
    from zoo.card import Card


@dataclass(frozen=True)
class Subject:
    """A model under test.

    module: eval mode, parameters frozen. fingerprint: what determines its answers.
    dataset: where it is evaluated by default; None if it does not say.
    spiking: declared by a card; None where nobody declared it.
    """

    ref: str
    module: nn.Module
    fingerprint: dict[str, Any]
    dataset: str | None
    spiking: bool | None
    stochastic: bool

    @property
    def path_takers(self) -> int:
        """Layers whose backward an attacker may choose."""
        return sum(isinstance(module, TakesGradientPath) for module in self.module.modules())


def open_subject(model: str | nn.Module, *, stochastic: bool = False) -> Subject:
    """Load what ``model`` names.

    stochastic: for a user's own model, whether two calls may differ (cards say it themselves).
    Raises a :class:`~bench.errors.BenchError` for unknown names, damaged weights and failing factories.
    """
    if isinstance(model, nn.Module):
        return _own(type(model).__name__, model, {}, stochastic)
    ref = parse_model_ref(model)
    if isinstance(ref, ZooRef):
        return _from_zoo(model, ref)
    if isinstance(ref, FileRef):
        return _from_file(model, ref, stochastic)
    return _from_card(model, Path(ref.path))


def _from_zoo(text: str, ref: ZooRef) -> Subject:
    from zoo.card import WEIGHTS, card, names

    name = ref.spec.name
    if name not in names():
        raise UnknownNameError.of("model", f"zoo:{name}", [f"zoo:{known}" for known in names()])
    described = card(name)
    if ref.spec.version is not None and str(described.version) != ref.spec.version.removeprefix("v"):
        raise ModelError(f"zoo:{name} is at version {described.version} here.", f"Drop @{ref.spec.version}.")
    return _described(text, described, WEIGHTS)


def _from_card(text: str, path: Path) -> Subject:
    from zoo.card import read_card

    try:
        described = read_card(path)
    except OSError as error:
        raise ModelError(f"The card {path} cannot be read ({error.strerror}).", "Give the path of a card.") from error
    except ValueError as error:
        raise ModelError(
            f"{path} is not a valid card ({str(error).splitlines()[0]}).", "See bench show zoo:NAME."
        ) from error
    return _described(text, described, path.parent)


def _described(text: str, described: Card, weights: Path) -> Subject:
    from zoo.loading import load_card

    name = described.name
    try:
        module = load_card(described, weights)
    except ValueError as error:
        raise WeightsError(f"{str(error).capitalize()}.", "Restore the file from the distribution.") from error
    except OSError as error:
        raise WeightsError(f"The weights of zoo:{name} cannot be read ({error.strerror}).", "Reinstall.") from error
    fingerprint = described.model_dump(
        mode="json", include={"name", "version", "builder", "dataset", "spiking", "stochastic", "weights"}
    )
    return Subject(text, module, fingerprint, described.dataset, described.spiking, described.stochastic)


def _from_file(text: str, ref: FileRef, stochastic: bool) -> Subject:
    path = Path(ref.path)
    if not path.is_file():
        raise ModelError(f"There is no file {path}.", "Give --model FILE.py::FACTORY.")
    factory = getattr(_module_of(path), ref.attr, None)
    if not callable(factory):
        raise ModelError(f"{path.name} has no function {ref.attr!r}.", "Name a function that returns an nn.Module.")
    module = _called(factory, f"{path.name}::{ref.attr}")
    return _own(text, module, {"file_sha256": sha256_file(path)}, stochastic or bool(getattr(module, "stochastic", False)))


def _module_of(path: Path) -> Any:
    """Run a user's file as a module of its own; its folder is not put on the import path."""
    spec = importlib.util.spec_from_file_location(f"_user_model_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ModelError(f"{path} is not a Python file.", "Give --model FILE.py::FACTORY.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except BenchError:
        raise
    except Exception as error:
        raise ModelError(f"{path.name} failed to run: {type(error).__name__}: {error}.", "Fix the file.") from error
    return module


def _called(factory: Callable[[], Any], name: str) -> nn.Module:
    try:
        module = factory()
    except Exception as error:
        raise ModelError(f"{name} failed: {type(error).__name__}: {error}.", "It is called without arguments.") from error
    if not isinstance(module, nn.Module):
        raise ModelError(f"{name} returned a {type(module).__name__}.", "Return an nn.Module.")
    return module


def _own(ref: str, module: nn.Module, known: dict[str, Any], stochastic: bool) -> Subject:
    fingerprint = known | {"parameters_sha256": parameters_sha256(module)}
    module = module.eval()
    subject = Subject(ref, module, fingerprint, None, None, stochastic)
    return subject


def parameters_sha256(module: nn.Module) -> str:
    """sha256 over names, shapes and bytes of all parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
