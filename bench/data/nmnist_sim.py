"""``nmnist_sim``, version 1: MNIST seen by a simulated event camera in three saccades. *Simulated*, never a recording.

The camera is :data:`bench.data.events.camera.V1`; its numbers were frozen before any network saw what it makes. A sample
is ten binary frames of 30 ms, counted from the beginning of the recording, ``(10, 2, 34, 34)``: channel 0 darker, channel 1
brighter. The 2,000 test recordings (MNIST's first 2,000 test images) ship with the suite, with every event in its
millisecond; the training recordings (MNIST's first 20,000 training images) are made by ``bench data get nmnist_sim``.

How well the simulation stands for a camera: a network that was trained on real N-MNIST decides the simulated test digits,
``python -m reports.simulated_gate``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.data.events.camera import SIDE, V1
from bench.data.events.packed import Recordings, binary_frames, unshipped
from bench.data.info import DatasetInfo, StoredFile
from bench.data.layouts import Layout
from bench.data.mnist import MNIST
from bench.data.routes import LocalRoute, Progress, Route
from bench.data.stored import ImageSet
from bench.data.verified import check_files
from bench.foundation.errors import DataError
from bench.foundation.files import atomic_write_bytes, make_folder, sha256_bytes

if TYPE_CHECKING:
    from bench.data.base import Samples
    from bench.data.stored import Arrays

FOLDER = Path(__file__).parent / "embedded"
RECORDINGS, LABELS = "nmnist_sim_test_2000.lzma", "nmnist_sim_test_2000.labels"
TRAIN, TEST = 20_000, 2_000
FRAMES = 10
SHAPE = (2, SIDE, SIDE)
PLACES = 2 * SIDE * SIDE
SHA256 = "3d03df9d8fb19b50599099956a42cd670a677e969dc66fd26235e9e95a3b061b"
"""Of the test recordings, as :func:`to_bytes` writes them."""

_INFO = DatasetInfo(
    "nmnist_sim",
    "Simulated N-MNIST",
    tuple("0123456789"),
    (FRAMES, *SHAPE),
    {"train": 18_004, "val": 1_996, "train_full": TRAIN, "test": TEST},
    "CC-BY-SA-3.0",
    "Images: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-Based Learning Applied to Document Recognition. "
    "Proceedings of the IEEE, 1998. Recorded as in: G. Orchard, A. Jayawant, G. Cohen, N. Thakor. Converting Static Image "
    "Datasets to Spiking Neuromorphic Datasets Using Saccades. Frontiers in Neuroscience, 2015.",
)


@dataclass(frozen=True, kw_only=True)
class SimulatedNMNIST(ImageSet):
    """20,000 training and 2,000 test digits as simulated recordings."""

    info: DatasetInfo = _INFO
    folder: str = "nmnist_sim"
    files: tuple[StoredFile, ...] = (StoredFile("train.bin", "train", 182_515_164, "5557ae4c55b8f5dbe8530e47d5d94df7"),)
    layouts: tuple[Layout, ...] = ()
    shipped: int = TEST

    def get(self, root: Path | None, *, source: Path | None, progress: Progress) -> Route | None:
        """Make the training recordings from MNIST, fetched first if it is not there; as :meth:`ImageSet.get`.

        source: the user's own copy of MNIST.
        """
        try:
            check_files(self.where(root), self.files, "")
        except DataError:
            mnist = MNIST()
            route = mnist.get(root, source=source, progress=progress)
            digits = mnist.load("train_full", root, TRAIN)
            content = to_bytes(recorded(digits, progress), digits.labels.numpy())
            make_folder(self.where(root))
            atomic_write_bytes(self.where(root) / self.files[0].name, content)
            check_files(self.where(root), self.files, "This machine computes other recordings than ours: please report it.")
            return route or LocalRoute(mnist.where(root))
        return None

    def load(self, split: str, root: Path | None = None, n: int | None = None) -> Samples:
        """The first ``n`` samples of a split (None: all). Raises ``DataError``."""
        if split != "test":
            return super().load(split, root, n)
        import torch

        from bench.data.base import Samples

        recordings, labels = shipped_recordings()
        frames = torch.from_numpy(binary_frames(recordings, frames=FRAMES, shape=SHAPE))
        samples = Samples(
            frames, torch.from_numpy(labels).long(), torch.arange(TEST), self.info.name, split, self.info.classes
        )
        return samples if n is None else samples.take(n)

    def parse(self, paths: Sequence[Path]) -> Arrays:
        """Frames ``(N, 10, 2, 34, 34)``, bool, and labels."""
        recordings, labels = from_bytes(paths[0].read_bytes(), TRAIN)
        return binary_frames(recordings, frames=FRAMES, shape=SHAPE), labels


def recorded(digits: Samples, progress: Progress) -> Recordings:
    """What the camera records of images of MNIST."""
    from bench.data.events.saccades import simulate

    images, ids = digits.pixels[:, 0].numpy(), digits.ids.numpy()
    # Thresholds are the camera's; displacements and noise are keyed by id, and both halves of MNIST count from 0.
    keys = ids + (0 if digits.split == "test" else 1 << 20)
    counts, places = [], []
    for start in range(0, len(images), 200):
        progress("making nmnist_sim", images[:start].nbytes, images.nbytes)
        stream = simulate(images[start : start + 200], keys[start : start + 200])
        size = len(images[start : start + 200]) * V1.milliseconds
        counted = np.bincount(stream.recording * V1.milliseconds + stream.millisecond, minlength=size)
        counts.append(counted.reshape(-1, V1.milliseconds).astype(np.uint16))
        places.append(stream.place.astype(np.uint16))
    return Recordings(np.concatenate(counts), np.concatenate(places))


def to_bytes(recordings: Recordings, labels: np.ndarray[tuple[int], np.dtype[np.int64]]) -> bytes:
    """Labels, one byte each, then counts and places of events, two bytes each, the low one first."""
    numbers = (array.astype("<u2").tobytes() for array in (recordings.counts, recordings.places))
    return labels.astype(np.uint8).tobytes() + b"".join(numbers)


def from_bytes(content: bytes, number: int) -> tuple[Recordings, np.ndarray[tuple[int], np.dtype[np.uint8]]]:
    """What :func:`to_bytes` wrote of ``number`` recordings. Raises ``ValueError`` if it does not fit."""
    labels = np.frombuffer(content, np.uint8, number)
    counts = np.frombuffer(content, "<u2", number * V1.milliseconds, number).reshape(number, -1)
    places = np.frombuffer(content, "<u2", offset=number + counts.nbytes)
    return Recordings(counts.astype(np.uint16), places.astype(np.uint16)), labels.copy()


def shipped_recordings(folder: Path = FOLDER) -> tuple[Recordings, np.ndarray[tuple[int], np.dtype[np.uint8]]]:
    """The test recordings and their labels. Raises ``DataError`` if a file is missing or damaged."""
    try:
        content = (folder / RECORDINGS).read_bytes()
        recordings = unshipped(content, number=TEST, milliseconds=V1.milliseconds, places=PLACES)
        labels = np.frombuffer((folder / LABELS).read_bytes(), np.uint8).copy()
        sha256 = sha256_bytes(to_bytes(recordings, labels.astype(np.int64)))
    except (OSError, ValueError) as error:
        raise DataError(f"The recordings in {folder} cannot be read ({error}).", "Install the suite again.") from error
    if sha256 != SHA256:
        raise DataError(f"The recordings in {folder} are not the ones that ship.", "Install the suite again.")
    return recordings, labels
