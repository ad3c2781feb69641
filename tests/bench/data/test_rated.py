"""Loaders for sets rated by people, on tiny folders in the published layouts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from scipy.io import savemat

import bench.data.rated.sets
from bench.cli.data import data
from bench.data import load_samples, open_dataset
from bench.data.rated.base import RatedSet, splits
from bench.data.rated.sets import KADID, TID, KonIQ, LiveChallenge
from bench.data.routes import Progress
from bench.foundation.errors import DataError

REFERENCES = 10
SIDE = 24


def _save(path: Path, seed: int, mode: str = "RGB", size: tuple[int, int] = (40, 32)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)


def kadid(top: Path) -> RatedSet:
    """Two distorted images for each of ten references."""
    lines = ["dist_img,ref_img,dmos,var"]
    for reference in range(1, REFERENCES + 1):
        _save(top / "images" / f"I{reference:02}.png", 0)
        for kind in (1, 25):
            name = f"I{reference:02}_{kind:02}_03.png"
            _save(top / "images" / name, reference)
            lines.append(f"{name},I{reference:02}.png,{1 + 0.3 * reference},0.5")
    (top / "dmos.csv").write_text("\n".join(lines) + "\n")
    return _small(KADID(), 2)


def koniq(top: Path) -> RatedSet:
    lines = ['"image_name","c1","MOS","SD","MOS_zscore"']
    for number in range(REFERENCES):
        _save(top / "512x384" / f"{number}.jpg", number)
        lines.append(f'"{number}.jpg",0,{1 + 0.4 * number},1,50')
    (top / "koniq10k_scores_and_distributions.csv").write_text("\n".join(lines))
    return _small(KonIQ())


def livec(top: Path) -> RatedSet:
    names = ["t1.bmp", *(f"{number}.bmp" for number in range(REFERENCES))]
    for number, name in enumerate(names):
        _save(top / "Images" / ("trainingImages" if name[0] == "t" else "") / name, number)
        _save(top / "Images" / name, number)
    (top / "Data").mkdir()
    cells = np.empty((len(names), 1), object)
    cells[:, 0] = names
    savemat(top / "Data" / "AllImages_release.mat", {"AllImages_release": cells})
    savemat(top / "Data" / "AllMOS_release.mat", {"AllMOS_release": np.arange(len(names), dtype=float)[None] * 9})
    # The published training images lie in a folder of their own.
    (top / "Images" / "t1.bmp").unlink()
    return _small(LiveChallenge())


def tid(top: Path) -> RatedSet:
    lines = []
    for reference in range(1, REFERENCES + 1):
        _save(top / "distorted_images" / f"i{reference:02}_24_5.bmp", reference)
        lines.append(f"{0.9 * reference - 0.9:.5f} I{reference:02}_24_5.bmp")
    (top / "mos_with_names.txt").write_text("\n".join(lines) + "\n")
    return _small(TID())


def _small(chosen: RatedSet, per_reference: int = 1) -> RatedSet:
    return replace(chosen, info=replace(chosen.info, splits=splits(REFERENCES, per_reference)), crop=SIDE)


BUILDERS = (kadid, koniq, livec, tid)
Builder = Callable[[Path], RatedSet]


@pytest.mark.parametrize("build", BUILDERS)
def test_each_layout_is_read(build: Builder, tmp_path: Path) -> None:
    chosen = build(tmp_path / chosen_folder(build))
    every = [chosen.load(split, tmp_path) for split in ("train", "val", "test")]
    both = chosen.load("train_full", tmp_path)
    assert len(both) == len(every[0]) + len(every[1])
    for samples in every:
        assert samples.pixels.shape == (len(samples), 3, SIDE, SIDE) and samples.pixels.dtype == torch.uint8
        assert samples.labels.dtype == torch.float32
        assert samples.labels.min() >= 0 and samples.labels.max() <= 1
    groups = [set(samples.groups.tolist()) for samples in every if samples.groups is not None]
    assert sum(map(len, groups)) == len(set().union(*groups)) == REFERENCES
    assert [len(samples) for samples in every] == [chosen.info.splits[split] for split in ("train", "val", "test")]
    ids = torch.cat([samples.ids for samples in every])
    assert sorted(ids.tolist()) == list(range(len(ids)))


def chosen_folder(build: Builder) -> str:
    return {kadid: "kadid10k", koniq: "koniq10k", livec: "ChallengeDB_release", tid: "tid2013"}[build]


def test_scores_kinds_and_pixels_belong_to_their_images(tmp_path: Path) -> None:
    chosen = kadid(tmp_path / "kadid10k")
    samples = chosen.load("test", tmp_path)
    assert samples.kinds is not None and samples.levels is not None
    assert samples.kinds.tolist() == [0, 24, 0, 24] and samples.levels.tolist() == [3] * 4
    # References 1 and 6 of ten are for testing; published scores 1.3 and 2.8 of 1 to 5.
    np.testing.assert_allclose(samples.labels, [0.075, 0.075, 0.45, 0.45], atol=1e-6)
    with Image.open(tmp_path / "kadid10k" / "images" / "I06_01_03.png") as image:
        expected = np.asarray(image)[4:28, 8:32].transpose(2, 0, 1)
    np.testing.assert_array_equal(samples.pixels[2], expected)


def test_livec_leaves_the_training_images_out(tmp_path: Path) -> None:
    chosen = livec(tmp_path / "ChallengeDB_release")
    assert [rating.image.name for rating in chosen.ratings(tmp_path)] == [f"{number}.bmp" for number in range(REFERENCES)]
    assert chosen.ratings(tmp_path)[0].score == 9


def test_get_remembers_where_the_copy_is(tmp_path: Path, silent: Progress) -> None:
    chosen = kadid(tmp_path / "downloads" / "archive" / "kadid10k")
    root = tmp_path / "root"
    assert not chosen.present(root)
    with pytest.raises(DataError, match="bench data get kadid10k --from PATH"):
        chosen.load("test", root)
    with pytest.raises(DataError, match="by its authors only"):
        chosen.get(root, source=None, progress=silent)
    assert str(chosen.get(root, source=tmp_path / "downloads", progress=silent)).endswith("kadid10k")
    assert chosen.present(root) and chosen.get(root, source=None, progress=silent) is None
    assert len(chosen.load("test", root, 3)) == 3
    with pytest.raises(DataError, match="Ask for 1 to 4"):
        chosen.load("test", root, 5)


def test_get_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = tid(tmp_path / "own")
    monkeypatch.setattr(bench.data.rated.sets, "TID", lambda: chosen)
    root = ["--root", str(tmp_path / "root")]
    got = CliRunner().invoke(data, ["get", "tid2013", "--from", str(tmp_path / "own"), *root])
    assert got.exit_code == 0, got.exception
    assert "came from" in got.output
    assert len(load_samples("tid2013", root=tmp_path / "root")) == 2
    wrong = CliRunner().invoke(data, ["get", "tid2013", "--from", str(tmp_path / "root"), *root])
    assert isinstance(wrong.exception, DataError) and "mos_with_names.txt" in wrong.exception.what


def _less(top: Path) -> None:
    (top / "images" / "I03_01_03.png").unlink()


def _more(top: Path) -> None:
    _save(top / "images" / "I03_09_03.png", 1)


def _twice(top: Path) -> None:
    table = top / "dmos.csv"
    table.write_text(table.read_text() + "I01_01_03.png,I01.png,2,1\n")


def _header(top: Path) -> None:
    table = top / "dmos.csv"
    table.write_text(table.read_text().replace("dmos", "mos", 1))


def _number(top: Path) -> None:
    table = top / "dmos.csv"
    table.write_text(table.read_text().replace("1.3,", "n/a,", 1))


def _range(top: Path) -> None:
    table = top / "dmos.csv"
    table.write_text(table.read_text().replace("1.3,", "73,", 1))


def _row(top: Path) -> None:
    table = top / "dmos.csv"
    table.write_text("\n".join(line for line in table.read_text().splitlines() if "I04_01" not in line) + "\n")


def _both(top: Path) -> None:
    _row(top)
    (top / "images" / "I04_01_03.png").unlink()


def _long_number(top: Path) -> None:
    table = top / "dmos.csv"
    table.write_text(table.read_text() + f"I01_{'9' * 6000}_03.png,I01.png,2,1\n")


def _long_field(top: Path) -> None:
    table = top / "dmos.csv"
    table.write_text(table.read_text() + "x" * 200_000 + ",I01.png,2,1\n")


@pytest.mark.parametrize("content", [b"", b"MATLAB 5.0 MAT-file", b"\0" * 200], ids=["empty", "cut", "zeros"])
def test_a_score_file_of_matlab_that_is_none(content: bytes, tmp_path: Path) -> None:
    chosen = livec(tmp_path / "ChallengeDB_release")
    (tmp_path / "ChallengeDB_release" / "Data" / "AllMOS_release.mat").write_bytes(content)
    with pytest.raises(DataError, match=r"AllMOS_release\.mat cannot be read"):
        chosen.load("test", tmp_path)


def test_names_of_matlab_that_are_none(tmp_path: Path) -> None:
    top = tmp_path / "ChallengeDB_release"
    chosen = livec(top)
    savemat(top / "Data" / "AllImages_release.mat", {"AllImages_release": np.empty((3, 0), object)})
    with pytest.raises(DataError, match="names 0 images, but has 11 scores"):
        chosen.load("test", tmp_path)
    savemat(top / "Data" / "AllImages_release.mat", {"AllImages_release": np.arange(11.0)})
    with pytest.raises(DataError, match="which is not there"):
        chosen.load("test", tmp_path)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_long_number, "which is not in the published form"),
        (_long_field, "is no table of commas"),
        (_less, "I03_01_03.png, which is not there"),
        (_more, "1 images without a score, i03_09_03.png"),
        (_row, "1 images without a score, i04_01_03.png"),
        (_both, "19 rated images instead of 20"),
        (_twice, "I01_01_03.png twice"),
        (_header, "no column 'dmos'"),
        (_number, "'n/a', which is no number"),
        (_range, "the score 73.0, outside of 1 to 5"),
    ],
)
def test_scores_that_do_not_match_their_images(damage: Callable[[Path], None], sentence: str, tmp_path: Path) -> None:
    chosen = kadid(tmp_path / "kadid10k")
    damage(tmp_path / "kadid10k")
    with pytest.raises(DataError, match=sentence):
        chosen.load("test", tmp_path)


def test_grey_becomes_rgb_and_odd_images_are_refused(tmp_path: Path) -> None:
    chosen = kadid(tmp_path / "kadid10k")
    first = tmp_path / "kadid10k" / "images" / "I01_01_03.png"
    _save(first, 5, "L")
    grey = chosen.load("test", tmp_path, 1).pixels[0]
    assert (grey[0] == grey[1]).all() and (grey[0] == grey[2]).all()
    Image.fromarray(np.full((32, 40), 300, np.uint16)).save(first)
    assert bool((chosen.load("test", tmp_path, 1).images == torch.tensor(300 / 65535)).all())
    Image.fromarray(np.full((32, 40, 4), 100, np.uint8)).save(first)
    with pytest.raises(DataError, match="partly transparent"):
        _ = chosen.load("test", tmp_path, 1).pixels
    _save(first, 5, size=(20, 20))
    with pytest.raises(DataError, match=r"smaller than the crop of 24 pixels.*kadid10k,crop=20"):
        chosen.load("test", tmp_path, 1)


def test_crops_are_chosen_by_name() -> None:
    chosen = open_dataset("kadid10k,crop=96")
    assert isinstance(chosen, KADID) and chosen.crop == 96
    for name in ("cifar10,crop=24", "kadid10k,crop=x", "kadid10k,crop=0"):
        with pytest.raises(DataError, match="Only rated sets are cropped"):
            open_dataset(name)
