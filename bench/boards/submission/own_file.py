"""A submission made of the file of a network and of its checkpoint, as ``bench evaluate`` takes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.boards.submission.schema import CODE, MANIFEST, WEIGHTS
from bench.boards.submission.template import write_hash, write_template
from bench.foundation.errors import SubmissionError
from bench.foundation.files import atomic_write_bytes, atomic_write_text
from bench.foundation.model_refs import FileRef, parse_model_ref

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class OwnFile:
    """code: the content of a Python file. factory: what in it makes the network. state: its ``state_dict``."""

    code: bytes
    factory: str
    state: dict[str, Tensor]


def read_own_file(model: str, weights: Path) -> OwnFile:
    """The network ``FILE.py::NAME`` with the tensors of a checkpoint, read as ``bench evaluate --weights`` reads them.

    Runs the file, with the user's rights. Raises a ``BenchError`` for a file, a network or weights that do not fit.
    """
    from bench.models.opening import open_subject
    from bench.models.preparation import Preparation
    from bench.models.probe import is_lazy

    ref = parse_model_ref(model)
    if not isinstance(ref, FileRef):
        raise SubmissionError(f"{model} is no network in a file of one's own.", "Give --model FILE.py::NAME.")
    subject = open_subject(model, prepare=Preparation(weights=str(weights)))
    module, beside = subject.module, sorted(subject.fingerprint.get("sources", ()))
    if beside:
        raise SubmissionError(
            f"{Path(ref.path).name} imports other files of yours ({', '.join(beside[:3])}).",
            "Put all code into the one file: nothing else of yours lies where a submission runs.",
        )
    if is_lazy(module):
        raise SubmissionError(f"{model} has layers whose size is not known yet.", "Give the layers their sizes.")
    state = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in module.state_dict().items()}
    return OwnFile(Path(ref.path).read_bytes(), ref.attr, state)


def write_own_file(folder: Path, own: OwnFile, *, task: str) -> None:
    """Make the submission ``folder``, which is to be named after the model; the author's words are left to be filled in.

    Raises ``SubmissionError`` if it exists or is no slug.
    """
    from safetensors.torch import save

    write_template(folder, own_code=True, task=task)
    manifest = folder / MANIFEST
    text = re.sub(r"(?m)^(code: .*factory: )build\}$", rf"\g<1>{own.factory}}}", manifest.read_text(encoding="utf-8"))
    atomic_write_text(manifest, text)
    atomic_write_bytes(folder / CODE, own.code)
    atomic_write_bytes(folder / WEIGHTS, save(own.state))
    write_hash(folder)
