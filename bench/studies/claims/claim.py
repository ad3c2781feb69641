"""``claims.yaml``: a mapping from a short name to a claim. Written by hand but for its last two fields."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.foundation.errors import BoardError
from bench.foundation.files import atomic_write_text
from bench.studies.claims import STATISTICS

CLAIMS_FILE = "claims.yaml"
Verdict = Literal["reproduced", "not reproduced", "inconclusive"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Bound(_Strict):
    """Where the statistic lies if the claim is true."""

    side: Literal["above", "below"]
    """Of the bound."""
    value: float = 0.0
    """The bound, in the statistic's unit."""


class Result(_Strict):
    """What was measured."""

    value: float
    """Of the statistic."""
    low: float
    """Lower end of its 95% interval."""
    high: float
    """Upper end."""
    n: int
    """Samples it rests on."""
    parts: dict[str, float] = {}
    """What it is made of, for example the accuracy of either model."""
    records: list[str] = []
    """Names of the records it rests on."""
    weights: dict[str, str] = {}
    """Model to the start of the sha256 of its weights, as they were then."""


class Claim(_Strict):
    """One statement of one paper, and what becomes of it here."""

    claim: str = Field(min_length=1)
    """In one sentence."""
    source: str
    """The paper."""
    models: list[str] = Field(min_length=1)
    """Names of zoo models; a difference is the first minus the second."""
    statistic: str
    """Key of :data:`bench.studies.claims.STATISTICS`."""
    protocol: dict[str, Any]
    """Arguments of the statistic: attack, radius, number of samples, seed and so on."""
    holds: Bound
    """Where the statistic lies if the claim is true."""
    notes: str = ""
    """What a reader should know."""
    verdict: Verdict | None = None
    """None until it is run."""
    result: Result | None = None
    """None until it is run."""


def verdict(holds: Bound, low: float, high: float) -> Verdict:
    """``reproduced`` if the whole interval lies on the claimed side of the bound, ``not reproduced`` if on the other."""
    above, below = low > holds.value, high < holds.value
    if not (above or below):
        return "inconclusive"
    return "reproduced" if above == (holds.side == "above") else "not reproduced"


def read_claims(root: Path) -> dict[str, Claim]:
    """All claims below a folder of boards; none without a file. Raises ``BoardError`` for a bad one."""
    path = root / CLAIMS_FILE
    try:
        return _parsed(path.read_text(encoding="utf-8"), path) if path.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise BoardError(f"{path} cannot be read.", "Restore it.") from error


def write_result(root: Path, name: str, found: Result, decided: Verdict) -> None:
    """Replace ``verdict`` and ``result`` of one claim, atomically; every other character of the file stays.

    Raises ``BoardError`` if the file has changed so that this cannot be done.
    """
    path = root / CLAIMS_FILE
    text = path.read_text(encoding="utf-8")
    before = _parsed(text, path)
    if name not in before:
        raise BoardError(f"{path} has lost the claim {name!r}.", "Restore it.")
    fresh = replaced(text, name, {"verdict": decided, "result": found.model_dump()})
    wanted = before | {name: before[name].model_copy(update={"verdict": decided, "result": found})}
    if _parsed(fresh, path) != wanted:
        raise BoardError(
            f"The result of {name} cannot be written into {path} without touching more.",
            "Indent its fields by two spaces, one field a line, as in the other claims.",
        )
    atomic_write_text(path, fresh)


def replaced(text: str, name: str, fields: dict[str, Any]) -> str:
    """``text`` with ``verdict`` and ``result`` of the block ``name`` replaced by ``fields``, at the end of the block."""
    start = re.search(rf"^{re.escape(name)}:.*\n", text, re.MULTILINE)
    if start is None:
        raise ValueError(f"no block {name!r}")
    following = re.compile(r"^(?=\S)", re.MULTILINE).search(text, start.end())
    end = following.start() if following else len(text)
    kept, skipping = [], False
    for line in text[start.end() : end].splitlines():
        field = re.match(r"  (\S[^:]*):", line)
        if field:
            skipping = field[1] in ("verdict", "result")
        if not skipping or not line.strip():
            kept.append(line)
    while kept and not kept[-1].strip():
        kept.pop()
    written = yaml.safe_dump(fields, sort_keys=False, width=120, default_flow_style=None)
    block = [*kept, *("  " + line for line in written.splitlines())]
    return text[: start.end()] + "\n".join(block) + "\n" + ("\n" if following else "") + text[end:]


def _parsed(text: str, path: Path) -> dict[str, Claim]:
    try:
        content = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise BoardError(f"{path} is not readable YAML.", "Correct it.") from error
    if not isinstance(content, dict):
        raise BoardError(f"{path} is not a mapping from names to claims.", "Write NAME: and its fields below it.")
    found = {}
    for name, fields in content.items():
        try:
            found[str(name)] = Claim.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "it"
            raise BoardError(f"The claim {name} in {path} is malformed ({where}: {first['msg']}).", "Correct it.") from error
        if found[str(name)].statistic not in STATISTICS:
            raise BoardError(
                f"The claim {name} in {path} names an unknown statistic {found[str(name)].statistic!r}.",
                f"Known: {', '.join(STATISTICS)}.",
            )
    return found
