"""An attacker who has to hand over a picture: images of 8 bits, searched for among such images."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support.tiny import CLASSES, Linear, images, labelled
from torch import Tensor, nn

import bench
from attacks.lattice import EightBit
from bench.tasks.record import Record

DATA = labelled(Linear(), 40, wrong=4)
ATTACKS = (
    "pgd:steps=5",
    "apgd:steps=10",
    "sapgd:steps=10",
    "nes:steps=5,pairs=5",
    "fmn:steps=10",
    "hopskipjump:queries=200",
    "foolbox:LinfPGD,steps=5",
    "torchattacks:PGD,steps=5",
)


def evaluated(model: nn.Module, attack: str = "pgd:steps=5", *, eps: str = "3/255", out: Path | None = None) -> Record:
    options = {"attack": attack, "eps": eps, "data": DATA, "eight_bit": True}
    return bench.evaluate(model, **options, out=out, save_adv=out is not None)


class BetweenLevels(Linear):
    """Wrong as soon as an entry is no multiple of 1/255: an image that nobody can store."""

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        stored = ((x * 255 - (x * 255).round()).abs() < 1e-3).flatten(1).all(1)
        return torch.where(stored[:, None], logits, logits.roll(1, 1))


class Steps(nn.Module):
    """Falls only where one given entry is two whole levels up: nothing in between is seen."""

    def forward(self, x: Tensor) -> Tensor:
        start = DATA[0].view(len(DATA[0]), -1)
        nearest = torch.cdist(x.detach().flatten(1), start).argmin(1)
        up = (x[:, 0, 1, 1] - start[nearest, 4]) * 255
        height = up + (up.detach() > 1.9) * 10
        logits = nn.functional.one_hot(DATA[1][nearest], CLASSES).float() * 5
        return logits + nn.functional.one_hot((DATA[1][nearest] + 1) % CLASSES, CLASSES) * height[:, None]


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_attacks_hand_over_are_images_of_8_bits(attack: str, tmp_path: Path) -> None:
    record = evaluated(Linear(), attack, out=tmp_path)
    (file,) = tmp_path.glob("*/adversarial/*.safetensors")
    adv = load_file(file)["images"]
    assert torch.equal(EightBit().towards_clean(adv, DATA[0]), adv)
    assert ((adv - DATA[0]).flatten(1).abs().amax(1) <= 3 / 255 + 1e-6).all()
    assert record.results[0].robust == record.results[0].robust_8bit
    assert set(record.rows["status"]) == {"ok"}
    assert record.settings["eight_bit"]


def test_what_no_picture_can_hold_is_no_attack() -> None:
    model = BetweenLevels()
    assert bench.evaluate(model, attack="pgd:steps=5", eps="1/255", data=DATA).results[0].robust.value == 0
    record, plain = evaluated(model, eps="1/255"), evaluated(Linear(), eps="1/255")
    assert record.results[0].robust == plain.results[0].robust
    assert record.results[0].noise == plain.results[0].noise
    assert record.results[0].robust.value > 0.5


@pytest.mark.parametrize("attack", ["pgd:steps=10", "sapgd:steps=20"])
def test_attacks_search_through_the_rounding(attack: str) -> None:
    assert evaluated(Steps(), attack, eps="2/255").results[0].robust.value < 0.1


def test_a_radius_below_one_level_leaves_nothing_to_do() -> None:
    record = evaluated(Linear(), eps="0.9/255")
    assert record.results[0].robust.value == record.results[0].clean.value
    assert (record.rows["norm_value"] == 0).all()


def test_stages_for_which_nothing_is_left() -> None:
    record = evaluated(Linear(), "quick", eps="128/255")
    assert record.results[0].robust.value == 0
    assert record.results[0].stages[-1].attempted == 0


class Brightness(nn.Module):
    """A score: the mean of all entries."""

    task = "quality"

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).mean(1)


def test_scores_are_moved_by_pictures_too() -> None:
    x = (images(12) * 127).round() / 255 + 60 / 255
    data = (x, x.flatten(1).mean(1) + 0.01 * torch.arange(12).sin())
    options = {"attack": ["pgd:steps=5", "uniform"], "eps": "2.5/255", "data": data}
    record, plain = (bench.evaluate(Brightness(), **options, eight_bit=only) for only in (True, False))
    assert record.results[0].absolute.value == pytest.approx(2 / 255, abs=1e-6)
    assert plain.results[0].absolute.value == pytest.approx(2.5 / 255, abs=1e-6)
    for shift in record.results:
        assert shift.rounded.value == pytest.approx(shift.absolute.value, abs=1e-6)


def test_without_the_option_a_record_does_not_speak_of_it() -> None:
    record = bench.evaluate(Linear(), attack="pgd:steps=5", eps="3/255", data=(images(4), torch.zeros(4).long()))
    assert "eight_bit" not in record.settings
