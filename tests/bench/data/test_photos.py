"""The quality set: its plan, the shipped test split, and making a small one from fabricated photographs."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import bench.data.photos
from bench.data import load_samples
from bench.data.distortions import KINDS
from bench.data.distortions.catalogue import NAMES
from bench.data.photo_making import crops_of, make
from bench.data.photo_plan import SIDE, Item, plan
from bench.data.photo_route import PhotoRoute
from bench.data.photo_sources import PHOTOS, SCIKIT_IMAGE, Photo, photos_of
from bench.data.photos import FOLDER, PICTURE, TABLE, Photos, embedded_records
from bench.data.pseudo_mos import Ranks, measure, shipped_ranks
from bench.data.routes import DebianRoute, Progress, RouteError
from bench.data.verified import md5_file
from bench.foundation.errors import DataError

NOTICE = Path(__file__).parents[3] / "NOTICE"


def test_no_photograph_is_in_two_splits_and_each_is_credited() -> None:
    splits = {split: {item.photo for item in plan(split)} for split in ("train", "val", "test")}
    assert all(photos == set(photos_of(split)) for split, photos in splits.items())
    assert sum(map(len, splits.values())) == len(PHOTOS) == len({photo.md5 for photo in PHOTOS})
    notice = " ".join(NOTICE.read_text(encoding="utf-8").split())
    for photo in PHOTOS:
        if photo.split == "test":
            assert f"{photo.name}: {photo.credit}, {photo.licence}" in notice
            assert not photo.licence.startswith(("GPL", "LGPL"))


@pytest.mark.parametrize(("split", "each"), [("train", 229), ("val", 25), ("test", 15)])
def test_the_plan_is_balanced(split: str, each: int) -> None:
    items = plan(split)
    assert len(set(items)) == len(items) == each * KINDS
    assert set(Counter(item.kind for item in items).values()) == {each}
    levels = Counter((item.kind, item.level) for item in items)
    assert len(levels) == 125 and max(levels.values()) - min(levels.values()) <= 2
    assert all(item.crop < PHOTOS[item.photo].crops for item in items)
    assert {item.kind for item in items[:KINDS]} == set(range(KINDS))
    assert len({(item.kind, item.photo) for item in items}) == KINDS * len(photos_of(split))


def test_the_shipped_split_is_its_plan() -> None:
    samples = load_samples("photos")
    assert samples.pixels.shape == (375, 3, SIDE, SIDE) and samples.pixels.dtype == torch.uint8
    assert samples.labels.dtype == torch.float32 and samples.labels.min() >= 0 and samples.labels.max() <= 1
    assert samples.groups is not None and samples.kinds is not None and samples.levels is not None
    found = zip(samples.groups.tolist(), samples.kinds.tolist(), samples.levels.tolist(), strict=True)
    assert list(found) == [(item.photo, item.kind, item.level) for item in plan("test")]
    assert samples.kind_names == NAMES
    assert (FOLDER / PICTURE).stat().st_size < 8e6


def test_slices_keep_groups_and_kinds() -> None:
    samples = load_samples("photos", n=50)
    part = samples[samples.labels > 0.5]
    assert part.groups is not None and part.kinds is not None and part.levels is not None and samples.kinds is not None
    assert len(part) == len(part.groups) == len(part.kinds) == len(part.levels) < 50
    assert part.kinds.tolist() == samples.kinds[samples.labels > 0.5].tolist()


def test_stronger_levels_score_lower() -> None:
    samples = load_samples("photos")
    assert samples.levels is not None and samples.kinds is not None
    weak, strong = (float(samples.labels[samples.levels == level].mean()) for level in (1, 5))
    assert weak > 0.7 and strong < 0.3
    blurred = samples.kinds == NAMES.index("gaussian_blur")
    by_level = [float(samples.labels[blurred & (samples.levels == level)].mean()) for level in range(1, 6)]
    assert by_level == sorted(by_level, reverse=True)


@pytest.mark.parametrize("change", ["score", "picture", "missing"])
def test_a_damaged_embedded_split_is_refused(tmp_path: Path, change: str) -> None:
    for name in (PICTURE, TABLE):
        shutil.copyfile(FOLDER / name, tmp_path / name)
    if change == "score":
        table = json.loads((tmp_path / TABLE).read_text())
        table["rows"][0][4] += 0.01
        (tmp_path / TABLE).write_text(json.dumps(table))
    elif change == "picture":
        (tmp_path / PICTURE).write_bytes((tmp_path / PICTURE).read_bytes()[:1000])
    else:
        (tmp_path / TABLE).unlink()
    with pytest.raises(DataError, match="Install the suite again"):
        embedded_records(tmp_path)


def test_training_images_must_be_made_first(tmp_path: Path) -> None:
    for split in ("train", "val", "train_full"):
        with pytest.raises(DataError, match="bench data get photos"):
            load_samples("photos", split=split, root=tmp_path)
    with pytest.raises(DataError, match="no split 'dev'"):
        load_samples("photos", split="dev")


def _photograph(path: Path, seed: int, size: tuple[int, int] = (240, 200)) -> Path:
    blocks = np.random.default_rng(seed).integers(0, 256, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


def test_crops_do_not_overlap_and_leave_out_the_sky(tmp_path: Path) -> None:
    pixels = np.full((192, 288, 3), 120, np.uint8)
    pixels[:, 96:] = np.random.default_rng(0).integers(0, 256, (192, 192, 3))
    Image.fromarray(pixels).save(tmp_path / "sky.png")
    crops = crops_of(tmp_path / "sky.png", 4)
    assert all(crop.shape == (SIDE, SIDE, 3) and crop.std() > 0.2 for crop in crops)
    assert len({crop.tobytes() for crop in crops}) == 4
    assert sorted(crop.std() for crop in crops_of(tmp_path / "sky.png", 6))[:2] == [0, 0]


def test_making_is_deterministic_and_order_does_not_matter(tmp_path: Path) -> None:
    crops = {0: crops_of(_photograph(tmp_path / "a.png", 0), 2)}
    items = [Item(0, 0, kind, 3) for kind in (2, 10, 19)] + [Item(0, 1, 10, 3)]
    once = [(pixels.tobytes(), found.tobytes()) for _, pixels, found in make(items, crops.__getitem__)]
    again = [(pixels.tobytes(), found.tobytes()) for _, pixels, found in make(items[::-1], crops.__getitem__)]
    assert once == again[::-1]
    assert len(set(once)) == 4


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Photos, Path]:
    """A set of two photographs, one for each split, and the folder that holds them."""
    own = tmp_path / "own"
    own.mkdir()
    photos = []
    for number, split in enumerate(("train", "val")):
        path = _photograph(own / f"{split}.png", number)
        photos.append(Photo(split, split, 1, f"package-{split}", f"usr/{split}.png", "me", "CC0-1.0", md5_file(path)))  # type: ignore[arg-type]
    monkeypatch.setattr(bench.data.photos, "PHOTOS", tuple(photos))
    monkeypatch.setattr(bench.data.photos, "photos_of", lambda *s: tuple(i for i, p in enumerate(photos) if p.split in s))
    monkeypatch.setattr(bench.data.photos, "plan", lambda s: [Item(int(s == "val"), 0, kind, 2) for kind in (1, 10)])
    from dataclasses import replace

    full = Photos()
    size = full.files[0].size // len(plan("train")) * 2
    return replace(full, files=tuple(replace(file, size=size) for file in full.files)), own


def test_get_from_a_folder_and_load(small: tuple[Photos, Path], tmp_path: Path, silent: Progress) -> None:
    chosen, own = small
    root = tmp_path / "root"
    assert str(chosen.get(root, source=own, progress=silent)) == str(own)
    assert chosen.get(root, source=None, progress=silent) is None
    samples = chosen.load("train", root)
    assert samples.kinds is not None and samples.kinds.tolist() == [1, 10]
    first = (chosen.where(root) / "train.bin").read_bytes()
    shutil.rmtree(root)
    chosen.get(root, source=own, progress=silent)
    assert (chosen.where(root) / "train.bin").read_bytes() == first
    (chosen.where(root) / "train.bin").write_bytes(first[:-1])
    with pytest.raises(DataError, match="bench data get photos"):
        chosen.load("train", root)


def test_another_photograph_under_the_same_name_is_refused(
    small: tuple[Photos, Path], tmp_path: Path, silent: Progress
) -> None:
    chosen, own = small
    _photograph(own / "val.png", 9)
    with pytest.raises(DataError, match=r"val\.png has md5"):
        chosen.get(tmp_path / "root", source=own, progress=silent)


def test_the_route_collects_from_all_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, silent: Progress) -> None:
    def fake(self: DebianRoute, scratch: Path, downloads: Path, progress: Progress) -> Path:
        for photo in PHOTOS:
            if photo.package == self.package and photo.name != missing:
                (scratch / photo.path).parent.mkdir(parents=True, exist_ok=True)
                (scratch / photo.path).write_text(photo.name)
        return scratch

    monkeypatch.setattr(DebianRoute, "fetch", fake)
    missing = ""
    (tmp_path / "a").mkdir()
    collected = PhotoRoute().fetch(tmp_path / "a", tmp_path, silent)
    expected = {PHOTOS[number].file for number in photos_of("train", "val")}
    assert {path.name for path in collected.iterdir()} == expected
    assert all(PHOTOS[number].package != SCIKIT_IMAGE for number in photos_of("train", "val"))
    missing = "moss"
    (tmp_path / "b").mkdir()
    with pytest.raises(RouteError, match="holds no usr"):
        PhotoRoute().fetch(tmp_path / "b", tmp_path, silent)


def test_ranks_are_shares_of_the_population() -> None:
    population = np.random.default_rng(0).random((5000, 3)) ** [[1, 2, 3]]
    ranks = Ranks.of(population)
    scores = ranks.pseudo_mos(population)
    assert scores.mean() == pytest.approx(0.5, abs=1e-3)
    assert ranks.pseudo_mos(np.array([[2.0, 2, 2], [-1, -1, -1], [0.5, 0.25, 0.125]])) == pytest.approx(
        [1, 0, 0.5], abs=0.02
    )


def test_the_shipped_ranks_order_images(tmp_path: Path) -> None:
    reference = crops_of(_photograph(tmp_path / "a.png", 3), 1)[0]
    drawn = np.random.default_rng(0).standard_normal(reference.shape)
    noisy = [np.clip(reference + sigma * drawn, 0, 1) for sigma in (0, 0.03, 0.1, 0.3)]
    scores = shipped_ranks().pseudo_mos(np.stack([measure(reference, each) for each in noisy]))
    assert scores[0] == pytest.approx(1)
    assert (np.diff(scores) < 0).all() and scores[-1] < 0.2
    rewritten = tmp_path / "ranks.json"
    rewritten.write_text(shipped_ranks().to_json())
    np.testing.assert_allclose(shipped_ranks(rewritten).quantiles, shipped_ranks().quantiles)
