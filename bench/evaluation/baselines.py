"""Clean answers and answers under noise, kept beside the records: the next attack on a model does not compute them again.

They depend on everything that the identity of a request holds but its attacks and its gradient path. One file a unit,
written at once, so that runs beside each other may share them. A file that is damaged is as good as absent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.foundation.errors import StorageError
from bench.foundation.files import atomic_write_bytes, canonical_json, digest, make_folder
from bench.tasks.task import Request
from bench.tasks.unit import UnitKey, UnitResult

FOLDER = ".baselines"
"""Below the folder of the records."""
ATTACKER = ("attacks", "path", "eps")
"""What an identity holds that changes no baseline; the radius of noise is in the key of its unit."""


@dataclass(frozen=True)
class Baselines:
    """The baselines of a request's model on its data.

    folder: where they lie. draws: draws of noise that the request needs; results of more hold those of fewer.
    """

    folder: Path
    draws: int

    @classmethod
    def of(cls, request: Request, identity: Mapping[str, Any], out: Path) -> Baselines:
        """Those that lie below ``out``, the folder of the records. identity: the fields of the request's identity.

        The answers of a foreign model on the probe images belong to its identity here: its weights may be where no
        fingerprint looks.
        """
        fields = {name: value for name, value in identity.items() if name not in ATTACKER}
        fields["answers"] = [list(row) for row in request.subject.answers]
        return cls(out / FOLDER / digest(fields)[:32], request.noise_draws)

    def read(self, units: Sequence[UnitKey]) -> dict[str, Any]:
        """The stored results among ``units``, by the text of their keys, as :meth:`UnitResult.to_json` made them."""
        stored = {key.text: self._stored(key) for key in units if key.kind != "attack"}
        return {text: data for text, data in stored.items() if data is not None}

    def write(self, key: UnitKey, result: UnitResult) -> None:
        """Keep the result of a unit that is no attack. A full disk is no reason to stop a run."""
        if key.kind == "attack":
            return
        data = result.to_json()
        try:
            make_folder(self.folder)
            atomic_write_bytes(self._path(key), canonical_json({"data": data, "sha256": digest(data)}))
        except (OSError, StorageError):
            return

    def _path(self, key: UnitKey) -> Path:
        return self.folder / f"{key.text.replace('/', '-')}.json"

    def _stored(self, key: UnitKey) -> Any:
        try:
            content = json.loads(self._path(key).read_bytes())
            data = content["data"]
            whole = content["sha256"] == digest(data)
            enough = key.kind == "clean" or all(len(row) >= self.draws for row in data["worst"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        return data if whole and enough else None
