"""How often a spiking network that was trained on real N-MNIST decides simulated recordings right.

    python -m reports.simulated_gate --network cnn_sinabs.nir --real cnn_numbers.npz [--n 1000]

Network and recordings are in the source archive of the Python package ``nir`` 1.0.3 (folder ``paper/02_cnn``). Recordings
are given as the network knows them, in steps of 1 ms. The camera's numbers were frozen beforehand, and the figure is written
whatever it is: ``leaderboards/events/simulated_gate.csv``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bench.data.events.camera import V1
from bench.data.events.packed import Recordings, binary_frames
from bench.data.nmnist_sim import SHAPE, shipped_recordings
from bench.foundation.errors import DataError
from bench.foundation.files import sha256_file
from bench.metrics.statistics import wilson
from reports.exit_status import end_with
from reports.growing import write_growing
from zoo.adapters.nir import Discretisation, load_nir

WHERE = Path("leaderboards/events/simulated_gate.csv")
BATCH = 20


def simulated(recordings: Recordings, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of recordings ``(n, 300, 2, 34, 34)`` in frames of 1 ms, and labels ``(n,)``."""
    for start in range(0, len(recordings), BATCH):
        part = recordings.take(start, start + BATCH)
        frames = binary_frames(part, frames=V1.milliseconds, shape=SHAPE)
        yield torch.from_numpy(frames).float(), labels[start : start + BATCH]


def real(path: Path) -> tuple[Tensor, Tensor]:
    """The ten recordings ``(10, 300, 2, 34, 34)`` of the archive, one of each digit in order, and their labels.

    Raises ``DataError`` for another file.
    """
    try:
        events = np.load(path, allow_pickle=False)["events"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} cannot be read ({error}).", "Give cnn_numbers.npz with --real.") from error
    if events.shape != (V1.milliseconds, 10, *SHAPE):
        raise DataError(f"{path} holds {events.shape} instead of ten recordings.", "Give cnn_numbers.npz with --real.")
    return torch.from_numpy(events.astype(np.float32)).transpose(0, 1), torch.arange(10)


def right(network: nn.Module, frames: Tensor, labels: Tensor) -> int:
    """Number of recordings ``(n, T, 2, 34, 34)`` that the network decides right."""
    with torch.inference_mode():
        return int((network(frames).argmax(1) == labels).sum())


def rows(network: nn.Module, *, n: int, known: Path | None, digest: str) -> Iterator[dict[str, object]]:
    """One row for the simulated test recordings, and one for the real ones if they are ``known``."""
    recordings, labels = shipped_recordings()
    batches = simulated(recordings.take(0, n), torch.from_numpy(labels[:n]).long())
    yield _row("simulated (nmnist_sim, test)", sum(right(network, frames, y) for frames, y in batches), n, digest)
    if known is not None:
        frames, y = real(known)
        yield _row("real (N-MNIST, test)", right(network, frames, y), len(y), digest)


def _row(recordings: str, hits: int, n: int, digest: str) -> dict[str, object]:
    share = wilson(hits, n)
    return {
        "recordings": recordings,
        "n": n,
        "right": hits,
        "accuracy": f"{share.value:.4f}",
        "low": f"{share.low:.4f}",
        "high": f"{share.high:.4f}",
        "step": "1 ms",
        "network": digest[:16],
    }


def main() -> int:
    """Parse arguments and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", type=Path, required=True, help="cnn_sinabs.nir")
    parser.add_argument("--real", type=Path, help="cnn_numbers.npz")
    parser.add_argument("--n", type=int, default=1000, help="simulated recordings, at most 2,000 [default: 1000]")
    given = parser.parse_args()
    if not 1 <= given.n <= 2000 or not given.network.is_file():
        raise DataError("The gate cannot be run so.", "Give the file of the network, and --n 1 to 2000.")
    network = load_nir(given.network, Discretisation()).eval()
    found = rows(network, n=given.n, known=given.real, digest=sha256_file(given.network))
    write_growing(WHERE, found, lambda row: f"{row['recordings']}: {row['right']} of {row['n']} right ({row['accuracy']})")
    return 0


if __name__ == "__main__":
    end_with(main)
