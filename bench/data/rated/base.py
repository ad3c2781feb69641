"""A data set that people rated, as it lies in the user's own copy.

``bench data get NAME --from PATH`` verifies the copy and remembers where it is; or it may lie under the data root in
the folder of the set. Nothing is copied. Samples are the central ``crop`` x ``crop`` pixels (``NAME,crop=96`` chooses
another size): shrinking would alter the quality. Scores are scaled from the published range to [0,1]. Grey images become
RGB; transparency and other modes are refused. Pixels are read when they are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data.info import Part, StoredFile
from bench.data.layouts import Layout, folders
from bench.data.paths import user_path
from bench.data.rated.tables import Rating
from bench.data.routes import LocalRoute, Progress, Route
from bench.data.stored import ImageSet
from bench.foundation.errors import DataError, TooFewError
from bench.foundation.files import atomic_write_text, make_folder

if TYPE_CHECKING:
    from bench.data.base import Samples

POINTER = "source.json"
"""Beside where the set would be: says where it is."""


@dataclass(frozen=True, kw_only=True)
class RatedSet(ImageSet):
    """What the rated sets share."""

    files: tuple[StoredFile, ...] = ()
    layouts: tuple[Layout, ...] = ()
    table: str
    """Path of the score table, below the set's folder; it tells that folder from others."""
    read: Callable[[Path], list[Rating]]
    low: float
    high: float
    """The range of the published scores."""
    crop: int = 224

    def present(self, root: Path | None = None, part: Part | None = None) -> bool:
        """Whether a copy is there; :meth:`load` checks that it is whole."""
        return self._find(self._source(root)) is not None

    def get(self, root: Path | None, *, source: Path | None, progress: Progress) -> Route | None:
        """Verify the user's copy and remember it. Raises ``DataError``."""
        if source is None:
            if self.present(root):
                self.ratings(root)
                return None
            raise DataError(
                f"{self.info.name} is handed out by its authors only.",
                f"Get it there, then: bench data get {self.info.name} --from PATH",
            )
        progress(f"checking {self.info.name}", 0, None)
        top = self._find(user_path(str(source)))
        if top is None:
            raise DataError(
                f"{source} holds no {self.table}.", "Name the folder into which the published archive was unpacked."
            )
        self._checked(top)
        make_folder(self.where(root))
        atomic_write_text(self.where(root) / POINTER, json.dumps({"path": str(top.resolve())}) + "\n")
        return LocalRoute(top)

    def ratings(self, root: Path | None = None) -> list[Rating]:
        """All rated images, in the order of the table, verified. Raises ``DataError``."""
        top = self._find(self._source(root))
        if top is None:
            name = self.info.name
            raise DataError(f"{name} is not on this machine.", f"With a copy of your own: bench data get {name} --from PATH")
        return self._checked(top)

    def load(self, split: str, root: Path | None = None, n: int | None = None) -> Samples:
        """The first ``n`` samples of a split (None: all). Raises ``DataError``.

        One in five references is for ``test``, one in ten for ``val``, in sorted order; ids are rows of the table.
        """
        import torch

        from bench.data.base import Samples, check_split
        from bench.data.images.fit import Crop
        from bench.data.images.rows import image_rows

        check_split(split, tuple(self.info.splits), self.info.name)
        ratings = self.ratings(root)
        number = {name: place for place, name in enumerate(sorted({rating.reference for rating in ratings}))}
        chosen = [row for row, rating in enumerate(ratings) if split in split_of(number[rating.reference])]
        if n is not None and not 1 <= n <= len(chosen):
            raise TooFewError(
                f"{n:,} samples were asked for, but {self.info.name} ({split}) has {len(chosen):,}.",
                f"Ask for 1 to {len(chosen)}.",
            )
        chosen = chosen[:n]
        kinds = [ratings[row].kind for row in chosen]
        levels = [ratings[row].level for row in chosen]
        return Samples(
            image_rows(
                [ratings[row].image for row in chosen], Crop(self.crop), name=self.info.name, option="crop", channels=3
            ),
            torch.tensor([(ratings[row].score - self.low) / (self.high - self.low) for row in chosen], dtype=torch.float32),
            torch.tensor(chosen),
            self.info.name,
            split,
            groups=torch.tensor([number[ratings[row].reference] for row in chosen]),
            kinds=None if None in kinds else torch.tensor([kind - 1 for kind in kinds if kind is not None]),
            levels=None if None in levels else torch.tensor(levels),
            kind_names=self.kind_names,
        )

    @property
    def kind_names(self) -> tuple[str, ...]:
        """Names of the distortions; () where there are none."""
        return ()

    def _checked(self, top: Path) -> list[Rating]:
        ratings = self.read(top)
        expected = self.info.splits["train_full"] + self.info.splits["test"]
        if len(ratings) != expected:
            raise DataError(f"{top} has {len(ratings):,} rated images instead of {expected:,}.", "Unpack the whole archive.")
        for rating in ratings:
            if not self.low <= rating.score <= self.high:
                raise DataError(
                    f"{rating.image.name} in {top} has the score {rating.score}, outside of {self.low:g} to {self.high:g}.",
                    "Use the score table as it was published.",
                )
        return ratings

    def _source(self, root: Path | None) -> Path:
        """Where the copy was said to be, or the set's own folder."""
        try:
            return Path(json.loads((self.where(root) / POINTER).read_text())["path"])
        except (OSError, ValueError, KeyError, TypeError):
            return self.where(root)

    def _find(self, top: Path) -> Path | None:
        return next((folder for folder in folders(top) if (folder / self.table).is_file()), None) if top.is_dir() else None


def split_of(reference: int) -> tuple[str, ...]:
    """The splits of a reference by its place in sorted order."""
    return {0: ("test",), 5: ("test",), 1: ("val", "train_full")}.get(reference % 10, ("train", "train_full"))


def splits(references: int, per_reference: int = 1) -> dict[str, int]:
    """Sizes of the splits of a set with so many references."""
    sizes = dict.fromkeys(("train", "val", "train_full", "test"), 0)
    for reference in range(references):
        for split in split_of(reference):
            sizes[split] += per_reference
    return sizes
