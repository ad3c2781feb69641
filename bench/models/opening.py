"""From what a user calls a model to a module that can be attacked.

``zoo:NAME[@VERSION]``, a card, a user's own ``FILE.py::NAME``, ``nir:FILE.nir``, ``pyiqa:NAME``, or a Python object.
"""

from __future__ import annotations

from pathlib import Path

from torch import nn

from bench.foundation.errors import SpecError
from bench.foundation.spec import CardRef, FileRef, PyiqaRef, ZooRef, parse_model_ref
from bench.models.from_card import from_card, from_zoo
from bench.models.from_file import from_file
from bench.models.from_nir import from_nir
from bench.models.from_pyiqa import from_pyiqa
from bench.models.own import Origin, own_subject
from bench.models.preparation import NOTHING, Preparation
from bench.models.subject import Subject


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
    if isinstance(ref, FileRef):
        return from_file(model, ref, stochastic, prepare)
    if isinstance(ref, PyiqaRef):
        prepare.refused("a metric of pyiqa, which loads its weights itself", "weights", "partial", "readout")
        return from_pyiqa(model, ref, stochastic, prepare)
    prepare.refused("a NIR network, which has its weights and its read-out", "weights", "partial", "readout")
    return from_nir(model, ref, stochastic, prepare)
