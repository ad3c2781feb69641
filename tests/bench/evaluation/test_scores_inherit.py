"""``standard`` on scores: every stage starts from what the stages before have reached in its own direction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from support.watched_jobs import jobs_and_units
from torch import Tensor, nn

import bench
from attacks.fitting import Traits
from bench.evaluation.request.attack_specs import resolve_attack
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.settings import Settings, Tick
from bench.tasks.quality.task import TASK
from bench.tasks.quality.units import ScoreOutcome
from bench.tasks.unit import stage_key

EPS = 0.05
STAIR, HALF = EPS / 40, EPS / 2
RELEASED = Path(__file__).parents[3] / "leaderboards/iqa-photos-linf/v1/protocol.yaml"


class Stairs(nn.Module):
    """The mean of the first channel beyond 0.5: stairs of zero slope up to ``HALF`` on both sides, and a ramp from there on.

    Random starts lie on the stairs, where no gradient shows the way. A search without gradients climbs them, as long as the
    flip of one of 64 pixels is worth more than a stair. The largest shift is EPS.
    """

    task = "quality"

    def forward(self, x: Tensor) -> Tensor:
        mean = x[:, 0].flatten(1).mean(1) - 0.5
        stairs = (mean.abs() / STAIR).floor() * STAIR * mean.sign()
        return torch.where(mean.abs() > HALF, mean, stairs)


class Wavy(nn.Module):
    """A score with many hills."""

    task = "quality"

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.linspace(-1, 1, x[0].numel()).to(x)
        flat = x.flatten(1)
        return torch.sin(40 * flat * weight).mean(1) + 0.5 * (flat * weight).mean(1)


def grey(n: int = 3) -> tuple[Tensor, Tensor]:
    """Images on which :class:`Stairs` is 0."""
    return torch.full((n, 3, 8, 8), 0.5), torch.linspace(0, 1, n)


def drawn(n: int = 5) -> tuple[Tensor, Tensor]:
    return 0.2 + 0.6 * torch.rand(n, 3, 6, 6, generator=torch.Generator().manual_seed(3)), torch.linspace(0, 1, n)


@pytest.mark.slow
def test_what_a_blind_search_finds_the_next_stage_climbs_to_the_optimum() -> None:
    """The set of version 3 begins every walk anew: its gradients see nothing, and Square alone seldom reaches the top."""
    before, now = (bench.evaluate(Stairs(), attack=spec, eps=str(EPS), data=grey()) for spec in ("standard@3", "standard"))
    assert (before.rows["shift_up"] - before.rows["shift_down"]).mean() / 2 < 0.95 * EPS
    for way, sign in (("up", 1), ("down", -1)):
        assert (sign * now.rows[f"shift_{way}"]).to_numpy() == pytest.approx([EPS] * 3, abs=1e-6)
    stages = {stage.name: abs(stage.shift) for stage in now.results[0].stages}
    assert max(shift for name, shift in stages.items() if name.startswith("PGD-10")) < HALF


def test_a_record_says_how_much_the_last_search_still_gained() -> None:
    """The sets of version 3 end with Square, the only search that sees anything here."""
    short, gains = bench.evaluate(Stairs(), attack="standard@3", eps=str(EPS), data=grey()), {}
    for stage in short.results[0].stages:
        name, _, way = stage.name.rpartition(", ")
        gains[name, way] = abs(stage.shift)
    (check,) = (check for check in short.reliability.checks if check.name == "convergence")
    assert check.status == "warn" and check.value > 0.1 and gains["Square", "up"] > gains["APGD", "up"]
    assert f"raised the shift of clipped scores by {check.value:.1%}" in check.says
    single = bench.evaluate(Stairs(), attack="pgd", eps=str(EPS), data=grey())
    assert not any(check.name == "convergence" for check in single.reliability.checks)


def test_no_score_moves_less_than_under_a_long_apgd_alone() -> None:
    """It is the first stage of the set, from the same start."""
    alone, within = (
        bench.evaluate(Wavy(), attack=spec, eps=str(EPS), data=drawn()) for spec in ("apgd:steps=400", "standard")
    )
    for way, sign in (("up", 1), ("down", -1)):
        gains = [(sign * record.rows[f"shift_{way}"]).to_numpy() for record in (alone, within)]
        assert (gains[1] >= gains[0] - 1e-6).all()
        first = next(stage for stage in within.results[0].stages if stage.name.endswith(way))
        assert first.shift == pytest.approx(alone.results[0].stages[way == "down"].shift, abs=1e-6)


def test_a_stage_starts_from_the_farthest_point_of_its_own_direction() -> None:
    request = resolve(Settings(model=Wavy(), attack="quick", eps=str(EPS), data=drawn()))
    jobs, units = jobs_and_units(request)
    stages = request.stages[0]
    for way, sign in (("up", 1), ("down", -1)):
        heir = max(number for number, stage in enumerate(stages) if stage.attack.inherits and stage.name.endswith(way))
        job = jobs[stage_key(0, EPS, 0, heir)]
        assert job.inherited is not None
        kin = [units[stage_key(0, EPS, 0, n)] for n in range(heir) if stages[n].name.endswith(way)]
        shifts = [outcome.shift for outcome in kin if isinstance(outcome, ScoreOutcome)]
        assert len(shifts) >= 2
        farthest = [max(sign * shift for shift in of_row) for of_row in zip(*shifts, strict=True)]
        with torch.no_grad():
            moved = Wavy()(job.inherited) - Wavy()(job.shard.x)
        assert (sign * moved).tolist() == pytest.approx(farthest, abs=2e-3)  # levels of the point
        assert min(farthest) > 0.1


def test_rows_do_not_depend_on_workers_nor_on_a_pause(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"attack": "quick", "eps": str(EPS), "data": drawn()}
    alone = bench.evaluate(Wavy(), **asked).rows

    def interrupt(tick: Tick) -> None:
        if tick.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.evaluate(Wavy(), **asked, out=tmp_path, on_tick=interrupt)
    pd.testing.assert_frame_equal(bench.evaluate(Wavy(), **asked, out=tmp_path).rows, alone)


def test_version_3_is_what_the_released_board_was_measured_with() -> None:
    frozen = yaml.safe_load(RELEASED.read_text())["attacks"][0]["smooth"]
    stages = TASK.stages(resolve_attack("standard@3"), "linf", Traits())
    assert [{"name": stage.name, "attack": repr(stage.attack), "path": repr(stage.path)} for stage in stages] == [
        stage | {"path": "None" if stage["name"].startswith("Square") else stage["path"]} for stage in frozen
    ]
