"""Networks of timm (PyTorch Image Models), by their names there.

timm is not installed with this suite. It is imported when one of its networks is asked for, and it imports torchvision.
Nothing is downloaded: a network is built without weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from zoo.adapters.options import typed

INSTALL = "pip install 'spikebench[timm]' (it brings torchvision, which must fit torch)"

OLDEST = 1
"""First number of the oldest version that is known to work."""

OF_WEIGHTS = ("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir")
"""Arguments of ``timm.create_model`` that name weights."""


@dataclass(frozen=True)
class Configuration:
    """What timm says of a network.

    mean, std: of its inputs, one number per channel. input_size: ``(C, H, W)`` of its training; fixed: whether no other is
    taken. classes: its logits. version: of timm.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    input_size: tuple[int, int, int]
    fixed: bool
    classes: int
    version: str


def network_names() -> list[str]:
    """Names of all networks, without the tags of their weights, in the order of timm.

    Raises whatever the import of timm raises, and ``ValueError`` for a version that is too old.
    """
    return [str(name) for name in _timm().list_models()]


def is_network(name: str) -> bool:
    """Whether timm knows the network; a tag after the first full stop does not matter. Raises as :func:`network_names`."""
    return bool(_timm().is_model(name))


def build(name: str, options: Mapping[str, str]) -> tuple[nn.Module, Configuration]:
    """The network ``name`` with weights that are drawn at random, and its configuration.

    options: arguments of ``timm.create_model``. Raises ``ValueError`` for options that name weights, and for a network
    without classes; errors of timm are passed on.
    """
    of_weights = [key for key in options if key in OF_WEIGHTS]
    if of_weights:
        raise ValueError(f"{of_weights[0]} names weights, which timm would load itself")
    timm = _timm()
    network = timm.create_model(name, pretrained=False, **{key: typed(value) for key, value in options.items()})
    declared: Mapping[str, Any] = network.pretrained_cfg
    classes = int(getattr(network, "num_classes", 0))
    if classes < 2:
        raise ValueError(f"it tells {classes} classes apart")
    channels, height, width = declared.get("input_size", (3, 224, 224))
    configuration = Configuration(
        mean=tuple(map(float, declared.get("mean", ()))),
        std=tuple(map(float, declared.get("std", ()))),
        input_size=(int(channels), int(height), int(width)),
        fixed=bool(declared.get("fixed_input_size", False)),
        classes=classes,
        version=str(timm.__version__),
    )
    return network, configuration


def _timm() -> Any:
    import timm

    version = str(timm.__version__)
    if int(version.partition(".")[0]) < OLDEST:
        raise ValueError(f"timm {version} is installed, and version {OLDEST}.0 or newer is needed")
    return timm
