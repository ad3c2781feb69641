"""The source of values for statistics: records, models and images, measured once and stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.data import load_samples
from bench.evaluation.evaluate import evaluate_settings
from bench.evaluation.request.identity import folder_name
from bench.evaluation.request.settings import IN_THIS_PROCESS, Running, Settings, Ticked, Watcher
from bench.foundation.errors import ModelError
from bench.foundation.files import atomic_write_text, digest, make_folder
from bench.metrics.statistics import Floats
from bench.models.opening import open_subject
from bench.models.subject import Subject

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from bench.data.base import Samples


@dataclass
class Lab:
    """One run of checks. out: the folder of records, and below ``values`` of other stored values.

    on_tick: called as evaluations proceed. running: how their units are computed. used: names of the records that were
    read for the present claim.
    """

    out: Path
    device: str = "cpu"
    on_tick: Ticked = lambda tick: None
    running: Running = IN_THIS_PROCESS
    used: list[str] = field(default_factory=list)
    _open: dict[str, Subject] = field(default_factory=dict)

    def rows(
        self,
        model: str,
        *,
        attack: str,
        eps: str,
        n: int,
        seed: int,
        path: str = "training",
        norm: str = "linf",
        eot: int | None = None,
    ) -> pd.DataFrame:
        """Rows of an evaluation, by sample id; it is run, resumed or read from its record.

        eot: draws averaged per query, if not the usual number. Raises a ``BenchError`` if it fails.
        """
        settings = Settings(
            model=self.subject(model),
            attack=attack,
            eps=eps,
            n=n,
            seed=seed,
            path=path,
            norm=norm,
            eot=eot,
            device=self.device,
        )
        record = evaluate_settings(settings, replace(self.running, out=self.out), Watcher(ticked=self.on_tick))
        name = folder_name(record.model.ref, record.identity)
        if name not in self.used:
            self.used.append(name)
        return record.rows.set_index("sample").sort_index()

    def subject(self, model: str) -> Subject:
        """The model, opened once. Raises ``UnknownNameError`` for an unknown name, ``ModelError`` if it has no weights."""
        if model not in self._open:
            self._open[model] = open_subject(f"zoo:{model}")
        return self._open[model]

    def module(self, model: str) -> nn.Module:
        """Its network, in eval mode, on the device."""
        return self.subject(model).module.to(self.device)

    def samples(self, model: str, n: int) -> Samples:
        """The first ``n`` test samples of its data set.

        Raises ``ModelError`` if its card names none, ``DataError`` if it is missing.
        """
        name = self.subject(model).dataset
        if name is None:
            raise ModelError(f"zoo:{model} does not say which data it is for.", "Name a data set in its card.")
        return load_samples(name, split="test", n=n)

    def stored(self, what: dict[str, Any], model: str, n: int, compute: Callable[[], Floats]) -> Floats:
        """``compute()`` for this model and its first ``n`` samples, or the values that an earlier run stored.

        what: everything else that determines the values, in a form that JSON can hold.
        Raises ``StorageError`` if the values cannot be written.
        """
        fields = {"what": what, "model": self.subject(model).fingerprint, "data": self.samples(model, n).sha256()}
        file = self.out / "values" / f"{model}-{digest(fields)[:12]}.json"
        values = _read(file)
        if values is None:
            values = compute()
            make_folder(file.parent)
            numbers = values.tolist()
            atomic_write_text(file, json.dumps({"values": numbers, "sha256": digest(numbers)}))
        return values


def _read(file: Path) -> Floats | None:
    """The values that a file holds; None without one, and for one that is damaged. Earlier versions stated no hash."""
    try:
        content = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
        if isinstance(content, dict):
            content = content["values"] if digest(content["values"]) == content["sha256"] else None
        return None if content is None else np.asarray(content, dtype=float)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
