"""Networks of SpikingJelly's own collection (``spikingjelly.activation_based.model``), by the names of their builders.

They are built without weights and run in multi-step mode. Three modules of the collection import one function from
torchvision, which they need for downloads alone and which torchvision takes from torch. Here they take it from torch:
torchvision is not imported, so it may be absent, or unfit for the torch that is installed.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from zoo.adapters.options import typed
from zoo.spiking.signals import repeated

INSTALL = "pip install 'spikebench[interop]'"

PACKAGE = "spikingjelly.activation_based"
MODULES = ("spiking_resnet", "spiking_vgg", "sew_resnet", "parametric_lif_net", "ms_resnet", "spikformer")
"""Modules of the collection whose builders take ``spiking_neuron``, and arguments of it as keywords."""
_DOWNLOADS = "torchvision.models.utils"


class OverTime(nn.Module):
    """A network in multi-step mode: images at each of ``steps`` time steps, or event frames, to the mean of its outputs."""

    def __init__(self, network: nn.Module, steps: int) -> None:
        super().__init__()
        self.network, self.steps = network, steps

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` for images ``(N, C, H, W)`` or event frames ``(N, T, C, H, W)``."""
        from spikingjelly.activation_based import functional

        functional.reset_net(self.network)
        outputs: Tensor = self.network(x.transpose(0, 1) if x.dim() == 5 else repeated(x, self.steps))
        return outputs.mean(0) if outputs.dim() == 3 else outputs


@cache
def builders() -> dict[str, Callable[..., nn.Module]]:
    """Name to builder of every network of the collection that is known here.

    Raises whatever the import of SpikingJelly raises.
    """
    known: dict[str, Callable[..., nn.Module]] = {}
    for name in ("spikingjelly", f"{PACKAGE}.layer"):
        import_module(name)
    with _downloads_by_torch():
        for name in MODULES:
            module = import_module(f"{PACKAGE}.model.{name}")
            known |= {key: value for key, value in vars(module).items() if _is_builder(key, value, module)}
    return known


@contextmanager
def _downloads_by_torch() -> Iterator[None]:
    """Inside, ``from torchvision.models.utils import load_state_dict_from_url`` gives torch's function of this name."""
    before = sys.modules.get(_DOWNLOADS)
    stand_in = ModuleType(_DOWNLOADS)
    stand_in.load_state_dict_from_url = torch.hub.load_state_dict_from_url  # type: ignore[attr-defined]
    sys.modules[_DOWNLOADS] = stand_in
    try:
        yield
    finally:
        if before is None:
            sys.modules.pop(_DOWNLOADS, None)
        else:
            sys.modules[_DOWNLOADS] = before


def _is_builder(name: str, value: object, module: ModuleType) -> bool:
    """Whether a module offers a value as a network of a fixed size: a function, or a class where there are no functions."""
    if name not in getattr(module, "__all__", ()) or not callable(value):
        return False
    offered = inspect.isclass(value) if module.__name__.endswith("parametric_lif_net") else inspect.isfunction(value)
    return offered and "spiking_neuron" in inspect.signature(value).parameters


def neurons() -> dict[str, type[nn.Module]]:
    """Kinds of neuron by name."""
    return _kinds("neuron", "BaseNode")


def surrogates() -> dict[str, type[nn.Module]]:
    """Surrogate functions by name."""
    return _kinds("surrogate", "SurrogateFunctionBase")


def _kinds(module_name: str, base_name: str) -> dict[str, type[nn.Module]]:
    module = import_module(f"{PACKAGE}.{module_name}")
    base: type[nn.Module] = getattr(module, base_name)
    kinds = {name: kind for name, kind in vars(module).items() if inspect.isclass(kind) and issubclass(kind, base)}
    return {name: kind for name, kind in kinds.items() if not name.startswith("_") and "Base" not in name}


def required(name: str) -> dict[str, str]:
    """Options without which a network cannot be built or run, each with an example."""
    if builders()[name].__module__.rpartition(".")[2] in ("ms_resnet", "spikformer"):
        return {}
    return {"neuron": "LIFNode"} | ({"cnf": "ADD"} if name.startswith("sew_") else {})


def build(name: str, neuron: str | None, surrogate: str | None, options: Mapping[str, str]) -> nn.Module:
    """The network ``name`` in multi-step mode, with weights that are drawn at random.

    neuron, surrogate: names in :func:`neurons` and :func:`surrogates`; None for those of the builder. options: arguments of
    the builder and of its neurons; ``none`` is None. Errors of SpikingJelly are passed on.
    """
    from spikingjelly.activation_based import functional

    arguments: dict[str, Any] = {key: None if value.lower() == "none" else typed(value) for key, value in options.items()}
    if neuron is not None:
        arguments["spiking_neuron"] = neurons()[neuron]
    if surrogate is not None:
        arguments["surrogate_function"] = surrogates()[surrogate]()
    network = builders()[name](**arguments)
    functional.set_step_mode(network, "m")
    return network
