from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import bench.data.cifar
from bench.cli.data import data
from bench.data import DATASETS, load_data, load_samples, open_dataset
from bench.data.cifar import CIFAR10
from bench.data.info import Part
from bench.data.nmnist_sim import SimulatedNMNIST
from bench.data.stored import ImageSet, data_root
from bench.foundation.errors import DataError, UnknownNameError


@pytest.mark.parametrize("name", DATASETS)
def test_the_facts_of_every_set_agree(name: str) -> None:
    chosen = open_dataset(name)
    assert isinstance(chosen, ImageSet)
    info = chosen.info
    assert info.name == name
    assert list(info.splits) == ["train", "val", "train_full", "test"]
    assert info.splits["train"] + info.splits["val"] == info.splits["train_full"]
    assert len(set(info.classes)) == len(info.classes)
    assert info.licence
    assert info.citation
    assert type(chosen).__doc__
    if info.task == "quality":
        assert info.classes == ()
        return
    if isinstance(chosen, SimulatedNMNIST):  # kept as events, of which nobody knows the number beforehand
        assert len(info.classes) == 10 and chosen.shipped == info.splits["test"]
        return
    parts: tuple[Part, ...] = ("train", "test")
    for part, split in zip(parts, ("train_full", "test"), strict=True):
        size = sum(file.size for file in chosen.files if file.part == part)
        pixels = info.splits[split] * torch.Size(info.shape).numel()
        assert pixels < size <= pixels + 2 * info.splits[split] + 24
    assert len(info.classes) in (10, 100)


def test_unknown_names_are_answered() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean: cifar10"):
        load_data("cifar11")


@pytest.mark.parametrize("name", ["folder", "folder:", "nmnist", "dvsgesture:"])
def test_data_of_ones_own_needs_a_path(name: str) -> None:
    with pytest.raises(DataError, match=r"is read from your own copy\. Say where it is: \w+:PATH"):
        load_samples(name)


def test_too_many_samples(tmp_path: Path, tiny: CIFAR10, batches: dict[str, bytes], write_all: Callable[..., Path]) -> None:
    write_all(tiny.where(tmp_path), batches)
    with pytest.raises(DataError, match=r"41 samples were asked for, but cifar10 \(test\) has 40\. Ask for at most 40"):
        tiny.load("test", tmp_path, 41)
    with pytest.raises(DataError, match="at least 1"):
        load_samples("cifar10", n=0, root=tmp_path / "nowhere")


def test_the_data_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    assert data_root() == tmp_path
    monkeypatch.delenv("BENCH_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert data_root() == tmp_path / "bench" / "data"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert data_root() == Path.home() / ".cache" / "bench" / "data"


def test_listing_imports_neither_torch_nor_pillow() -> None:
    code = (
        "import sys, bench.data; heavy = {'torch', 'numpy', 'PIL', 'pickle'} & set(sys.modules); assert not heavy, heavy\n"
        "import bench.cli.data; assert not {'torch', 'numpy', 'PIL'} & set(sys.modules)\n"
        "from click.testing import CliRunner\n"
        "assert CliRunner().invoke(bench.cli.data.data, ['ls', '--json']).exit_code == 0\n"
        "assert not {'torch', 'PIL'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_ls_says_what_is_here(tmp_path: Path) -> None:
    table = CliRunner().invoke(data, ["ls", "--root", str(tmp_path)])
    assert table.exit_code == 0
    assert all(name in table.output for name in ("cifar10", "cifar100", "mnist"))
    rows = {
        row["name"]: row for row in json.loads(CliRunner().invoke(data, ["ls", "--json", "--root", str(tmp_path)]).output)
    }
    assert list(rows) == list(DATASETS)
    assert rows["cifar10"] | {"shape": [3, 32, 32], "shipped": 2000, "folder": None} == rows["cifar10"]


def test_get_and_path(
    tmp_path: Path,
    tiny: CIFAR10,
    batches: dict[str, bytes],
    write_all: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bench.data.cifar, "CIFAR10", lambda: tiny)
    root = ["--root", str(tmp_path / "root")]
    absent = CliRunner().invoke(data, ["path", "cifar10", *root])
    assert isinstance(absent.exception, DataError)
    own = write_all(tmp_path / "own", batches)
    got = CliRunner().invoke(data, ["get", "cifar10", "--from", str(own), *root])
    assert got.exit_code == 0, got.exception
    assert f"came from {own}" in got.output
    again = CliRunner().invoke(data, ["get", "cifar10", *root])
    assert "was already here" in again.output
    found = CliRunner().invoke(data, ["path", "cifar10", *root])
    assert found.output.strip() == str(tiny.where(tmp_path / "root"))
    listed = CliRunner().invoke(data, ["ls", "--json", *root])
    assert json.loads(listed.output)[0]["folder"] == found.output.strip()


@pytest.mark.parametrize("name", ["cifar11", "folder:somewhere", "nmnist", "nmnist:somewhere"])
def test_get_of_what_cannot_be_fetched(name: str) -> None:
    failed = CliRunner().invoke(data, ["get", name])
    assert isinstance(failed.exception, DataError | UnknownNameError)
