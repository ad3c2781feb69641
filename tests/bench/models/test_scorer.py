"""The scorer: one batch shape, one answer per image whoever stands beside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.tiny import Linear, images
from torch import Tensor, nn

from attacks.randomness import KeyedRng, uniform_like
from bench.foundation.errors import ModelError
from bench.models.scorer import BATCH, LARGE_BATCH, Scorer
from zoo.cameras.networks import through_pictures
from zoo.canonical.convert import canonical


class Calls(nn.Module):
    """Answers with a function and remembers the shapes it was asked for."""

    def __init__(self, answer: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.answer = answer
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> object:
        self.shapes.append(tuple(x.shape))
        return self.answer(x)


class Keyed(nn.Module):
    """Logits that are nothing but keyed noise."""

    def forward(self, x: Tensor) -> Tensor:
        return uniform_like(x.flatten(1)[:, :3], draws=1, layer="noise")[0]


def streams(n: int, seed: int = 0) -> KeyedRng:
    return KeyedRng.of(seed, torch.arange(n))


@pytest.mark.parametrize("n", [1, 49, 50, 51, 120])
def test_the_model_only_ever_sees_one_shape(n: int) -> None:
    model = Calls(lambda x: x.flatten(1)[:, :3])
    x = images(n)
    assert torch.equal(Scorer(model, "m").logits(x), x.flatten(1)[:, :3])
    assert model.shapes == [(BATCH, 1, 3, 3)] * -(-n // BATCH)


def test_a_network_in_canonical_form_is_asked_without_padding() -> None:
    twin = canonical(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4, 3)).eval())
    assert twin is not None
    scorer, x = Scorer(twin, "m"), images(LARGE_BATCH + 3)
    shapes: list[int] = []
    twin.register_forward_pre_hook(lambda module, inputs: shapes.append(len(inputs[0])))
    assert scorer.exact and not Scorer(Linear(), "m").exact
    assert torch.equal(scorer.logits(x), scorer.logits(x, batch=7))
    assert shapes[:2] == [LARGE_BATCH, 3]


@pytest.mark.parametrize("form", [False, True], ids=["padded", "canonical"])
@pytest.mark.parametrize("reconstruction", ["tfp", "tfi"])
def test_answers_through_a_camera_belong_to_their_row(form: bool, reconstruction: str) -> None:
    """Whoever stands beside it, and wherever in the batch it stands; another stream draws other noise.

    Padded batches are asked of a network whose sums are exact; in canonical form any network's are.
    """
    torch.manual_seed(0)
    camera = {"ticks": 8, "gain": 0.9, "photons": 50.0, "spurious": 0.01, "jitter": 0.02}
    network = {"steps": 1, "neuron": None, "widths": (4, 4, 4, 4)}
    model = through_pictures(camera=camera, reconstruction=reconstruction, network=network).eval()
    twin = canonical(model)
    assert twin is not None
    scorer = Scorer(twin if form else nn.Sequential(twin), "m", draws=3)
    assert scorer.exact is form
    x, rng = torch.rand(60, 3, 32, 32), streams(60)
    logits = scorer.drawn(x, rng)
    rows = torch.tensor([58, 3, 0])
    assert torch.equal(scorer.drawn(x[rows], rng.rows(rows)), logits[:, rows])
    assert not torch.equal(logits[0], logits[1])
    assert not torch.equal(scorer.drawn(x[rows], rng.rows(rows).fold("other")), logits[:, rows])


@pytest.mark.parametrize("before", [True, False])
def test_verdicts_are_made_without_tf32(before: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[bool] = []

    def answer(x: Tensor) -> Tensor:
        used.append(torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32)
        if len(used) == 2:
            raise RuntimeError("no")
        return x.flatten(1)[:, :3]

    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", before)
    scorer = Scorer(Calls(answer), "m")
    scorer.logits(images(2))
    with pytest.raises(ModelError):
        scorer.logits(images(2))
    assert used == [False, False] and torch.backends.cudnn.allow_tf32 is before


@given(st.integers(1, 25), st.randoms(use_true_random=False))
def test_neighbours_and_padding_do_not_matter(n: int, random: object) -> None:
    x, scorer = images(n), Scorer(Linear().eval(), "m")
    whole = scorer.logits(x, batch=10)
    order = list(range(n))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert torch.allclose(scorer.logits(x[order], batch=10), whole[order], atol=1e-6)
    assert torch.allclose(scorer.logits(x[n // 2 :], batch=10), whole[n // 2 :], atol=1e-6)
    assert torch.allclose(scorer.logits(x), whole, atol=1e-6)


@pytest.mark.parametrize(("n", "draws"), [(1, 3), (7, 10), (50, 2), (61, 3)])
def test_draws_share_batches_and_are_the_same_as_one_by_one(n: int, draws: int) -> None:
    model = Calls(Keyed())
    x, rng = images(n), streams(n, seed=4)
    together = Scorer(model, "m", draws).decisions(x, rng)
    assert model.shapes == [(BATCH, 1, 3, 3)] * -(-n * draws // BATCH)
    alone = [Scorer(Keyed(), "m").logits(x, rng.fold("score", k)).argmax(1) for k in range(draws)]
    assert torch.equal(together, torch.stack(alone))


def test_stochastic_draws_belong_to_the_sample() -> None:
    x, rng = images(150), streams(150)
    scorer = Scorer(Keyed(), "m", draws=4)
    decisions = scorer.decisions(x, rng)
    assert decisions.shape == (4, 150)
    assert torch.equal(decisions, scorer.decisions(x, rng))
    some = torch.tensor([149, 3, 77])
    assert torch.equal(scorer.decisions(x[some], rng.rows(some)), decisions[:, some])
    assert torch.equal(scorer.decisions(x, rng, batch=7), decisions)
    assert not torch.equal(decisions[0], decisions[1])
    assert not torch.equal(decisions, scorer.decisions(x, streams(150, seed=1)))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda x: None, "returned a NoneType instead of a tensor"),
        (lambda x: (x.flatten(1),), "returned a tuple instead of a tensor"),
        (lambda x: x, r"returned shape \(50, 1, 3, 3\) for 50 inputs"),
        (lambda x: x.flatten(1)[:1], r"returned shape \(1, 9\) for 50 inputs"),
        (lambda x: x.flatten(1)[:, :1], r"returned shape \(50, 1\)"),
        (lambda x: x.flatten(1).sum(1), r"returned shape \(50,\)"),
        (lambda x: x.flatten(1) / 0, "returned NaN or infinite logits"),
        (lambda x: x.flatten(1) * float("nan"), "returned NaN or infinite logits"),
        (lambda x: x @ torch.ones(7, 7), "failed on images of shape 1 x 3 x 3: RuntimeError"),
        (lambda x: {}["a"], "failed on images of shape 1 x 3 x 3: KeyError"),
    ],
)
def test_a_model_that_breaks_its_contract(answer: Callable[[Tensor], object], said: str) -> None:
    with pytest.raises(ModelError, match=f"^my model {said}") as caught:
        Scorer(Calls(answer), "my model").logits(images(3) + 0.01)
    assert "\n" not in str(caught.value)


def test_a_cache_filled_while_scoring_can_be_used_while_attacking() -> None:
    """Tensors made under inference mode could not be saved for a backward."""

    class Caching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale: Tensor | None = None

        def forward(self, x: Tensor) -> Tensor:
            if self.scale is None:
                self.scale = torch.ones(3) * 2
            return x.flatten(1)[:, :3] * self.scale

    model = Caching()
    logits = Scorer(model, "m").logits(images(2))
    assert not logits.requires_grad
    x = images(2).requires_grad_()
    model(x).sum().backward()
    assert x.grad is not None
    assert x.grad.max() == 2
