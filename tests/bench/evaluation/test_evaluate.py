"""The main job, end to end: right on models whose answer is known, the same after any interruption, trusting nobody."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from support.networks import settled
from support.tiny import Linear, Noisy, images, labelled
from torch import Tensor, nn

import bench
from attacks.base import Attack
from attacks.gradients.base import Training
from attacks.gradients.bptt import BPTT
from attacks.oracle import Oracle
from attacks.pgd import PGD
from attacks.randomness import KeyedRng
from attacks.threats.threat import Threat
from attacks.transfer import Transfer
from bench.data import load_samples
from bench.evaluation import evaluate as evaluation
from bench.evaluation.evaluate import JOURNAL_FILE
from bench.evaluation.records.storage import RECORD_FILE, read_record
from bench.evaluation.request import shards
from bench.evaluation.request.identity import identity_fields
from bench.evaluation.request.resolve import resolve, samples_of
from bench.evaluation.request.settings import DEFAULT_N, Settings, Tick
from bench.foundation.errors import BenchError, DataError, ModelError, SpecError, StorageError, TooFewError
from bench.models.scorer import BATCH
from bench.tasks.record import Record
from zoo.architectures.compact import compact

ROOT = Path(__file__).parents[3]
Data = tuple[Tensor, Tensor]
LINEAR = Linear()
DATA = labelled(LINEAR, 40, wrong=4)


def evaluated(model: str | nn.Module = LINEAR, **options: Any) -> Record:
    return bench.evaluate(model, **({"data": DATA, "attack": "pgd:steps=3", "eps": "0.1"} | options))


def same_answer(first: Record, second: Record) -> None:
    """Everything but times, machine and hash of the file agrees; margins as far as float32 sums of other batches do: one of
    0.001 has differed by 7e-8.
    """
    drop = {"seconds", "created", "machine", "rows_sha256"}
    one, two = (record.model_dump(exclude=drop) for record in (first, second))
    for record in (one, two):
        for cell in record["results"]:
            for timed in (cell, *cell["stages"]):
                del timed["seconds"]
    assert one == two
    pd.testing.assert_frame_equal(first.rows, second.rows, atol=1e-6)


# --- what is measured ---


def test_without_a_radius_nothing_falls() -> None:
    for norm in ("linf", "l2"):
        cell = evaluated(eps="0", norm=norm, attack="pgd:steps=2").results[0]
        assert cell.robust == cell.clean == cell.noise == cell.noise_best == cell.robust_8bit
        assert cell.clean.value == 0.9
        assert cell.gap.value == 0


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_larger_ball_never_helps_the_model(norm: str) -> None:
    record = evaluated(eps="0,0.02,0.05,0.1,0.2,0.5,1", norm=norm, attack="pgd:steps=10,restarts=2")
    robust = [cell.robust.value for cell in record.results]
    assert robust == sorted(robust, reverse=True)
    assert robust[0] == 0.9
    assert robust[-1] <= 0.1
    for cell in record.results:
        assert cell.robust.value <= cell.noise_best.value <= cell.noise.value <= cell.clean.value
        assert cell.gap.value == pytest.approx(cell.noise.value - cell.robust.value)
        assert cell.robust_8bit.value >= cell.robust.value


def test_a_linear_model_falls_exactly_where_its_margin_ends() -> None:
    """Two classes, weights 1: the margin of an image is 2 |sum(x) - 4.5|, and each pixel moves it by 2 eps."""

    class Two(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            total = x.flatten(1).sum(1) - 4.5
            return torch.stack([total, -total], 1)

    x = images(60) * 0.6 + 0.2
    total = x.flatten(1).sum(1) - 4.5
    record = evaluated(Two(), data=(x, (total < 0).long()), attack="fgsm", eps="0.05")
    expected = (total.abs() > 9 * 0.05).numpy()
    assert 0.2 < expected.mean() < 0.9
    assert ((record.rows["robust"] == 1) == expected).all()
    assert (record.rows["verdict"] == np.where(expected, "robust", "broken")).all()
    assert record.rows["norm_value"].to_numpy() == pytest.approx(0.05, abs=1e-6)


def test_the_denominator_is_the_whole_set() -> None:
    rows = evaluated().rows
    assert len(rows) == 40
    wrong = rows[rows["sample"] < 4]
    assert (wrong["verdict"] == "clean_wrong").all()
    # Under one draw of noise (noise_1) a wrong answer may be right by chance.
    assert (wrong[["clean_correct", "noise_k", "robust", "robust_8bit", "forwards"]] == 0).all(axis=None)
    assert (rows[rows["sample"] >= 4]["forwards"] > 0).all()


@pytest.mark.parametrize(
    ("attack", "draws"), [("fgsm", 2), ("pgd:steps=7", 8), ("pgd:steps=120", 100), ("uniform:draws=5", 5)]
)
def test_as_much_noise_as_forwards(attack: str, draws: int) -> None:
    record = evaluated(attack=attack, n=6, eps="0")
    assert record.results[0].noise_draws == draws
    assert min(int(record.rows["forwards"].max()), 100) == draws


def test_several_attacks_give_the_worst_case() -> None:
    record = evaluated(attack=["uniform:draws=2", "fgsm", PGD(steps=4)], eps="0.05,0.15")
    assert len(record.results) == 2 * 4
    for eps in (0.05, 0.15):
        rows = record.rows[record.rows["eps"] == eps]
        cells = {cell.attack: cell for cell in record.results if cell.eps == eps}
        worst = cells.pop("worst case")
        assert len(cells) == 3
        assert worst.robust.value == rows.groupby("sample")["robust"].min().mean()
        assert worst.robust.value <= min(cell.robust.value for cell in cells.values())
        assert worst.noise_draws == 5
        assert worst.robust.n == 40


def test_a_user_s_spiking_network() -> None:
    model, data = spiking_network()
    record = evaluated(model, data=data, attack="fgsm", path="bptt:surrogate=atan,alpha=10")
    assert record.model.spiking
    assert record.model.layers == 4
    assert record.attacks[0].path == "bptt:surrogate=atan,alpha=10"
    assert {cell.robust.n for cell in record.results} == {6}


@pytest.mark.parametrize(
    ("attack", "why"),
    [
        ("uniform:draws=2", "no gradients of this model were used"),
        (["uniform", "sign"], "no gradients of this model were used"),
        ("fgsm", "one gradient path"),
        (["uniform", "fgsm"], "one gradient path"),
    ],
)
def test_the_verdict_says_what_the_attacker_used(attack: Any, why: str) -> None:
    assert evaluated(attack=attack, n=6).reliability.reasons[0] == f"{why}: an upper bound on robustness"


def test_wrong_from_the_start() -> None:
    """No sample left to attack, in one shard or in all."""
    x, y = labelled(LINEAR, 8, wrong=8)
    record = evaluated(data=(x, y), attack=["fgsm", "pgd"])
    assert {cell.robust.value for cell in record.results} == {cell.clean.value for cell in record.results} == {0.0}
    assert (record.rows["verdict"] == "clean_wrong").all()
    assert record.reliability.status == "upper_bound"


def test_shards_do_not_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = evaluated(attack=["pgd:steps=3", "fgsm"])
    for size in (7, 16):
        monkeypatch.setattr(shards, "MOST_ROWS", size)
        parts = evaluated(attack=["pgd:steps=3", "fgsm"], out=tmp_path / str(size))
        order = parts.rows.assign(attack=parts.rows["attack"] == "fgsm").sort_values(["attack", "sample"]).index
        same_answer(whole, parts.with_rows(parts.rows.loc[order].reset_index(drop=True)))


@pytest.mark.parametrize("micro_batch", [1, 7, 1000])
def test_micro_batches_do_not_matter(micro_batch: int) -> None:
    columns = ["robust", "robust_8bit", "noise_k", "verdict", "status", "forwards", "backwards"]
    rows = evaluated(micro_batch=micro_batch).rows
    pd.testing.assert_frame_equal(rows[columns], evaluated().rows[columns])


# --- golden rows ---

GOLDEN_WEIGHTS = [[2.0, -1.0], [-1.0, 2.0]]
GOLDEN_IMAGES = [[0.9, 0.1], [0.6, 0.4], [0.52, 0.48], [0.2, 0.8], [0.55, 0.45], [0.3, 0.35]]
GOLDEN_LABELS = [0, 0, 0, 1, 1, 1]
GOLDEN = {
    # radius: per image the verdict; right under one draw and under all three, right when rounded to 8 bits, forwards and
    # backwards; size of the perturbation. The difference of the two pixels falls by at most twice the radius. The fifth
    # image is wrong and becomes right under one draw of the larger noise: noise accuracy is that of any noisy image.
    0.04: (
        ["robust", "robust", "broken", "robust", "clean_wrong", "broken"],
        [[1, 1, 1, 3, 2], [1, 1, 1, 3, 2], [0, 0, 1, 2, 2], [1, 1, 1, 3, 2], [0, 0, 0, 0, 0], [0, 0, 0, 2, 2]],
        [0.04, 0.04, 0.0349037, 0.04, 0.0, 0.0342999],
    ),
    0.12: (
        ["robust", "broken", "broken", "robust", "clean_wrong", "broken"],
        [[1, 1, 1, 3, 2], [1, 1, 0, 3, 2], [0, 0, 0, 2, 2], [1, 1, 1, 3, 2], [1, 0, 0, 0, 0], [0, 0, 0, 2, 2]],
        [0.12, 0.12, 0.1047111, 0.12, 0.0, 0.1028996],
    ),
}


@pytest.mark.own_seed
def test_golden_rows() -> None:
    """If this fails because the evaluator rightly gives other rows than before, raise its task's evaluator_version."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    model[1].weight.data = torch.tensor(GOLDEN_WEIGHTS)
    x = torch.tensor(GOLDEN_IMAGES).view(6, 1, 1, 2)
    record = evaluated(model, data=(x, torch.tensor(GOLDEN_LABELS)), attack="pgd:steps=2", eps="0.04,0.12", seed=3)
    assert record.evaluator_version == 4
    for eps, (verdicts, counts, sizes) in GOLDEN.items():
        rows = record.rows[record.rows["eps"] == eps]
        assert rows["verdict"].tolist() == verdicts
        assert rows[["noise_1", "noise_k", "robust_8bit", "forwards", "backwards"]].astype(int).to_numpy().tolist() == counts
        assert rows["norm_value"].to_numpy() == pytest.approx(sizes, abs=1e-6)


# --- identity ---


def test_equal_requests_have_equal_identities(tmp_path: Path) -> None:
    base = evaluated()
    for other in (
        evaluated(),
        evaluated(attack=PGD(steps=3)),
        evaluated(attack="pgd:steps=3,restarts=1"),
        evaluated(attack=["pgd:steps=3"]),
        evaluated(eps="1/10"),
        evaluated(n=40),
        evaluated(n=None),
        evaluated(micro_batch=3),
        evaluated(Linear().train()),
        evaluated(data=(DATA[0].clone(), DATA[1].clone())),
        evaluated(out=tmp_path),
        evaluated(path="training", eot=1),
    ):
        assert other.identity == base.identity


def spiking_network() -> tuple[nn.Module, Data]:
    torch.manual_seed(0)
    x, y = torch.rand(6, 3, 32, 32), torch.arange(6) % 3
    return settled(compact(steps=2, neuron={}, classes=3, widths=(2, 2, 2, 2)), x), (x, y)


def test_another_gradient_path_is_another_request() -> None:
    model, data = spiking_network()
    paths = ["training", "bptr", "bptt", "bptt:alpha=3,surrogate=atan"]
    identities = [evaluated(model, data=data, attack="fgsm", path=path, n=2).identity for path in paths]
    assert len(set(identities)) == len(paths)


@pytest.mark.parametrize("path", ["bptt", "bptt:surrogate=atan,alpha=10", BPTT(surrogate="atan"), "assg"])
def test_a_path_that_no_layer_takes_is_refused(path: Any) -> None:
    with pytest.raises(SpecError, match=r"Linear takes no gradient path such as .*: no spike function was found in it"):
        evaluated(path=path)


def test_a_coding_that_no_encoder_takes_is_refused() -> None:
    model, data = spiking_network()
    for path in ("training:coding=masked", "bptt:coding=smooth"):
        with pytest.raises(SpecError, match="no encoder that takes a coding"):
            evaluated(model, data=data, path=path)


def test_any_other_request_has_another_identity() -> None:
    x, y = DATA
    moved, relabelled = x.clone(), y.clone()
    moved[7, 0, 0, 0] = 1 - moved[7, 0, 0, 0]
    relabelled[7] = (relabelled[7] + 1) % 3
    records = [
        evaluated(),
        evaluated(Linear(seed=1)),
        evaluated(nn.Sequential(Linear())),
        evaluated(stochastic=True),
        evaluated(attack="pgd:steps=4"),
        evaluated(attack="mifgsm:steps=3"),
        evaluated(attack=["pgd:steps=3", "fgsm"]),
        evaluated(attack=["fgsm", "pgd:steps=3"]),
        evaluated(attack=Renamed.PGD(steps=3)),
        evaluated(eps="0.2"),
        evaluated(eps="0.1,0.2"),
        evaluated(norm="l2"),
        evaluated(n=39),
        evaluated(data=(moved, y)),
        evaluated(data=(x, relabelled)),
        evaluated(data=(x.flip(0), y.flip(0))),
        evaluated(seed=1),
        evaluated(eot=2),
        evaluated(scorings=2),
        evaluated(eight_bit=True),
    ]
    assert len({record.identity for record in records}) == len(records)


class Renamed:
    @dataclass(frozen=True, kw_only=True)
    class PGD(PGD):
        """Another attack under a known name."""


def test_the_seed_is_what_draws(tmp_path: Path) -> None:
    def hashes(seed: int) -> list[str]:
        return list(evaluated(seed=seed).rows["adv_sha256"])

    torch.manual_seed(1)
    first = hashes(0)
    torch.manual_seed(2)
    assert hashes(0) == first
    assert hashes(1) != first


# --- nothing computed is lost ---

INTERRUPTED = {"attack": ["pgd:steps=2", "fgsm"], "eps": "0.05,0.2"}


@pytest.mark.parametrize("stochastic", [False, True])
def test_interrupted_after_any_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stochastic: bool) -> None:
    monkeypatch.setattr(shards, "MOST_ROWS", 20)
    options = INTERRUPTED | {"model": Noisy() if stochastic else LINEAR, "stochastic": stochastic, "n": 30, "eps": "0.1"}
    whole = evaluated(**options)
    total = 2 * (1 + 1 + 2)
    for stop in (1, 4, 6) if stochastic else range(1, total + 1):
        out = tmp_path / str(stop)

        def after(tick: Tick, stop: int = stop) -> None:
            if tick.done == stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            evaluated(**options, out=out, on_tick=after)
        ticks: list[Tick] = []
        resumed = evaluated(**options, out=out, on_tick=ticks.append)
        assert [tick.reused for tick in ticks] == [True] * stop + [False] * (total - stop)
        assert [tick.done for tick in ticks] == list(range(1, total + 1))
        assert {tick.total for tick in ticks} == {total}
        same_answer(whole, resumed)
        same_answer(whole, read_record(next(out.glob("[!.]*"))))


@pytest.mark.slow
@pytest.mark.own_seed  # the killed process draws unshifted numbers
def test_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "import torch\n"
        f"torch.set_num_threads({torch.get_num_threads()})\n"
        "import bench\n"
        "from bench.evaluation.request import shards\n"
        "from support.tiny import Linear, labelled\n"
        "shards.MOST_ROWS = 10\n"
        "def tick(t):\n"
        "    print(t.done, flush=True)\n"
        "    time.sleep(0.05)\n"
        "model = Linear()\n"
        "bench.evaluate(model, data=labelled(model, 40, wrong=4), attack=['pgd:steps=2', 'fgsm'], eps='0.05,0.2',\n"
        "               out=sys.argv[1], on_tick=tick)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(6):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not list(tmp_path.glob(f"*/{RECORD_FILE}"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "MOST_ROWS", 10)
        ticks: list[Tick] = []
        resumed = evaluated(**INTERRUPTED, out=tmp_path, on_tick=ticks.append)
        same_answer(resumed, evaluated(**INTERRUPTED))
    assert 6 <= sum(tick.reused for tick in ticks) < len(ticks)


def test_a_finished_record_is_read_back(tmp_path: Path) -> None:
    first = evaluated(out=tmp_path)
    ticks: list[Tick] = []
    again = evaluated(out=tmp_path, on_tick=ticks.append)
    assert not ticks
    assert again.created == first.created
    same_answer(first, again)
    fresh = evaluated(out=tmp_path, on_tick=ticks.append, fresh=True)
    assert ticks and not any(tick.reused for tick in ticks)
    same_answer(first, fresh)
    assert sorted(path.name for path in next(tmp_path.glob("[!.]*")).iterdir()) == ["record.json", "rows.parquet"]


def test_numbers_and_arrays_do_as_well_as_text_and_tensors() -> None:
    record = evaluated(eps="8/255,0.1")
    for eps in ([8 / 255, 0.1], ["8/255", np.float64(0.1)]):
        same_answer(evaluated(eps=eps, data=tuple(part.numpy() for part in DATA)), record)


def test_l2_has_no_default_radius() -> None:
    assert evaluated(eps=None, n=4).results[0].eps_text == "8/255"
    with pytest.raises(SpecError, match="no default radius in l2"):
        evaluated(eps=None, norm="l2")
    assert evaluated(eps=0.5, norm="l2", n=4).results[0].eps_text == "0.5"


def test_the_default_takes_what_there_is_and_a_number_is_meant(tmp_path: Path) -> None:
    sorted_, rated = tmp_path / "sorted", tmp_path / "rated"
    for label in "abc":
        (sorted_ / label).mkdir(parents=True)
        for i in range(2):
            Image.new("L", (3, 3), 20 * i).save(sorted_ / label / f"{i}.png")
    rated.mkdir()
    Image.new("RGB", (16, 16)).save(rated / "a.png")
    (rated / "scores.csv").write_text("image,score\na.png,1\n")
    assert evaluated(data=f"folder:{sorted_}").data.n == 6
    for data in (f"folder:{sorted_}", f"folder:{rated}", "photos"):
        available = len(samples_of(data, "test", DEFAULT_N))
        assert available == len(load_samples(data))
        with pytest.raises(TooFewError, match="1,000 samples were asked for"):
            samples_of(data, "test", 1000)
        assert len(samples_of(data, "test", 1)) == 1


def test_who_asks_is_told_whether_a_record_is_old_or_will_be_computed(tmp_path: Path) -> None:
    started: list[int] = []
    kept: list[Record] = []
    watched: dict[str, Any] = {"on_start": lambda request, cost: started.append(cost.forwards), "on_kept": kept.append}
    first = evaluated(out=tmp_path, **watched)
    assert len(started) == 1 and not kept
    evaluated(out=tmp_path, **watched)
    assert len(started) == 1
    assert [record.created for record in kept] == [first.created]
    evaluated(out=tmp_path, fresh=True, **watched)
    assert len(started) == 2 and len(kept) == 1


ATTACK = """
from dataclasses import dataclass
from attacks.base import Attack

@dataclass(frozen=True, kw_only=True)
class Mine(Attack):
    def cost(self):
        return 1, 0

    def perturb(self, oracle, x, threat, *, rng):
        return x
"""


def test_an_edit_of_an_attack_of_one_s_own_is_another_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "attack_of_a_user.py"

    def identity(source: str, **options: Any) -> str:
        file.write_text(source)
        monkeypatch.delitem(sys.modules, "attack_of_a_user", raising=False)
        mine = import_module("attack_of_a_user").Mine()
        attack = Transfer(model=Linear().eval(), attack=mine, path=Training()) if options.pop("inside", False) else mine
        return evaluated(attack=attack, n=2, **options).identity

    for options in ({}, {"inside": True}):
        before, same, after = (identity(source, **options) for source in (ATTACK, ATTACK, ATTACK + "# edited" * 3))
        assert before == same != after


def test_attacks_of_the_suite_bring_no_source_into_the_identity() -> None:
    for attack in ("pgd", "standard", "foolbox:LinfPGD", "torchattacks:PGD"):
        request = resolve(Settings(model=LINEAR, attack=attack, eps="0.1", n=2, data=DATA))
        fields = identity_fields(request)
        assert "source_sha256" not in {**fields["attacks"][0], **fields["path"]}


def test_a_damaged_record_says_how_to_go_on(tmp_path: Path) -> None:
    first = evaluated(out=tmp_path)
    (next(tmp_path.glob("[!.]*")) / RECORD_FILE).write_text("{")
    with pytest.raises(BenchError, match="--fresh"):
        evaluated(out=tmp_path)
    same_answer(first, evaluated(out=tmp_path, fresh=True))


@pytest.mark.parametrize("when", ["before the first unit", "after the first unit"])
def test_a_killed_fresh_run_leaves_nothing_to_be_taken_for_its_result(tmp_path: Path, when: str) -> None:
    first = evaluated(out=tmp_path)

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluated(out=tmp_path, fresh=True, **{"on_start" if when.startswith("before") else "on_tick": stopped})
    assert not list(tmp_path.glob(f"*/{RECORD_FILE}"))
    ticks: list[Tick] = []
    same_answer(first, evaluated(out=tmp_path, on_tick=ticks.append))
    assert sum(tick.reused for tick in ticks) == when.startswith("after")  # nothing that is older is read


def test_a_run_that_is_killed_after_its_record_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next call reads the record, and removes the journal that the killed one could not remove."""
    written = evaluation.write_record

    def killed(*arguments: Any) -> Record:
        written(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(evaluation, "write_record", killed)
        with pytest.raises(KeyboardInterrupt):
            evaluated(out=tmp_path)
    assert len(list(tmp_path.glob(f"*/{JOURNAL_FILE}"))) == 1
    ticks: list[Tick] = []
    same_answer(evaluated(), evaluated(out=tmp_path, on_tick=ticks.append))
    assert not list(tmp_path.glob(f"*/{JOURNAL_FILE}")) and not ticks


def test_the_journal_of_another_run_beside_a_record_stays(tmp_path: Path) -> None:
    """Images are asked for later, and that run is interrupted: reading the record meanwhile loses none of it."""
    evaluated(out=tmp_path)

    def interrupt(tick: Tick) -> None:
        if tick.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluated(out=tmp_path, save_adv=True, on_tick=interrupt)
    (journal,) = tmp_path.glob(f"*/{JOURNAL_FILE}")
    content = journal.read_bytes()
    evaluated(out=tmp_path)
    assert journal.read_bytes() == content


def test_fresh_forgets_the_journal(tmp_path: Path) -> None:
    def interrupt(tick: Tick) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluated(out=tmp_path, on_tick=interrupt)
    ticks: list[Tick] = []
    evaluated(out=tmp_path, fresh=True, on_tick=ticks.append)
    assert not any(tick.reused for tick in ticks)


def test_adversarial_images_are_kept(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    def interrupt(tick: Tick) -> None:
        if tick.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluated(out=tmp_path, on_tick=interrupt)
    record = evaluated(out=tmp_path, save_adv=True)
    (file,) = tmp_path.glob("*/adversarial/*.safetensors")
    adv = load_file(file)["images"]
    assert adv.shape == DATA[0].shape
    assert torch.equal(adv[:4], DATA[0][:4])
    moved = (adv - DATA[0]).flatten(1).abs().amax(1)
    assert moved.max() <= 0.1 + 1e-6
    assert moved.tolist() == pytest.approx(record.rows["norm_value"].tolist(), abs=1e-6)
    with pytest.raises(SpecError, match="nowhere to save"):
        evaluated(save_adv=True)


def test_a_finished_record_with_its_images_is_read_back(tmp_path: Path) -> None:
    options = {"out": tmp_path, "attack": ["pgd:steps=3", "fgsm"], "eps": "0.1,0.2"}
    kept: list[Record] = []
    plain = evaluated(**options, on_kept=kept.append)
    first = evaluated(**options, save_adv=True, on_kept=kept.append)  # the images are not there yet
    assert not kept
    same_answer(first, plain)
    evaluated(**options, save_adv=True, on_kept=kept.append)
    assert len(kept) == 1
    next(tmp_path.glob("*/adversarial/*.safetensors")).unlink()
    same_answer(evaluated(**options, save_adv=True, on_kept=kept.append), plain)
    assert len(kept) == 1
    assert len(list(tmp_path.glob("*/adversarial/*.safetensors"))) == 4


@pytest.mark.parametrize("where", [0.0, 0.3, 0.99], ids=["length", "header or first values", "last value"])
def test_damaged_images_are_made_again(tmp_path: Path, where: float) -> None:
    options = {"out": tmp_path, "attack": "fgsm", "eps": "0.1", "save_adv": True}
    first = evaluated(**options)
    (path,) = tmp_path.glob("*/adversarial/*.safetensors")
    whole = path.read_bytes()
    position = int(where * len(whole))
    path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
    kept: list[Record] = []
    same_answer(evaluated(**options, on_kept=kept.append), first)
    assert not kept
    assert path.read_bytes() == whole
    evaluated(**options, on_kept=kept.append)
    assert len(kept) == 1


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = os.fsync
    calls = 0

    def filling(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise OSError(28, "No space left on device")
        synced(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", filling)
        with pytest.raises(StorageError, match="is full"):
            evaluated(**INTERRUPTED, out=tmp_path)
    ticks: list[Tick] = []
    resumed = evaluated(**INTERRUPTED, out=tmp_path, on_tick=ticks.append)
    assert sum(tick.reused for tick in ticks) >= 2
    same_answer(resumed, evaluated(**INTERRUPTED))


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(StorageError, match="not a folder"):
            evaluated(out=out)


# --- attacks are not trusted ---


@dataclass(frozen=True, kw_only=True)
class Cheat(Attack):
    """Does what it should not."""

    how: str

    def cost(self) -> tuple[int, int]:
        return 1, 0

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        return CHEATS[self.how](x, threat)


def fail(x: Tensor, threat: Threat) -> Tensor:
    raise ZeroDivisionError("no gradient today")


CHEATS: dict[str, Callable[[Tensor, Threat], Any]] = {
    "raises": fail,
    "nan": lambda x, threat: x * math.nan,
    "infinite": lambda x, threat: x + math.inf,
    "far": lambda x, threat: x + 0.5 * torch.where(x > 0.5, -1.0, 1.0),
    "in place": lambda x, threat: x.add_(0.5 * torch.where(x > 0.5, -1.0, 1.0)),
    "outside": lambda x, threat: x + 1,
    "slightly far": lambda x, threat: x + (threat.eps + 3e-6) * torch.where(x > 0.5, -1.0, 1.0),
    "shape": lambda x, threat: x[:-1],
    "flat": lambda x, threat: x.flatten(1),
    "nothing": lambda x, threat: None,
    "string": lambda x, threat: "adversarial",
}
STATUS = dict.fromkeys(CHEATS, "attack_error") | {
    "nan": "out_of_box",
    "infinite": "out_of_box",
    "far": "out_of_ball",
    "in place": "out_of_ball",
    "outside": "out_of_box",
    "slightly far": "out_of_ball",
}


@pytest.mark.parametrize("how", CHEATS)
def test_a_cheating_attack_proves_nothing(how: str) -> None:
    record = evaluated(attack=Cheat(how=how))
    attacked = record.rows[record.rows["verdict"] != "clean_wrong"]
    assert set(attacked["status"]) == {STATUS[how]}
    assert (attacked["robust"] == 1).all()
    assert (attacked["norm_value"] == 0).all()
    assert record.reliability.status == "unreliable"
    assert record.results[0].undecided == 36
    assert any("36 rows stand although a stage failed" in reason for reason in record.reliability.reasons)
    worst = evaluated(attack=[Cheat(how=how), "pgd:steps=3"])
    assert worst.reliability.status == "unreliable"
    assert worst.results[-1].robust == evaluated(attack="pgd:steps=3").results[0].robust
    assert worst.results[-1].undecided == round(worst.results[-1].robust.value * 40)


@pytest.mark.parametrize("attack", ["foolbox:LinfPGD,steps=3", "torchattacks:PGD,steps=3", "deepfool:steps=3"])
def test_an_attack_of_another_library_is_evaluated_like_any_other(attack: str) -> None:
    record = evaluated(attack=attack, eps="0.05,0.4")
    assert record.attacks[0].spec == record.results[0].attack == attack
    assert record.attacks[0].defaulted["version"]
    attacked = record.rows[record.rows["verdict"] != "clean_wrong"]
    assert set(attacked["status"]) == {"ok"}
    assert (attacked["backwards"] > 0).all()
    weak, strong = (cell.robust.value for cell in record.results)
    assert strong <= 0.05 < weak
    same_answer(record, evaluated(attack=attack, eps="0.05,0.4"))


@pytest.mark.parametrize("returned", ["nan", "far", "raises"])
def test_an_attack_of_another_library_that_misbehaves_proves_nothing(returned: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import foolbox

    def run(self: Any, model: Any, inputs: Tensor, criterion: Any, **options: Any) -> Any:
        return CHEATS[returned](inputs, None)  # type: ignore[arg-type]

    monkeypatch.setattr(foolbox.attacks.LinfPGD, "run", run)
    record = evaluated(attack="foolbox:LinfPGD")
    attacked = record.rows[record.rows["verdict"] != "clean_wrong"]
    assert set(attacked["status"]) == {STATUS[returned]}
    assert record.results[0].undecided == 36
    assert record.reliability.status == "unreliable"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_an_attack_of_another_precision_is_scored_in_ours(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    monkeypatch.setitem(CHEATS, "precise", lambda x, threat: x.to(dtype))
    record = evaluated(attack=Cheat(how="precise"), eps="0.1")
    assert record.results[0].robust == record.results[0].clean
    assert set(record.rows["status"]) == {"ok"}


def test_gradients_that_are_not_numbers_are_noticed() -> None:
    class Cliff(nn.Module):
        """Right everywhere, with a gradient of NaN."""

        def forward(self, x: Tensor) -> Tensor:
            flat = x.flatten(1)[:, :2]
            return LINEAR.eval()(x) + 0 * (flat - flat).sqrt().sum(1, keepdim=True)

    record = evaluated(Cliff(), attack="pgd:steps=2,random_start=false")
    attacked = record.rows[record.rows["verdict"] != "clean_wrong"]
    assert set(attacked["status"]) == {"nan_gradient"}
    assert record.reliability.status == "unreliable"
    assert record.results[0].undecided == int((attacked["robust"] > 0).sum()) > 0


def test_errors_to_act_on_pass_through() -> None:
    for error in (KeyboardInterrupt, MemoryError, ModelError("a.", "b.")):

        def stop(x: Tensor, threat: Threat, error: Any = error) -> Tensor:
            raise error

        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(CHEATS, "stops", stop)
            with pytest.raises((KeyboardInterrupt, MemoryError, ModelError)):
                evaluated(attack=Cheat(how="stops"))


# --- models are not trusted either ---


def test_a_model_that_changes_its_mind_is_refused() -> None:
    with pytest.raises(ModelError, match=r"changed its decision on .* of 40 samples between two identical calls"):
        evaluated(Noisy())
    moody = Noisy()
    moody.stochastic = True  # type: ignore[assignment]
    for record in (evaluated(Noisy(), stochastic=True), evaluated(moody)):
        assert record.model.stochastic
        rows = record.rows
        columns = rows[["clean_correct", "noise_1", "noise_k", "robust", "robust_8bit"]]
        assert ((columns >= 0) & (columns <= 1)).all(axis=None)
        assert ((rows["clean_correct"] > 0) & (rows["clean_correct"] < 1)).any()
        assert not rows["unstable"].any()
        assert record.settings == {"eot": 10, "scorings": 10}


def test_more_draws_tell_a_rate_more_finely() -> None:
    record = evaluated(Noisy(), stochastic=True, scorings=40)
    assert record.settings == {"eot": 10, "scorings": 40}
    counts = record.rows["clean_correct"] * 40
    assert (counts - counts.round()).abs().max() < 1e-4
    assert (counts.round() % 4 != 0).any()


def test_a_stochastic_model_s_rates_are_those_of_its_coin() -> None:
    class Coin(nn.Module):
        """Right with probability 0.7, whatever the image."""

        def forward(self, x: Tensor) -> Tensor:
            right = (torch.rand(len(x), 1) < 0.7).float()
            return torch.cat([right, 1 - right], 1) + 0 * x.flatten(1)[:, :2]

    record = evaluated(Coin(), data=(images(60), torch.zeros(60).long()), attack="fgsm", stochastic=True)
    assert record.results[0].clean.value == pytest.approx(0.7, abs=0.08)
    assert record.results[0].robust.value == pytest.approx(0.7, abs=0.08)


def test_a_decision_that_depends_on_its_company_is_no_robust_one() -> None:
    class Social(nn.Module):
        """BatchNorm on the batch: every decision depends on the neighbours."""

        def forward(self, x: Tensor) -> Tensor:
            return LINEAR.eval()(x - x.mean(0, keepdim=True) + 0.5)

    x = images(40)
    y = Social()(torch.cat([x, x[-1:].expand(BATCH - 40, 1, 3, 3)])).argmax(1)[:40]
    record = evaluated(Social(), data=(x, y), eps="0", attack="uniform", micro_batch=3)
    assert record.results[0].clean.value == 1
    assert record.results[0].unstable > 0
    assert record.results[0].robust.value == 1 - record.results[0].unstable / 40
    assert any("changed between two scorings" in reason for reason in record.reliability.reasons)


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (lambda x: x, "returned shape"),
        (lambda x: x.flatten(1) * math.nan, "NaN"),
        (lambda x: x.flatten(1).sum(1), "returned shape"),
        (lambda x: None, "NoneType"),
        (lambda x: x.view(-1, 7), "failed on images of shape 1 x 3 x 3"),
    ],
)
def test_a_model_that_breaks_its_contract(forward: Callable[[Tensor], Any], said: str) -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Any:
            return forward(x)

    with pytest.raises(ModelError, match=said):
        evaluated(Broken())


def test_a_model_that_knows_fewer_classes_than_the_labels_is_refused() -> None:
    x, y = DATA
    for attack in ("fgsm", "uniform"):
        with pytest.raises(ModelError, match="Linear tells 3 classes apart, and there are labels up to 3") as caught:
            evaluated(data=(x, torch.where(y == 2, 3, y)), attack=attack)
    assert "\n" not in str(caught.value)
    assert evaluated(data=(x, y.clamp_max(1)), attack="fgsm").data.n == 40


def test_the_user_s_module_is_given_back_as_it_was() -> None:
    model = Linear().train()
    model.norm.eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    random = torch.get_rng_state()
    evaluated(model, attack=["pgd:steps=2", "uniform"])
    assert torch.equal(torch.get_rng_state(), random)
    assert (model.training, model.norm.training, model.read.training) == (True, False, True)
    assert (model.read.weight.requires_grad, model.read.bias.requires_grad) == (True, False)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    with pytest.raises(BenchError):
        evaluated(model, data=(torch.rand(4, 5), torch.zeros(4).long()))
    assert (model.training, model.read.weight.requires_grad) == (True, True)


# --- bad input ---


@pytest.mark.parametrize(
    "pixels", [images(8) * 255, (images(8) * 255).int(), images(8) - 0.5, images(8) * math.nan, images(8) * 2]
)
def test_images_in_the_wrong_range(pixels: Tensor) -> None:
    with pytest.raises(DataError) as caught:
        evaluated(data=(pixels, DATA[1][:8]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"attack": "pdg"}, "Did you mean: .*pgd"),
        ({"attack": "pgd:stepz=1"}, "Did you mean: steps"),
        ({"attack": "pgd:steps=-1"}, "cannot be set up"),
        ({"attack": []}, "No attack was given"),
        ({"attack": ["fgsm", "fgsm"]}, "given twice"),
        ({"path": "btt"}, "Did you mean: .*bptt"),
        ({"path": "bptt:surrogate=banana"}, "surrogate"),
        ({"eps": "x"}, "not a number"),
        ({"eps": "-1/255"}, "negative"),
        ({"eps": "8"}, "Did you mean 8/255"),
        ({"norm": "l3"}, "Unknown threat"),
        ({"n": 0}, "n must be at least 1"),
        ({"n": -5}, "n must be at least 1"),
        ({"eot": 0}, "eot must be at least 1"),
        ({"scorings": 0}, "scorings must be at least 1"),
        ({"micro_batch": -1}, "micro_batch must be at least 1"),
        ({"device": "gpu"}, "no device 'gpu'"),
        ({"device": "meta"}, "Use cpu or cuda"),
        ({"data": None}, "does not say which data"),
        ({"model": "zoo:nothing_like_it"}, "Unknown model"),
        ({"model": "nothing"}, "does not name a model"),
    ],
)
def test_bad_requests(options: dict[str, Any], said: str) -> None:
    with pytest.raises(BenchError, match=said) as caught:
        evaluated(**options)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


# --- shapes of samples ---


class OfEvents(nn.Module):
    """Event frames ``(n, T, C, H, W)`` to ``(n, 4)``, linear."""

    def __init__(self) -> None:
        super().__init__()
        weight = torch.randn(4, 3 * 2 * 5 * 5, generator=torch.Generator().manual_seed(0))
        self.weight = nn.Parameter(weight, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.weight.T


def of_events(n: int = 12) -> Data:
    """Event frames that :class:`OfEvents` gets right."""
    frames = (torch.rand(n, 3, 2, 5, 5, generator=torch.Generator().manual_seed(1)) < 0.1).float()
    return frames, OfEvents()(frames).argmax(1)


def test_a_stage_that_does_not_fit_the_samples_is_left_out_and_fails_nothing() -> None:
    record = evaluated(OfEvents(), data=of_events(), attack="standard", eps="0.001")
    names = [stage.name for stage in record.attacks[0].stages]
    assert names and "Square" not in names
    assert [stage.name for stage in record.results[0].stages] == names
    assert float(record.results[0].robust.value) > 0
    assert record.reliability.status == "reliable"
    assert set(record.rows["status"]) == {"ok"}


@pytest.mark.parametrize(("attack", "said"), [("square", "Square needs images"), ("korhonen", "Korhonen needs images")])
def test_an_attack_that_does_not_fit_the_samples_is_refused_before_anything_runs(attack: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        evaluated(OfEvents(), data=of_events(), attack=attack)
