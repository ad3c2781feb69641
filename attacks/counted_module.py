"""A model behind an oracle as a module, for libraries that insist on one.

Every forward and every backward that goes through it is booked, the gradient path of the oracle is applied, gradients that
are not finite are noted and become zeros, and there is no parameter to touch.

A call answers with the mean over the draws of a stochastic model, and through all views of the path, so that these
attacks get what ours get from a query.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Protocol

import torch
from torch import Tensor, nn

from attacks.books import Books
from attacks.gradients.base import Session


class Counting(Protocol):
    """What such a module needs of its oracle."""

    @property
    def model(self) -> nn.Module:
        """The model that answers."""
        ...

    @property
    def draws(self) -> int:
        """Forwards averaged per call."""
        ...

    @property
    def books(self) -> Books:
        """Where passes are booked."""
        ...

    @property
    def session(self) -> Session:
        """The gradient path at work."""
        ...

    def logits(self, x: Tensor, rows: Tensor, *, learn: bool = True, view: Session | None = None) -> Tensor:
        """Outputs of one booked forward, for inputs ``x`` ``(n, ...)`` that stand for ``rows`` ``(n,)``."""
        ...

    def finite(self, gradient: Tensor, rows: Tensor) -> Tensor:
        """``gradient`` ``(n, ...)``, noted and zero for rows where it is not finite."""
        ...


class CountedModule(nn.Module):
    """Answers for fixed ``rows`` ``(n,)`` of an oracle; made by :meth:`attacks.oracle.Oracle.as_module`.

    clean: the clean inputs ``(n, ...)`` of these rows, by which it knows the rows of some inputs only; or None.
    """

    def __init__(self, oracle: Counting, rows: Tensor, clean: Tensor | None) -> None:
        super().__init__()
        # In a list, so that the model's parameters and modes are not this module's.
        self._hidden = [oracle]
        self._rows = rows
        self._clean = clean

    def forward(self, x: Tensor) -> Tensor:
        """Outputs for inputs ``x`` ``(m, ...)``, in the dtype of ``x``.

        Raises ``ValueError`` for another number of inputs than rows where no clean inputs tell them apart.
        """
        oracle, rows = self._hidden[0], self._rows_of(x)
        # A tensor of its own: a hook on ``x`` itself would stay there and fire again for the next forward.
        inner = x.view_as(x) if self._clean is None else x.to(self._clean).view_as(x)
        if inner.requires_grad:
            inner.register_hook(lambda gradient: oracle.finite(gradient, rows))
        views = oracle.session.views() if inner.requires_grad else oracle.session.views()[:1]
        with _frozen(oracle.model):
            answers = [self._answer(inner, rows, draw, view) for draw, view in product(range(oracle.draws), views)]
        outputs = answers[0] if len(answers) == 1 else torch.stack(answers).mean(0)
        # Some libraries work in float32 whatever they were given: they get back what they sent.
        return outputs.to(x.dtype)

    def _answer(self, x: Tensor, rows: Tensor, draw: int, view: Session) -> Tensor:
        outputs = self._hidden[0].logits(x, rows, learn=draw == 0, view=view)
        if outputs.requires_grad:
            outputs.register_hook(lambda gradient: self._book(rows))
        return outputs

    def _rows_of(self, x: Tensor) -> Tensor:
        """The rows that the inputs stand for."""
        if len(x) == len(self._rows):
            return self._rows
        if self._clean is None:
            raise ValueError(f"this module answers for {len(self._rows)} rows at a time, got {len(x)}")
        distance = torch.cdist(x.detach().flatten(1).to(self._clean), self._clean.flatten(1))
        return self._rows[distance.nan_to_num(torch.inf).argmin(1)]

    def _book(self, rows: Tensor) -> None:
        self._hidden[0].books.spend(self._hidden[0].books.backwards, rows)


@contextmanager
def _frozen(model: nn.Module) -> Iterator[None]:
    """No parameter becomes part of a graph made inside, so that a library's ``backward()`` leaves no ``.grad`` behind."""
    thawed = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        for parameter in thawed:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in thawed:
            parameter.requires_grad_(True)
