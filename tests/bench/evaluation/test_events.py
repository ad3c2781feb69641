"""Evaluations under threats on events: shares as budgets, verified grids, sets that know event frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

import bench
from attacks.base import Access, Attack
from attacks.fitting import Traits
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.standard import Quick, Standard, Thorough
from attacks.threats.catalogue import threat_kind
from attacks.threats.threat import Threat
from bench.cli.evaluate import _norm_and_eps
from bench.foundation.errors import SpecError
from bench.foundation.spec import parse_eps
from zoo.architectures.event_network import EventNetwork

EVENT_THREATS = ("events_l0", "event_counts", "spike_flips", "retime", "retime_shift", "retime_total")


class Few(nn.Module):
    """Two classes by a plane over 4 frames of 2 x 3 x 3 cells, in whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(2)
        self.register_buffer("w", torch.randint(-4, 5, (72,), generator=generator).float())

    def forward(self, x: Tensor) -> Tensor:
        value = x.flatten(1) @ self.w + 0.5
        return torch.stack([-value, value], 1)


def recordings(n: int = 30) -> tuple[Tensor, Tensor]:
    x = (torch.rand(n, 4, 2, 3, 3, generator=torch.Generator().manual_seed(3)) < 0.4).float()
    return x, Few()(x).argmax(1)


@dataclass(frozen=True, kw_only=True)
class Cheat(Attack):
    """Hands over what the threat does not allow. how: by flipping every cell, or by half events."""

    access: ClassVar[Access] = "none"
    how: str = "flips"

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        return 1 - x if self.how == "flips" else (x + 0.5 * (x == 0)).clamp(0, 0.5)

    def cost(self) -> tuple[int, int]:
        return 0, 0


def test_a_set_beats_draws_and_is_verified() -> None:
    record = bench.evaluate(Few(), data=recordings(), attack="quick", norm="events_l0", eps="5%,10%")
    assert [cell.eps_text for cell in record.results] == ["5%", "10%"]
    assert set(record.rows["status"]) == {"ok"}
    # With a budget of one event among 72 cells, as many draws as the set has queries find it too.
    assert all(cell.robust.value <= cell.noise_best.value for cell in record.results)
    assert all(cell.robust.value < cell.noise.value for cell in record.results)
    share = record.rows["norm_value"] / recordings()[0].flatten(1).sum(1).numpy()[record.rows["sample"]]
    assert bool((share <= record.rows["eps"] + 1e-9).all())
    assert bool((record.rows["norm_value"] % 1 == 0).all())


@pytest.mark.parametrize(("how", "status"), [("flips", "out_of_ball"), ("halves", "out_of_box")])
def test_what_is_not_allowed_is_no_adversarial_example(how: str, status: str) -> None:
    record = bench.evaluate(Few(), data=recordings(), attack=Cheat(how=how), norm="events_l0", eps=3)
    attacked = record.rows[record.rows["verdict"] != "clean_wrong"]
    assert set(attacked["status"]) == {status}
    assert record.results[0].robust.value == 1
    assert record.reliability.status == "unreliable"


@dataclass(frozen=True, kw_only=True)
class Merging(Attack):
    """The trap of a projection by element-wise maximum: events that are moved onto others are lost.

    All events of the first frame are moved into the second.
    """

    access: ClassVar[Access] = "none"

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        moved = x.clone()
        moved[:, 0], moved[:, 1] = 0, torch.maximum(x[:, 0], x[:, 1])
        return moved

    def cost(self) -> tuple[int, int]:
        return 0, 0


def test_a_projection_that_loses_events_makes_no_adversarial_example() -> None:
    x, y = recordings()
    record = bench.evaluate(Few(), data=(x, y), attack=Merging(), norm="retime", eps=18)
    lost = ((x[:, 0] * x[:, 1]).flatten(1).sum(1) > 0).numpy()
    rows = record.rows.set_index("sample").sort_index()
    assert lost.sum() > 20
    assert set(rows["status"][lost]) == {"out_of_ball"} and set(rows["verdict"][lost]) == {"robust"}
    assert set(rows["status"][~lost]) <= {"ok"}


class Reshaped(EventNetwork):
    """The trap of frames made by reshape instead of permute: every step sees frames of several recordings."""

    def forward(self, x: Tensor) -> Tensor:
        signal = x.reshape(x.shape[1], len(x), *x.shape[2:])
        logits: Tensor = self.readout(self.body(signal))
        return logits


def test_a_network_that_mixes_recordings_is_not_called_reliable() -> None:
    # Of 96 recordings 3 to 7 were unstable for each of 12 seeds, so that none of 240 is not met by chance.
    x = (torch.rand(240, 5, 2, 9, 9, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    results, statuses = {}, {}
    for kind in (EventNetwork, Reshaped):
        torch.manual_seed(1)
        model = kind(neuron={"threshold": 0.2}, side=9, widths=(4, 6, 8))
        for _ in range(5):  # statistics of BatchNorm
            model(x)
        model.eval().requires_grad_(False)
        data = x, model(x).argmax(1)
        record = bench.evaluate(model, data=data, attack="uniform", norm="events_l0", eps=1, micro_batch=5)
        results[kind], statuses[kind] = record.results[0], record.reliability.status
    assert results[EventNetwork].unstable == 0 and statuses[EventNetwork] != "unreliable"
    assert results[Reshaped].unstable > 0 and statuses[Reshaped] == "unreliable"
    assert results[Reshaped].robust.value < results[EventNetwork].robust.value


@pytest.mark.parametrize("norm", ["retime", "retime_shift", "retime_total"])
def test_retiming_is_evaluated(norm: str) -> None:
    record = bench.evaluate(Few(), data=recordings(), attack="quick", norm=norm, eps=2)
    assert set(record.rows["status"]) == {"ok"}
    assert record.results[0].robust.value < record.results[0].noise.value


def test_counts_are_a_grid_of_their_own() -> None:
    x, y = recordings()
    with pytest.raises(SpecError, match="hold 0 or 1"):
        bench.evaluate(Few(), data=(x * 3 / 255, y), attack="topk", norm="events_l0", eps=3)
    with pytest.raises(SpecError, match="event frames"):
        bench.evaluate(Few(), data=(x.flatten(1), y), attack="topk", norm="events_l0", eps=3)
    record = bench.evaluate(Few(), data=(x * 3 / 255, y), attack="event_ascent", norm="event_counts", eps=9)
    assert set(record.rows["status"]) == {"ok"}


def test_attacks_in_norms_are_refused() -> None:
    with pytest.raises(SpecError, match="not in events_l0"):
        bench.evaluate(Few(), data=recordings(), attack="pgd", norm="events_l0", eps=3)
    with pytest.raises(SpecError, match="not in linf"):
        bench.evaluate(Few(), data=recordings(), attack="sda", eps=0.1)


def test_what_does_not_fit_event_frames_is_left_out_and_named() -> None:
    x, y = recordings(8)
    record = bench.evaluate(Few(), data=(x, y), attack="standard", eps=0.2, n=8)
    assert any(reason.startswith("Square") for reason in record.attacks[0].left_out)


def sets() -> Iterator[object]:
    for cascade in (Quick(), Standard(), Thorough()):
        for norm in EVENT_THREATS:
            for traits in (Traits(spiking=True), Traits()):
                yield pytest.param(cascade, norm, traits, id=f"{type(cascade).__name__}-{norm}-{traits.spiking}")


@pytest.mark.parametrize(("cascade", "norm", "traits"), sets())
def test_stages_are_for_the_threat_and_the_model(cascade: Standard, norm: str, traits: Traits) -> None:
    stages = cascade.stages(threat_kind(norm), traits)
    assert len({stage.name for stage in stages}) == len(stages) >= 2
    threat = threat_kind(norm)(eps=1)
    assert all(stage.attack.misfit(threat, (10, 2, 34, 34), traits) is None for stage in stages)


def test_the_network_of_the_zoo_answers_alike_in_any_batch() -> None:
    torch.manual_seed(0)
    model = EventNetwork(neuron={"decay": 0.9, "threshold": 0.2}, side=9, widths=(4, 4, 4)).eval().requires_grad_(False)
    x = (torch.rand(6, 5, 2, 9, 9) < 0.3).float()
    assert model(x).shape == (6, 10)
    torch.testing.assert_close(model(x[2:3]), model(x)[2:3])
    still = EventNetwork(neuron=None, side=9, widths=(4, 4, 4)).eval().requires_grad_(False)
    # Without spikes every frame is seen by itself: their order does not matter.
    torch.testing.assert_close(still(x), still(x.flip(1)))
    assert not torch.allclose(model(x), model(x.flip(1)))


def test_shares_are_written_in_percent() -> None:
    assert [eps.value for eps in parse_eps("2%,20,0.5%", norm="events_l0")] == [0.02, 20, 0.005]
    assert [eps.text for eps in parse_eps("2%", norm="retime")] == ["2%"]
    with pytest.raises(SpecError, match="no share"):
        parse_eps("100%", norm="events_l0")
    for norm in ("linf", "retime_shift"):
        with pytest.raises(SpecError, match="not a number"):
            parse_eps("2%", norm=norm)


def test_a_threat_says_its_budgets_in_one_word() -> None:
    assert _norm_and_eps("events_l0:budget=2%", None) == {"norm": "events_l0", "eps": "2%"}
    assert _norm_and_eps("retime:budget=5,10", None) == {"norm": "retime", "eps": "5,10"}
    assert _norm_and_eps("retime", "5") == {"norm": "retime", "eps": "5"}
    for wrong in ("events_l0:", "events_l0:eps=3", "events_l0:budget="):
        with pytest.raises(SpecError, match="no threat"):
            _norm_and_eps(wrong, None)
    with pytest.raises(SpecError, match="twice"):
        _norm_and_eps("events_l0:budget=2%", "3")
