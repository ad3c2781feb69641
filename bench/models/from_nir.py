"""``nir:FILE.nir[,reset=soft,dt=1,surrogate=triangle,steps=10]``: a network of another framework, by its graph."""

from __future__ import annotations

from pathlib import Path

from attacks.gradients.surrogates import SURROGATES
from bench.foundation.errors import ModelError, SpecError
from bench.foundation.files import sha256_file
from bench.foundation.model_refs import GraphRef
from bench.foundation.spec import bind_params
from bench.models.own import Origin, own_subject
from bench.models.preparation import Preparation
from bench.models.subject import Subject


def from_nir(text: str, ref: GraphRef, stochastic: bool, prepare: Preparation) -> Subject:
    """The network of a ``.nir`` file. Raises a ``BenchError`` where it is missing, is none, or holds what is not known."""
    from zoo.adapters.nir import INSTALL, Discretisation, load_nir

    how, path = bind_params(Discretisation, ref.options, what="NIR network"), Path(ref.path)
    if how.surrogate not in SURROGATES or how.dt <= 0 or how.steps < 1:
        raise SpecError(f"{text} cannot be run so.", f"dt and steps are positive; surrogates are {', '.join(SURROGATES)}.")
    if not path.is_file():
        raise ModelError(f"There is no file {path}.", "Give --model nir:FILE.nir.")
    try:
        module = load_nir(path, how)
    except ModuleNotFoundError as error:
        raise ModelError(f"{text} needs {error.name}, which is not installed.", f"Run: {INSTALL}.") from error
    except OSError as error:
        raise ModelError(f"{path.name} is not a file of HDF5.", "Restore it from where it came.") from error
    except (ValueError, RuntimeError) as error:
        raise ModelError(
            f"{path.name} cannot be read as a network: {str(error).splitlines()[0]}.",
            "Build the network in FILE.py instead, and give --model FILE.py::NAME.",
        ) from error
    read = f"Of what NIR leaves open: reset {how.reset}, dt {how.dt:g}, surrogate {how.surrogate}; the mean of its outputs."
    return own_subject(module, Origin(text, {"nir_sha256": sha256_file(path)}, (read,)), stochastic, prepare)
