"""``FILE.onnx``, or ``onnx:FILE.onnx[,output=NAME,layout=nhwc,task=quality]``: a network, run without gradients."""

from __future__ import annotations

from pathlib import Path

from bench.foundation.errors import ModelError, SpecError
from bench.foundation.files import sha256_file
from bench.foundation.model_refs import GraphRef
from bench.foundation.spec import bind_params
from bench.models.libraries import unimportable
from bench.models.own import Origin, own_subject
from bench.models.preparation import Preparation
from bench.models.subject import Subject


def from_onnx(text: str, ref: GraphRef, stochastic: bool, prepare: Preparation) -> Subject:
    """The network of an ONNX file. Raises a ``BenchError`` where it is missing, or cannot be read as a network of images."""
    from zoo.adapters.onnx import INSTALL, Reading, external_files, load_onnx

    try:
        how, path = bind_params(Reading, ref.options, what="ONNX network"), Path(ref.path)
    except ValueError as error:
        raise SpecError(f"{text}: {error}.", "Give the ends of its scale: low=0,high=100.") from error
    if not path.is_file():
        raise ModelError(f"There is no file {path}.", "Give --model FILE.onnx.")
    try:
        module = load_onnx(path, how)
        hashes = {each.name: sha256_file(each) for each in external_files(path)}
    except ImportError as error:
        raise unimportable(text, "onnxruntime", error, INSTALL) from error
    except ValueError as error:
        raise ModelError(
            f"{path.name} cannot be used: {error}.", "Export the network again, or correct the options."
        ) from error
    remarks = ["It is run by onnxruntime and has no gradient, so it is attacked by searches that see its answers alone."]
    if module.batch is not None:
        remarks.append(f"It was exported for {module.batch} images at a time and is run so.")
    known = {"onnx_sha256": sha256_file(path), "options": ref.options} | ({"external_sha256": hashes} if hashes else {})
    return own_subject(module, Origin(text, known, tuple(remarks)), stochastic, prepare)
