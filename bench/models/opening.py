"""From what a user calls a model to a module that can be attacked.

``zoo:NAME[@VERSION][:steps=N]``, a card, a user's own ``FILE.py::NAME``, a graph (``FILE.onnx``, ``FILE.nir``), a model of
another library (``timm:NAME``, ``spikingjelly:NAME``, ``pyiqa:NAME``), or a Python object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from bench.foundation.errors import SpecError
from bench.foundation.model_refs import CardRef, FileRef, GraphRef, ZooRef, parse_model_ref
from bench.models.from_card import from_card, from_zoo
from bench.models.from_file import from_file
from bench.models.from_nir import from_nir
from bench.models.from_onnx import from_onnx
from bench.models.from_pyiqa import from_pyiqa
from bench.models.from_spikingjelly import from_spikingjelly
from bench.models.from_timm import from_timm
from bench.models.own import Origin, own_subject
from bench.models.preparation import NOTHING, Preparation
from bench.models.subject import Subject


@dataclass(frozen=True)
class Door:
    """A way in for models that this suite did not build.

    opened: takes the text, what was read of it, whether the model is stochastic, and the preparation. kind: of model, in
    words. refused: names of the options that are not for this kind.
    """

    opened: Callable[[str, Any, bool, Preparation], Subject]
    kind: str = ""
    refused: tuple[str, ...] = ()


DOORS: dict[str, Door] = {
    "file": Door(from_file),
    "pyiqa": Door(from_pyiqa, "a metric of pyiqa, which loads its weights itself", ("weights", "partial", "readout")),
    "nir": Door(from_nir, "a NIR network, which has its weights and its read-out", ("weights", "partial", "readout")),
    "onnx": Door(from_onnx, "an ONNX file, which holds its weights", ("weights", "partial")),
    "timm": Door(from_timm),
    "spikingjelly": Door(from_spikingjelly, "a network of SpikingJelly, whose outputs are averaged over time", ("readout",)),
}
"""By the prefix of the text; ``file`` for a user's own file."""


def open_subject(model: str | nn.Module | Subject, *, stochastic: bool = False, prepare: Preparation = NOTHING) -> Subject:
    """Load what ``model`` names; a subject is one already.

    stochastic: for a user's own model, whether two calls may differ (cards and subjects say it themselves).
    prepare: what is done to a user's own model. Raises a ``BenchError`` for unknown names, damaged weights and failing
    factories, and for a preparation of a model that says itself what it needs.
    """
    if isinstance(model, Subject):
        prepare.refused("a model that was opened already")
        return model
    if isinstance(model, nn.Module):
        prepare.refused("a module in memory, which holds its weights", "weights", "partial")
        return own_subject(model, Origin(type(model).__name__), stochastic, prepare)
    ref = parse_model_ref(model)
    if isinstance(ref, ZooRef | CardRef):
        if stochastic:
            raise SpecError(f"{model} says itself whether it is stochastic.", "Leave --stochastic out.")
        prepare.refused(f"{model}, which has its weights and takes images in [0, 1]")
        return from_zoo(model, ref) if isinstance(ref, ZooRef) else from_card(model, Path(ref.path))
    door = DOORS["file" if isinstance(ref, FileRef) else ref.format if isinstance(ref, GraphRef) else ref.library]
    if door.refused:
        prepare.refused(door.kind, *door.refused)
    return door.opened(model, ref, stochastic, prepare)
