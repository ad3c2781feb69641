"""Models that score, from request to record: shifts are what they must be, and nothing that failed looks robust."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import bench
from attacks.base import Attack
from attacks.oracle import Oracle
from attacks.pgd import PGD
from attacks.randomness import KeyedRng
from attacks.threats.threat import Threat
from bench.data.base import Samples
from bench.evaluation.records.storage import read_record
from bench.evaluation.request.settings import Tick
from bench.foundation.errors import BenchError, DataError, ModelError, SpecError
from bench.tasks.quality.results import SATURATING, Shift
from bench.tasks.quality.rows import worst_case
from bench.tasks.quality.summary import summary
from bench.tasks.record import Record
from bench.tasks.summary import decimal, percent
from reports.tables import comparison_table

N, EPS = 12, 0.02


class Slope(nn.Module):
    """A linear score ``w . x``, for which the largest shift in linf is ``eps |w|_1``, as long as the box is far."""

    task = "quality"

    def __init__(self, sign: float = 1.0) -> None:
        super().__init__()
        weight = torch.linspace(-1, 1, 3 * 4 * 4) / 20
        self.weight = nn.Parameter(sign * weight.view(3, 4, 4))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.weight).flatten(1).sum(1)


def rated(n: int = N) -> tuple[Tensor, Tensor]:
    """Images far from the ends of the box, and what a person would say of them."""
    generator = torch.Generator().manual_seed(0)
    images = 0.3 + 0.4 * torch.rand(n, 3, 4, 4, generator=generator)
    return images, Slope()(images).detach() + 0.05 * torch.randn(n, generator=generator)


def furthest(eps: float = EPS) -> float:
    return float(eps * Slope().weight.detach().abs().sum())


@pytest.fixture(scope="module")
def record() -> Record:
    return bench.evaluate(Slope(), attack=["pgd", "fgsm", "uniform"], eps="0.01,0.02", data=rated())


def test_a_linear_score_is_moved_by_eps_times_its_l1_norm(record: Record) -> None:
    assert record.task == "quality" and all(isinstance(result, Shift) for result in record.results)
    for one in record.results:
        if one.attack in ("pgd", "fgsm", "worst case"):
            assert one.up is not None and one.down is not None
            assert one.up.value == pytest.approx(furthest(one.eps), rel=1e-4)
            assert one.down.value == pytest.approx(-furthest(one.eps), rel=1e-4)
            assert one.absolute.value == pytest.approx(furthest(one.eps), rel=1e-4)
    assert record.rows["gradient_l1"].to_numpy() == pytest.approx(furthest(1.0), rel=1e-5)


def test_a_record_follows_from_its_rows(record: Record) -> None:
    for one in record.results:
        rows = record.rows[record.rows["eps"] == one.eps]
        if one.attack == "worst case":
            assert one.absolute.value == pytest.approx(rows["shift"].abs().groupby(rows["sample"]).max().mean())
            continue
        rows = rows[rows["attack"] == one.attack]
        assert one.absolute.value == pytest.approx(rows["shift"].abs().mean())
        assert one.rms.value == pytest.approx(np.sqrt((rows["shift"] ** 2).mean()))
        assert one.noise.value == pytest.approx((rows["noise_1"] - rows["clean"]).abs().mean())
        assert one.gap_best.value == pytest.approx((rows["shift"].abs() - (rows["noise_k"] - rows["clean"]).abs()).mean())
        assert one.srcc_clean.value == pytest.approx(rows["clean"].corr(rows["label"], method="spearman"))
        assert one.in_deviations is not None
        assert one.in_deviations.value == pytest.approx(rows["shift"].abs().mean() / rows["clean"].std(ddof=0))


def test_noise_never_moves_a_score_farther_than_the_optimum(record: Record) -> None:
    moved = (record.rows["noise_k"] - record.rows["clean"]).abs()
    assert (moved <= record.rows["eps"] * furthest(1.0) + 1e-6).all()
    assert (moved >= (record.rows["noise_1"] - record.rows["clean"]).abs()).all()


def test_rows_say_who_was_sampled_with_whom() -> None:
    images, scores = rated()
    grouped = Samples.of(images, scores, scores=True)
    halves = Samples(grouped.pixels, grouped.labels, grouped.ids, "own", "test", groups=torch.arange(N) // 6)
    found = bench.evaluate(Slope(), attack="fgsm", eps="0.02", data=halves)
    assert found.rows["group"].tolist() == [0] * 6 + [1] * 6
    alone = bench.evaluate(Slope(), attack="fgsm", eps="0.02", data=grouped)
    assert alone.rows["group"].tolist() == list(range(N))


def test_what_saturates_follows_from_the_rows(record: Record) -> None:
    low, high = record.model.score_range or (0, 0)
    for result in record.shifts:
        rows = record.rows[record.rows["eps"] == result.eps]
        rows = rows[rows["attack"] == result.attack] if result.attack != "worst case" else worst_case(rows)
        clean, up, down = (rows[name].clip(low, high) for name in ("clean", "score_up", "score_down"))
        sizes = np.maximum((up - clean).abs(), (down - clean).abs()) / (high - low)
        assert result.clipped.value == pytest.approx(sizes.mean())
        assert result.clipped.value <= result.in_ranges.value + 1e-9
        assert result.across_half.value == (rows["shift"].abs() >= (high - low) / 2).mean()
        assert result.across_half.value >= result.across_range.value
        pairs = [(a, b) for _, a in rows.iterrows() for _, b in rows.iterrows() if a["clean"] > b["clean"]]
        flipped = np.mean([a["score_down"] < b["score_up"] for a, b in pairs])
        assert result.flipped_pairs.value == pytest.approx(flipped)
    printed = {line[""]: line for line in summary(record.shifts, eight_bit=False).lines}
    last = [result for result in record.shifts if result.eps_text == "0.02"][-1]
    assert printed["    of scores clipped to their range, in ranges"]["eps 0.02"] == decimal(last.clipped)
    assert printed["pairs of images whose order flips (%)"]["eps 0.02"] == percent(last.flipped_pairs)


def test_one_direction_alone_flips_no_pairs_and_still_has_a_clipped_shift() -> None:
    (up,) = bench.evaluate(Slope(), attack="pgd:objective=increase", eps="0.02", data=rated()).shifts
    assert up.flipped_pairs is None and up.clipped is not None and up.clipped.value > 0


def test_records_of_before_print_what_they_have(record: Record) -> None:
    old = [result.model_copy(update=dict.fromkeys(SATURATING)) for result in record.shifts]
    names = {line[""] for line in summary(old, eight_bit=False).lines}
    assert "|shift|: pgd" in names and not any("clipped" in name or "flips" in name for name in names)


def test_lower_is_better_is_turned_round() -> None:
    """Minus a score, said to be better when lower, is the same model."""
    one = bench.evaluate(Slope(), attack="pgd", eps="0.02", data=rated())
    opposite = Slope(-1.0)
    opposite.higher_is_better = False  # type: ignore[assignment]
    opposite.score_range = (-2.0, 0.5)  # type: ignore[assignment]
    other = bench.evaluate(opposite, attack="pgd", eps="0.02", data=rated())
    assert other.model.score_range == (-0.5, 2.0)
    for column in ("clean", "shift_up", "shift_down", "noise_k"):
        assert other.rows[column].to_numpy() == pytest.approx(one.rows[column].to_numpy(), abs=1e-6)


def test_an_objective_of_its_own_is_pursued_once() -> None:
    down = bench.evaluate(Slope(), attack="pgd:objective=decrease", eps="0.02", data=rated())
    assert down.rows["shift_up"].isna().all()
    assert down.results[0].up is None
    assert down.results[0].signed.value == pytest.approx(-furthest(), rel=1e-4)
    assert [stage.name for stage in down.attacks[0].stages] == ["pgd"]
    either = bench.evaluate(Slope(), attack="pgd:objective=deviation", eps="0.02", data=rated())
    assert either.results[0].absolute.value == pytest.approx(furthest(), rel=1e-4)
    assert (either.rows["shift_up"].isna() != either.rows["shift_down"].isna()).all()


@pytest.mark.parametrize("attack", ["quick", "standard"])
def test_attack_sets_have_stages_for_scores(attack: str) -> None:
    images, scores = rated()
    found = bench.evaluate(Slope(), attack=attack, eps="0.02", data=(images[:4], scores[:4]))
    assert found.results[0].absolute.value == pytest.approx(furthest(), rel=1e-4)
    assert {stage.name.rpartition(", ")[2] for stage in found.results[0].stages} == {"up", "down"}
    assert found.reliability.status == ("reliable" if attack == "standard" else "upper_bound")


@pytest.mark.parametrize(
    ("attack", "says"),
    [
        ("pgd:objective=dlr", "dlr"),
        ("pgd:target=ranked", "no classes to aim at"),
        ("fmn", "FMN looks for a change of class"),
        ("foolbox:LinfPGD", "looks for a change of class"),
    ],
)
def test_what_is_for_classes_is_refused_in_one_sentence(attack: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        bench.evaluate(Slope(), attack=attack, eps="0.02", data=rated())


def test_what_is_for_scores_is_refused_by_models_that_decide() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 3))
    with pytest.raises(SpecError, match="objective increase is for scores"):
        bench.evaluate(model, attack="pgd:objective=increase", data=(rated()[0], torch.zeros(N).long()))


class Answering(Slope):
    """Answers whatever a test wants."""

    def __init__(self, answer: str) -> None:
        super().__init__()
        self.answer = answer
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        scores = super().forward(x)
        self.calls += 1
        if self.answer == "column":
            return scores[:, None]
        if self.answer == "nan":
            return scores * torch.nan
        return scores + self.calls


@pytest.mark.parametrize(
    ("answer", "says"),
    [("column", r"returned shape \(50, 1\)"), ("nan", "NaN or infinite scores"), ("moody", "changed its score")],
)
def test_wrong_answers_are_refused(answer: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        bench.evaluate(Answering(answer), data=rated())


@pytest.mark.parametrize("given", [(1.0, 0.0), (0.0, float("inf")), "low to high", 3])
def test_a_degenerate_range_is_refused(given: object) -> None:
    model = Slope()
    model.score_range = given  # type: ignore[assignment]
    with pytest.raises(ModelError, match="score_range"):
        bench.evaluate(model, data=rated())


def test_scores_and_classes_are_not_mixed_up() -> None:
    with pytest.raises(SpecError, match="answers quality scores"):
        bench.evaluate(Slope(), data=Samples.of(rated()[0], torch.zeros(N).long()))
    model = Slope()
    model.stochastic = True  # type: ignore[assignment]
    with pytest.raises(SpecError, match="scores at random"):
        bench.evaluate(model, data=rated())
    with pytest.raises(DataError, match="not all finite"):
        bench.evaluate(Slope(), data=(rated()[0], torch.full((N,), torch.nan)))


class Saturated(Slope):
    """A score that is flat almost everywhere."""

    def forward(self, x: Tensor) -> Tensor:
        return (1000 * (super().forward(x) + 1)).clamp(0, 1) + 0 * x.flatten(1).sum(1)


def test_a_saturated_score_is_not_robust() -> None:
    found = bench.evaluate(Saturated(), data=rated(), eps="0.02")
    assert found.results[0].absolute.value == 0
    assert found.results[0].in_deviations is None
    assert found.reliability.status == "unreliable"
    assert any("saturated" in reason for reason in found.reliability.reasons)


@dataclass(frozen=True, kw_only=True)
class Half(Attack):
    """Leaves the ball on every other sample."""

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        adv = PGD().perturb(oracle, x, threat, rng=rng)
        adv[::2] = x[::2] + 2 * threat.radius(x)[::2]
        return adv

    def cost(self) -> tuple[int, int]:
        return 11, 10


def test_a_failed_search_is_left_out_and_told() -> None:
    found = bench.evaluate(Slope(), attack=Half(), eps="0.02", data=rated())
    assert found.results[0].failed == N // 2
    assert found.results[0].absolute.n == N // 2
    assert found.results[0].absolute.value == pytest.approx(furthest(), rel=1e-4)
    assert found.reliability.status == "unreliable"


def test_an_attack_that_fails_everywhere_gives_no_record() -> None:
    with pytest.raises(BenchError, match="failed on every sample"):
        bench.evaluate(Slope(), attack=Away(), eps="0.02", data=rated())


@dataclass(frozen=True, kw_only=True)
class Away(Half):
    """Leaves the ball always."""

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        return x + 2 * threat.radius(x)


def test_kept_images_give_the_scores_of_the_rows(tmp_path: Path) -> None:
    found = bench.evaluate(Slope(), attack="pgd", eps="0.02", data=rated(), out=tmp_path, save_adv=True)
    (folder,) = tmp_path.glob("[!.]*")
    for way in ("up", "down"):
        images = load_file(folder / "adversarial" / f"attack_0_0.02_0_{way}.safetensors")["images"]
        assert Slope()(images).detach().numpy() == pytest.approx(found.rows[f"score_{way}"].to_numpy(), abs=1e-5)
    assert len(list((folder / "adversarial").iterdir())) == 2
    pd.testing.assert_frame_equal(read_record(folder).rows, found.rows)


def test_an_interrupted_run_goes_on(tmp_path: Path, record: Record) -> None:
    def interrupt(tick: Tick) -> None:
        if tick.done == 5:
            raise KeyboardInterrupt

    wanted = {"attack": ["pgd", "fgsm", "uniform"], "eps": "0.01,0.02", "data": rated(), "out": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        bench.evaluate(Slope(), on_tick=interrupt, **wanted)  # type: ignore[arg-type]
    resumed = bench.evaluate(Slope(), **wanted)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(resumed.rows, record.rows)
    assert resumed.identity == record.identity


def test_two_models_are_compared_by_how_far_their_scores_move(record: Record) -> None:
    half = Slope()
    half.weight.data.mul_(0.5)
    other = bench.evaluate(half, attack=["pgd", "fgsm"], eps="0.02", data=rated())
    found = {(one.what, one.eps_text): one for one in bench.compare(record, other)}
    assert set(found) == {("clean", ""), ("noise", "0.02"), ("pgd", "0.02"), ("fgsm", "0.02")}
    assert found["clean", ""].difference.value == pytest.approx(0)  # half a score ranks like the whole
    assert found["pgd", "0.02"].difference.value == pytest.approx(furthest() / 2, rel=1e-4)
    assert found["pgd", "0.02"].difference.low > 0


def test_models_of_two_kinds_are_not_compared(record: Record) -> None:
    decides = nn.Sequential(nn.Flatten(), nn.Linear(48, 3))
    other = bench.evaluate(decides, attack="pgd", eps="0.02", data=(rated()[0], torch.zeros(N).long()))
    with pytest.raises(BenchError, match="quality scores and classes"):
        bench.compare(record, other)


def test_a_table_of_shifts_holds_the_numbers_of_the_records(record: Record) -> None:
    lines = comparison_table([record, record], ["0.02"]).splitlines()
    assert len(lines) == 4 and {line.count("|") for line in lines} == {8}
    pgd = next(one for one in record.results if (one.attack, one.eps_text) == ("pgd", "0.02"))
    assert f"| {decimal(pgd.absolute)} |" in lines[2]
