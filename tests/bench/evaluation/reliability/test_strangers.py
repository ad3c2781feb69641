"""The doctor on networks that this suite did not build: what it controls, what it cannot look at, and what it says then."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from spikingjelly.activation_based import functional, layer, neuron
from support.folding_time import MANNERS, Manner, folding_time, images
from support.strangers import Recipe, stranger
from torch import Tensor, nn

from attacks.randomness import KeyedRng
from bench.evaluation.reliability.decisions import stability
from bench.evaluation.reliability.doctor import FIRST, Diagnosis, Progress, examine
from bench.evaluation.reliability.examined_model import PATHS, ExaminedModel
from bench.models.own import Origin, own_subject
from bench.models.preparation import NOTHING
from bench.tasks.results import Check

N = 6


def looked_at(model: nn.Module, x: Tensor, **options: Any) -> Diagnosis:
    """The diagnosis on ``x`` with the model's own decisions for labels."""
    with torch.no_grad():
        y = model.eval()(x).argmax(1)
    return examine(model, data=(x, y), n=N, eps="8/255", **options)


def check(diagnosis: Diagnosis, name: str) -> Check:
    """The only check of this name."""
    (only,) = (each for each in diagnosis.checks if each.name == name)
    return only


class InDouble(nn.Module):
    """A network with weights of float64."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.inner(x.double()).float()
        return logits


@pytest.mark.parametrize("manner", ["loop over layers", "class made on the way", "threshold as tensor"])
def test_spike_functions_are_controlled_along_the_paths_that_are_defined_for_them(manner: str) -> None:
    model = InDouble(stranger(manner, Recipe()))
    diagnosis = looked_at(model, torch.rand(N, 2, 4, 4, generator=torch.Generator().manual_seed(1)))
    path = check(diagnosis, "gradient path")
    assert path.status == "pass"
    assert path.says == "1 of 1 spike functions in 2 layers were under the attacker's control"
    assert diagnosis.path_names == [name for name in PATHS if name not in ("BPTR", "RGA", "HART")]
    own, narrow = (diagnosis.cosines[0][diagnosis.path_names.index(name)] for name in ("own", "narrow triangle"))
    assert own == pytest.approx(1, abs=1e-3) and narrow < 0.999
    assert not any("fails:" in each.says for each in diagnosis.checks)


class FromSpikingJelly(nn.Module):
    """A network of SpikingJelly in eval mode, where its neurons fire without a gradient. mode: of its steps.

    It keeps the membranes of its last call, with their graph, so it cannot be copied.
    """

    def __init__(self, mode: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(layer.Flatten(), layer.Linear(36, 400), neuron.LIFNode(), layer.Linear(400, 3))
        functional.set_step_mode(self, mode)
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        functional.reset_net(self)
        x = 6 * x
        if self.mode == "m":
            logits: Tensor = self.body(x.expand(4, *x.shape)).mean(0)
            return logits
        return torch.stack([self.body(x) for _ in range(4)]).mean(0)


@pytest.mark.parametrize("mode", ["m", "s"])
def test_networks_of_spikingjelly_are_looked_at_as_they_are(mode: str) -> None:
    diagnosis = looked_at(FromSpikingJelly(mode), images(N))
    path = check(diagnosis, "gradient path")
    assert path.says == "1 of 1 spike functions in 1 layers were under the attacker's control"
    assert check(diagnosis, "gradient along own").status == "pass"
    assert "known to exist; the attack set finds" in check(diagnosis, "active test").says
    assert not any("fails:" in each.says for each in diagnosis.checks)


class Scored(nn.Module):
    """Images ``(n, 1, 6, 6)`` to three logits, smooth. kind: what hinders a look at it."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.inner = nn.Sequential(nn.Flatten(), nn.Linear(36, 20), nn.Tanh(), nn.Linear(20, 3))
        generator = torch.Generator().manual_seed(0)
        for linear in (self.inner[1], self.inner[3]):
            linear.weight.data = torch.randn(linear.weight.shape, generator=generator) / 2
        self.scale: Tensor | float = 1.0
        if kind == "cannot be copied":
            self.scale = 2 * torch.ones(1, requires_grad=True)

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "float inside":
            x = x.float()
        if self.kind == "float32 alone" and x.dtype != torch.float32:
            raise RuntimeError("expected float32")
        if self.kind == "numpy":
            x = torch.from_numpy(x.numpy())
        logits: Tensor = self.inner(x) * self.scale
        return logits


@pytest.mark.parametrize("kind", ["plain", "float inside", "float32 alone", "cannot be copied"])
def test_the_derivative_is_compared_whatever_hinders_it(kind: str) -> None:
    derivative = check(looked_at(Scored(kind), images(N)), "derivative")
    assert derivative.status == "pass"
    assert derivative.value < 0.1


def test_what_cannot_be_looked_at_is_said_with_its_reason() -> None:
    diagnosis = looked_at(Scored("numpy"), images(N))
    for name in ("spike functions", "derivative"):
        remark = check(diagnosis, name)
        assert remark.status == "warn"
        assert "could not be looked at" in remark.says and "numpy()" in remark.says
        assert name in diagnosis.not_looked_at


def test_a_model_that_draws_has_a_derivative_line_as_well() -> None:
    class Draws(Scored):
        stochastic = True

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + 0.01 * torch.randn(len(x), 3)

    diagnosis = looked_at(Draws("plain"), images(N))
    assert check(diagnosis, "derivative").says.endswith("could not be looked at: two calls may differ")
    assert check(diagnosis, "active test").says.endswith("could not be looked at: two calls may differ")
    assert check(diagnosis, "decisions").status == "pass"


def test_a_model_that_is_declared_to_draw_and_remembers_is_found_out() -> None:
    class Remembers(Scored):
        stochastic = True
        before: Tensor | float = 0.0

        def forward(self, x: Tensor) -> Tensor:
            logits = super().forward(x) + self.before
            self.before = logits.mean(0, keepdim=True).detach()
            return logits

    diagnosis = looked_at(Remembers("plain"), images(N))
    assert diagnosis.status == "fail"
    assert "remembers its last call" in check(diagnosis, "memory").says
    assert diagnosis.not_looked_at == ["gradients"]


def test_memory_is_found_where_two_calls_in_a_row_agree() -> None:
    """A membrane that has settled on an image answers it as before, and others otherwise."""

    class Settled(Scored):
        before: Tensor | None = None

        def forward(self, x: Tensor) -> Tensor:
            logits = super().forward(x)
            kept = logits if self.before is None or len(self.before) != len(logits) else self.before
            self.before = logits.detach()
            return 0.1 * logits + kept

    x = 8 * (images(N) - 0.5) * torch.tensor([1.0, -1.0]).repeat(N // 2).view(-1, 1, 1, 1)  # of several classes
    subject = own_subject(Settled("plain"), Origin("settled"), False, NOTHING)
    y, streams = torch.zeros(len(x), dtype=torch.int64), KeyedRng.of(0, torch.arange(len(x)))
    checks = {each.name: each for each in stability(ExaminedModel(subject, x, y, streams, 0.1))}
    assert checks["decisions twice"].status == "pass"
    assert checks["decisions in reverse order"].status == "fail"
    assert "remembers its last call" in checks["memory"].says


@pytest.mark.parametrize("manner", MANNERS)
def test_the_active_test_finds_the_images_wherever_time_is(manner: Manner) -> None:
    active = check(looked_at(folding_time(manner), images(N)), "active test")
    assert "read-outs were planted whose adversarial image is known to exist" in active.says
    assert active.status != "fail"


def test_a_network_without_a_linear_layer_is_not_accused() -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    torch.manual_seed(0)
    model[0].weight.data = torch.randn(3, 1, 3, 3)
    active = check(looked_at(model, images(N)), "active test")
    assert active.status == "warn"
    assert "could not be looked at: no linear layer" in active.says


class Converted(nn.Module):
    """A network that computes outside of the graph."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.inner(x)
        return logits


def test_where_no_gradient_arrives_searches_without_gradients_are_named_and_run() -> None:
    diagnosis = looked_at(Converted(folding_time("(T, n, F)")), images(N))
    blind = check(diagnosis, "no gradient")
    assert blind.status == diagnosis.status == "fail"
    assert "--attack square" in blind.says
    assert check(diagnosis, "Square (500 queries)").says.endswith("without any gradient")
    assert not any("fails:" in each.says or "PGD" in each.says for each in diagnosis.checks)


class Frames(nn.Module):
    """Event frames ``(n, T, C, H, W)``."""

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Linear(2 * 6 * 6, 3)
        self.read.weight.data = torch.randn(3, 72, generator=torch.Generator().manual_seed(0))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.read(x.flatten(2)).mean(1)
        return logits


def test_a_search_that_does_not_fit_the_samples_is_named() -> None:
    x = (torch.rand(N, 4, 2, 6, 6, generator=torch.Generator().manual_seed(1)) < 0.3).float()
    diagnosis = looked_at(Frames(), x)
    square = check(diagnosis, "Square (500 queries)")
    assert square.status == "warn"
    assert "needs images (C, H, W)" in square.says and square.name in diagnosis.not_looked_at
    assert check(diagnosis, "the worst of 100 random draws").status == "pass"
    assert check(diagnosis, "active test").status != "fail"


class Probabilities(Scored):
    """Ends in a softmax. factor: of the logits."""

    def __init__(self, factor: float) -> None:
        super().__init__("plain")
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return (self.factor * super().forward(x)).softmax(1)


def test_saturated_probabilities_are_called_by_their_name() -> None:
    diagnosis = looked_at(Probabilities(1e3), images(N))
    assert diagnosis.status == "fail"
    assert check(diagnosis, "probabilities").says.endswith("return logits")
    assert not any(each.name == "derivative" for each in diagnosis.checks)
    mild = looked_at(Probabilities(0.5), images(N))
    assert not any(each.name == "probabilities" for each in mild.checks)
    assert check(mild, "derivative").status == "pass"


def test_progress_is_reported_before_the_work() -> None:
    reports: list[Progress] = []
    looked_at(folding_time("(T, n, F)"), images(N), on_progress=reports.append)
    begun = [progress for progress in reports if not progress.doing]
    assert begun[0].examination == FIRST and [each.number for each in begun] == sorted(each.number for each in begun)
    of_paths = [progress.doing for progress in reports if progress.examination == "paths"]
    assert len([doing for doing in of_paths if doing.startswith("PGD")]) == len(PATHS) - 4  # without its own, seen before
