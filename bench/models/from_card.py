"""Models of the suite: ``zoo:NAME[@VERSION][:steps=N]``, and cards with their weights beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.foundation.errors import ModelError, WeightsError
from bench.foundation.model_refs import ZooRef
from bench.models.cards import card_at
from bench.models.subject import Subject

if TYPE_CHECKING:
    from zoo.card import Card


def from_zoo(text: str, ref: ZooRef) -> Subject:
    """The model ``zoo:NAME``, run for the steps of its card or for those that are asked for.

    Raises a ``BenchError`` for unknown names, other versions, damaged weights, and steps that the model cannot run for.
    """
    from zoo.card import WEIGHTS
    from zoo.loading import with_steps

    described = card_at(ref.spec.name, ref.spec.version)
    if ref.steps is not None:
        try:
            described = with_steps(described, ref.steps)
        except ValueError as error:
            raise ModelError(f"{text} cannot be built: {error}.", f"Leave :steps={ref.steps} out.") from error
    return _described(text, described, WEIGHTS)


def from_card(text: str, path: Path) -> Subject:
    """The model of a card with its weights beside it; raises as :func:`from_zoo` does."""
    from zoo.card import read_card

    try:
        described = read_card(path)
    except OSError as error:
        raise ModelError(f"The card {path} cannot be read ({error.strerror}).", "Give the path of a card.") from error
    except ValueError as error:
        raise ModelError(
            f"{path} is not a valid card ({str(error).splitlines()[0]}).", "See bench show zoo:NAME."
        ) from error
    return _described(text, described, path.parent)


def _described(text: str, described: Card, weights: Path) -> Subject:
    from zoo.loading import load_card

    name = described.name
    if described.weights is None and described.has_parameters:
        raise WeightsError(f"{text} has no trained weights yet.", f"Train it: bench train zoo:{name}.")
    try:
        module = load_card(described, weights)
    except ValueError as error:
        raise WeightsError(f"{text} cannot be loaded: {error}.", "Restore the file from where it came.") from error
    except TypeError as error:
        raise ModelError(f"{text} cannot be built: {error}.", "Correct the arguments in its card.") from error
    except OSError as error:
        raise WeightsError(f"The weights of {text} cannot be read ({error.strerror}).", "Reinstall.") from error
    fingerprint = described.model_dump(
        mode="json", include={"name", "version", "builder", "dataset", "spiking", "stochastic", "weights"}
    )
    return Subject(
        text,
        module,
        fingerprint,
        described.dataset,
        described.spiking,
        described.stochastic,
        described.task,
        described.score_range,
        described.higher_is_better,
    )
