"""A model that runs in another process, as a subject: its answers are known here, and what was said of its gradients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from attacks.gradients.base import GradientPath
from bench.boards.submission.answers import Answers
from bench.boards.submission.description import Description
from bench.boards.submission.folder import Snapshot
from bench.boards.submission.opening import fingerprint
from bench.models.subject import Subject


@dataclass(frozen=True)
class AnswersOnlySubject(Subject):
    """A model of which only answers are known. description: what its process says of its layers and gradients."""

    description: Description = field(default_factory=Description)

    @property
    def is_held(self) -> bool:
        return False

    @property
    def whole_layers(self) -> int:
        return self.description.whole_layers

    @property
    def path_takers(self) -> int:
        sites = self.description.sites
        return self.whole_layers + (0 if sites is None else sites.layers)

    @property
    def kept_per_row(self) -> int:
        return self.description.kept_per_row

    @property
    def is_coded(self) -> bool:
        return self.description.coded

    def takes(self, path: GradientPath) -> bool:
        if path.coding is not None:
            return self.is_coded
        by_function = self.sites is not None and self.sites.controlled > 0 and path.spike_gradient() is not None
        return path.is_own or self.whole_layers > 0 or by_function


def answers_only(verified: Snapshot, description: Description) -> AnswersOnlySubject:
    """Own code as a subject with nothing but answers."""
    submission = verified.submission
    about: dict[str, Any] = {
        "ref": f"submission:{submission.name}@{submission.version}",
        "fingerprint": fingerprint(verified),
        "dataset": submission.dataset,
        "spiking": submission.spiking,
        "stochastic": submission.stochastic,
        "task": submission.task,
    }
    return AnswersOnlySubject(module=Answers().eval(), description=description, **about, **description.findings())
