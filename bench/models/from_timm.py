"""``timm:NAME[,key=value,...]``: a network of timm, with a checkpoint of the user's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.foundation.errors import ModelError, SpecError, UnknownNameError
from bench.foundation.model_refs import LibraryRef
from bench.models.libraries import building, unimportable
from bench.models.own import Origin, own_subject
from bench.models.preparation import Preparation
from bench.models.subject import Subject

if TYPE_CHECKING:
    from zoo.adapters.timm import Configuration


def from_timm(text: str, ref: LibraryRef, stochastic: bool, prepare: Preparation) -> Subject:
    """The network, its inputs normalised as timm's configuration says unless the preparation says otherwise.

    Raises a ``BenchError`` if timm is absent, broken or too old, for unknown names and options, and without weights.
    """
    from zoo.adapters import timm

    try:
        known = timm.is_network(ref.name)
    except ValueError as error:
        raise ModelError(f"{text} cannot be opened: {error}.", f"Run: {timm.INSTALL}.") from error
    except Exception as error:  # a torchvision that does not fit torch raises RuntimeError, OSError or ImportError
        raise unimportable(text, "timm", error, timm.INSTALL) from error
    if not known:
        raise UnknownNameError.of("network of timm:", ref.name, timm.network_names())
    prepare.require_weights(text)
    with building(text):
        network, configuration = timm.build(ref.name, ref.options)
    prepare, words = _normalised(text, ref, prepare, configuration)
    remark = f"Of timm {configuration.version}: {words}; {configuration.classes} classes; {_size(ref, configuration)}."
    origin = Origin(text, {"timm": ref.name, "options": ref.options, "version": configuration.version}, (remark,))
    return own_subject(network, origin, stochastic, prepare)


def _normalised(text: str, ref: LibraryRef, prepare: Preparation, configuration: Configuration) -> tuple[Preparation, str]:
    """The preparation with the normalisation of the configuration where the user gives none, and this in words."""
    mean, std = configuration.mean, configuration.std
    if prepare.preprocess is not None or prepare.mean is not None:
        return prepare, "its normalisation was replaced by the one that was given"
    channels = int(ref.options.get("in_chans", configuration.input_size[0]))
    if not len(mean) == len(std) == channels:
        raise SpecError(
            f"timm normalises {len(mean)} channels for {text}, which takes {channels}.",
            "Give --mean and --std, one per channel.",
        )
    mean_text, std_text = (",".join(map(repr, values)) for values in (mean, std))
    return replace(prepare, mean=mean_text, std=std_text), f"inputs are normalised by mean {mean_text} and std {std_text}"


def _size(ref: LibraryRef, configuration: Configuration) -> str:
    if "img_size" in ref.options:
        return f"made for images of size {ref.options['img_size']}"
    size = " x ".join(map(str, configuration.input_size))
    return f"made for inputs {size} and no others" if configuration.fixed else f"made for inputs {size}"
