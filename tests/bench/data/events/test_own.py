"""Recordings of a user's own: folders, labels, cameras, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support.aedat4_files import aedat4
from support.recordings import aedat2, aedat3, atis, events, npy, npz, put
from torch import nn

import bench
from bench.data import load_samples
from bench.data.events.recording import Events, Sensor
from bench.foundation.errors import DataError, DataRemark, TooFewError

MAKERS: dict[str, Callable[[Events], bytes]] = {"aedat4": aedat4, "aedat": aedat3, "npz": npz, "npy": npy, "bin": atis}


def folder(top: Path, ending: str, make: Callable[[Events], bytes]) -> Path:
    """Two recordings of each of three classes."""
    for label, name in enumerate(("cup", "hand", "pen")):
        for number in range(2):
            put(top / name / f"{number}.{ending}", make(events(60, side=100, seed=10 * label + number)))
    return top


@pytest.fixture
def things(tmp_path: Path) -> Path:
    return folder(tmp_path / "things", "aedat4", aedat4)


def test_classes_take_turns(things: Path) -> None:
    samples = load_samples(f"events:{things}")
    assert samples.shape == (6, 10, 2, 128, 128) and samples.class_names == ("cup", "hand", "pen")
    assert samples.labels.tolist() == [0, 1, 2, 0, 1, 2] and samples.ids.tolist() == list(range(6))
    assert samples.name == "events:things,size=128x128,T=10,by=count,values=binary,rest=last"
    assert load_samples(f"events:{things},T=3", n=2).pixels.flatten(1).sum(1).tolist() == [60, 60]
    put(things / "classes.txt", b"pen\ncup\nhand\n")
    assert load_samples(f"events:{things}").class_names == ("pen", "cup", "hand")


@pytest.mark.parametrize("ending", MAKERS)
def test_every_format_gives_the_same_samples(things: Path, ending: str, tmp_path: Path) -> None:
    other = folder(tmp_path / "other", ending, MAKERS[ending])
    spec = ",size=128x128,T=4,values=counts"
    assert load_samples(f"events:{other}{spec}").sha256() == load_samples(f"events:{things}{spec}").sha256()


def test_the_camera_of_the_first_file_is_that_of_all(things: Path, tmp_path: Path) -> None:
    put(things / "pen" / "1.aedat4", aedat4(events(60, side=30), camera=Sensor(30, 40)))
    with pytest.raises(DataError, match=r"1\.aedat4 is of a camera of 30 x 40 pixels instead of 128 x 128\. Record"):
        load_samples(f"events:{things}").sha256()
    with pytest.raises(DataError, match=r"0\.aedat4 is of a camera of 128 x 128 pixels instead of 30 x 40"):
        load_samples(f"events:{things},size=30x40").sha256()
    put(things / "pen" / "1.aedat4", aedat4(events(60, side=30), camera=None))
    assert len(load_samples(f"events:{things}").sha256()) == 64
    old = put(tmp_path / "old" / "a" / "0.aedat", aedat2(events(60, side=128))).parents[1]
    assert load_samples(f"events:{old}").shape[-2:] == (128, 128)
    with pytest.raises(DataError, match="is of a camera of 128 x 128 pixels instead of 260 x 346"):
        load_samples(f"events:{old},size=260x346").sha256()


def test_a_camera_that_no_file_names_has_to_be_given(tmp_path: Path) -> None:
    top = folder(tmp_path, "npz", npz)
    with pytest.raises(DataError, match=r"0\.npz does not say how many pixels its camera has\. .*events:PATH,size=260x346"):
        load_samples(f"events:{top}")
    assert load_samples(f"events:{top},size=100x120").shape == (6, 10, 2, 100, 120)
    with pytest.raises(DataError, match="outside of 50 x 120 pixels"):
        load_samples(f"events:{top},size=50x120").sha256()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (",size=260", "size=260 is no height x width up to 9999 pixels"),
        (",size=0x3", "size=0x3 is no height"),
        (",size=12345x3", "size=12345x3 is no height"),
        (",size=9999x9999", "10 frames of 9999 x 9999 pixels are 1,999,600,020 cells. Ask for fewer frames"),
        (",test=first", "'test' is no option of recordings"),
    ],
)
def test_options_that_are_none(things: Path, options: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        load_samples(f"events:{things}{options}")


def test_sizes_are_no_option_of_published_sets(things: Path) -> None:
    with pytest.raises(DataError, match="'size' is no option of recordings"):
        load_samples(f"nmnist:{things},size=34x34")


def test_numbers_and_splits(things: Path) -> None:
    with pytest.raises(TooFewError, match="7 samples were asked for"):
        load_samples(f"events:{things}", n=7)
    with pytest.raises(DataError, match="no split 'train'"):
        load_samples(f"events:{things}", split="train")


def test_folders_that_are_none_of_classes(things: Path, tmp_path: Path) -> None:
    for path, sentence in (
        (tmp_path / "gone", "is not a folder. Name a folder that holds one folder of recordings per class"),
        (
            things / "cup",
            "holds recordings, but no class folders. Put the recordings of each class into a folder of its own",
        ),
        (tmp_path, "holds recordings, two folders below .* use events:"),
    ):
        with pytest.raises(DataError, match=sentence):
            load_samples(f"events:{path}")
    put(tmp_path / "split" / "train" / "cup" / "0.aedat4", b"")
    with pytest.raises(DataError, match=r"holds splits \(train\), not classes\. Name one: events:"):
        load_samples(f"events:{tmp_path / 'split'}")
    put(tmp_path / "images" / "cup" / "0.png", b"")
    with pytest.raises(DataError, match=r"holds no recordings\. Use one of these formats: \.aedat, \.aedat4, \.bin"):
        load_samples(f"events:{tmp_path / 'images'}")


def test_formats_that_are_not_read_are_refused_by_name(things: Path) -> None:
    put(things / "cup" / "notes.txt", b"")
    with pytest.warns(DataRemark, match=r"Left out: 1 files in class folders that are no recordings \(\.txt\)"):
        load_samples(f"events:{things}")
    put(things / "cup" / "2.raw", b"")
    with pytest.raises(DataError, match=r"2\.raw is of a kind that is not read\. Save it as \.npz with the columns t"):
        load_samples(f"events:{things}")


@pytest.mark.parametrize("name", ["0.aedat4", "1.aedat4"])
def test_a_damaged_recording_is_named(things: Path, name: str) -> None:
    """The first one on opening, because it says the size of the camera; others when they are read."""
    put(things / "cup" / name, b"#!AER-DAT4.0")
    with pytest.raises(DataError, match=rf"{name} is no AEDAT 4 file: it does not begin with .*Record or export it again"):
        load_samples(f"events:{things}").sha256()


def test_a_recording_that_may_not_be_read(things: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"0\.aedat4 cannot be read \(Permission denied\)"):
        load_samples(f"events:{things}")


class Linear(nn.Module):
    """Classifies the sum of the frames."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(2 * 128 * 128, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.layer(x.flatten(2)).mean(1)
        return scores


def test_own_recordings_are_evaluated_by_path(things: Path, tmp_path: Path) -> None:
    data = f"events:{things},T=2"
    record = bench.evaluate(Linear(), data=data, n=6, attack="topk", norm="events_l0", eps="5", out=tmp_path / "records")
    assert record.data.name == "events:things,size=128x128,T=2,by=count,values=binary,rest=last"
    assert record.data.n == 6 and record.data.sha256 == load_samples(data).sha256()
