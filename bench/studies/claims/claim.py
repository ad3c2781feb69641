"""``claims.yaml``: a mapping from a short name to a claim, whose last two fields alone are written by the program."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.foundation.errors import BoardError
from bench.foundation.files import atomic_write_text, locked
from bench.studies.claims import STATISTICS

CLAIMS_FILE = "claims.yaml"
Verdict = Literal["reproduced", "not reproduced", "inconclusive"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Bound(_Strict):
    """The bound of the statistic, and the side on which it lies if the claim is true."""

    side: Literal["above", "below"]
    """Of the bound."""
    value: float = 0.0
    """The bound, in the statistic's unit."""


class Result(_Strict):
    """The measured statistic."""

    value: float
    """Of the statistic."""
    low: float
    """Lower end of its 95% interval."""
    high: float
    """Upper end."""
    n: int
    """Samples it rests on."""
    parts: dict[str, float] = {}
    """Figures from which it is computed, for example the accuracy of either model."""
    records: list[str] = []
    """Names of the records it rests on."""
    weights: dict[str, str] = {}
    """Model to the start of the sha256 of its weights at the time of the measurement."""


class Claim(_Strict):
    """One statement of a paper, and the result of its check."""

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
    """Remarks for the reader."""
    repeats: str | None = None
    """Name of the claim that is checked here once more, on another network with the same statistic, protocol and bound; the
    number of samples may be another one."""
    verdict: Verdict | None = None
    """None until it is run."""
    result: Result | None = None
    """None until it is run."""


def verdict(holds: Bound, low: float, high: float) -> Verdict:
    """``reproduced`` if the interval lies on the claimed side of the bound, ``not reproduced`` if on the other side.

    ``inconclusive`` if it contains the bound.
    """
    above, below = low > holds.value, high < holds.value
    if not (above or below):
        return "inconclusive"
    return "reproduced" if above == (holds.side == "above") else "not reproduced"


def read_claims(root: Path) -> dict[str, Claim]:
    """All claims below a folder of boards; empty without a file.

    Raises ``BoardError`` for a malformed or unreadable file.
    """
    path = root / CLAIMS_FILE
    try:
        return _parsed(path.read_text(encoding="utf-8"), path) if path.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise BoardError(f"{path} cannot be read.", "Restore it.") from error


def write_result(root: Path, name: str, result: Result, new_verdict: Verdict) -> None:
    """Replace ``verdict`` and ``result`` of one claim, atomically; every other character of the file stays.

    Several writers take turns, so that none undoes what another one wrote.
    Raises ``BoardError`` if the claim is no longer in the file or its fields are laid out in another way.
    """
    with locked(root):
        _write_result(root / CLAIMS_FILE, name, result, new_verdict)


def _write_result(path: Path, name: str, result: Result, new_verdict: Verdict) -> None:
    text = path.read_text(encoding="utf-8")
    claims = _parsed(text, path)
    if name not in claims:
        raise BoardError(f"{path} has lost the claim {name!r}.", "Restore it.")
    new_text = replaced(text, name, {"verdict": new_verdict, "result": result.model_dump()})
    expected = claims | {name: claims[name].model_copy(update={"verdict": new_verdict, "result": result})}
    if _parsed(new_text, path) != expected:
        raise BoardError(
            f"The result of {name} cannot be written into {path} without touching more.",
            "Indent its fields by two spaces, one field a line, as in the other claims.",
        )
    atomic_write_text(path, new_text)


def replaced(text: str, name: str, fields: dict[str, Any]) -> str:
    """``text`` with ``verdict`` and ``result`` of the block ``name`` replaced by ``fields``, at the end of the block.

    Raises ``ValueError`` if there is no such block.
    """
    start = re.search(rf"^{re.escape(name)}:.*\n", text, re.MULTILINE)
    if start is None:
        raise ValueError(f"no block {name!r}")
    following = re.compile(r"^(?=\S)", re.MULTILINE).search(text, start.end())
    end = following.start() if following else len(text)
    other_lines, skipping = [], False
    for line in text[start.end() : end].splitlines():
        field = re.match(r"  (\S[^:]*):", line)
        if field:
            skipping = field[1] in ("verdict", "result")
        if not skipping or not line.strip():
            other_lines.append(line)
    while other_lines and not other_lines[-1].strip():
        other_lines.pop()
    new_lines = yaml.safe_dump(fields, sort_keys=False, width=120, default_flow_style=None)
    block = [*other_lines, *("  " + line for line in new_lines.splitlines())]
    return text[: start.end()] + "\n".join(block) + "\n" + ("\n" if following else "") + text[end:]


def _parsed(text: str, path: Path) -> dict[str, Claim]:
    from zoo.plain_yaml import load_plain

    try:
        content = load_plain(text) or {}
    except ValueError as error:
        raise BoardError(f"{path} is not readable YAML: {error}.", "Correct it.") from error
    if not isinstance(content, dict):
        raise BoardError(f"{path} is not a mapping from names to claims.", "Write NAME: and its fields below it.")
    claims = {}
    for name, fields in content.items():
        try:
            claims[str(name)] = Claim.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "it"
            raise BoardError(f"The claim {name} in {path} is malformed ({where}: {first['msg']}).", "Correct it.") from error
        if claims[str(name)].statistic not in STATISTICS:
            raise BoardError(
                f"The claim {name} in {path} names an unknown statistic {claims[str(name)].statistic!r}.",
                f"Known: {', '.join(STATISTICS)}.",
            )
    _check_repeats(claims, path)
    return claims


def _check_repeats(claims: dict[str, Claim], path: Path) -> None:
    """Raises ``BoardError`` for a claim that repeats none, or a repetition, and for one that asks something else."""
    for name, claim in claims.items():
        if claim.repeats is None:
            continue
        first = claims.get(claim.repeats)
        if first is None or first.repeats is not None:
            raise BoardError(
                f"The claim {name} in {path} repeats {claim.repeats!r}, which is no claim of its own.", "Name the first one."
            )
        if _asked(first) != _asked(claim):
            raise BoardError(
                f"The claim {name} in {path} asks something else than {claim.repeats}, which it repeats.",
                "Give both the same statistic, protocol (but for n) and bound, or leave repeats out.",
            )


def _asked(claim: Claim) -> tuple[str, dict[str, Any], Bound]:
    """What a claim asks, of however many samples."""
    return claim.statistic, {key: value for key, value in claim.protocol.items() if key != "n"}, claim.holds
