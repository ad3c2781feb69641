"""The three sets in the layouts that archives and libraries leave behind, at their full counts, with short recordings."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from support.recordings import aedat2, aedat3, atis, events, npy, npz, put
from torch import nn

import bench
from bench.data import load_samples
from bench.data.base import Samples
from bench.data.events.frames import FrameRule, frames
from bench.data.events.layouts import CIFAR_CLASSES
from bench.data.events.recording import Events, Sensor
from bench.foundation.errors import DataError, DataRemark, TooFewError

DIGITS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
RECORDINGS = [f"user{number:02}_{light}" for number in range(24, 30) for light in ("fluorescent", "lab", "led", "natural")]


def linked(path: Path, original: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.link(original, path)


def digits_in_order() -> list[int]:
    """A label for each of MNIST's 10,000 test images, as many of each as there are."""
    return np.random.default_rng(0).permutation(np.repeat(np.arange(10), DIGITS)).tolist()


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """N-MNIST's test half, both as the archive and as SpikingJelly leaves it."""
    top = tmp_path_factory.mktemp("nmnist")
    shown = [events(40, seed=digit) for digit in range(10)]
    raw = [put(top / f"{digit}.raw", atis(given)) for digit, given in enumerate(shown)]
    stored = [put(top / f"{digit}.stored", npz(given)) for digit, given in enumerate(shown)]
    for number, digit in enumerate(digits_in_order(), 1):
        linked(top / "archive" / "Test" / str(digit) / f"{number:05}.bin", raw[digit])
        linked(top / "jelly" / "events_np" / "test" / str(digit) / f"{number:05}.npz", stored[digit])
    return top


def test_nmnist_comes_in_the_order_of_mnist(digits: Path) -> None:
    samples = load_samples(f"nmnist:{digits}/archive")
    assert samples.shape == (10_000, 10, 2, 34, 34) and samples.ids.tolist() == list(range(10_000))
    assert samples.labels.tolist() == digits_in_order() and samples.class_names == tuple("0123456789")
    assert samples.name == "nmnist:T=10,by=count,values=binary,rest=last"
    first = samples[:3]
    assert first.pixels.dtype == torch.bool and first.images.dtype == torch.float32
    assert set(first.images.unique().tolist()) == {0.0, 1.0} and samples.nbytes_per_row == 10 * 2 * 34 * 34


def test_layouts_of_libraries_give_the_same_samples(digits: Path) -> None:
    for spec in ("", ",T=4,by=time,values=counts"):
        archive, jelly = (load_samples(f"nmnist:{digits}/{name}{spec}", n=30) for name in ("archive", "jelly"))
        assert archive.sha256() == jelly.sha256()


def test_counts_are_levels_of_8_bits_unless_a_peak_is_given(digits: Path) -> None:
    spec = f"nmnist:{digits}/archive,T=1,values=counts"
    counted = load_samples(spec, n=5)
    assert counted.pixels.dtype == torch.uint8 and counted.pixels.flatten(1).sum(1).tolist() == [40] * 5
    torch.testing.assert_close(counted.images * 255, counted.pixels.float())
    scaled = load_samples(f"{spec},peak=8", n=5)
    torch.testing.assert_close(scaled.images * 8, counted.pixels.float())
    assert scaled.name == "nmnist:T=1,by=count,values=counts,rest=last,peak=8"
    with pytest.raises(DataError, match=r"has \d events in one pixel of one frame, more than the peak of 1\. .*peak=\d"):
        _ = load_samples(f"{spec},peak=1", n=50).pixels


def test_numbers_and_splits(digits: Path) -> None:
    with pytest.raises(TooFewError, match=r"10,001 samples were asked for, but nmnist \(test\) has 10,000"):
        load_samples(f"nmnist:{digits}/archive", n=10_001)
    with pytest.raises(DataError, match="holds no train recordings of N-MNIST"):
        load_samples(f"nmnist:{digits}/archive", split="train")
    with pytest.raises(DataError, match="no split 'dev'"):
        load_samples(f"nmnist:{digits}/archive", split="dev")
    with pytest.raises(DataError, match="is not a folder"):
        load_samples(f"nmnist:{digits}/gone")


def test_a_copy_that_is_not_whole_is_refused(digits: Path, tmp_path: Path) -> None:
    (tmp_path / "Test").mkdir()
    for digit in range(10):
        (tmp_path / "Test" / str(digit)).symlink_to(digits / "archive" / "Test" / str(digit))
    assert len(load_samples(f"nmnist:{tmp_path}")) == 10_000
    (tmp_path / "Test" / "7").unlink()
    with pytest.raises(DataError, match="has 0 recordings of '7' instead of 1,028"):
        load_samples(f"nmnist:{tmp_path}")
    put(tmp_path / "Test" / "7" / "seven.bin", b"")
    with pytest.raises(DataError, match=r"seven\.bin is no recording of N-MNIST"):
        load_samples(f"nmnist:{tmp_path}")
    (tmp_path / "Test" / "7" / "seven.bin").rename(tmp_path / "Test" / "7" / f"{digits_in_order().index(0) + 1:05}.bin")
    with pytest.raises(DataError, match="is there twice"):
        load_samples(f"nmnist:{tmp_path}")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (",T=0", "T=0 is no number from 1"),
        (",T=2000", "T must be 1 to 1000"),
        (",by=number", "by must be time or count, not number"),
        (",frames=3", "'frames' is no option of recordings"),
        (",test=first", "'test' is no option of recordings"),
        (",peak=3", "A binary frame has no peak"),
        (",bin_us=1000", "goes with by=time"),
        (",T=x", "T=x is no number"),
    ],
)
def test_options_that_are_none(digits: Path, options: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        load_samples(f"nmnist:{digits}/archive{options}")


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CIFAR10-DVS, as the archives and as SpikingJelly leave it."""
    top = tmp_path_factory.mktemp("cifar10dvs")
    for label, name in enumerate(CIFAR_CLASSES):
        given = events(60, side=128, seed=label)
        raw, stored = put(top / f"{name}.raw", aedat2(given)), put(top / f"{name}.stored", npz(given))
        for number in range(1000):
            linked(top / "archive" / "extract" / name / f"cifar10_{name}_{number}.aedat", raw)
            linked(top / "jelly" / "events_np" / name / f"cifar10_{name}_{number}.npz", stored)
    return top


def numbers(samples: Samples) -> set[int]:
    """Which of each class."""
    return set((samples.ids // 10).tolist())


def test_cifar10_dvs_says_how_it_is_split(things: Path) -> None:
    with pytest.warns(DataRemark, match="no published split.*test=first"):
        last = load_samples(f"cifar10dvs:{things}/archive")
    named = load_samples(f"cifar10dvs:{things}/archive,test=last")
    assert len(last) == 1000 and last.ids.tolist() == named.ids.tolist() and named.remarks == ()
    names = sorted(f"cifar10_cat_{number}.npz" for number in range(1000))[900:]
    assert numbers(last) == {int(name.split("_")[2].removesuffix(".npz")) for name in names}
    first = load_samples(f"cifar10dvs:{things}/archive,test=first")
    assert numbers(first) == set(range(100)) and first.labels[:11].tolist() == [*range(10), 0]
    assert torch.equal(first.ids % 10, first.labels)
    with pytest.raises(DataError, match="test=middle names no samples"):
        load_samples(f"cifar10dvs:{things}/archive,test=middle")


def test_splits_of_cifar10_dvs_do_not_overlap(things: Path) -> None:
    ids = {
        split: set(load_samples(f"cifar10dvs:{things}/jelly,test=last", split=split).ids.tolist())
        for split in ("test", "train", "val", "train_full")
    }
    assert {split: len(some) for split, some in ids.items()} == {"test": 1000, "train": 8100, "val": 900, "train_full": 9000}
    assert not ids["test"] & ids["train_full"] and ids["train"] | ids["val"] == ids["train_full"]


def test_cifar10_dvs_is_turned_as_in_spikingjelly(things: Path) -> None:
    archive, jelly = (load_samples(f"cifar10dvs:{things}/{name},test=first,T=3", n=10) for name in ("archive", "jelly"))
    assert archive.sha256() == jelly.sha256() and archive.shape == (10, 3, 2, 128, 128)


def test_aedat4_is_refused_because_of_how_it_may_be_turned(tmp_path: Path) -> None:
    put(tmp_path / "CIFAR10DVS" / "cat" / "cifar10_cat_0.aedat4", b"")
    with pytest.raises(DataError, match=r"AEDAT 4 file, which may be turned otherwise.*events:PATH"):
        load_samples(f"cifar10dvs:{tmp_path}")
    put(tmp_path / "other" / "cat" / "cat_0.aedat", b"")
    with pytest.raises(DataError, match=r"cat_0\.aedat is no recording of CIFAR10-DVS"):
        load_samples(f"cifar10dvs:{tmp_path}/other")


def gestures(number: int) -> tuple[Events, list[tuple[int, int, int]]]:
    """Events of a recording, and (label from 1, start, stop) of its twelve gestures, the last one a second of label 8."""
    given = events(1200, side=128, seed=number, span=1_200_000)
    order = np.random.default_rng(number).permutation(np.arange(1, 12)).tolist()
    return given, [(label, 1000 + i * 100_000, 1000 + (i + 1) * 100_000 - 500) for i, label in enumerate([*order, 8])]


@pytest.fixture(scope="module")
def gesture_folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DVS128 Gesture's test half, as the archive, SpikingJelly and Tonic leave it."""
    top = tmp_path_factory.mktemp("gesture")
    archive = top / "archive" / "DvsGesture"
    for number, name in enumerate(RECORDINGS):
        given, table = gestures(number)
        put(archive / f"{name}.aedat", aedat3(given))
        lines = ["class,startTime_usec,endTime_usec", *(",".join(map(str, row)) for row in table)]
        put(archive / f"{name}_labels.csv", "\n".join(lines).encode())
        seen: dict[int, int] = {}
        for label, start, stop in table:
            count = seen[label] = seen.get(label, -1) + 1
            put(
                top / "jelly" / "events_np" / "test" / str(label - 1) / f"{name}_{count}.npz",
                npz(given.between(start, stop)),
            )
            if count == 0:
                put(
                    top / "tonic" / "DVSGesture" / "ibmGestureTest" / name / f"{label - 1}.npy",
                    npy(given.between(start, stop)),
                )
    put(archive / "trials_to_test.txt", "\n".join(f"{name}.aedat" for name in reversed(RECORDINGS)).encode())
    return top


def test_gestures_come_alike_from_every_layout(gesture_folders: Path) -> None:
    archive, jelly = (load_samples(f"dvsgesture:{gesture_folders}/{name}") for name in ("archive", "jelly"))
    assert archive.shape == (288, 16, 2, 128, 128) and archive.ids.tolist() == list(range(288))
    assert archive.labels[:13].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 7, 8, 9, 10, 0]
    assert torch.equal(archive.labels, jelly.labels)
    some = torch.tensor([0, 8, 30, 287])
    assert archive[some].sha256() == jelly[some].sha256()
    given, table = gestures(0)
    label, start, stop = table[0]
    made = frames(given.between(start, stop), FrameRule(T=16), Sensor(128, 128)).astype(bool)
    assert torch.equal(archive[archive.labels[:12].tolist().index(label - 1) :][:1].pixels[0], torch.from_numpy(made))
    pickle.dumps(archive)


def test_tonic_has_one_gesture_of_a_kind(gesture_folders: Path) -> None:
    tonic = load_samples(f"dvsgesture:{gesture_folders}/tonic")
    archive = load_samples(f"dvsgesture:{gesture_folders}/archive", n=3)
    assert len(tonic) == 264 and tonic.labels[:12].tolist() == [*range(11), 0]
    assert tonic[:3].sha256() == archive.sha256()


def test_gestures_that_are_not_whole(gesture_folders: Path, tmp_path: Path) -> None:
    for path in (gesture_folders / "archive" / "DvsGesture").iterdir():
        (tmp_path / path.name).symlink_to(path)
    table = tmp_path / f"{RECORDINGS[0]}_labels.csv"
    whole = table.read_text()
    table.unlink()
    table.write_text("\n".join(whole.splitlines()[:-1]))
    with pytest.raises(DataError, match="has 287 test gestures instead of 288"):
        load_samples(f"dvsgesture:{tmp_path}")
    table.write_text(whole + "\n12,1,2")
    with pytest.raises(DataError, match=r"_labels\.csv has the class 12 from 1 to 2 in line 14"):
        load_samples(f"dvsgesture:{tmp_path}")
    table.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="is no text"):
        load_samples(f"dvsgesture:{tmp_path}")
    (tmp_path / f"{RECORDINGS[1]}.aedat").unlink()
    with pytest.raises(DataError, match=r"names .*aedat, which is not there"):
        load_samples(f"dvsgesture:{tmp_path}")


def test_folders_that_hold_no_such_set(tmp_path: Path) -> None:
    for name, sentence in (
        ("nmnist", "holds no test recordings of N-MNIST. Name the folder that holds Train/ and Test/"),
        ("cifar10dvs", "holds no recordings of CIFAR10-DVS"),
        ("dvsgesture", "holds no test recordings of DVS128 Gesture"),
    ):
        with pytest.raises(DataError, match=sentence):
            load_samples(f"{name}:{tmp_path}")


def test_a_damaged_recording_is_named_when_it_is_read(digits: Path, tmp_path: Path) -> None:
    (tmp_path / "Test").mkdir()
    for digit in range(10):
        (tmp_path / "Test" / str(digit)).symlink_to(digits / "archive" / "Test" / str(digit))
    (tmp_path / "Test" / "3").unlink()
    for path in (digits / "archive" / "Test" / "3").iterdir():
        linked(tmp_path / "Test" / "3" / path.name, path)
    first = sorted((tmp_path / "Test" / "3").iterdir())[0]
    first.unlink()
    first.write_bytes(b"1234")
    samples = load_samples(f"nmnist:{tmp_path}")
    with pytest.raises(DataError, match=rf"{first.name} is cut short: 4 bytes"):
        samples[samples.ids == int(first.stem) - 1].sha256()


class Linear(nn.Module):
    """Classifies the sum of the frames."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(2 * 34 * 34, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.layer(x.flatten(2)).mean(1)
        return scores


def test_recordings_are_evaluated_by_name(digits: Path, tmp_path: Path) -> None:
    data = f"nmnist:{digits}/archive,T=4,values=counts"
    record = bench.evaluate(Linear(), data=data, n=6, attack="fgsm", eps="1/255", out=tmp_path)
    assert record.data.name == "nmnist:T=4,by=count,values=counts,rest=last,peak=255"
    assert record.data.n == 6 and record.data.sha256 == load_samples(data, n=6).sha256()
