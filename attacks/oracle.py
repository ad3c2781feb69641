"""What an attack sees instead of a model.

An oracle binds a model, labels, a gradient path and an objective, answers for any rows, and keeps the books: how many
forwards and backwards each sample has cost. Averaging over random draws (EOT), micro-batches, labels and access are settled
behind it once, so that an attack is only its search rule. :class:`~attacks.model_oracle.ModelOracle` is the oracle of a
model that we hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from attacks.fitting import Traits
from attacks.gradients.base import GradientPath
from attacks.objectives import Objective


@dataclass(frozen=True)
class Answer:
    """value: objective ``(n,)``; gradient: its input gradient ``(n, ...)`` or None; broken: ``(n,)`` bool."""

    value: Tensor
    gradient: Tensor | None
    broken: Tensor

    @property
    def slope(self) -> Tensor:
        """The gradient ``(n, ...)`` of a query that asked for one. Raises ``ValueError`` otherwise."""
        if self.gradient is None:
            raise ValueError("this query was made with grad=False")
        return self.gradient


class Oracle(Protocol):
    """The model, as far as an attack may know it."""

    @property
    def labels(self) -> Tensor:
        """Labels (or reference scores) of all rows, ``(N,)``."""
        ...

    @property
    def objective(self) -> Objective:
        """What is maximised."""
        ...

    @property
    def forwards(self) -> Tensor:
        """Forward passes spent so far per row, ``(N,)`` int64."""
        ...

    @property
    def backwards(self) -> Tensor:
        """Backward passes spent so far per row, ``(N,)`` int64."""
        ...

    @property
    def bad_gradient(self) -> Tensor:
        """Rows for which some gradient was not finite or some objective no number, ``(N,)`` bool."""
        ...

    @property
    def zero_gradients(self) -> Tensor:
        """Queries per row whose gradient was zero everywhere, ``(N,)`` int64."""
        ...

    @property
    def inherited(self) -> Tensor | None:
        """Of each row the best input that earlier stages of a set have reached, ``(N, ...)``; None if there were none.

        It lies in ball and box, and is the clean input for a row on which they reached nothing.
        """
        ...

    def query(self, x: Tensor, rows: Tensor, *, grad: bool) -> Answer:
        """One forward (and backward) for inputs ``x`` ``(n, ...)`` standing for ``rows`` ``(n,)``."""
        ...

    def logits(self, x: Tensor, rows: Tensor) -> Tensor:
        """Model outputs ``(n, K)``; differentiable if ``x`` requires grad."""
        ...

    def using(
        self,
        *,
        path: GradientPath | None = None,
        objective: Objective | None = None,
        target: Tensor | None = None,
    ) -> Oracle:
        """The same books, another way to ask. target: classes ``(N,)`` to aim at."""
        ...

    @property
    def traits(self) -> Traits:
        """What the model is like; it scores if the objective is one on scores."""
        ...

    def subset(self, rows: Tensor, *, path: GradientPath | None = None) -> Oracle:
        """An oracle that knows ``rows`` ``(n,)`` as ``0 .. n-1``; what it spends is booked on them here."""
        ...

    def inheriting(self, points: Tensor | None) -> Oracle:
        """The same oracle with ``points`` ``(N, ...)`` as :attr:`inherited`."""
        ...

    def charge(self, other: Oracle) -> None:
        """Book what ``other``, an oracle of another model for the same rows, has spent."""
        ...

    def beside(self, x: Tensor) -> Oracle:
        """An oracle of the same model for other inputs ``x`` ``(m, ...)``, with books of its own.

        Labels are the model's own answers on ``x``: decisions, or scores. No row is ever reported broken.
        """
        ...

    def forget(self, rows: Tensor) -> None:
        """A fresh start for ``rows`` ``(n,)``: what an adaptive gradient path has learnt on them is dropped."""
        ...

    def as_module(self, rows: Tensor, clean: Tensor | None = None) -> nn.Module:
        """The model as a module for attacks of other libraries, counted and frozen, answering for ``rows`` ``(n,)``.

        clean: the inputs ``(n, ...)`` of these rows. With them the view also answers for some of the rows, in any
            order: each input then counts for the row whose clean input is nearest to it.
        """
        ...
