"""The measures of one model as a file. Reading it needs no torch."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.evaluation.records.storage import sealed, unsealed
from bench.foundation.errors import RecordError
from bench.foundation.files import atomic_write_text, make_folder
from bench.studies.measures.sizes import Sizes
from bench.tasks.results import Interval
from zoo.card import card

FOLDER = "measures"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Step(_Strict):
    """Accuracy after a number of time steps."""

    steps: int
    """T."""
    latency: int
    """Steps from the first input to the answer, calibration included."""
    accuracy: Interval
    """Clean."""


class Cost(_Strict):
    """Operations per image, and an estimate of their energy.

    The estimate counts 4.6 pJ for a multiply-accumulate and 0.9 pJ for an accumulate (32-bit floats in 45 nm; Horowitz,
    ISSCC 2014). A spike that arrives at a weight is an accumulate. Layers fed with an analog image multiply, once per
    image, since it is the same at each step. Neurons, memory and movement of data are left out.
    """

    n: int
    """Images averaged over."""
    macs_ann: float
    """Multiply-accumulates of the same network without spikes, in one pass."""
    macs: float
    """Multiply-accumulates of this network."""
    synaptic: float
    """Synaptic operations: accumulates, one for each spike and each weight it reaches."""
    energy_ann_nj: float
    """Of the network without spikes, in nanojoules."""
    energy_nj: float
    """Of this network, in nanojoules."""
    rate: float | None
    """Spikes per neuron and time step, over all neurons; None without neurons."""
    rates: list[float] = []
    """The same per layer."""


class Sheet(_Strict):
    """What is measured of one model without attacking it; the boards say the rest (:mod:`.attacked`)."""

    schema_version: int = 2
    """Format of this file."""
    model: str
    """Name."""
    weights: str
    """sha256 of the weights it was measured on."""
    version: int
    """Of the card."""
    dataset: str
    """Data set whose first test samples were used."""
    clean: Interval | None = None
    """Accuracy."""
    steps: list[Step] = []
    """Accuracy per time step; empty for a model without time."""
    cost: Cost | None = None
    """Operations and energy."""


def sheet_path(root: Path, name: str) -> Path:
    """Path of the measures of a model, below the folder of boards."""
    return root / FOLDER / f"{name}.json"


def blank(name: str) -> Sheet:
    """A sheet without measures, for the present weights. Raises ``ValueError`` if there are none."""
    described = card(name)
    if described.weights is None:
        raise ValueError(f"{name} has no trained weights")
    return Sheet(model=name, weights=described.weights.sha256, version=described.version, dataset=described.dataset)


def read_sheet(root: Path, name: str) -> Sheet | None:
    """The measures of a model's present weights, or None.

    Raises ``RecordError`` for a damaged file: one that cannot be read, or whose text has another hash than it states.
    """
    path, described = sheet_path(root, name), card(name)
    if not path.is_file() or described.weights is None:
        return None
    try:
        text, _ = unsealed(path.read_text(encoding="utf-8"), path)  # earlier versions stated no hash
        sheet = Sheet.model_validate(json.loads(text))
    except (OSError, ValueError, RecursionError, ValidationError, RecordError) as error:
        raise RecordError(
            f"{path} is not a readable sheet of measures.", f"Measure again: bench measure zoo:{name}."
        ) from error
    return sheet if (sheet.weights, sheet.version) == (described.weights.sha256, described.version) else None


def check_replaceable(root: Path, name: str, sizes: Sizes) -> None:
    """Raise ``RecordError`` if a measure below ``root`` of the present weights is on more samples than ``sizes``."""
    sheet = read_sheet(root, name)
    if sheet is None:
        return
    published_clean = 0 if sheet.clean is None else sheet.clean.n
    published_cost = 0 if sheet.cost is None else sheet.cost.n
    parts = (("Accuracy", "--clean-n", published_clean, sizes.clean), ("Energy", "--cost-n", published_cost, sizes.cost))
    for what, option, published, n in parts:
        if published > n:
            raise RecordError(
                f"{what} of zoo:{name} is published on {published:,} images, and {n:,} are fewer.",
                f"Leave out --publish, or measure on as many ({option} {published}).",
            )


def write_sheet(root: Path, sheet: Sheet) -> None:
    """Replace the file of the sheet, which states the hash of its text. Raises ``StorageError`` if the disk refuses."""
    make_folder(root / FOLDER)
    atomic_write_text(sheet_path(root, sheet.model), sealed(sheet.model_dump_json(indent=1) + "\n"))
