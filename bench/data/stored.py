"""A published image set that lies under the data root as a few verified files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data.fetching import fetch_set
from bench.data.info import DatasetInfo, Part, StoredFile
from bench.data.layouts import Layout
from bench.data.paths import user_path
from bench.data.routes import LocalRoute, Progress, Route
from bench.data.verified import check_files
from bench.foundation.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.data.base import Samples

    Arrays = tuple[NDArray[np.uint8] | NDArray[np.bool_], NDArray[np.uint8]]
    """Pixels (N, C, H, W), or binary event frames (N, T, C, H, W), and labels (N,)."""


def data_root() -> Path:
    """Where data sets live: ``$BENCH_DATA``, or ``bench/data`` in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("BENCH_DATA") or Path(cache) / "bench" / "data").expanduser()


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """What the published sets share. A subclass gives the facts as defaults and :meth:`parse`."""

    info: DatasetInfo
    folder: str
    """Below the data root; the name torchvision uses, where it has one."""
    files: tuple[StoredFile, ...]
    layouts: tuple[Layout, ...]
    archives: tuple[str, ...] = ()
    """Names of archives that are opened when ``--from`` names the folder they lie in."""
    routes: tuple[Route, ...] = ()
    shipped: int = 0
    """Test samples that are part of this repository."""

    def parse(self, paths: Sequence[Path]) -> Arrays:
        """Read the verified files of one half of the set."""
        raise NotImplementedError

    def where(self, root: Path | None = None) -> Path:
        """The folder that holds the set, or would."""
        return (root or data_root()) / self.folder

    def present(self, root: Path | None = None, part: Part | None = None) -> bool:
        """Whether all files (of one half) are there; :meth:`load` checks their content."""
        return all((self.where(root) / file.name).is_file() for file in self.files if part in (None, file.part))

    def get(self, root: Path | None, *, source: Path | None, progress: Progress) -> Route | None:
        """Fetch the set unless it is there and whole. Returns the route that was used; None if nothing had to be done.

        source: a user's own copy, the only route then. Raises ``DataError``.
        """
        try:
            check_files(self.where(root), self.files, "")
        except DataError:
            name = self.info.name
            forms = ", ".join(dict.fromkeys(layout.title for layout in self.layouts))
            return fetch_set(
                name,
                self.files,
                self.where(root),
                routes=self.routes if source is None else (LocalRoute(user_path(str(source))),),
                fix=f"Give a folder or archive of your own ({forms}): bench data get {name} --from PATH",
                layouts=self.layouts,
                archives=self.archives,
                progress=progress,
            )
        return None

    def load(self, split: str, root: Path | None = None, n: int | None = None) -> Samples:
        """The first ``n`` samples of a split (None: all). Raises ``DataError``."""
        import torch

        from bench.data.base import Samples, check_split, held_out

        name = self.info.name
        check_split(split, tuple(self.info.splits), name)
        part: Part = "test" if split == "test" else "train"
        files = [file for file in self.files if file.part == part]
        if not any((self.where(root) / file.name).is_file() for file in files):
            ships = f", or use at most the {self.shipped:,} test images that ship here (--n)" if self.shipped else ""
            raise DataError(f"{name} ({split}) is not on this machine.", f"Run `bench data get {name}`{ships}.")
        check_files(self.where(root), files, f"Run `bench data get {name}` again.")
        pixels, labels = (torch.from_numpy(array) for array in self.parse([self.where(root) / file.name for file in files]))
        samples = Samples(pixels, labels.long(), torch.arange(len(labels)), name, split, self.info.classes)
        if split in ("train", "val"):
            mask = held_out(samples.labels, len(self.info.classes))
            samples = samples[mask if split == "val" else ~mask]
        return samples if n is None else samples.take(n)
