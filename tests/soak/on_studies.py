"""Measures of a model, and the check of a claim: two commands whose results stand beside the boards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from bench.foundation.errors import BenchError
from bench.studies.claims.claim import CLAIMS_FILE, read_claims
from bench.studies.measures.sheet import read_sheet
from soak.on_records import of_records
from soak.scenario import Result, bench, every_byte

MODEL = "ann_vanilla"
CLAIMS = """# Written by hand.
withstands:
  claim: It withstands one step.
  source: Nobody
  models: [ann_vanilla]
  statistic: robust
  protocol: {attack: fgsm, eps: 8/255, n: 4}
  holds: {side: above, value: 0.9}

# Of values that are kept in a file of their own.
sparse:
  claim: Its gradient is sparse.
  source: Nobody
  models: [ann_vanilla, ann_at]
  statistic: gradient_sparsity
  protocol: {n: 4}
  holds: {side: above, value: 0.9}
"""


def nothing_there(home: Path, shared: Path) -> None:
    """An empty folder."""
    (home / "records").mkdir()


def measured(home: Path) -> None:
    """``bench measure``: accuracy, then operations, each of which is written once it is known."""
    bench("measure", f"zoo:{MODEL}", "--out", "records", "--clean-n", "4", "--cost-n", "2")


def readable_sheet(home: Path) -> list[str]:
    """Whatever happened, what was measured can be read."""
    return _refused(lambda: read_sheet(home / "records", MODEL))


def of_sheet(home: Path) -> Result:
    """The sheet of the model."""
    return every_byte("records")(home)


def claims_before(home: Path, shared: Path) -> None:
    """Two claims that nobody has checked."""
    (home / "boards").mkdir()
    (home / "boards" / CLAIMS_FILE).write_text(CLAIMS)


def checked(home: Path) -> None:
    """``bench claims --run``."""
    bench("claims", "--run", "--boards", "boards", "--out", "records")


def readable_claims(home: Path) -> list[str]:
    """Whatever happened, the claims can be read."""
    return _refused(lambda: read_claims(home / "boards"))


def of_claims(home: Path) -> Result:
    """What the claims say, and all that they rest on."""
    values = {path.name: json.dumps(json.loads(path.read_text())) for path in (home / "records" / "values").glob("*.json")}
    return every_byte("boards")(home) | of_records(home) | values


def _refused(read: Callable[[], object]) -> list[str]:
    try:
        read()
    except BenchError as error:
        return [str(error)]
    return []
