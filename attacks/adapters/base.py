"""What attacks of other libraries share: fixed shards, a forked random state, the model as a counted module.

Only attacks that were tested and found to be sound have an adapter. Their results are verified like everything else, and
what they raise is reported by whoever runs them.
"""

from __future__ import annotations

import contextlib
import io
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from attacks.base import Attack
from attacks.minimal import within
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.threats.threat import Threat

SHARD = 64
"""Samples an attack sees at a time: the same whatever the evaluator's batches, because these attacks may couple rows."""


@dataclass(frozen=True, kw_only=True)
class ForeignAttack(Attack):
    """An attack of another library. ``version``, that of the library, is filled in, so that it is on record.

    Raises ``ModuleNotFoundError`` if the library is not installed.
    """

    batch_invariant: ClassVar[bool] = False
    moves_scores: ClassVar[bool] = False
    library: ClassVar[str]
    install: ClassVar[str]
    """Command that installs the library."""

    version: str = field(default="", init=False)

    def __post_init__(self) -> None:
        try:
            installed = version(self.library)
        except PackageNotFoundError as error:
            raise ModuleNotFoundError(
                f"{self.library} is not installed; install it with: {self.install}", name=self.library
            ) from error
        object.__setattr__(self, "version", installed)

    @abstractmethod
    def attacked(self, model: nn.Module, x: Tensor, labels: Tensor, threat: Threat, eps: float) -> Tensor:
        """Perturbed inputs for one shard ``x`` ``(n, ...)``, all of the same radius ``eps > 0``."""

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """Inputs ``(n, ...)`` as the library leaves them, shard by shard.

        Raises ``ValueError`` if their shape is another, and as in the base.
        """
        self.require_fit(oracle, x, threat)
        adv = x.clone()
        radii = threat.radius(x).flatten()
        for eps in radii.unique().tolist():
            if eps == 0:
                continue
            for rows in (radii == eps).nonzero()[:, 0].split(SHARD):
                clean = x[rows]
                with _isolated(int(rng.keys[rows[0]]), x.device):
                    returned = self.attacked(oracle.as_module(rows, clean), clean.clone(), oracle.labels[rows], threat, eps)
                if returned.shape != clean.shape:
                    raise ValueError(f"{self.library} returned shape {tuple(returned.shape)} for {tuple(clean.shape)}")
                adv[rows] = returned.detach().to(x)
        return within(adv, x, threat) if self.kind == "minimal" else adv


@contextmanager
def _isolated(seed: int, device: torch.device) -> Iterator[None]:
    """Gradients on, nothing printed, and global random states that start from ``seed`` and are put back afterwards."""
    state = np.random.get_state()
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda), torch.enable_grad(), contextlib.redirect_stdout(io.StringIO()):
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield
        finally:
            np.random.set_state(state)


def step_or_default(step_size: float | None, eps: float, steps: int) -> float:
    """The step in input units; None means ``2.5 * eps / steps`` as in our own PGD.

    Libraries have defaults of their own that ignore eps (torchattacks: 2/255) or the number of steps (foolbox:
    ``eps / 30``), with which 20 steps do not reach the edge of the ball.
    """
    return 2.5 * eps / max(steps, 1) if step_size is None else step_size
