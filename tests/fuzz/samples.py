"""Good inputs of every door, small, out of which bad ones are made."""

from __future__ import annotations

import io
import json
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
from support.leaderboard import RECORDS
from support.recordings import aedat2, aedat3, atis, events, npy, npz
from support.submissions import filled_in

from bench.boards.store import Board
from bench.boards.strip import Tile, encoded
from bench.evaluation.records.archive import RECORDS_FILE
from bench.evaluation.records.rows_file import write_rows

LEADERBOARDS = Path(__file__).parents[2] / "leaderboards"
BOARD = Board("snn-cifar10-linf", 4, LEADERBOARDS / "snn-cifar10-linf" / "v4")
DRAFT = LEADERBOARDS / "drafts" / "snn-cifar10-linf.yaml"


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


def rows() -> bytes:
    """Rows of two entries in one file."""
    frame = pd.DataFrame({"sample": [0, 1, 2], "robust": [0.0, 1.0, 0.5], "attack": ["pgd"] * 3, "ok": [True, False, True]})
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
    return b"".join(b"%08x %s\n" % (zlib.crc32(body), body) for body in bodies)


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


def recordings() -> dict[str, list[bytes]]:
    """Event files by their ending."""
    small, large = events(20), events(20, side=128)
    return {
        ".bin": [atis(small)],
        ".npz": [npz(small)],
        ".npy": [npy(large)],
        ".aedat": [aedat2(large), aedat3(large, per_packet=8)],
    }
