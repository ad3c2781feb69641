from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from bench.data import embedded, load_data, load_samples
from bench.data.cifar import CIFAR10
from bench.data.embedded import FOLDER, embedded_samples
from bench.data.embedding import write_embedded
from bench.data.mnist import MNIST
from bench.foundation.errors import DataError

HERE = CIFAR10().present()


def test_two_thousand_images_of_ten_classes() -> None:
    samples = embedded_samples()
    assert samples.pixels.shape == (2000, 3, 32, 32)
    assert samples.ids.tolist() == list(range(2000))
    # Counted once from the published test batch.
    assert torch.bincount(samples.labels).tolist() == [196, 198, 195, 199, 198, 185, 216, 193, 217, 203]
    assert [samples.class_names[label] for label in samples.labels[:4]] == ["cat", "ship", "ship", "airplane"]


def test_the_main_job_needs_no_download(tmp_path: Path) -> None:
    images, labels = load_data("cifar10", n=500, root=tmp_path)
    assert images.shape == (500, 3, 32, 32)
    assert images.dtype == torch.float32
    assert 0 <= images.min() < images.max() <= 1
    assert labels.dtype == torch.int64
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("split", "n"), [("test", 2001), ("test", None), ("val", 10)])
def test_more_than_ships_needs_the_set(tmp_path: Path, split: str, n: int | None) -> None:
    with pytest.raises(DataError, match=r"not on this machine\. Run `bench data get cifar10`, or use at most the 2,000"):
        load_samples("cifar10", split=split, n=n, root=tmp_path)


@pytest.mark.skipif(not HERE, reason="cifar10 is not in the data root")
def test_what_ships_is_the_head_of_the_full_set(tmp_path: Path) -> None:
    full = load_samples("cifar10", n=2000)
    assert full.sha256() == load_samples("cifar10", n=2000, root=tmp_path).sha256()
    assert torch.bincount(load_samples("cifar10", split="val").labels).tolist() == [500] * 10
    assert torch.bincount(load_samples("cifar10", split="train").labels).tolist() == [4500] * 10


SETS = {"cifar10": (embedded.CIFAR10, CIFAR10().info), "mnist": (embedded.MNIST, MNIST().info)}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("keep", [0, 11, 1000, 0.9])
def test_a_truncated_mosaic_is_an_error(tmp_path: Path, name: str, keep: float) -> None:
    mosaic, info = SETS[name]
    shutil.copytree(FOLDER, tmp_path / "embedded")
    file = tmp_path / "embedded" / mosaic.picture
    content = file.read_bytes()
    file.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    with pytest.raises(DataError, match=r"cannot be read|are not the ones"):
        mosaic.samples(info, tmp_path / "embedded")


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("content", ["", "{}", '{"labels": [1]}', '{"labels": [-1]}', '{"labels": "x"}', "[]"])
def test_damaged_labels_are_an_error(tmp_path: Path, name: str, content: str) -> None:
    mosaic, info = SETS[name]
    shutil.copytree(FOLDER, tmp_path / "embedded")
    (tmp_path / "embedded" / mosaic.labels).write_text(content)
    with pytest.raises(DataError, match=rf"(cannot be read|are not the ones).*bench data get {name}"):
        mosaic.samples(info, tmp_path / "embedded")


@pytest.mark.parametrize("name", SETS)
def test_one_changed_label_is_an_error(tmp_path: Path, name: str) -> None:
    mosaic, info = SETS[name]
    shutil.copytree(FOLDER, tmp_path / "embedded")
    file = tmp_path / "embedded" / mosaic.labels
    described = json.loads(file.read_text())
    described["labels"][7] ^= 1
    file.write_text(json.dumps(described))
    with pytest.raises(DataError, match="are not the ones that ship"):
        mosaic.samples(info, tmp_path / "embedded")


@pytest.mark.parametrize("name", SETS)
def test_writing_them_again_gives_the_same_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    # The slowest compression costs half a minute and changes no pixel.
    from PIL import Image

    save = Image.Image.save
    monkeypatch.setattr(
        Image.Image, "save", lambda self, to, form, **kw: save(self, to, form, **{**kw, "quality": 0, "method": 0})
    )
    mosaic, info = SETS[name]
    samples = mosaic.samples(info)
    assert write_embedded(mosaic, samples, tmp_path / "again") == mosaic.sha256
    assert mosaic.samples(info, tmp_path / "again").sha256() == samples.sha256()
    assert (tmp_path / "again" / mosaic.labels).read_bytes() == (FOLDER / mosaic.labels).read_bytes()


def test_two_thousand_digits(tmp_path: Path) -> None:
    samples = load_samples("mnist", n=2000, root=tmp_path)
    assert samples.pixels.shape == (2000, 1, 28, 28) and samples.ids.tolist() == list(range(2000))
    assert samples.labels[:5].tolist() == [7, 2, 1, 0, 4] and samples.labels.unique().tolist() == list(range(10))
    assert list(tmp_path.iterdir()) == []
    still = load_samples("scenes:mnist,T=4", n=3)
    assert still.images.shape == (3, 4, 1, 28, 28) and torch.equal(still.images[:, 3], samples[:3].images)


@pytest.mark.skipif(not MNIST().present(), reason="mnist is not in the data root")
def test_the_digits_that_ship_are_the_head_of_the_full_set(tmp_path: Path) -> None:
    assert load_samples("mnist", n=2000).sha256() == load_samples("mnist", n=2000, root=tmp_path).sha256()
