"""From what a user calls a model to a module that can be attacked.

``zoo:NAME[@VERSION]``, a user's own ``file.py::factory``, ``pyiqa:NAME``, or a Python object.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from attacks.fitting import Traits
from attacks.gradients.base import TakesCoding, TakesGradientPath
from attacks.gradients.spikes.sites import SpikeSites
from bench.foundation.errors import BenchError, ModelError, SpecError, WeightsError
from bench.foundation.files import digest, sha256_file
from bench.foundation.spec import CardRef, FileRef, PyiqaRef, ZooRef, parse_model_ref
from bench.models.cards import card_of
from bench.models.slope import Slope

if TYPE_CHECKING:
    from zoo.card import Card


@dataclass(frozen=True)
class Subject:
    """A model under test.

    module: eval mode, parameters frozen. fingerprint: what determines its answers.
    dataset: where it is evaluated by default; None if it does not say.
    spiking: declared by a card; None where nobody declared it.
    task: whether it decides or scores; None where only the data tell. score_range, higher_is_better: of its scores.
    foreign: whether this suite did not build it. sites: where a foreign model makes spikes, once it was tried; unrecognised:
    why it could not be. slope: whether the gradient of a foreign model without spikes is its derivative.
    """

    ref: str
    module: nn.Module
    fingerprint: dict[str, Any]
    dataset: str | None
    spiking: bool | None
    stochastic: bool
    task: str | None = None
    score_range: tuple[float, float] = (0.0, 1.0)
    higher_is_better: bool = True
    foreign: bool = False
    sites: SpikeSites | None = None
    unrecognised: str | None = None
    slope: Slope | None = None

    @property
    def whole_layers(self) -> int:
        """Layers that run all time steps and hand over their trace: every gradient path is defined on them."""
        return sum(isinstance(module, TakesGradientPath) for module in self.module.modules())

    @property
    def path_takers(self) -> int:
        """Layers whose backward an attacker may choose, as a whole or at their spike functions."""
        return self.whole_layers + (0 if self.sites is None else self.sites.layers)

    @property
    def differentiable(self) -> bool:
        """Whether gradients reach the input at all."""
        return self.sites is None or self.sites.differentiable

    @property
    def traits(self) -> Traits:
        """What decides which attacks, and which of their stages, can work on it."""
        coded = any(isinstance(module, TakesCoding) for module in self.module.modules())
        return Traits(spiking=self.path_takers > 0, coded=coded, differentiable=self.differentiable)


def open_subject(model: str | nn.Module | Subject, *, stochastic: bool = False) -> Subject:
    """Load what ``model`` names; a subject is one already.

    stochastic: for a user's own model, whether two calls may differ (cards and subjects say it themselves).
    Raises a ``BenchError`` for unknown names, damaged weights and failing factories.
    """
    if isinstance(model, Subject):
        return model
    if isinstance(model, nn.Module):
        return _own(type(model).__name__, model, {}, stochastic)
    ref = parse_model_ref(model)
    if stochastic and isinstance(ref, ZooRef | CardRef):
        raise SpecError(f"{model} says itself whether it is stochastic.", "Leave --stochastic out.")
    if isinstance(ref, ZooRef):
        return _from_zoo(model, ref)
    if isinstance(ref, FileRef):
        return _from_file(model, ref, stochastic)
    if isinstance(ref, PyiqaRef):
        return _from_pyiqa(model, ref, stochastic)
    return _from_card(model, Path(ref.path))


def _from_zoo(text: str, ref: ZooRef) -> Subject:
    from zoo.card import WEIGHTS

    name = ref.spec.name
    described = card_of(name)
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
    if described.weights is None:
        raise WeightsError(f"{text} has no trained weights yet.", f"Train it: bench train zoo:{name}.")
    try:
        module = load_card(described, weights)
    except ValueError as error:
        raise WeightsError(f"{text} cannot be loaded: {error}.", "Restore the file from where it came.") from error
    except TypeError as error:
        raise ModelError(f"{text} cannot be built: {error}.", "Correct the arguments in its card.") from error
    except OSError as error:
        raise WeightsError(f"The weights of {text} cannot be read ({error.strerror}).", "Reinstall.") from error
    fingerprint = described.model_dump(
        mode="json", include={"name", "version", "builder", "dataset", "spiking", "stochastic", "weights"}
    )
    return Subject(
        text,
        module,
        fingerprint,
        described.dataset,
        described.spiking,
        described.stochastic,
        described.task,
        described.score_range,
        described.higher_is_better,
    )


def _from_file(text: str, ref: FileRef, stochastic: bool) -> Subject:
    path = Path(ref.path)
    if not path.is_file():
        raise ModelError(f"There is no file {path}.", "Give --model FILE.py::FACTORY.")
    factory = getattr(_module_of(path), ref.attr, None)
    if not callable(factory):
        raise ModelError(f"{path.name} has no function {ref.attr!r}.", "Name a function that returns an nn.Module.")
    module = _called(factory, f"{path.name}::{ref.attr}")
    return _own(text, module, {"file_sha256": sha256_file(path)}, stochastic)


def _from_pyiqa(text: str, ref: PyiqaRef, stochastic: bool) -> Subject:
    """A metric of a library that is not part of this suite; whatever goes wrong in there is one sentence."""
    from importlib.metadata import PackageNotFoundError, version

    from zoo.adapters.pyiqa import INSTALL, LICENCE, open_metric

    try:
        module = open_metric(ref.name, ref.options)
    except ModuleNotFoundError as error:
        raise ModelError(f"{text} needs {error.name}, which is not installed.", f"Run: {INSTALL}.") from error
    except Exception as error:  # torchvision that does not fit torch, a download that fails, an unknown option
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ModelError(f"{text} cannot be opened ({reason}).", "Correct its name or options, or repair pyiqa.") from error
    try:
        found = version("pyiqa")
    except PackageNotFoundError:
        found = "unknown"
    known = {"metric": ref.name, "options": ref.options, "pyiqa": found, "licence": LICENCE}
    return _own(text, module, known, stochastic)


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
    except (Exception, SystemExit) as error:
        raise ModelError(f"{path.name} failed to run: {type(error).__name__}: {error}.", "Fix the file.") from error
    return module


def _called(factory: Callable[[], Any], name: str) -> nn.Module:
    try:
        module = factory()
    except (Exception, SystemExit) as error:
        raise ModelError(f"{name} failed: {type(error).__name__}: {error}.", "It is called without arguments.") from error
    if not isinstance(module, nn.Module):
        raise ModelError(f"{name} returned a {type(module).__name__}.", "Return an nn.Module.")
    return module


def _own(ref: str, module: nn.Module, known: dict[str, Any], stochastic: bool) -> Subject:
    hashes = {"structure_sha256": structure_sha256(module), "parameters_sha256": parameters_sha256(module)}
    declared = stochastic or bool(getattr(module, "stochastic", False))
    low, high = _range_of(ref, module)
    return Subject(
        ref,
        module.eval().requires_grad_(False),
        known | hashes,
        None,
        None,
        declared,
        getattr(module, "task", None),
        (low, high),
        bool(getattr(module, "higher_is_better", True)),
        foreign=True,
    )


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


@contextmanager
def borrowed(model: object) -> Iterator[None]:
    """Afterwards, whatever happened inside, a user's own module has back its modes, gradient flags and device."""
    if not isinstance(model, nn.Module):
        yield
        return
    modes = [(module, module.training) for module in model.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    devices = {tensor.device for tensor in chain(model.parameters(), model.buffers())}
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter, flag in flags:
            parameter.requires_grad_(flag)
        if len(devices) == 1:
            model.to(devices.pop())


def parameters_sha256(module: nn.Module) -> str:
    """sha256 over names, shapes and bytes of all parameters and buffers."""
    named = chain(module.named_parameters(remove_duplicate=False), module.named_buffers(remove_duplicate=False))
    found = hashlib.sha256()
    for name, tensor in sorted(named, key=lambda pair: pair[0]):
        found.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        found.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def structure_sha256(module: nn.Module) -> str:
    """sha256 over the classes of all submodules and their plain attributes, such as a number of time steps."""
    return digest(
        {
            name: [type(part).__qualname__, {key: repr(value) for key, value in vars(part).items() if _plain(key, value)}]
            for name, part in module.named_modules(remove_duplicate=False)
        }
    )


def _plain(key: str, value: object) -> bool:
    """Whether an attribute is a setting that prints the same in every process."""
    kinds = (bool, int, float, str, tuple, list, dict)
    setting = not key.startswith("_") and key != "training" and (isinstance(value, kinds) or is_dataclass(value))
    return setting and " at 0x" not in repr(value)
