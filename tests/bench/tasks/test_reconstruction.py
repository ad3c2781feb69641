"""Models that reconstruct, from request to record: what a picture loses is what it departs from the scene that is shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from support.pictures import Dimmed
from support.statistics import at_least
from torch import Tensor, nn

import bench
from attacks.base import Attack
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng, uniform_like
from attacks.threats.threat import Threat
from bench.data.base import Samples
from bench.evaluation.request.identity import folder_name
from bench.foundation.errors import ModelError, SpecError
from bench.tasks.lookup import submission_rules, task_for, task_named, training_rules
from bench.tasks.reconstruction.results import Drop
from bench.tasks.reconstruction.rows import worst_case
from bench.tasks.record import Record
from bench.tasks.summary import decimal
from reports.tables import comparison_table
from zoo.cameras.networks import Reconstructor

N, EPS = 6, 0.05


class Faithful(nn.Module):
    """Shows what is there."""

    task = "reconstruction"

    def forward(self, x: Tensor) -> Tensor:
        return x.clone()


class Grainy(nn.Module):
    """Adds keyed noise that grows with the light."""

    task, stochastic = "reconstruction", True

    def forward(self, x: Tensor) -> Tensor:
        return x + x * (uniform_like(x, draws=1, layer="grain")[0] - 0.5)


class Counting(Reconstructor):
    """A camera without noise, saturation or uneven thresholds: its picture is off by at most half of a count."""

    task = "reconstruction"
    ticks = 33

    def __init__(self) -> None:
        super().__init__(camera={"ticks": self.ticks, "initial": 0.5}, reconstruction="tfp")


def scenes(n: int = N, side: int = 12) -> tuple[Tensor, Tensor]:
    """Scenes far from the ends of the box, and labels, which play no part."""
    drawn = torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(0))
    return 0.3 + 0.4 * drawn, torch.arange(n)


def in_decibels(error: float) -> float:
    return -10 * math.log10(error)


def of_attack(record: Record, attack: str) -> Drop:
    (result,) = (result for result in record.results if result.attack == attack)
    assert isinstance(result, Drop)
    return result


@pytest.fixture(scope="module")
def record() -> Record:
    return bench.evaluate(Dimmed(), attack=["pgd", "fgsm", "uniform"], eps=f"0.01,{EPS}", data=scenes())


@pytest.mark.parametrize("attack", ["pgd", "fgsm", "worst case"])
def test_the_worst_scene_of_a_dimmed_picture_is_the_brightest(record: Record, attack: str) -> None:
    """``(1 - s)^2 mean((x + eps)^2)`` against the attacked scene; against the clean one it would be another figure."""
    x = scenes()[0].double()
    for eps in (0.01, EPS):
        rows = [one for one in record.results if one.attack == attack and one.eps == eps]
        expected = [in_decibels(float(0.25 * (scene + eps).square().mean())) for scene in x]
        assert rows[0].psnr.value == pytest.approx(np.mean(expected), abs=1e-3)
        clean = [in_decibels(float(0.25 * scene.square().mean())) for scene in x]
        assert rows[0].drop.value == pytest.approx(np.mean(clean) - np.mean(expected), abs=1e-3)
    assert record.reliability.status == "upper_bound"
    assert "a lower bound on how far the PSNR can drop" in record.reliability.reasons[0]


def test_a_faithful_picture_loses_nothing_whatever_the_attack() -> None:
    found = bench.evaluate(Faithful(), attack=["pgd", "square:queries=20"], eps="0.3", data=scenes())
    assert (found.rows["clean_psnr"] == 100).all() and (found.rows["drop"] == 0).all()
    assert found.rows["ssim"].tolist() == pytest.approx([1.0] * len(found.rows)) and (found.rows["noise_k"] == 100).all()


def test_a_record_follows_from_its_rows(record: Record) -> None:
    for one in record.results:
        rows = record.rows[record.rows["eps"] == one.eps]
        rows = worst_case(rows) if one.attack == "worst case" else rows[rows["attack"] == one.attack]
        assert one.drop.value == pytest.approx((rows["clean_psnr"] - rows["psnr"]).mean())
        assert one.drop.value == pytest.approx(one.psnr_clean.value - one.psnr.value)
        assert one.gap_worst.value == pytest.approx((rows["noise_k"] - rows["psnr"]).mean())
        assert one.ssim_drop.value == pytest.approx((rows["clean_ssim"] - rows["ssim"]).mean())
        assert (rows["noise_k"] <= rows["noise_1"]).all() and (rows["norm_value"] <= one.eps + 1e-6).all()
        if one.attack == "worst case":
            every = record.rows[record.rows["eps"] == one.eps]
            assert rows["error"].tolist() == every.groupby("sample")["error"].max().tolist()
            assert rows["backwards"].tolist() == every.groupby("sample")["backwards"].sum().tolist()


def test_noise_is_measured_against_the_noisy_scene(record: Record) -> None:
    """Noise of the radius moves the PSNR of a dimmed picture by less than the attack, and not by the noise itself."""
    worst = of_attack_at(record, "uniform", EPS)
    assert abs(worst.drop_noise.value) < 0.2 < of_attack_at(record, "pgd", EPS).drop.value
    assert worst.psnr_noise_worst.value <= worst.psnr_noise.value


def of_attack_at(record: Record, attack: str, eps: float) -> Drop:
    (result,) = (result for result in record.results if result.attack == attack and result.eps == eps)
    assert isinstance(result, Drop)
    return result


def test_figures_are_those_of_scikit_image(tmp_path: Path) -> None:
    """Of the scenes that were saved, and of the picture of each."""
    metrics = pytest.importorskip("skimage.metrics")
    found = bench.evaluate(Dimmed(0.8), attack="pgd", eps="0.05", data=scenes(), save_adv=True, out=tmp_path)
    folder = tmp_path / folder_name(found.model.ref, found.identity)
    (path,) = (folder / "adversarial").glob("*.safetensors")
    for shown, psnr, ssim in (
        (scenes()[0], "clean_psnr", "clean_ssim"),
        (load_file(path)["images"], "psnr", "ssim"),
    ):
        for scene, row in zip(shown.double().numpy(), found.rows.to_dict("records"), strict=True):
            picture = 0.8 * scene
            assert row[psnr] == pytest.approx(metrics.peak_signal_noise_ratio(scene, picture, data_range=1), abs=1e-3)
            similarity = metrics.structural_similarity(
                scene,
                picture,
                data_range=1,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                full=True,
                channel_axis=0,
            )[1][:, 5:-5, 5:-5]
            assert row[ssim] == pytest.approx(similarity.mean(), abs=1e-5)


@dataclass(frozen=True, kw_only=True)
class ToHalfCounts(Attack):
    """Every pixel to the nearest intensity that lies halfway between two counts of a :class:`Counting` camera."""

    def cost(self) -> tuple[int, int]:
        return 0, 0

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        halfway = ((Counting.ticks * x.double()).floor() + 0.5) / Counting.ticks
        return threat.project((halfway - 1e-5).float(), x)


def test_a_counting_camera_is_off_by_half_a_count_and_no_more() -> None:
    """``|n / T - x| <= 1 / (2 T)`` for every scene: no attack lowers the PSNR beyond that, and one gets there."""
    attacks = ["pgd", "square:queries=30", ToHalfCounts()]
    found = bench.evaluate(Counting(), attack=attacks, eps="8/255", data=scenes())
    bound = 20 * math.log10(2 * Counting.ticks)
    assert (found.rows["psnr"] > bound - 0.01).all() and (found.rows["noise_k"] > bound - 0.01).all()
    reached = found.rows[found.rows["attack"].str.contains("ToHalfCounts")]
    assert len(reached) == N and (reached["psnr"] < bound + 0.05).all()
    assert of_attack(found, "worst case").drop.value == pytest.approx(10 * math.log10(3), abs=0.3)
    assert found.model.layers == 1
    (cancelled,) = (check for check in found.reliability.checks if check.name == "cancelled gradients")
    assert cancelled.status == "bound" and cancelled.value < 1e-5 and cancelled.says in found.reliability.reasons


def test_a_camera_shows_a_scene_over_time_as_one_exposure() -> None:
    """The picture of a scene that stands still over the ticks is that of the scene."""
    x, labels = scenes(2)
    still = x[:, None].expand(-1, Counting.ticks, -1, -1, -1).contiguous()
    over_time, at_once = (bench.evaluate(Counting(), attack="fgsm", eps="2/255", data=(y, labels)) for y in (still, x))
    assert over_time.rows["clean_psnr"].tolist() == pytest.approx(at_once.rows["clean_psnr"].tolist(), abs=0.01)
    flickering = bench.evaluate(Counting(), attack="pgd", norm="flicker", eps="2/255", data=(still, labels))
    assert (flickering.rows["status"] == "ok").all()


def test_a_stochastic_picture_is_judged_by_its_mean_error_and_reported_from_other_draws() -> None:
    x, labels = scenes(40, side=4)
    one, again = (bench.evaluate(Grainy(), attack="pgd", eps="0.05", data=(x, labels), workers=1) for _ in range(2))
    assert one.rows.equals(again.rows) and one.settings["scorings"] == 10 and not one.rows["unstable"].any()
    selected = -10 * np.log10(one.rows["error"])
    assert not np.allclose(selected, one.rows["psnr"])
    # E[error] = mean(x^2) / 12, so that an attack that brightens the scene makes it worse
    expected = -10 * np.log10(x.double().square().flatten(1).mean(1).numpy() / 12)
    assert np.abs(one.rows["clean_psnr"] - expected).mean() < 0.5
    assert at_least(one.rows["drop"].to_numpy()) > 0.2


def test_every_stage_of_a_set_raises_the_error_and_inherits() -> None:
    found = bench.evaluate(Dimmed(), attack="quick", eps="0.05", data=scenes(3))
    (result,) = found.results
    names = [stage.name for stage in result.stages]
    assert names == [stage.name for stage in found.attacks[0].stages] and len(names) == len(set(names)) >= 3
    assert all(stage.failed == 0 and stage.psnr is not None for stage in result.stages)
    assert result.psnr.value <= min(stage.psnr for stage in result.stages) + 1e-6
    (converged,) = (check for check in found.reliability.checks if check.name == "convergence")
    assert converged.status == "pass" and abs(converged.value) < 1e-3


def test_a_blind_search_that_gets_farther_shows_hidden_gradients() -> None:
    """A picture whose slope points the wrong way: gradients brighten what darkening would spoil, and Square notices."""

    class Reversed(nn.Module):
        task = "reconstruction"

        def forward(self, x: Tensor) -> Tensor:
            inverse = 0.5 * x.detach() + 4 * (x - x.detach())
            return inverse

    found = bench.evaluate(Reversed(), attack="standard", eps="0.2", data=scenes(1, side=8))
    (blind,) = (check for check in found.reliability.checks if check.name == "gradient-free")
    assert blind.status == "bound" and blind.value > 1 and "dB lower than those with gradients" in blind.says
    assert found.reliability.status == "upper_bound"


@dataclass(frozen=True, kw_only=True)
class Failing(Attack):
    """Leaves the ball on the first scene, and raises on the second."""

    def cost(self) -> tuple[int, int]:
        return 0, 0

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        second = scenes()[0][1]
        if any(torch.equal(row, second) for row in x):
            raise RuntimeError("no such scene")
        return x + threat.eps * torch.where((x == scenes()[0][0]).flatten(1).all(1), 3.0, 0.5).view(-1, 1, 1, 1)


def test_what_failed_is_left_out_and_makes_the_record_unreliable() -> None:
    found = bench.evaluate(Dimmed(), attack=[Failing(), "pgd"], eps="0.05", data=scenes())
    failing = next(result for result in found.results if "Failing" in result.attack)
    assert failing.failed == 2 and failing.psnr.n == N - 2
    assert found.rows["status"].tolist()[:2] == ["out_of_ball", "attack_error"]
    assert found.rows["psnr"].isna().tolist()[:2] == [True, True]
    assert of_attack(found, "worst case").failed == 2 and found.reliability.status == "unreliable"


def test_a_record_is_kept_compared_drawn_and_tabulated(tmp_path: Path) -> None:
    options = {"attack": "pgd", "eps": "0.05", "data": scenes(), "out": tmp_path}
    first, second = (bench.evaluate(Dimmed(share), **options) for share in (0.5, 0.6))
    again = bench.read_record(tmp_path / folder_name(first.model.ref, first.identity))
    assert again.results == first.results and again.rows.equals(first.rows) and again.task == "reconstruction"
    differences = {comparison.what: comparison.difference.value for comparison in bench.compare(first, second)}
    assert differences["clean"] == pytest.approx(20 * math.log10(0.4 / 0.5), abs=1e-3)
    assert differences["pgd"] == pytest.approx(20 * math.log10(0.4 / 0.5), abs=1e-3)
    assert "PSNR of the reconstruction (dB)" in repr(first) and first.plot().axes
    table = comparison_table([first, second], ["0.05"])
    assert "clean PSNR (dB)" in table and decimal(first.results[0].psnr, "z.2f") in table
    assert "SSIM: attacked" in first._repr_html_()


def test_pictures_of_another_size_and_changing_ones_are_refused() -> None:
    class Cropped(Faithful):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, :, 1:]

    class Changing(Faithful):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return x * (0.5 + 0.1 * (self.calls % 2))

    with pytest.raises(
        ModelError, match=r"does not reconstruct its scenes.*\(6, 3, 11, 12\).*\(6, 3, 12, 12\)|pictures of shape"
    ):
        bench.evaluate(Cropped(), attack="fgsm", eps="0.05", data=scenes())
    with pytest.raises(ModelError, match="between two identical calls"):
        bench.evaluate(Changing(), attack="fgsm", eps="0.05", data=scenes())


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        ("pgd:objective=ce", "ce"),
        ("pgd:objective=deviation", "objective deviation is not for reconstructions"),
        ("fmn", "change of class"),
        ("deepfool", "neither has a reconstruction"),
    ],
)
def test_attacks_on_something_else_are_refused(attack: str, reason: str) -> None:
    with pytest.raises(SpecError, match=reason):
        bench.evaluate(Dimmed(), attack=attack, eps="0.05", data=scenes())


def test_an_attack_may_say_that_it_raises_the_error() -> None:
    named, plain = (
        bench.evaluate(Dimmed(), attack=spec, eps="0.05", data=scenes(2)) for spec in ("pgd:objective=increase", "pgd")
    )
    assert named.rows["psnr"].tolist() == plain.rows["psnr"].tolist()


def test_only_a_model_that_says_so_reconstructs_and_its_data_may_have_any_labels() -> None:
    x, labels = scenes()
    rated = Samples.of(x, torch.linspace(0, 1, N), scores=True)
    assert task_for(None, "a model", Samples.of(x, labels)).name == "classification"
    assert task_for(None, "a model", rated).name == "quality"
    assert task_for("reconstruction", "a model", rated).name == "reconstruction"
    with pytest.raises(SpecError, match="has quality scores as labels"):
        task_for("classification", "a model", rated)
    with pytest.raises(SpecError, match="answers pictures, and own has samples of 5"):
        task_for("reconstruction", "a model", Samples.of(torch.rand(3, 5), torch.arange(3)))


def test_there_are_no_trainings_and_no_submissions() -> None:
    with pytest.raises(SpecError, match="no submissions"):
        submission_rules(task_named("reconstruction"))
    with pytest.raises(SpecError, match="No models are trained"):
        training_rules("reconstruction")
