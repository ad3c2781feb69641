"""Attacks of other libraries: what they are told, what they may do, and what becomes of those that misbehave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from support.norms import Norm, row_norm
from torch import Tensor, nn

from attacks.adapters import base
from attacks.adapters import foolbox as fb
from attacks.adapters import torchattacks as ta
from attacks.adapters import torchattacks_auto as auto
from attacks.adapters.base import ForeignAttack, step_or_default
from attacks.base import Kind
from attacks.model_oracle import ModelOracle
from attacks.pgd import PGD
from attacks.threats.catalogue import threat_named
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from attacks.threats.threat import Threat

Build = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Scripted(ForeignAttack):
    """Stands for a library that does whatever the test wants."""

    library: ClassVar[str] = "torch"
    install: ClassVar[str] = "pip install torch"
    rule: Callable[[nn.Module, Tensor, Tensor, float], Tensor]

    def cost(self) -> tuple[int, int]:
        return 1, 0

    def attacked(self, model: nn.Module, x: Tensor, labels: Tensor, threat: Threat, eps: float) -> Tensor:
        return self.rule(model, x, labels, eps)


@dataclass(frozen=True, kw_only=True)
class ScriptedMinimal(Scripted):
    kind: ClassVar[Kind] = "minimal"


def run(attack: ForeignAttack, model: nn.Module, x: Tensor, threat: Threat, streams: Build) -> tuple[Tensor, ModelOracle]:
    oracle = ModelOracle.of(model, model(x).argmax(1))
    return attack.perturb(oracle, x, threat, rng=streams(len(x))), oracle


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_same_settings_give_what_our_own_pgd_gives(norm: Norm, smooth: Build, images: Build, streams: Build) -> None:
    model, x = smooth(), images(6)
    threat = threat_named(norm, eps={"linf": 0.06, "l2": 0.4}[norm])
    ours = PGD(steps=5, random_start=False, keep="last").perturb(
        ModelOracle.of(model, model(x).argmax(1)), x, threat, rng=streams(6)
    )
    theirs: list[ForeignAttack] = (
        [fb.LinfPGD(steps=5, random_start=False), ta.PGD(steps=5, random_start=False)]
        if norm == "linf"
        else [fb.L2PGD(steps=5, random_start=False), ta.PGDL2(steps=5, random_start=False)]
    )
    for attack in theirs:
        adv, oracle = run(attack, model, x, threat, streams)
        torch.testing.assert_close(adv, ours, rtol=0, atol=1e-8)
        assert oracle.forwards.tolist() == oracle.backwards.tolist() == [5] * 6


def test_the_step_is_in_input_units_and_reaches_the_edge_by_default() -> None:
    assert step_or_default(0.01, 0.5, 10) == 0.01
    assert step_or_default(None, 0.04, 20) == pytest.approx(0.005)
    assert step_or_default(None, 0.04, 0) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("attack", "norm", "closest"),
    [
        (fb.DeepFool(), "linf", 1.06),
        (fb.DeepFool(), "l2", 1.03),
        (fb.LInfFMN(), "linf", 1.1),
        (fb.DDN(), "l2", 1.1),
        (fb.CarliniWagner(searches=5, steps=60), "l2", 1.15),
    ],
    ids=repr,
)
def test_minimal_attacks_find_the_nearest_point_of_a_linear_model(
    attack: ForeignAttack, norm: Norm, closest: float, streams: Build
) -> None:
    weight = torch.randn(32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    class Linear(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            lead = (x - 0.5).flatten(1) @ weight
            return torch.stack([-lead, lead], 1)

    x = 0.4 + 0.2 * torch.rand(5, 2, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    dual = weight.abs().sum() if norm == "linf" else weight.norm()
    expected = ((x - 0.5).flatten(1) @ weight).abs() / dual
    adv, oracle = run(attack, Linear(), x, threat_named(norm, eps=10.0), streams)
    assert bool((Linear()(adv).argmax(1) != oracle.labels).all())
    ratio = row_norm(adv - x, norm) / expected
    assert float(ratio.min()) >= 1 - 1e-6
    assert float(ratio.max()) <= closest


@pytest.mark.parametrize("attack", [fb.DeepFool(steps=10), fb.CarliniWagner(searches=3, steps=8)], ids=repr)
def test_those_with_plain_names_do_not_let_one_sample_influence_another(
    attack: ForeignAttack, smooth: Build, row_by_row: Build, images: Build, streams: Build
) -> None:
    model, x = row_by_row(smooth()), images(6)
    threat = L2(eps=5.0)
    together, _ = run(attack, model, x, threat, streams)
    for row in range(6):
        alone, _ = run(attack, model, x[row : row + 1], threat, streams)
        torch.testing.assert_close(alone, together[row : row + 1], rtol=0, atol=1e-12)


def test_a_minimal_attack_never_returns_a_point_outside_the_ball(streams: Build, smooth: Build, images: Build) -> None:
    x, moved = images(3), torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64).view(3, 1, 1, 1)
    x = 0.3 + 0.2 * x
    attack = ScriptedMinimal(rule=lambda model, x, labels, eps: x + moved)
    adv, _ = run(attack, smooth(), x, Linf(eps=0.2 + 1e-9), streams)
    torch.testing.assert_close(row_norm(adv - x, "linf"), torch.tensor([0.1, 0.2, 0.0], dtype=torch.float64))


def test_what_leaves_the_ball_or_is_no_number_is_shown_and_not_repaired(
    streams: Build, smooth: Build, images: Build
) -> None:
    x = images(3)
    for kind in (Scripted, ScriptedMinimal):
        adv, _ = run(kind(rule=lambda model, x, labels, eps: x * torch.nan), smooth(), x, Linf(eps=0.1), streams)
        assert bool(adv.isnan().all())
    adv, _ = run(Scripted(rule=lambda model, x, labels, eps: x + 2 * eps), smooth(), x, Linf(eps=0.1), streams)
    assert torch.equal(adv, x + 0.2)
    with pytest.raises(ValueError, match="returned shape"):
        run(Scripted(rule=lambda model, x, labels, eps: x[:1]), smooth(), x, Linf(eps=0.1), streams)


def test_each_radius_is_a_shard_and_shards_are_bounded(
    smooth: Build, images: Build, streams: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "SHARD", 2)
    seen: list[tuple[int, float]] = []

    def rule(model: nn.Module, x: Tensor, labels: Tensor, eps: float) -> Tensor:
        seen.append((len(x), eps))
        assert torch.equal(model(x).argmax(1), labels)
        return x + eps

    eps = torch.tensor([0.2, 0.1, 0.2, 0.0, 0.2, 0.1], dtype=torch.float64)
    x = images(6)
    adv, oracle = run(Scripted(rule=rule), smooth(), x, Linf(eps=eps), streams)
    assert seen == [(2, 0.1), (2, 0.2), (1, 0.2)]
    torch.testing.assert_close(adv - x, eps.view(6, 1, 1, 1).expand_as(x))
    assert oracle.forwards.tolist() == [1, 1, 1, 0, 1, 1]


def test_random_states_are_forked_and_keyed(
    smooth: Build, images: Build, streams: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    def rule(model: nn.Module, x: Tensor, labels: Tensor, eps: float) -> Tensor:
        print("noise")  # noqa: T201
        torch.manual_seed(int(torch.randint(9, ())))
        return x + eps * float(np.random.rand()) * torch.rand(x.shape, dtype=x.dtype)

    x, before, numpy_before = images(3), torch.random.get_rng_state(), np.random.get_state()[1].tolist()
    with torch.no_grad():
        first, _ = run(Scripted(rule=rule), smooth(), x, Linf(eps=0.1), streams)
        second, _ = run(Scripted(rule=rule), smooth(), x, Linf(eps=0.1), streams)
    assert torch.equal(first, second) and not torch.equal(first, x)
    other = Scripted(rule=rule).perturb(
        ModelOracle.of(smooth(), torch.zeros(3).long()), x, Linf(eps=0.1), rng=streams(3, seed=1)
    )
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.random.get_state()[1].tolist() == numpy_before
    assert capsys.readouterr().out == ""


def test_a_missing_library_is_named_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(base, "version", missing)
    with pytest.raises(ModuleNotFoundError, match=r"torchattacks is not installed; install it with: pip install --no-deps"):
        ta.PGD()


def test_the_version_of_the_library_is_on_record() -> None:
    import foolbox

    assert fb.LinfPGD().version == foolbox.__version__


def test_autoattack_breaks_what_our_own_attacks_break_and_stays_below_its_price(
    smooth: Build, images: Build, streams: Build
) -> None:
    model, x = smooth(gain=4.0), images(20)
    adv, oracle = run(auto.AutoAttack(mode="rand"), model, x, Linf(eps=0.03), streams)
    assert float(row_norm(adv - x, "linf").max()) <= 0.03 + 1e-6
    ours = PGD(steps=20, restarts=2).perturb(ModelOracle.of(model, oracle.labels), x, Linf(eps=0.03), rng=streams(20))
    broken, ours_broken = (int((model(found).argmax(1) != oracle.labels).sum()) for found in (adv, ours))
    assert abs(broken - ours_broken) <= 2 and broken > 2
    forwards, backwards = auto.AutoAttack(mode="rand").cost()
    assert int(oracle.forwards.max()) <= forwards and int(oracle.backwards.max()) <= backwards


def test_the_adapters_import_their_library_only_when_run() -> None:
    assert find_spec("foolbox") is not None
    for module in (fb, ta):
        assert not any(name in vars(module) for name in ("foolbox", "torchattacks"))
