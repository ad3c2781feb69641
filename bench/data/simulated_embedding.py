"""Writes the test recordings that ship: ``python -m bench.data.simulated_embedding`` (half a minute; needs MNIST)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.data.base import Samples
from bench.data.events.packed import shipped
from bench.data.nmnist_sim import FOLDER, LABELS, PLACES, RECORDINGS, TEST, recorded, to_bytes
from bench.foundation.files import atomic_write_bytes, sha256_bytes


def write_embedded(digits: Samples, folder: Path) -> str:
    """Write the recordings of the first 2,000 of ``digits`` and their labels.

    Returns the hash that belongs into ``nmnist_sim.SHA256``.
    """
    first = digits.take(TEST)
    recordings, labels = recorded(first, lambda what, done, total: None), first.labels.numpy()
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write_bytes(folder / RECORDINGS, shipped(recordings, places=PLACES))
    atomic_write_bytes(folder / LABELS, labels.astype(np.uint8).tobytes())
    return sha256_bytes(to_bytes(recordings, labels))


if __name__ == "__main__":
    import click

    from bench.data.mnist import MNIST

    click.echo(write_embedded(MNIST().load("test"), FOLDER))
