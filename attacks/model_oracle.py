"""The oracle of a model that we hold: queries, gradients along a path, draws, micro-batches and books."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Self

import torch
from torch import Tensor, nn

from attacks.books import Books, occurrences_before
from attacks.counted_module import CountedModule
from attacks.fitting import Traits
from attacks.gradients.base import GradientPath, Session, Training, has_coding
from attacks.gradients.spikes.sites import SpikeSites, is_spiking
from attacks.lattice import Lens, clear
from attacks.objectives import CrossEntropy, Objective
from attacks.oracle import Answer, Oracle
from attacks.randomness import KeyedRng, drawing
from attacks.rows import per_row
from attacks.score_objectives import Scoring


@dataclass(frozen=True)
class ModelOracle:
    """The oracle of a model that we hold.

    model: in eval mode, parameters frozen by the caller. labels: ``(N,)``. path: how spikes are differentiated.
    objective: what is maximised. target: classes ``(N,)`` to aim at, or None.
    rng: ``(N,)`` streams for stochastic layers; each query draws afresh, keyed by the number of forwards that the row has
        spent, so that a row's draws do not depend on its neighbours.
    draws: forwards averaged per query (EOT, Athalye et al., ICML 2018). stochastic: no row is ever reported broken, because
        one lucky flip must not end the attack on a sample.
    micro_batch: largest number of rows in one pass through the model.
    lens: what the model sees of an input (see :meth:`attacks.lattice.Lattice.lens`): an attacker who must hand over images
        of 8 bits searches through their rounding.
    sites: the spike functions of a stranger's network (see :mod:`attacks.gradients.spikes`).
    inherited: see :class:`~attacks.oracle.Oracle`.
    rounds: whether the model rounds its input (see :mod:`attacks.gradients.bpda`).
    """

    model: nn.Module
    labels: Tensor
    path: GradientPath = field(default_factory=Training)
    objective: Objective = field(default_factory=CrossEntropy)
    target: Tensor | None = None
    rng: KeyedRng | None = None
    draws: int = 1
    stochastic: bool = False
    micro_batch: int = 64
    lens: Lens = clear
    sites: SpikeSites | None = None
    inherited: Tensor | None = None
    rounds: bool = False
    books: Books = field(kw_only=True)
    session: Session = field(kw_only=True)

    @classmethod
    def of(cls, model: nn.Module, labels: Tensor, *, path: GradientPath | None = None, **settings: Any) -> ModelOracle:
        """An oracle with fresh books for ``labels`` ``(N,)``; ``settings`` are the other fields."""
        path = path or Training()
        books, session = Books.of(len(labels), labels.device), path.session(len(labels))
        return cls(model, labels, path=path, books=books, session=session, **settings)

    @property
    def forwards(self) -> Tensor:
        """Forward passes spent per row, ``(N,)`` int64."""
        return self.books.forwards[self.books.index]

    @property
    def backwards(self) -> Tensor:
        """Backward passes spent per row, ``(N,)`` int64."""
        return self.books.backwards[self.books.index]

    @property
    def bad_gradient(self) -> Tensor:
        """Rows ``(N,)`` whose gradient was NaN or infinite, or whose objective was NaN, at least once."""
        return self.books.bad_gradient[self.books.index]

    @property
    def zero_gradients(self) -> Tensor:
        """Per row ``(N,)``, queries whose gradient was zero everywhere."""
        return self.books.zero_gradients[self.books.index]

    @property
    def traits(self) -> Traits:
        """Read off the modules, the spike functions and the objective."""
        return Traits(
            spiking=is_spiking(self.model, self.sites),
            coded=any(has_coding(module) for module in self.model.modules()),
            scores=isinstance(self.objective, Scoring),
            differentiable=self.sites is None or self.sites.differentiable,
            rounds=self.rounds,
        )

    def using(
        self,
        *,
        path: GradientPath | None = None,
        objective: Objective | None = None,
        target: Tensor | None = None,
    ) -> ModelOracle:
        """The same books, another path, objective or target ``(N,)``; a new path starts without memory."""
        return replace(
            self,
            path=path or self.path,
            session=self.session if path is None else path.session(len(self.labels)),
            objective=objective or self.objective,
            target=target if target is not None else self.target,
        )

    def subset(self, rows: Tensor, *, path: GradientPath | None = None) -> Self:
        """An oracle for ``rows`` ``(n,)`` as ``0 .. n-1``, on the same books, whose path starts without memory."""
        chosen = path or self.path
        return replace(
            self,
            labels=self.labels[rows],
            path=chosen,
            target=None if self.target is None else self.target[rows],
            lens=self.lens if self.lens is clear else _of_rows(self.lens, rows),
            inherited=None if self.inherited is None else self.inherited[rows],
            rng=None if self.rng is None else self.rng.rows(rows),
            books=self.books.at(rows),
            session=chosen.session(len(rows)),
        )

    def inheriting(self, points: Tensor | None) -> Self:
        """The same oracle with ``points`` ``(N, ...)`` as what was inherited."""
        return replace(self, inherited=points)

    def charge(self, other: Oracle) -> None:
        """Add what ``other`` has spent, row by row."""
        books = self.books
        books.forwards.index_add_(0, books.index, other.forwards)
        books.backwards.index_add_(0, books.index, other.backwards)
        books.zero_gradients.index_add_(0, books.index, other.zero_gradients)
        books.bad_gradient[books.index[other.bad_gradient]] = True

    def forget(self, rows: Tensor) -> None:
        """Drop what an adaptive path has learnt on ``rows`` ``(n,)``."""
        self.session.forget(rows)

    def numbers(self, rows: Tensor, *, forwards: int = 1) -> Tensor:
        """The number of the next draw of each entry of ``rows`` ``(n,)``, if every entry spends ``forwards``."""
        return self.books.forwards[self.books.index[rows]] + forwards * occurrences_before(rows)

    def logits(
        self,
        x: Tensor,
        rows: Tensor,
        *,
        learn: bool = True,
        view: Session | None = None,
        numbers: Tensor | None = None,
    ) -> Tensor:
        """One forward per row; with a stochastic model, one fresh draw per row.

        learn, view: see :class:`Session`. numbers: of the draws ``(n,)``; the next of each row by default.
        """
        books = self.books
        rng = None
        if self.rng is not None:
            rng = self.rng.rows(rows).fold("forward", self.numbers(rows) if numbers is None else numbers)
        books.spend(books.forwards, rows)
        session = view or self.session.views()[0]
        with session.applied(self.model, rows, learn=learn, sites=self.sites), drawing(rng):
            return self.outputs(self.lens(x, rows), rows)

    def outputs(self, x: Tensor, rows: Tensor) -> Tensor:
        """The model's outputs ``(n, K)`` for inputs ``x`` that stand for ``rows`` ``(n,)``; nothing is booked here."""
        outputs: Tensor = self.model(x)
        return outputs

    def query(self, x: Tensor, rows: Tensor, *, grad: bool) -> Answer:
        """Value, gradient and verdict ``(n,)`` of inputs ``x`` ``(n, ...)`` that stand for ``rows`` ``(n,)``, averaged.

        Averages are over draws and views; rows are passed on in micro-batches. A gradient that is not finite is noted and
        becomes zero.
        """
        views = self.session.views() if grad else self.session.views()[:1]
        # Numbered before the batch is split: a draw must not depend on the part that its row is in.
        numbers = self.numbers(rows, forwards=self.draws * len(views))
        split = (_split(whole, self.micro_batch) for whole in (x, rows, numbers))
        answers = [self._query(inputs, index, draw, views, grad) for inputs, index, draw in zip(*split, strict=True)]
        gradients = [answer.gradient for answer in answers if answer.gradient is not None]
        return Answer(
            torch.cat([answer.value for answer in answers]),
            torch.cat(gradients) if grad else None,
            torch.cat([answer.broken for answer in answers]),
        )

    def _query(self, x: Tensor, rows: Tensor, numbers: Tensor, views: tuple[Session, ...], grad: bool) -> Answer:
        labels = self.labels[rows]
        target = None if self.target is None else self.target[rows]
        gradient: Tensor | None = None
        value = torch.zeros(len(x), dtype=x.dtype, device=x.device)
        broken = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        for number, (draw, view) in enumerate(product(range(self.draws), views)):
            with torch.set_grad_enabled(grad):
                leaf = x.detach().requires_grad_(grad)
                outputs = self.logits(leaf, rows, learn=draw == 0, view=view, numbers=numbers + number)
                values = self.objective.value(outputs, labels, target)
                summed = values.sum()  # in here, because the caller may have switched gradients off
            if grad:
                (drawn,) = torch.autograd.grad(summed, leaf)
                self.books.spend(self.books.backwards, rows)
                gradient = drawn if gradient is None else gradient + drawn
            value += values.detach()
            broken = self.objective.broken(outputs.detach(), labels)
        queries = self.draws * len(views)
        if gradient is not None:
            gradient = self.finite(gradient if queries == 1 else gradient / queries, rows)
        if self.stochastic:
            broken = torch.zeros_like(broken)
        self._note_bad(rows, value.isnan())
        return Answer(value / queries, gradient, broken)

    def finite(self, gradient: Tensor, rows: Tensor) -> Tensor:
        """``gradient`` ``(n, ...)``, zero for rows where it is not finite. Notes those, and counts where it is all zero."""
        largest = gradient.flatten(1).abs().amax(1)  # of NaN: NaN
        bad = ~largest.isfinite()
        self._note_bad(rows, bad)
        zero = bad | (largest == 0)
        self.books.zero_gradients.index_add_(0, self.books.index[rows], zero.long())
        return torch.where(per_row(bad, gradient), 0.0, gradient)

    def _note_bad(self, rows: Tensor, bad: Tensor) -> None:
        """Note the ``rows`` ``(n,)`` that are ``bad`` ``(n,)``; not by a mask, for whose size a GPU would be waited for."""
        entries = self.books.index[rows]
        self.books.bad_gradient.logical_or_(torch.zeros_like(self.books.forwards).index_add_(0, entries, bad.long()) > 0)

    def referring_to(self, x: Tensor) -> ModelOracle:
        """This oracle with the model's own answers on ``x`` ``(N, ...)`` in the place of the labels, one forward each."""
        rows = torch.arange(len(x), device=x.device)
        parts = zip(_split(x, self.micro_batch), _split(rows, self.micro_batch), strict=True)
        with torch.no_grad():
            outputs = torch.cat([self.logits(part, index) for part, index in parts])
        return replace(self, labels=outputs if outputs.dim() == 1 else outputs.argmax(1))

    def beside(self, x: Tensor) -> ModelOracle:
        """An oracle with books of its own for other inputs ``x`` ``(m, ...)``, labelled by the model's own answers."""
        rng = None if self.rng is None else KeyedRng.of(0, torch.arange(len(x), device=x.device)).fold("beside")
        fresh = ModelOracle.of(
            self.model,
            torch.zeros(len(x), dtype=torch.int64, device=x.device),
            path=self.path,
            objective=self.objective,
            rng=rng,
            draws=self.draws,
            stochastic=True,
            micro_batch=self.micro_batch,
            sites=self.sites,
        )
        return fresh.referring_to(x)

    def as_module(self, rows: Tensor, clean: Tensor | None = None) -> nn.Module:
        """A :class:`~attacks.counted_module.CountedModule` for ``rows`` ``(n,)`` with the clean inputs ``(n, ...)``."""
        return CountedModule(self, rows, clean).eval()


def _of_rows(lens: Lens, chosen: Tensor) -> Lens:
    """The lens of a view of the rows ``chosen``."""
    return lambda x, rows: lens(x, chosen[rows])


def _split(x: Tensor, most: int) -> tuple[Tensor, ...]:
    """Near-equal parts of at most ``most`` rows: 70 rows become 35 + 35, not 64 + 6."""
    return x.tensor_split(max(1, -(-len(x) // most)))
