from __future__ import annotations

import io
import json
import pickle
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bench.data.cifar import CIFAR10, CIFAR100
from bench.data.cifar_layouts import PYTHON_100, read_records, write_records
from bench.data.info import StoredFile
from bench.data.layouts import Layout
from bench.data.verified import md5_bytes
from bench.foundation.errors import DataError

Progress = Callable[[str, int, int | None], None]
Write = Callable[[Path, dict[str, bytes]], Path]


@given(st.integers(0, 5), st.integers(1, 2), st.integers(0, 2**32 - 1))
def test_records_survive_a_round_trip(count: int, label_bytes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)
    labels = rng.integers(0, 256, (count, label_bytes), dtype=np.uint8)
    content = write_records(pixels, labels)
    assert len(content) == count * (label_bytes + 3072)
    back = read_records(content, label_bytes)
    np.testing.assert_array_equal(back[0], pixels)
    np.testing.assert_array_equal(back[1], labels)


def test_a_torn_record_is_an_error() -> None:
    with pytest.raises(ValueError, match="torn"):
        read_records(bytes(3072), 1)


def as_pickles(batches: dict[str, bytes]) -> dict[str, bytes]:
    found = {}
    for name, content in batches.items():
        pixels, labels = read_records(content, 1)
        batch = {b"data": pixels.reshape(len(pixels), -1), b"labels": labels[:, 0].tolist(), b"batch_label": b"x"}
        found[name.removesuffix(".bin")] = pickle.dumps(batch, protocol=4)
    return found


def as_pictures(batches: dict[str, bytes]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    labels: dict[str, list[int]] = {"train": [], "test": []}
    for name, content in batches.items():
        pixels, truth = read_records(content, 1)
        labels["test" if "test" in name else "train"] += truth[:, 0].tolist()
        picture = io.BytesIO()
        Image.fromarray(pixels.reshape(len(pixels), 3, 1024).transpose(0, 2, 1).copy()).save(picture, "PNG")
        found[name.replace(".bin", ".png")] = picture.getvalue()
    return found | {f"{part}_lables.json": json.dumps(values).encode() for part, values in labels.items()}


def archive(path: Path, contents: dict[str, bytes], folder: str) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("form", ["binary", "python", "pictures"])
@pytest.mark.parametrize("packed", ["folder", "parent", "archive", "folder of archive"])
def test_each_form_gives_the_same_set(
    form: str, packed: str, tiny: CIFAR10, batches: dict[str, bytes], tmp_path: Path, write_all: Write, silent: Progress
) -> None:
    contents = {"binary": lambda b: b, "python": as_pickles, "pictures": as_pictures}[form](batches)
    name = {"binary": "cifar-10-batches-bin", "python": "cifar-10-batches-py", "pictures": "package"}[form]
    if packed in ("folder", "parent"):
        folder = write_all(tmp_path / "own" / name, contents)
        source = folder if packed == "folder" else tmp_path
    else:
        (tmp_path / "own").mkdir()
        file = archive(tmp_path / "own" / ("any.tgz" if packed == "archive" else "cifar-10-python.tar.gz"), contents, name)
        source = file if packed == "archive" else file.parent
    root = tmp_path / "root"
    tiny.get(root, source=source, progress=silent)
    for stored, content in batches.items():
        assert (tiny.where(root) / stored).read_bytes() == content


def test_loading_gives_the_pixels_and_labels(
    tiny: CIFAR10, batches: dict[str, bytes], tmp_path: Path, write_all: Write
) -> None:
    write_all(tiny.where(tmp_path), batches)
    samples = tiny.load("test", tmp_path)
    pixels, labels = read_records(batches["test_batch.bin"], 1)
    np.testing.assert_array_equal(samples.pixels.numpy(), pixels)
    assert samples.labels.tolist() == labels[:, 0].tolist()
    assert samples.ids.tolist() == list(range(40))
    assert samples.class_names[3] == "cat"
    assert tiny.load("test", tmp_path, 3).sha256() == samples.take(3).sha256()


def test_splits_are_disjoint_and_balanced(
    tiny: CIFAR10, batches: dict[str, bytes], tmp_path: Path, write_all: Write
) -> None:
    write_all(tiny.where(tmp_path), batches)
    loaded = {split: tiny.load(split, tmp_path) for split in tiny.info.splits}
    assert {split: len(samples) for split, samples in loaded.items()} == dict(tiny.info.splits)
    train, val, full = loaded["train"], loaded["val"], loaded["train_full"]
    assert sorted(train.ids.tolist() + val.ids.tolist()) == full.ids.tolist() == list(range(200))
    assert torch.bincount(val.labels).tolist() == [2] * 10
    for part in (train, val):
        torch.testing.assert_close(part.pixels, full.pixels[part.ids])
    for label in range(10):
        assert val.ids[val.labels == label].min() > train.ids[train.labels == label].max()


def test_cut_damaged_and_missing_files_are_errors(
    tiny: CIFAR10, batches: dict[str, bytes], tmp_path: Path, write_all: Write
) -> None:
    with pytest.raises(DataError, match=r"not on this machine\. Run `bench data get cifar10`\."):
        tiny.load("test", tmp_path)
    folder = write_all(tiny.where(tmp_path), batches)
    tiny.load("train", tmp_path)
    file = folder / "data_batch_2.bin"
    file.write_bytes(batches["data_batch_2.bin"][:-1])
    with pytest.raises(DataError, match="122,919 bytes instead of 122,920"):
        tiny.load("train", tmp_path)
    file.write_bytes(bytes([batches["data_batch_2.bin"][0] ^ 1]) + batches["data_batch_2.bin"][1:])
    with pytest.raises(DataError, match="is damaged"):
        tiny.load("train", tmp_path)
    file.unlink()
    with pytest.raises(DataError, match="is missing"):
        tiny.load("val", tmp_path)
    assert len(tiny.load("test", tmp_path)) == 40


def test_a_checksum_is_computed_once(
    tiny: CIFAR10, batches: dict[str, bytes], tmp_path: Path, write_all: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all(tiny.where(tmp_path), batches)
    tiny.load("test", tmp_path)
    monkeypatch.setattr("bench.data.verified.md5_file", lambda path: pytest.fail("read again"))
    tiny.load("test", tmp_path)
    (tiny.where(tmp_path) / ".verified").write_text("{")
    with pytest.raises(pytest.fail.Exception):
        tiny.load("test", tmp_path)


def test_a_read_only_root_loads(
    tiny: CIFAR10, batches: dict[str, bytes], tmp_path: Path, write_all: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "no")

    write_all(tiny.where(tmp_path), batches)
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    assert len(tiny.load("test", tmp_path)) == 40


def test_unknown_split(tiny: CIFAR10) -> None:
    with pytest.raises(DataError, match=r"has no split 'dev'\. Use one of: train, val, train_full, test"):
        tiny.load("dev")


def hundred(tmp_path: Path) -> tuple[CIFAR100, dict[str, bytes], list[int]]:
    fine = [i % 100 for i in range(30)]
    pixels = np.random.default_rng(2).integers(0, 256, (30, 3072), dtype=np.uint8)
    batch = {b"data": pixels, b"fine_labels": fine, b"coarse_labels": [i % 20 for i in range(30)]}
    contents = {name: pickle.dumps(batch, protocol=4) for name in ("train", "test")}
    md5s = {name: md5_bytes(content) for name, content in contents.items()}
    layout = Layout(PYTHON_100.title, PYTHON_100.files, PYTHON_100.convert, md5s)
    files = (StoredFile("train.bin", "train", 30 * 3074), StoredFile("test.bin", "test", 30 * 3074))
    return CIFAR100(files=files, layouts=(layout,), routes=()), contents, fine


def test_cifar100_records_the_checksum_it_rebuilt(tmp_path: Path, write_all: Write, silent: Progress) -> None:
    chosen, contents, fine = hundred(tmp_path)
    chosen.get(tmp_path, source=write_all(tmp_path / "own", contents), progress=silent)
    assert chosen.load("test", tmp_path).labels.tolist() == fine
    file = chosen.where(tmp_path) / "test.bin"
    file.write_bytes(b"\xff" + file.read_bytes()[1:])
    with pytest.raises(DataError, match="is damaged"):
        chosen.load("test", tmp_path)
    (chosen.where(tmp_path) / ".verified").unlink()
    with pytest.raises(DataError, match="Nothing says"):
        chosen.load("test", tmp_path)


def test_cifar100_is_not_read_before_its_checksum(tmp_path: Path, write_all: Write, silent: Progress) -> None:
    chosen, contents, _ = hundred(tmp_path)
    own = write_all(tmp_path / "own", contents | {"test": contents["test"] + b"x"})
    with pytest.raises(DataError, match="test has md5"):
        chosen.get(tmp_path, source=own, progress=silent)


def test_a_malicious_pickle_is_refused_with_a_sentence(
    tiny: CIFAR10, batches: dict[str, bytes], tmp_path: Path, write_all: Write, silent: Progress
) -> None:
    class Evil:
        def __reduce__(self) -> object:
            return Path.touch, (tmp_path / "owned",)

    own = write_all(tmp_path / "own", as_pickles(batches) | {"data_batch_1": pickle.dumps(Evil())})
    with pytest.raises(DataError, match=r"python version cannot be read .*asks for"):
        tiny.get(tmp_path / "root", source=own, progress=silent)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("train_lables.json", b"[300]"),
        ("train_lables.json", b"[" * 100_000),
        ("train_lables.json", b'{"0": 1}'),
        ("data_batch_1.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff"),
    ],
    ids=["a label beyond a byte", "nested without end", "no list", "a picture cut short"],
)
def test_odd_pictures_and_labels_are_refused_with_a_sentence(
    tiny: CIFAR10, batches: dict[str, bytes], tmp_path: Path, write_all: Write, silent: Progress, file: str, content: bytes
) -> None:
    own = write_all(tmp_path / "own", as_pictures(batches) | {file: content})
    with pytest.raises(DataError, match="batches as PNG cannot be read"):
        tiny.get(tmp_path / "root", source=own, progress=silent)


def test_an_archive_cannot_choose_where_it_is_written(
    tiny: CIFAR10, batches: dict[str, bytes], tmp_path: Path, silent: Progress
) -> None:
    path = archive(tmp_path / "evil.tar.gz", batches, "../../../escape")
    with tarfile.open(tmp_path / "links.tar", "w") as tar:
        for name in batches:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(link)
    tiny.get(tmp_path / "root", source=path, progress=silent)
    assert {p.name for p in tmp_path.iterdir()} == {"evil.tar.gz", "links.tar", "root"}
    other = replace(tiny, folder="other")
    with pytest.raises(DataError, match="no layout that is known"):
        other.get(tmp_path / "root", source=tmp_path / "links.tar", progress=silent)


def test_a_file_that_is_no_archive(tiny: CIFAR10, tmp_path: Path, silent: Progress) -> None:
    (tmp_path / "page.html").write_text("<html>")
    with pytest.raises(DataError, match=r"page\.html is no readable archive \(file could not be opened") as caught:
        tiny.get(tmp_path / "root", source=tmp_path / "page.html", progress=silent)
    assert "\n" not in str(caught.value)
