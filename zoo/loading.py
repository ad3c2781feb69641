"""From a card to a network with trained weights."""

from __future__ import annotations

import hashlib
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import Tensor, nn

from zoo.architectures import BUILDERS
from zoo.card import WEIGHTS, Card, Part, card, names
from zoo.defenses import DEFENSES, EXAMPLES
from zoo.defenses.base import Defense
from zoo.defenses.examples import Examples
from zoo.spiking.neurons import LIF
from zoo.tensors import parse_tensors


def resolve(catalogue: dict[str, str], name: str, kind: str) -> Any:
    """The object a catalogue's ``"module:attribute"`` points to. Raises ``ValueError`` for an unknown name."""
    if name not in catalogue:
        raise ValueError(f"unknown {kind} {name!r}; known: {', '.join(sorted(catalogue))}")
    module, _, attribute = catalogue[name].partition(":")
    return getattr(import_module(module), attribute)


def build(part: Part) -> nn.Module:
    """The network a card describes, freshly initialised from torch's global generator."""
    model: nn.Module = resolve(BUILDERS, part.name, "builder")(**part.arguments)
    return model


def build_defense(part: Part) -> Defense:
    """The training loss a card describes; its argument ``examples``, if it has one, names an entry of ``EXAMPLES``."""
    arguments = dict(part.arguments)
    if arguments.get("examples") is not None:
        arguments["examples"] = _build_examples(arguments["examples"])
    defense: Defense = resolve(DEFENSES, part.name, "defense")(**arguments)
    return defense


def _build_examples(described: object) -> Examples:
    """The way to make inputs adversarial that a mapping describes. Raises ``ValueError`` if it has no name."""
    try:
        part = Part.model_validate(described)
    except ValidationError as error:
        raise ValueError(f"examples are described by a name and arguments, not by {described!r}") from error
    examples: Examples = resolve(EXAMPLES, part.name, "way to make inputs adversarial")(**part.arguments)
    return examples


def read_weights(path: Path, sha256: str | None) -> dict[str, Tensor]:
    """Tensors of a safetensors file.

    sha256: the expected hash of the file; None skips the check (for a user's own file).
    Raises ``FileNotFoundError``, or ``ValueError`` if it is a folder, has another hash, is truncated or is not safetensors.
    """
    if path.is_dir():
        raise ValueError(f"{path.name} is a folder, not a file of weights")
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is not None and digest != sha256:
        raise ValueError(f"{path.name} is not the file its card names: sha256 {digest[:12]}..., not {sha256[:12]}...")
    try:
        return parse_tensors(content)
    except ValueError as error:
        raise ValueError(f"{path.name} is not a readable safetensors file: {error}") from error


def fill(model: nn.Module, tensors: dict[str, Tensor], origin: str) -> nn.Module:
    """Load ``tensors`` (name to value, shaped as the model's own) into ``model``; return the model.

    origin: where they came from, for the message. Raises ``ValueError`` if names or shapes do not match.
    """
    try:
        model.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise ValueError(f"the weights in {origin} do not fit the network: {str(error).splitlines()[-1].strip()}") from error
    return model


def adopt(model: nn.Module, tensors: dict[str, Tensor], origin: str) -> nn.Module:
    """Start ``model`` from another network's weights.

    Like :func:`fill` (shapes must match), but parameters and buffers of spiking neurons that the other network lacks keep
    their initial value. Raises ``ValueError`` if other names or shapes do not match.
    """
    own = {
        name: value.detach()
        for prefix, module in model.named_modules()
        if isinstance(module, LIF)
        for name, value in chain(
            module.named_parameters(prefix=prefix, recurse=False), module.named_buffers(prefix=prefix, recurse=False)
        )
    }
    return fill(model, own | tensors, origin)


def numbered_steps(described: Card) -> int | None:
    """The time steps that neurons with a number for each of them are fixed to; None for other neurons."""
    arguments: dict[str, Any] = described.builder.arguments
    neuron = arguments.get("neuron") or {}
    numbered = any(neuron.get(number) is not None for number in ("input_scale", "leaks", "anchors"))
    return int(arguments["steps"]) if numbered else None


def with_steps(described: Card, steps: int) -> Card:
    """``described``, run for ``steps`` time steps on the same weights; of a converted model: without calibration.

    Raises ``ValueError`` for a model without steps, one whose neurons have a number for each step, and fewer steps than one.
    """
    arguments = described.builder.arguments
    if not described.spiking or "steps" not in arguments:
        raise ValueError(f"{described.name} has no time steps that could be chosen")
    fixed = numbered_steps(described)
    if fixed is not None and steps != fixed:
        raise ValueError(f"the neurons of {described.name} have a number for each of {fixed} steps, and run for no other")
    if steps < 1:
        raise ValueError(f"a spiking network runs for at least one step, not {steps}")
    builder = described.builder.model_copy(update={"arguments": arguments | {"steps": steps}})
    return described.model_copy(update={"builder": builder})


def load_card(described: Card, weights: Path = WEIGHTS) -> nn.Module:
    """The trained network of a card: eval mode, parameters frozen.

    weights: folder holding ``NAME.safetensors``; a model without parameters needs none.
    Raises ``ValueError`` if it has not been trained or its file is missing or not the one the card names, and if it has
    parameters although its card says neither how to train nor how to convert it.
    """
    if not described.has_parameters:
        model = build(described.builder)
        if model.state_dict():
            raise ValueError(f"{described.name} has parameters, and its card has neither a recipe nor a conversion")
        return model.eval()
    if described.weights is None:
        raise ValueError(f"{described.name} has no trained weights yet; train it with: bench train zoo:{described.name}")
    path = weights / f"{described.name}.safetensors"
    if not path.is_file():
        raise ValueError(f"{path.name} is missing from the folder of weights")
    model = fill(build(described.builder), read_weights(path, described.weights.sha256), path.name)
    return model.eval().requires_grad_(False)


def load(name: str, *, steps: int | None = None) -> nn.Module:
    """A trained model of the zoo: images ``(N, C, H, W)`` in [0, 1] to logits ``(N, K)``, scores ``(N,)`` or pictures.

    In eval mode, with parameters frozen; ``model.requires_grad_(True).train()`` to go on training.
    steps: time steps to run it for, if not those of its card (of a converted model: without calibration).
    Raises ``KeyError`` for an unknown name, ``ValueError`` if the weights are missing or damaged.
    """
    described = card(name)
    return load_card(described if steps is None else with_steps(described, steps))


__all__ = [
    "adopt",
    "build",
    "build_defense",
    "card",
    "fill",
    "load",
    "load_card",
    "names",
    "numbered_steps",
    "read_weights",
    "resolve",
    "with_steps",
]
