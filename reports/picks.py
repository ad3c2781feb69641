"""Which adversarial images of a record are worth a look, and where they lie.

An image is taken from the files that ``--save-adv`` left, and only if its hash is the one in the record's row: what is
shown is what was scored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.data import DATASETS, load_samples
from bench.foundation.errors import RecordError
from bench.tasks.record import Record
from reports.event_pictures import are_events, montage
from reports.psnr_drops import reconstructs
from reports.shifts import scores

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from bench.data.base import Samples

HASH = "adv_sha256"
"""Column of classifiers; score models have ``adv_sha256_up`` and ``adv_sha256_down``."""
SAVED_FOLDER = "adversarial"
"""Of a record that was made with ``--save-adv``, below its folder."""


@dataclass(frozen=True)
class Pick:
    """One image, or the montage of event frames.

    clean, adversarial: float32 (H, W, C) in [0, 1], C 1 or 3; before, after: what the model says of each.
    events: the frames of both, (T, 2, H, W) in [0, 1] each, if they are recordings of events.
    """

    sample: int
    clean: NDArray[np.float32]
    adversarial: NDArray[np.float32]
    before: str
    after: str
    moved: bool
    """Whether it is one of the worst (moved farthest, or broken) or one of the best."""
    events: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None


def choose(
    record: Record,
    folder: Path,
    *,
    eps_text: str | None = None,
    attack: str | None = None,
    count: int = 4,
    data: str | None = None,
) -> list[Pick]:
    """At most ``count`` of the worst images, then of the best.

    Scores: by size of their shift. Pictures: by their drop in PSNR. Classes: broken ones by size of the perturbation, then
    ones that stand, in order.
    folder: of the record. eps_text, attack: as in the record; None for its largest radius and first attack.
    data: where the clean images are if their set's name does not say it, for example ``folder:PATH``.
    Raises ``RecordError`` if the record lacks what was asked for, or its images are not there.
    """
    chosen, number = _attack(record, attack)
    rows = _rows(record, chosen, radius_of(record, eps_text))
    ordered = _ordered(record, rows, count)
    if not ordered:
        raise RecordError("No sample was attacked without a failure.", "Look at the column status of its rows.")
    samples = _samples(record, data)
    place = {int(sample): position for position, sample in enumerate(samples.ids.tolist())}
    names = samples.class_names
    found = []
    for row, moved in ordered:
        position = place[int(row["sample"])]
        clean = samples[position : position + 1].images[0].numpy()
        adversarial = _saved(folder, number, row)
        before, after = _words(row, names)
        events = (clean, adversarial) if are_events(clean) else None
        found.append(Pick(int(row["sample"]), _shown(clean), _shown(adversarial), before, after, moved, events))
    return found


def _attack(record: Record, attack: str | None) -> tuple[str, int]:
    specs = [info.spec for info in record.attacks]
    if attack is not None and attack not in specs:
        raise RecordError(f"The record has no attack {attack!r}.", f"It has: {', '.join(specs)}.")
    return (attack, specs.index(attack)) if attack is not None else (specs[0], 0)


def radius_of(record: Record, eps_text: str | None) -> str:
    """The radius asked for, or the largest. Raises ``RecordError`` for one that is not there."""
    radii = dict(record.rows[["eps_text", "eps"]].itertuples(index=False, name=None))
    if eps_text is not None and eps_text not in radii:
        raise RecordError(f"The record has no radius {eps_text!r}.", f"It has: {', '.join(radii)}.")
    return eps_text if eps_text is not None else max(radii, key=lambda text: float(radii[text]))


def _rows(record: Record, attack: str, eps_text: str) -> pd.DataFrame:
    rows = record.rows
    return rows[(rows["attack"] == attack) & (rows["eps_text"] == eps_text) & (rows["status"] == "ok")]


Ordered = list[tuple[dict[str, Any], bool]]
"""Rows, and whether each is one of the worst."""


def _ordered(record: Record, rows: pd.DataFrame, count: int) -> Ordered:
    if scores(record):
        return _by_size(rows.assign(size=rows["shift"].abs()), count)
    if reconstructs(record):
        return _by_size(rows.assign(size=rows["drop"]), count)
    return _by_verdict(rows, count)


def _by_size(rows: pd.DataFrame, count: int) -> Ordered:
    """Those with the largest values of the column ``size``, and then those with the smallest."""
    moved = rows[rows["size"].notna()]
    ranked = moved.iloc[np.argsort(-moved["size"].to_numpy(), kind="stable")]
    worst = ranked.head(count)
    best = ranked.iloc[len(worst) :].tail(count).iloc[::-1]
    return [(row, True) for row in _dicts(worst)] + [(row, False) for row in _dicts(best)]


def _by_verdict(rows: pd.DataFrame, count: int) -> Ordered:
    broken = rows[rows["verdict"] == "broken"].sort_values(["norm_value", "sample"], kind="stable").head(count)
    standing = rows[rows["verdict"] == "robust"].head(count)
    return [(row, True) for row in _dicts(broken)] + [(row, False) for row in _dicts(standing)]


def _dicts(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for row in rows.to_dict("records"):
        yield {str(name): value for name, value in row.items()}


def _samples(record: Record, data: str | None) -> Samples:
    """The clean images of a record. Raises ``RecordError`` if they cannot be had."""
    info = record.data
    if data is None and info.name not in DATASETS:
        raise RecordError(f"The images of the record ({info.name}) cannot be found by name.", _WHERE)
    samples = load_samples(data or info.name, split=info.split, n=info.n)
    if samples.sha256() != info.sha256:
        raise RecordError(f"The record is of other images than {data or info.name} ({info.split}).", _WHERE)
    return samples


def _saved(folder: Path, number: int, row: dict[str, Any]) -> NDArray[np.float32]:
    """The adversarial image of a row, (C, H, W)."""
    from zoo.tensors import parse_tensors

    wanted = {row[name] for name in (HASH, f"{HASH}_up", f"{HASH}_down") if isinstance(row.get(name), str)}
    if row.get("shift_up") is not None and row.get("shift") is not None:
        direction = "up" if row["shift"] == row["shift_up"] else "down"
        wanted = {row[f"{HASH}_{direction}"]}
    paths = sorted((folder / SAVED_FOLDER).glob(f"attack_{number}_{row['eps']!r}_*.safetensors"))
    for path in paths:
        try:
            tensors = parse_tensors(path.read_bytes())
        except (OSError, ValueError) as error:
            raise RecordError(f"{path} cannot be read.", _AGAIN) from error
        images, samples = tensors.get("images"), tensors.get("samples")
        if images is None or samples is None or images.dim() < 2 or samples.shape != images.shape[:1]:
            continue
        for place in (samples == row["sample"]).nonzero().flatten().tolist():
            image: NDArray[np.float32] = images[place].float().contiguous().numpy()
            if hashlib.sha256(image.tobytes()).hexdigest()[:16] in wanted:
                return image
    if not paths:
        raise RecordError(f"The adversarial images of {folder} were not saved.", _AGAIN)
    raise RecordError(f"The adversarial images in {folder / SAVED_FOLDER} are not those of the record.", _AGAIN)


_WHERE = "Say where its images are: --data NAME, NAME,crop=SIDE or folder:PATH."
_AGAIN = "Repeat the evaluation with --save-adv."


def _words(row: dict[str, Any], names: tuple[str, ...]) -> tuple[str, str]:
    if "shift" in row:
        return f"{row['clean']:z.2f}", f"{row['clean'] + row['shift']:z.2f} ({row['shift']:+z.2f})"
    if "psnr" in row:
        return f"{row['clean_psnr']:.1f} dB", f"{row['psnr']:.1f} dB"
    before, after = (int(row[name]) for name in ("clean_pred", "adv_pred"))
    return (names[before], names[after]) if names else (f"class {before}", f"class {after}")


def _shown(image: NDArray[np.float32]) -> NDArray[np.float32]:
    if are_events(image):
        return montage(image)
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise RecordError(
            f"Inputs of shape {image.shape} cannot be shown as pictures.", "Grey and RGB images and event frames can."
        )
    return image.transpose(1, 2, 0)
