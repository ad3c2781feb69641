"""Keyed random numbers: a function of (seed, id, keys), and random."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from attacks.randomness import KeyedRng, drawing, uniform_like

quick = settings(deadline=None, max_examples=40, derandomize=True)
MASK = (1 << 64) - 1
GOLDEN_KEYS = [7109312860134156200, -7954337950185421324]
GOLDEN_UNIFORM = [[0.6719128, 0.1793479], [0.5037071, 0.7465727]]


def streams(*ids: int, seed: int = 0) -> KeyedRng:
    return KeyedRng.of(seed, torch.tensor(ids))


def splitmix(value: int) -> int:
    """The finaliser of splitmix64 in plain integers (Steele et al., OOPSLA 2014)."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def unmix(value: int) -> int:
    """The argument for which the finaliser gives ``value``."""

    def unshift(mixed: int, bits: int) -> int:
        plain = mixed
        for _ in range(64 // bits):
            plain = mixed ^ (plain >> bits)
        return plain

    value = (unshift(value, 31) * pow(0x94D049BB133111EB, -1, 1 << 64)) & MASK
    value = (unshift(value, 27) * pow(0xBF58476D1CE4E5B9, -1, 1 << 64)) & MASK
    return unshift(value, 30)


def stream_starting_with(bits: int) -> KeyedRng:
    """A stream whose first draw is made from the 64 random ``bits``."""
    key = (unmix(bits) - 0x9E3779B97F4A7C15) & MASK
    return KeyedRng(torch.tensor([key - (1 << 64) if key >> 63 else key]))


@given(st.integers(0, MASK))
def test_the_test_can_invert_the_hash(value: int) -> None:
    assert splitmix(unmix(value)) == value


def test_one_key_one_number() -> None:
    one, two = streams(3, 4).fold("start", 1), streams(3, 4).fold("start", 1)
    assert torch.equal(one.uniform(2, 3), two.uniform(2, 3))
    assert torch.equal(one.normal(5), two.normal(5))
    assert torch.equal(one.integers(1000), two.integers(1000))


@pytest.mark.own_seed
def test_old_results_can_be_reproduced() -> None:
    rng = KeyedRng.of(2024, torch.tensor([0, 7])).fold("start", 3)
    assert rng.keys.tolist() == GOLDEN_KEYS
    torch.testing.assert_close(rng.uniform(2).double(), torch.tensor(GOLDEN_UNIFORM).double(), rtol=0, atol=1e-6)


def test_the_numbers_are_those_of_splitmix64() -> None:
    key = 12345
    drawn = KeyedRng(torch.tensor([key])).uniform(3)[0]
    expected = [splitmix((key + k * 0x9E3779B97F4A7C15) & MASK) / 2**64 for k in (1, 2, 3)]
    torch.testing.assert_close(drawn.double(), torch.tensor(expected).double(), rtol=0, atol=2**-23)


@quick
@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=8, unique=True), st.data())
def test_a_sample_draws_the_same_in_any_batch_order_and_shard(ids: list[int], data: st.DataObject) -> None:
    together = dict(zip(ids, streams(*ids, seed=5).fold("x", 2).normal(3), strict=True))
    order = data.draw(st.permutations(ids))
    cut = data.draw(st.integers(0, len(ids)))
    for shard in (order[:cut], order[cut:]):
        rng = KeyedRng.of(5, torch.tensor(shard, dtype=torch.int64)).fold("x", 2)
        for sample, drawn in zip(shard, rng.normal(3), strict=True):
            assert torch.equal(drawn, together[sample])


def test_rows_of_a_stream_are_the_streams_of_the_rows() -> None:
    index = torch.tensor([2, 0])
    assert torch.equal(streams(5, 6, 7).rows(index).uniform(4), streams(7, 5).uniform(4))


def test_a_fold_of_many_parts_is_a_fold_of_each_in_turn() -> None:
    rng = streams(1, 2)
    assert torch.equal(rng.fold("a", 3).keys, rng.fold("a").fold(3).keys)
    assert torch.equal(rng.fold(3).keys, rng.fold(torch.tensor([3, 3])).keys)
    assert not torch.equal(rng.fold("a", 3).keys, rng.fold(3, "a").keys)


def test_another_seed_id_or_fold_gives_other_numbers() -> None:
    base = streams(1)
    others = [
        streams(1, seed=1),
        streams(2),
        base,
        base.fold("a"),
        base.fold("b"),
        base.fold(0),
        base.fold(1),
    ]
    others += [base.fold(0, 0), base.fold(-1), streams(1, seed=-1), streams(1, seed=2**63 + 5)]
    assert len({tuple(other.uniform(2)[0].tolist()) for other in others}) == len(others)


def test_no_two_of_a_hundred_thousand_neighbouring_streams_agree() -> None:
    ids = torch.arange(50_000)
    keys = torch.cat([KeyedRng.of(seed, ids).keys for seed in (0, 1)])
    assert len(keys.unique()) == len(keys)


@pytest.mark.parametrize("along", ["one stream", "neighbouring ids", "neighbouring seeds", "neighbouring folds"])
def test_uniform_numbers_are_uniform(along: str) -> None:
    drawn = UNIFORM[along](20_000).double()
    assert abs(float(drawn.mean()) - 0.5) < 5 * math.sqrt(1 / 12 / len(drawn))
    assert abs(float(drawn.var()) - 1 / 12) < 5 * math.sqrt(1 / 180 / len(drawn))
    assert stats.kstest(drawn.numpy(), "uniform").pvalue > 1e-4


@pytest.mark.parametrize("along", ["one stream", "neighbouring ids", "neighbouring seeds", "neighbouring folds"])
def test_neighbours_are_uncorrelated(along: str) -> None:
    drawn = UNIFORM[along](20_000).double()
    for lag in (1, 2, 8, 32):
        correlation = torch.corrcoef(torch.stack([drawn[lag:], drawn[:-lag]]))[0, 1]
        assert abs(float(correlation)) < 5 / math.sqrt(len(drawn))


UNIFORM: dict[str, Callable[[int], Tensor]] = {
    "one stream": lambda n: streams(0).uniform(n)[0],
    "neighbouring ids": lambda n: KeyedRng.of(0, torch.arange(n)).uniform(1)[:, 0],
    "neighbouring seeds": lambda n: torch.cat([streams(*range(20), seed=s).uniform(1)[:, 0] for s in range(n // 20)]),
    "neighbouring folds": lambda n: streams(*[0] * n).fold("x", torch.arange(n)).uniform(1)[:, 0],
}


def test_normal_numbers_are_normal() -> None:
    drawn = streams(*range(20)).normal(1000).double().flatten().numpy()
    assert stats.kstest(drawn, "norm").pvalue > 1e-4


def test_integers_hit_every_class_equally_often() -> None:
    counts = KeyedRng.of(0, torch.arange(7000)).integers(7).bincount()
    assert len(counts) == 7
    assert stats.chisquare(counts.numpy()).pvalue > 1e-4


@quick
@given(st.one_of(st.integers(0, MASK), st.integers(0, 1 << 42), st.integers(MASK - (1 << 42), MASK)))
def test_no_draw_reaches_the_ends_of_the_interval(bits: int) -> None:
    rng = stream_starting_with(bits)
    assert 0 < float(rng.uniform(1)) < 1
    assert math.isfinite(float(rng.normal(1)))
    assert int(rng.integers(10)) == bits * 10 >> 64 or min(bits * 10 % 2**64, -bits * 10 % 2**64) < 2**44


def test_shapes() -> None:
    assert streams(1, 2, 3).uniform(2, 5).shape == (3, 2, 5)
    assert streams(1, 2, 3).uniform().shape == (3,)
    assert KeyedRng.of(0, torch.arange(0)).normal(2, 5).shape == (0, 2, 5)


def test_a_stochastic_layer_draws_keyed_numbers_inside_the_block_and_global_ones_outside() -> None:
    x = torch.zeros(3, 2, 4, dtype=torch.float64)
    rng = streams(4, 5, 6)
    with drawing(rng):
        keyed, again = (uniform_like(x, draws=7, layer="a") for _ in range(2))
        other = uniform_like(x, draws=7, layer="b")
    assert keyed.shape == (7, 3, 2, 4) and keyed.dtype == x.dtype
    assert torch.equal(keyed, again)
    assert not torch.equal(keyed, other)
    torch.manual_seed(0)
    outside = uniform_like(x, draws=7, layer="a")
    torch.manual_seed(0)
    assert torch.equal(outside, torch.rand(7, 3, 2, 4, dtype=torch.float64))


def test_a_row_of_a_stochastic_layer_does_not_depend_on_its_neighbours() -> None:
    with drawing(streams(4, 5, 6)):
        batch = uniform_like(torch.zeros(3, 2), draws=2, layer="a")
    with drawing(streams(6)):
        alone = uniform_like(torch.zeros(1, 2), draws=2, layer="a")
    assert torch.equal(batch[:, 2:], alone)


def test_keyed_draws_leave_the_global_state_alone() -> None:
    before = torch.random.get_rng_state()
    with drawing(streams(1, 2)):
        uniform_like(torch.zeros(2, 3), draws=2, layer="a")
    streams(1, 2).normal(5), streams(1, 2).integers(5)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_blocks_nest_and_end_with_an_exception() -> None:
    x = torch.zeros(1, 3)
    with drawing(streams(1)):
        first = uniform_like(x, draws=1, layer="a")
        with pytest.raises(KeyError), drawing(streams(2)):
            raise KeyError
        assert torch.equal(uniform_like(x, draws=1, layer="a"), first)
        with drawing(None):
            assert not torch.equal(uniform_like(x, draws=1, layer="a"), first)
    assert not torch.equal(uniform_like(x, draws=1, layer="a"), first)


def test_a_batch_that_does_not_fit_the_streams_is_refused() -> None:
    with drawing(streams(1, 2)), pytest.raises(ValueError, match="2 rows"):
        uniform_like(torch.zeros(3, 3), draws=1, layer="a")
