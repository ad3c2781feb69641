"""A model behind an oracle, for libraries that insist on a module.

Every forward and every backward that goes through it is booked, the gradient path of the oracle is
applied, gradients that are not finite are noted and become zeros, and there is no parameter to touch.

A call answers with the mean over the draws of a stochastic model, and through all views of the path, so that these
attacks get what ours get from a query.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from attacks.gradients.base import Session
    from attacks.oracle import ModelOracle


class CountedView(nn.Module):
    """Answers for fixed ``rows`` of an oracle; made by :meth:`attacks.oracle.Oracle.as_module`."""

    def __init__(self, oracle: ModelOracle, rows: Tensor, clean: Tensor | None) -> None:
        super().__init__()
        # In a list, so that the model's parameters and modes are not this module's.
        self._hidden = [oracle]
        self._rows = rows
        self._clean = clean

    def forward(self, x: Tensor) -> Tensor:
        oracle, rows = self._hidden[0], self._asked(x)
        # A tensor of its own: a hook on ``x`` itself would stay there and fire again for the next forward.
        inner = x.view_as(x) if self._clean is None else x.to(self._clean).view_as(x)
        if inner.requires_grad:
            inner.register_hook(lambda gradient: oracle.finite(gradient, rows))
        views = oracle.session.views() if inner.requires_grad else oracle.session.views()[:1]
        with _frozen(oracle.model):
            asked = [self._one(inner, rows, draw, view) for draw, view in product(range(oracle.draws), views)]
        outputs = asked[0] if len(asked) == 1 else torch.stack(asked).mean(0)
        # Some libraries work in float32 whatever they were given: they get back what they sent.
        return outputs.to(x.dtype)

    def _one(self, x: Tensor, rows: Tensor, draw: int, view: Session) -> Tensor:
        outputs = self._hidden[0].logits(x, rows, learn=draw == 0, view=view)
        if outputs.requires_grad:
            outputs.register_hook(lambda gradient: self._book(rows))
        return outputs

    def _asked(self, x: Tensor) -> Tensor:
        """The rows that the inputs stand for."""
        if len(x) == len(self._rows):
            return self._rows
        if self._clean is None:
            raise ValueError(f"this view answers for {len(self._rows)} rows at a time, got {len(x)}")
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
