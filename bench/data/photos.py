"""The quality data set of this suite: photographs, distorted in 25 ways at 5 levels, with pseudo mean opinion scores.

Test ships in the repository. ``train`` and ``val`` are made by ``bench data get photos`` from photographs in Debian
packages, or with ``--from`` from a folder that holds them under the names of ``photo_sources.py``. No photograph is in
two splits; ``groups`` are the photographs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.data.fetching import fetch_set
from bench.data.info import DatasetInfo, StoredFile
from bench.data.layouts import Layout
from bench.data.paths import user_path
from bench.data.photo_plan import RECORD, SIDE, Item, Records, plan, to_records
from bench.data.photo_route import PhotoRoute
from bench.data.photo_sources import PHOTOS, photos_of
from bench.data.routes import LocalRoute, Progress, Route
from bench.data.stored import ImageSet
from bench.data.verified import check_files
from bench.foundation.errors import DataError
from bench.foundation.files import sha256_bytes

if TYPE_CHECKING:
    from bench.data.base import Samples

FOLDER = Path(__file__).parent / "embedded"
PICTURE, TABLE = "photos_test_375.webp", "photos_test_375.json"
COLUMNS = 25
SHA256 = "1b31187fb7698b5391f435d0895a2b19aaabf941d58cbd07631451038c693d6c"
"""Of the test records."""

_TRAIN, _VAL, _TEST = (len(plan(split)) for split in ("train", "val", "test"))

_INFO = DatasetInfo(
    "photos",
    "Distorted photographs with pseudo-MOS",
    (),
    (3, SIDE, SIDE),
    {"train": _TRAIN, "val": _VAL, "train_full": _TRAIN + _VAL, "test": _TEST},
    "per photograph, see NOTICE",
    "Distortions: H. Lin, V. Hosu, D. Saupe. KADID-10k: A Large-scale Artificially Distorted IQA Database. QoMEX 2019.",
    task="quality",
)


@dataclass(frozen=True, kw_only=True)
class Photos(ImageSet):
    """5,725 training, 625 validation and 375 test images, 96 x 96 RGB, scores in [0,1], higher is better."""

    info: DatasetInfo = _INFO
    folder: str = "photos"
    files: tuple[StoredFile, ...] = (
        StoredFile("train.bin", "train", _TRAIN * RECORD.itemsize),
        StoredFile("val.bin", "train", _VAL * RECORD.itemsize),
    )
    layouts: tuple[Layout, ...] = ()
    routes: tuple[Route, ...] = (PhotoRoute(),)
    shipped: int = _TEST

    def get(self, root: Path | None, *, source: Path | None, progress: Progress) -> Route | None:
        """Make the training and validation images unless they are there; as :meth:`ImageSet.get`."""
        try:
            check_files(self.where(root), self.files, "")
        except DataError:
            photos = [PHOTOS[number] for number in photos_of("train", "val")]
            names = tuple(photo.file for photo in photos)
            md5s = {photo.file: photo.md5 for photo in photos}

            def convert(paths: Mapping[str, Path]) -> Iterator[tuple[str, bytes]]:
                return _convert(paths, progress)

            return fetch_set(
                self.info.name,
                self.files,
                self.where(root),
                routes=self.routes if source is None else (LocalRoute(user_path(str(source))),),
                layouts=(Layout(f"the {len(photos)} photographs", names, convert, md5s),),
                archives=(),
                progress=progress,
                fix="Give a folder with the photographs, named as in bench/data/photo_sources.py: "
                "bench data get photos --from PATH",
            )
        return None

    def load(self, split: str, root: Path | None = None, n: int | None = None) -> Samples:
        """The first ``n`` samples of a split (None: all). Raises ``DataError``."""
        from bench.data.base import check_split

        check_split(split, tuple(self.info.splits), self.info.name)
        samples = _samples(embedded_records(), "test", 0) if split == "test" else self._made(split, root)
        return samples if n is None else samples.take(n)

    def _made(self, split: str, root: Path | None) -> Samples:
        where = self.where(root)
        wanted = [file for file in self.files if split == "train_full" or file.name == f"{split}.bin"]
        if not all((where / file.name).is_file() for file in wanted):
            raise DataError(f"photos ({split}) is not on this machine.", "Run `bench data get photos`; test ships here.")
        check_files(where, wanted, "Run `bench data get photos` again.")
        records = np.concatenate([np.fromfile(where / file.name, RECORD) for file in wanted])
        return _samples(records, split, _TRAIN if split == "val" else 0)


def embedded_records(folder: Path = FOLDER) -> Records:
    """The test records that ship. Raises ``DataError`` if a file is missing or damaged."""
    from PIL import Image

    try:
        with Image.open(folder / PICTURE) as picture:
            mosaic = np.asarray(picture.convert("RGB"))
        table: Any = json.loads((folder / TABLE).read_text())
        pixels = mosaic.reshape(-1, SIDE, COLUMNS, SIDE, 3).transpose(0, 2, 1, 3, 4).reshape(-1, SIDE, SIDE, 3)
        items = [Item(*row[:4]) for row in table["rows"]]
        records = to_records(items, pixels, np.array([row[4] for row in table["rows"]], np.float32))
        sha256 = sha256_bytes(records.tobytes())
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise _damaged(f"The images in {folder} cannot be read ({error}).") from error
    if sha256 != SHA256:
        raise _damaged(f"The images in {folder} are not the ones that ship.")
    return records


def _convert(paths: Mapping[str, Path], progress: Progress) -> Iterator[tuple[str, bytes]]:
    """The two stored files from the photographs."""
    from bench.data.photo_making import crops_of, make
    from bench.data.pseudo_mos import shipped_ranks

    ranks = shipped_ranks()
    for split in ("train", "val"):
        crops = {i: crops_of(paths[PHOTOS[i].file], PHOTOS[i].crops) for i in photos_of(split)}
        items = plan(split)
        pixels, measures = np.empty((len(items), SIDE, SIDE, 3), np.uint8), np.empty((len(items), 3))
        for row, (_, pixels[row], measures[row]) in enumerate(make(items, crops.__getitem__)):
            if row % 25 == 0:
                progress(f"making photos ({split})", row * RECORD.itemsize, len(items) * RECORD.itemsize)
        yield f"{split}.bin", to_records(items, pixels, ranks.pseudo_mos(measures)).tobytes()


def _samples(records: Records, split: str, first: int) -> Samples:
    import torch

    from bench.data.base import Samples
    from bench.data.distortions.catalogue import NAMES

    columns = {name: torch.from_numpy(records[name].astype(np.int64)) for name in ("photo", "kind", "level")}
    return Samples(
        torch.from_numpy(records["pixels"].copy()),
        torch.from_numpy(records["score"].astype(np.float32)),
        torch.arange(first, first + len(records)),
        "photos",
        split,
        groups=columns["photo"],
        kinds=columns["kind"],
        levels=columns["level"],
        kind_names=NAMES,
    )


def _damaged(what: str) -> DataError:
    return DataError(what, "Install the suite again.")
