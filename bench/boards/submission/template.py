"""The folder a submission starts from."""

from __future__ import annotations

import re
from pathlib import Path

from bench.boards.naming import is_slug
from bench.boards.submission.schema import CODE, MANIFEST, PLACEHOLDERS, WEIGHTS
from bench.foundation.errors import SubmissionError, translate_os_error
from bench.foundation.files import atomic_write_text, make_folder, sha256_file
from bench.foundation.scratch import scratch_folder
from bench.tasks.lookup import submission_rules, task_named

TEMPLATE = """\
schema_version: 1
name: {name}
version: 1
summary: {words[summary]}
authors: [{words[authors]}]
defense: {words[defense]}
paper: {{title: "", url: ""}}
licence: Apache-2.0
homepage: ""
{task}
threat_model: {{norm: linf, eps: 8/255}}
stochastic: false
{network}
# The next two are written by: bench submit hash {name}
weights: {{file: weights.safetensors, sha256: "{nothing}", bytes: 1}}
# What you measured yourself, for example {claims}; leave out what you did not.
claims: {{}}
"""
_CODE = re.compile(r"^(code: \{file: model\.py, factory: [A-Za-z0-9_]+)(?:, sha256: [0-9a-f]+)?\}$")
OWN = """\
# A network of your own: it is run in isolation, and marked as own code on the board.
code: {file: model.py, factory: build}"""


def write_template(folder: Path, *, own_code: bool, task: str = "classification") -> None:
    """Make ``folder``, named after the model, with all that belongs into it or not at all.

    Raises ``SubmissionError`` if it exists or is no slug, ``StorageError`` where the operating system refuses.
    """
    if not is_slug(folder.name):
        raise SubmissionError(
            f"{folder.name!r} cannot name a model.", "Use lower-case letters, digits, - and _, a letter first."
        )
    if folder.exists():
        raise SubmissionError(f"{folder} exists already.", "Choose another name.")
    parts = submission_rules(task_named(task)).template
    network = OWN if own_code else parts.builder
    words = {field: text.format(name=folder.name) for field, text in PLACEHOLDERS.items()}
    text = TEMPLATE.format(
        name=folder.name, words=words, task=parts.fields, network=network, nothing="0" * 64, claims=parts.claims
    )
    make_folder(folder.parent)
    try:
        with scratch_folder(folder.parent, f".{folder.name}.") as scratch:
            (scratch / "new").mkdir()
            if own_code:
                atomic_write_text(scratch / "new" / CODE, parts.code)
            atomic_write_text(scratch / "new" / MANIFEST, text)
            (scratch / "new").rename(folder)
    except OSError as error:
        raise translate_os_error(error, folder) from error


def write_hash(folder: Path) -> None:
    """Put size and sha256 of the weights, and sha256 of the code, into the manifest, and leave the rest of it as it is.

    Code is named on one line, as the template has it; code that is named otherwise is left as it is.
    """
    manifest, weights = folder / MANIFEST, folder / WEIGHTS
    if not manifest.is_file() or not weights.is_file():
        raise SubmissionError(f"{folder} lacks {MANIFEST} or {WEIGHTS}.", "Put both there.")
    line = f"weights: {{file: {WEIGHTS}, sha256: {sha256_file(weights)}, bytes: {weights.stat().st_size}}}"
    lines = manifest.read_text(encoding="utf-8").splitlines()
    places = [number for number, text in enumerate(lines) if text.startswith("weights:")]
    if len(places) != 1:
        raise SubmissionError(f"{MANIFEST} has no line that begins with weights:.", "Restore it.")
    lines[places[0]] = line
    if (folder / CODE).is_file():
        lines = [_CODE.sub(rf"\1, sha256: {sha256_file(folder / CODE)}}}", text) for text in lines]
    atomic_write_text(manifest, "\n".join(lines) + "\n")
