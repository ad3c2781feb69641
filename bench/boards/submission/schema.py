"""``submission.yaml``: what a submission says of itself. Everything in it is a claim, and nothing in it is run."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.boards.card import Claims, EntryCard, Kind, Paper
from bench.boards.naming import LONGEST, SLUG, ThreatName
from bench.boards.submission.safe_yaml import load
from bench.boards.text import Line, Link, Note
from bench.foundation.errors import SubmissionError
from bench.tasks import TASKS

MANIFEST, WEIGHTS, CODE = "submission.yaml", "weights.safetensors", "model.py"
MOST_WEIGHTS = 2**31
PLACEHOLDERS = {
    "summary": "One line about {name}.",
    "authors": "Your Name",
    "defense": "How it was trained or built to resist.",
}
"""What stands in the template in the place of the author's own words."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Builder(_Strict):
    """A registered network and its arguments."""

    name: str = Field(pattern=rf"^{SLUG}$", max_length=LONGEST)
    """One of ``bench.boards.submission.builders``; never a Python name."""
    arguments: dict[str, Any] = {}
    """Checked against the types of the builder."""


class Code(_Strict):
    """A network of one's own."""

    file: Literal["model.py"]
    """Beside this file."""
    factory: str = Field(pattern=r"^[a-zA-Z][a-zA-Z0-9_]{0,63}$")
    """Its function that returns an ``nn.Module``; the weights are loaded into that."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Of the file; None where the manifest does not say. A signature wants it."""


class WeightsFile(_Strict):
    """The weights."""

    file: Literal["weights.safetensors"]
    """Beside this file."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the whole file."""
    bytes: int = Field(gt=0, le=MOST_WEIGHTS)
    """Its size."""


class ThreatModel(_Strict):
    """The threat that the defense claims to withstand."""

    norm: ThreatName
    """Of the perturbation."""
    eps: str = Field(pattern=r"^[0-9]+(\.[0-9]+)?(/[0-9]+)?$", max_length=16)
    """Radius, as ``8/255``."""


class Submission(_Strict):
    """The content of ``submission.yaml``."""

    schema_version: Literal[1]
    """Format of this file."""
    name: str = Field(pattern=rf"^{SLUG}$", max_length=LONGEST)
    """Of the model on the board."""
    version: int = Field(ge=1, le=999_999)
    """Raised whenever its answers change."""
    summary: Line
    """One line."""
    authors: list[Line] = Field(min_length=1, max_length=50)
    """Who made it."""
    owner: Line | None = None
    """Who may bring a later version, such as an account: a later version says the same. If it is a public key of OpenSSH, a
    later version is signed with it."""
    defense: Note = ""
    """How it was trained or built to resist."""
    paper: Paper = Paper()
    """Where that is described."""
    licence: Line
    """Of the weights and the code."""
    homepage: Link = ""
    """Where the weights can be had."""
    task: str
    """What the outputs mean: logits, or scores on the scale of the labels (0 to 1, higher is better)."""
    dataset: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    """The data set it was trained for."""
    threat_model: ThreatModel
    """Against what."""
    spiking: bool
    """Whether it has spiking layers, which then must take gradient paths."""
    stochastic: bool = False
    """Whether two calls may differ."""
    builder: Builder | None = None
    """Zoo-built: nothing foreign runs."""
    code: Code | None = None
    """Own code: runs in isolation only."""
    weights: WeightsFile
    """The weights."""
    claims: Claims = Claims()
    """What the authors state."""

    @model_validator(mode="after")
    def _one_network(self) -> Submission:
        if (self.builder is None) == (self.code is None):
            raise ValueError("give either builder or code")
        return self

    @model_validator(mode="after")
    def _fits_its_task(self) -> Submission:
        from bench.tasks.lookup import submission_rules, task_named

        if self.task not in TASKS:
            raise ValueError(f"task is one of {', '.join(TASKS)}")
        rules = submission_rules(task_named(self.task))
        if not self.claims.stated <= set(rules.claims):
            raise ValueError(f"claims of a model for {self.task} are {' and '.join(rules.claims)}")
        if self.stochastic and not rules.may_be_stochastic:
            raise ValueError("a model that scores must not be stochastic")
        return self

    @property
    def kind(self) -> Kind:
        """Its class on the board."""
        return "zoo_built" if self.builder is not None else "own_code"

    def card(self, submitted: Any) -> EntryCard:
        """What the board says of it. submitted: a date."""
        shared = ("name", "version", "summary", "authors", "owner", "defense", "paper", "licence", "homepage", "claims")
        return EntryCard(kind=self.kind, submitted=submitted, **{name: getattr(self, name) for name in shared})


def parse(content: bytes) -> Submission:
    """Parse ``submission.yaml``. Raises ``SubmissionError`` naming the first field that is wrong.

    A field that still says what the template says is wrong, too.
    """
    fields = load(content, MANIFEST)
    if not isinstance(fields, dict):
        raise SubmissionError(f"{MANIFEST} does not hold fields.", "Start from bench submit new.")
    try:
        submission = Submission.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part)[:40] for part in first["loc"]) or "the whole"
        message = first["msg"].removeprefix("Value error, ")
        raise SubmissionError(f"{MANIFEST}: {where!r}: {message}.", "Correct this field.") from error
    for field, text in PLACEHOLDERS.items():
        given = getattr(submission, field)
        if text.format(name=submission.name) in (given if isinstance(given, list) else [given]):
            raise SubmissionError(f"{MANIFEST}: {field!r} is still what the template says.", "Fill it in.")
    return submission
