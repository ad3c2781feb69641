"""What the text of ``--model`` names, read without importing anything that could be slow."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench.foundation.errors import SpecError
from bench.foundation.spec import Spec, params_of, parse_spec


@dataclass(frozen=True)
class ZooRef:
    """``zoo:NAME[@VERSION][:steps=N]``. steps: time steps to run it for; None for those of its card."""

    spec: Spec
    steps: int | None = None


@dataclass(frozen=True)
class FileRef:
    """``FILE.py::NAME`` of a factory, a class or a module."""

    path: str
    attr: str


@dataclass(frozen=True)
class CardRef:
    """``NAME.yaml``: a card with its weights beside it, as ``bench train`` writes them."""

    path: str


@dataclass(frozen=True)
class LibraryRef:
    """``LIBRARY:NAME[,key=value,...]``: a model of another library. options: raw strings."""

    library: str
    name: str
    options: dict[str, str]


@dataclass(frozen=True)
class GraphRef:
    """``FORMAT:FILE[,key=value,...]``: a network that a file describes by its graph. options: raw strings."""

    format: str
    path: str
    options: dict[str, str]


ModelRef = ZooRef | FileRef | CardRef | LibraryRef | GraphRef

LIBRARIES = {"pyiqa": "metric", "timm": "network", "spikingjelly": "network"}
"""Libraries whose models are named, and what such a model is called."""
FORMATS = ("nir", "onnx")
"""Formats of graphs; also the endings of their files."""
WEIGHT_FILES = (".pth", ".pt", ".ckpt", ".bin", ".safetensors")

_HOW_TO_LOAD = (
    "Write the three lines `from your_code import Net`, `def build():`, `    return Net()` into my_model.py and give "
    "--model my_model.py::build --weights {path} (--preprocess cifar10 or imagenet if it was trained on normalised images)."
)


def _zoo_ref(spec: Spec, text: str) -> ZooRef:
    """The model of the zoo that ``text`` names. Raises ``SpecError`` for a parameter that is not a number of steps."""
    if not spec.params:
        return ZooRef(spec)
    steps = spec.params.get("steps", "")
    if len(spec.params) > 1 or not re.fullmatch(r"[0-9]{1,6}", steps) or int(steps) < 1:
        raise SpecError(
            f"{text!r} is not a zoo model: its only parameter is the number of time steps.", "Write zoo:NAME:steps=4."
        )
    return ZooRef(Spec(spec.name, spec.version), int(steps))


def parse_model_ref(text: str) -> ModelRef:
    """What a model string names. Raises ``SpecError`` if it names nothing."""
    path, separator, attr = text.partition("::")
    if separator:
        if not path.endswith(".py") or not attr.isidentifier():
            raise SpecError(f"{text!r} does not name a function in a file.", "Write FILE.py::FACTORY.")
        return FileRef(path, attr)
    prefix, colon, rest = text.partition(":")
    if colon and prefix in LIBRARIES:
        name, _, options = rest.partition(",")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+\-]*", name):
            raise SpecError(f"{text!r} does not name a {LIBRARIES[prefix]}.", f"Write {prefix}:NAME[,key=value,...].")
        return LibraryRef(prefix, name, params_of(options, text))
    if colon and prefix in FORMATS:
        path, _, options = rest.partition(",")
        return GraphRef(prefix, path, params_of(options, text))
    if text.endswith((".yaml", ".yml")):
        return CardRef(text)
    if colon and prefix == "zoo":
        return _zoo_ref(parse_spec(rest), text)
    ending = text.rpartition(".")[2].lower()
    if ending in FORMATS and text.lower() != ending:
        return GraphRef(ending, text, {})
    if text.lower().endswith(WEIGHT_FILES):
        raise SpecError(f"{text} holds weights, which are not yet a network.", _HOW_TO_LOAD.format(path=text))
    if text.endswith(".py"):
        raise SpecError(f"{text} may define several networks.", f"Say which: {text}::NAME of a factory, class or module.")
    raise SpecError(
        f"{text!r} does not name a model.",
        "Write zoo:NAME, FILE.py::NAME, CARD.yaml, FILE.onnx, FILE.nir, timm:NAME, spikingjelly:NAME or pyiqa:NAME; "
        "see bench ls models.",
    )
