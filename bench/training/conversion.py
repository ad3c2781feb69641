"""Converting one zoo model: from its card and its source's weights to weights and a card that names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bench.data import load_samples
from bench.foundation.errors import ModelError
from bench.foundation.files import make_folder
from bench.tasks.lookup import training_rules
from bench.training.job import write_weights
from bench.training.loop import Split, figure
from zoo.card import Card, card
from zoo.conversion.convert import folded_weights
from zoo.loading import build, fill, load_card


@dataclass(frozen=True)
class ConvertedFiles:
    """Files that a conversion wrote. val_figure: of the converted model, on validation images."""

    card: Path
    weights: Path
    val_figure: float


def convert_model(
    described: Card, *, source: Path, out: Path, device: str = "cpu", data_root: Path | None = None
) -> ConvertedFiles:
    """Convert ``described`` from its source and write ``NAME.safetensors`` and ``NAME.yaml``, in seconds.

    Weights of a source with the same builder, such as the network without a filter, are taken as they are, and so are those
    of a network that a camera is put before.
    source: the card file; its text is copied except for its weights. out: folder of the files. The weights depend only on
    the source's weights; validation images are used only to measure the result.
    Raises ``ModelError`` if the card has no conversion, or its source is unknown, has no weights or does not fit;
    ``DataError`` if the data set is missing.
    """
    if described.conversion is None:
        raise ModelError(f"{described.name} is trained, not converted.", "Train it with its recipe.")
    name = described.conversion.source
    try:
        tensors = _weights_of(card(name), described)
    except KeyError as error:
        raise ModelError(
            f"{described.name} is converted from zoo:{name}, which does not exist.", "Name its source in its card."
        ) from error
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"{described.name} is converted from zoo:{name}, which cannot be converted ({error}).",
            f"Train that first: bench train zoo:{name} --install.",
        ) from error
    try:
        model = fill(build(described.builder), tensors, f"zoo:{name}")
    except ValueError as error:
        raise ModelError(
            f"{described.name} cannot be converted from zoo:{name}: {error}.", "Name a source of the same shape in its card."
        ) from error
    samples = load_samples(described.dataset, split="val", root=data_root)
    target = torch.device(device)
    val_figure = figure(
        model.to(target), Split(samples.pixels, samples.labels).to(target), task=training_rules(described.task)
    )
    make_folder(out)
    files = ConvertedFiles(out / f"{described.name}.yaml", out / f"{described.name}.safetensors", val_figure)
    write_weights(tensors, source=source, weights=files.weights, card_file=files.card)
    return files


def _weights_of(source: Card, target: Card) -> dict[str, Tensor]:
    """The weights with which ``target`` is filled, by name. Raises as :func:`folded_weights`."""
    model, inner = load_card(source), target.builder.arguments.get("network")
    if source.builder.name == target.builder.name:
        return model.state_dict()
    if isinstance(inner, dict) and inner.get("name") == source.builder.name:
        return {f"network.{name}": value for name, value in model.state_dict().items()}
    return folded_weights(model)
