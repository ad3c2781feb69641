"""Good inputs of every door, small, out of which bad ones are made."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml
from PIL import Image
from safetensors.torch import save
from scipy.io import savemat
from support import small_cifar
from support.aedat4_files import aedat4
from support.leaderboard import RECORDS
from support.old_pickles import pickle_of_python2
from support.recordings import aedat2, aedat3, atis, events, npy, npz
from support.submissions import filled_in

from bench.boards.gallery_record import Gallery, StripImage
from bench.boards.store import Board
from bench.boards.strip import Tile, encoded
from bench.data.mnist import write_idx
from bench.evaluation.records.archive import RECORDS_FILE
from bench.evaluation.records.rows_file import write_rows
from bench.training.checkpoint import Checkpoint, Epoch

LEADERBOARDS = Path(__file__).parents[2] / "leaderboards"
BOARD = Board("snn-cifar10-linf", 4, LEADERBOARDS / "snn-cifar10-linf" / "v4")
DRAFT = LEADERBOARDS / "drafts" / "snn-cifar10-linf.yaml"
CARD = LEADERBOARDS.parent / "zoo" / "cards" / "snn_at.yaml"
SMALL_SET = small_cifar.small_cifar(1)


def first_lines(path: Path, count: int) -> str:
    """The beginning of a file."""
    return "".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:count])


def record() -> dict[str, Any]:
    """A record without most of its checks, which all look alike."""
    line = json.loads(first_lines(RECORDS / RECORDS_FILE, 1))
    fields: dict[str, Any] = line["record"]
    fields["reliability"]["checks"] = fields["reliability"]["checks"][:2]
    return fields


def manifest(*, own_code: bool) -> dict[str, Any]:
    """A submission's."""
    with tempfile.TemporaryDirectory() as name:
        filled_in(Path(name) / "mine", own_code=own_code)
        fields: dict[str, Any] = yaml.safe_load((Path(name) / "mine" / "submission.yaml").read_text())
    fields["weights"] = {"file": "weights.safetensors", "sha256": "0" * 64, "bytes": 1000}
    return fields


def few_rows() -> pd.DataFrame:
    """Rows of one entry."""
    return pd.DataFrame({"sample": [0, 1, 2], "robust": [0.0, 1.0, 0.5], "attack": ["pgd"] * 3, "ok": [True, False, True]})


def rows() -> bytes:
    """Rows of two entries in one file."""
    frame = few_rows()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "rows.parquet"
        write_rows(path, {"a@1": frame, "b@1": frame.assign(more=1)})
        return path.read_bytes()


def frame() -> bytes:
    """Rows of one record."""
    content = io.BytesIO()
    pd.DataFrame({"sample": [0, 1], "robust": [0.0, 1.0], "status": ["ok", "ok"]}).to_parquet(content, index=False)
    return content.getvalue()


def journal() -> bytes:
    """Three lines, as a run leaves them."""
    bodies = [
        json.dumps(entry, separators=(",", ":")).encode()
        for entry in (["run", "i"], ["fresh", True], ["clean/0", {"a": [1]}])
    ]
    return b"".join(map(journal_line, bodies))


def journal_line(body: bytes) -> bytes:
    """A line of a journal, its checksum right."""
    return b"%08x %s\n" % (zlib.crc32(body), body)


def checkpoint() -> bytes:
    """After one epoch of the training of one weight."""
    epoch = Epoch(epoch=1, loss=0.5, train_figure=0.5, val_figure=0.5, learning_rate=0.1, seconds=1.0)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "checkpoint.safetensors"
        Checkpoint({"w": torch.zeros(1)}, {"w": torch.zeros(1)}, [epoch], "0").write(path)
        return path.read_bytes()


def images() -> list[bytes]:
    """Challenges."""
    with_ids = {"images": torch.rand(2, 3, 4, 4), "samples": torch.tensor([0, 1])}
    return [save(with_ids), save({"images": torch.rand(2, 3, 4, 4)}), save({"x": torch.zeros(0)}, metadata={"a": "b"})]


def challenge() -> dict[str, Any]:
    """The record of one."""
    row = {"sample": 0, "norm_value": 0.01, "status": "ok", "adv_pred": 1, "robust": 0.0, "adv_sha256": "0" * 16}
    words = {"who": "A. Nobody", "how": "Gradients", "link": "https://example.org", "date": "2026-01-02", "eps": "8/255"}
    return {"schema_version": 1, "record_sha256": "0" * 64, "images_sha256": "1" * 64, "rows": [row], **words}


def pictures() -> list[bytes]:
    """PNG and JPEG files of several kinds."""
    rng = np.random.default_rng(0)
    contents = []
    for shape, form in (((6, 5, 3), "PNG"), ((6, 5), "PNG"), ((16, 16, 3), "JPEG"), ((6, 5, 3), "BMP"), ((6, 5, 3), "TIFF")):
        content = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, shape).astype(np.uint8)).save(content, form)
        contents.append(content.getvalue())
    return contents


def strip() -> bytes:
    """Two images of a gallery."""
    clean = np.random.default_rng(0).integers(2, 250, (2, 8, 8, 3)).astype(np.uint8)
    return encoded([Tile(image, image + 2) for image in clean], 60)


def gallery_fields() -> dict[str, Any]:
    """The list of one entry's pictures."""
    image = StripImage(sample=1, before="a", after="b", worst=True)
    fields: dict[str, Any] = json.loads(
        Gallery(name="a@1", record_sha256="0", eps="1", step=3, images=[image]).model_dump_json(by_alias=True)
    )
    return fields


def gallery() -> str:
    """The same, as it stands in the file."""
    return json.dumps(gallery_fields()) + "\n"


def digits() -> list[bytes]:
    """Images and labels of MNIST."""
    rng = np.random.default_rng(0)
    return [write_idx(rng.integers(0, 256, shape, dtype=np.uint8)) for shape in ((2, 3, 3), (4,))]


def batches() -> list[bytes]:
    """A batch of CIFAR-10 as Python 2 and 3 write it."""
    batch = {b"data": np.zeros((2, 12), np.uint8), b"labels": [0, 1]}
    return [pickle_of_python2(batch), pickle.dumps(batch, protocol=3), pickle.dumps(batch, protocol=4)]


def archives() -> list[bytes]:
    """The small set in archives of several kinds."""
    contents = []
    for mode in ("w", "w:gz", "w:xz", "w:bz2"):
        with io.BytesIO() as target:
            with tarfile.open(fileobj=target, mode=mode) as tar:  # type: ignore[call-overload]
                for name, content in small_cifar.batches(1).items():
                    member = tarfile.TarInfo(f"cifar/{name}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
            contents.append(target.getvalue())
    return contents


def matlab(name: str) -> bytes:
    """One score, or the name of one image, as the LIVE Challenge has them."""
    cells = np.empty((1, 1), object)
    cells[0, 0] = "1.bmp"
    with io.BytesIO() as target:
        savemat(target, {name: cells if "Images" in name else np.array([[50.0]])})
        return target.getvalue()


def recordings() -> dict[str, list[bytes]]:
    """Event files by their ending."""
    small, large = events(20), events(20, side=128)
    return {
        ".bin": [atis(small)],
        ".npz": [npz(small)],
        ".npy": [npy(small)],
        ".aedat": [aedat2(large), aedat3(large, per_packet=8)],
        ".aedat4": [aedat4(large, compression, per_packet=8) for compression in ("none", "lz4", "zstd")],
    }
