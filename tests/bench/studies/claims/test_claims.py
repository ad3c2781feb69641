"""Claims: the rule that decides, the file that is rewritten, and runs that miss a model."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bench.boards.store import boards_root
from bench.foundation.errors import BoardError, UnknownNameError, WeightsError
from bench.metrics.statistics import Floats
from bench.studies.claims import STATISTICS
from bench.studies.claims import claim as claim_module
from bench.studies.claims.claim import Bound, Claim, Result, read_claims, verdict, write_result
from bench.studies.claims.freshness import stale
from bench.studies.claims.lab import Lab
from bench.studies.claims.running import run, statistic_of
from bench.studies.claims.statistic import paired
from zoo.card import card, names

SHIPPED = read_claims(Path(__file__).parents[4] / "leaderboards")
TEXT = """# By hand.
plain:
  claim: SNNs stand more.   # a comment that stays
  source: Nobody
  models: [snn_vanilla, ann_vanilla]
  statistic: robust_difference
  protocol: {attack: "pgd:steps=2", eps: 2/255, n: 6}
  holds: {side: above}
  notes: >-
    On two
    lines.

untrained:
  claim: Nothing.
  source: Nobody
  models: [no_weights, ann_vanilla]
  statistic: robust_difference
  protocol: {attack: pgd, eps: 2/255, n: 6}
  holds: {side: above}

# Between.
gap:
  claim: Noise is weak.
  source: Nobody
  models: [snn_vanilla]
  statistic: gap
  protocol: {attack: "pgd:steps=2", eps: 8/255, n: 6}
  holds: {side: above, value: 0.1}
  verdict: not reproduced
  result:
    value: 0.0
    low: -0.1
    high: 0.05
    n: 3
    parts:
      a: 1.0
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "claims.yaml").write_text(TEXT)
    return tmp_path


# --- the rule ---


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(-1, 1))
def test_a_verdict_needs_the_whole_interval(low: float, width: float, bound: float) -> None:
    high = low + width
    above, below = (verdict(Bound(side=side, value=bound), low, high) for side in ("above", "below"))
    if low <= bound <= high:
        assert above == below == "inconclusive"
    else:
        assert {above, below} == {"reproduced", "not reproduced"}
        assert (above == "reproduced") == (low > bound)


def test_paired_differences_by_hand() -> None:
    found = paired(np.array([1.0, 0, 1, 1]), np.array([0.0, 0, 1, 0]), {})
    assert (found.value, found.n) == (0.5, 4)
    assert found.low == pytest.approx(0.5 - 3.18245 * (1 / 3) ** 0.5 / 2, abs=1e-4)


# --- the file ---


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_claims_fit_their_statistics(name: str) -> None:
    claim = SHIPPED[name]
    statistic_of(name, claim)
    assert set(claim.models) <= set(names())
    assert (claim.verdict is None) == (claim.result is None)
    if claim.result is not None:
        assert claim.verdict == verdict(claim.holds, claim.result.low, claim.result.high)


def test_claims_on_resnet20_ask_what_the_claims_they_repeat_ask() -> None:
    repeated = {name: claim for name, claim in SHIPPED.items() if claim.repeats is not None}
    assert {f"{claim.repeats}_resnet20" for claim in repeated.values()} == set(repeated)
    for claim in repeated.values():
        first = SHIPPED[str(claim.repeats)]
        assert {card(model).network for model in claim.models} == {"resnet20"}
        assert {card(model).size for model in first.models} == {"compact"}
        assert [card(model).defense.name for model in claim.models] == [card(model).defense.name for model in first.models]
        assert claim.claim.removesuffix(", on ResNet-20.") == first.claim.removesuffix(".")
        assert claim.source == first.source


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("repeats: nothing", "repeats 'nothing', which is no claim of its own"),
        ("repeats: other", "repeats 'other', which is no claim of its own"),
        ("repeats: gap", "asks something else than gap"),
    ],
)
def test_a_claim_repeats_one_that_asks_the_same(fields: str, words: str, root: Path) -> None:
    text = (
        TEXT
        + f"""
again:
  claim: SNNs stand more, once more.
  source: Nobody
  models: [snn_vanilla, ann_vanilla]
  statistic: robust_difference
  protocol: {{attack: "pgd:steps=2", eps: 2/255, n: 6}}
  holds: {{side: above}}
  {fields}
"""
    )
    other = text.replace("again:", "other:").removeprefix(TEXT).replace(fields, "repeats: plain")
    (root / "claims.yaml").write_text(text.replace(fields, "repeats: plain") + other)
    assert read_claims(root)["again"].repeats == "plain"
    fewer = TEXT + text.removeprefix(TEXT).replace(fields, "repeats: plain").replace("n: 6", "n: 3")
    (root / "claims.yaml").write_text(fewer + other)
    assert read_claims(root)["again"].protocol["n"] == 3
    (root / "claims.yaml").write_text(text + other)
    with pytest.raises(BoardError, match=words):
        read_claims(root)


def test_every_statistic_is_used() -> None:
    assert {claim.statistic for claim in SHIPPED.values()} == set(STATISTICS)


@pytest.mark.parametrize("name", ["plain", "untrained", "gap"])
def test_only_result_and_verdict_are_rewritten(name: str, root: Path) -> None:
    path = root / "claims.yaml"
    before = read_claims(root)
    result = Result(value=-0.5, low=-0.6, high=1e-7, n=9, parts={"a: b": 0.5}, records=["r"], weights={"m": "0123"})
    for _ in range(2):
        write_result(root, name, result, "inconclusive")
        after = read_claims(root)
        assert after[name].result == result and after[name].verdict == "inconclusive"
        assert after[name].model_copy(update={"result": None, "verdict": None}) == before[name].model_copy(
            update={"result": None, "verdict": None}
        )
        assert {k: v for k, v in after.items() if k != name} == {k: v for k, v in before.items() if k != name}
        kept = [line for line in path.read_text().splitlines() if line.startswith("#") or "comment" in line]
        assert kept == [line for line in TEXT.splitlines() if line.startswith("#") or "comment" in line]
    assert [p.name for p in root.iterdir()] == ["claims.yaml"]


def test_two_writers_do_not_undo_each_other(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the moment in which one reads the file and the one in which it writes, the other one waits."""
    begun, write = threading.Event(), claim_module.atomic_write_text

    def slowly(path: Path, text: str) -> None:
        begun.set()
        other.join(0.3)
        write(path, text)

    def second() -> None:
        begun.wait()
        monkeypatch.setattr(claim_module, "atomic_write_text", write)
        write_result(root, "gap", result, "inconclusive")

    result = Result(value=0, low=0, high=0, n=1)
    other = threading.Thread(target=second)
    monkeypatch.setattr(claim_module, "atomic_write_text", slowly)
    other.start()
    write_result(root, "plain", result, "inconclusive")
    other.join()
    assert [name for name, claim in read_claims(root).items() if claim.result == result] == ["plain", "gap"]


@pytest.mark.parametrize("change", [lambda text: text[:-9], lambda text: text.replace("0.25", "0.75"), lambda text: ""])
def test_values_that_are_damaged_are_computed_again(tmp_path: Path, change: Callable[[str], str]) -> None:
    """Else a claim would be decided by a digit that a disk has changed."""
    calls: list[int] = []

    def compute() -> Floats:
        calls.append(1)
        return np.array([0.25, 1.0])

    def stored() -> list[float]:
        return list(Lab(tmp_path).stored({"what": 1}, "ann_vanilla", 2, compute))

    assert stored() == stored() == [0.25, 1.0] and len(calls) == 1
    (path,) = (tmp_path / "values").iterdir()
    path.write_text(change(path.read_text()))
    assert stored() == stored() == [0.25, 1.0] and len(calls) == 2
    path.write_text("[0.25, 1.0]")  # as an earlier version stored them
    assert stored() == [0.25, 1.0] and len(calls) == 2


def test_what_cannot_be_rewritten_is_refused(root: Path) -> None:
    path = root / "claims.yaml"
    content = yaml.safe_load(TEXT)
    path.write_text(yaml.safe_dump({"plain": content["plain"]}, default_flow_style=True))
    text = path.read_text()
    with pytest.raises((BoardError, ValueError)):
        write_result(root, "plain", Result(value=0, low=0, high=0, n=1), "inconclusive")
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("just words", "not a mapping"),
        ("a: [", "not readable YAML"),
        ("a: {claim: x}", "claim a .* is malformed"),
        (TEXT.replace("statistic: gap", "statistic: hope"), "unknown statistic 'hope'"),
        (TEXT.replace("verdict: not reproduced", "verdict: true"), "claim gap .* is malformed"),
    ],
)
def test_damaged_files(text: str, words: str, tmp_path: Path) -> None:
    assert read_claims(tmp_path) == {}
    (tmp_path / "claims.yaml").write_text(text)
    with pytest.raises(BoardError, match=words):
        read_claims(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"protocol": {"attack": "pgd", "eps": "2/255"}}, r"malformed \(n:"),
        ({"protocol": {"attack": "pgd", "eps": "2/255", "n": 5, "stpes": 1}}, r"malformed \(stpes:"),
        ({"models": ["snn_vanilla"]}, "names 1 models; robust_difference takes 2"),
    ],
)
def test_protocols_that_do_not_fit(change: dict[str, object], words: str, root: Path) -> None:
    claim = read_claims(root)["plain"].model_copy(update=change)
    with pytest.raises(BoardError, match=words):
        statistic_of("plain", claim)


# --- runs ---


def test_a_missing_model_leaves_the_others_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    untrained = card("snn_vanilla").model_copy(update={"name": "no_weights", "weights": None})
    monkeypatch.setattr("zoo.card.names", lambda: (*names(), "no_weights"))
    monkeypatch.setattr("zoo.card.card", lambda name: untrained if name == "no_weights" else card(name))
    found = {outcome.name: outcome for outcome in run(root, (), Lab(root / "records"))}
    assert isinstance(found["untrained"].error, WeightsError) and "no trained weights" in str(found["untrained"].error)
    written = read_claims(root)
    for name in ("plain", "gap"):
        result = written[name].result
        assert found[name].error is None and result == found[name].result and result is not None
        assert result.n == 6 and written[name].verdict == found[name].verdict and not stale(written[name])
        assert all((root / "records" / record / "record.json").is_file() for record in result.records)
    assert written["untrained"].result is None
    plain = written["plain"].result
    assert plain is not None and set(plain.weights) == {"snn_vanilla", "ann_vanilla"} and len(plain.records) == 2
    old = plain.model_copy(update={"weights": {"snn_vanilla": "0" * 12}})
    assert stale(written["plain"].model_copy(update={"result": old}))


def test_a_repeated_run_reads_records_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = list(run(root, ("gap",), Lab(root / "records")))
    text = (root / "claims.yaml").read_text()
    monkeypatch.setattr("bench.evaluation.executors.choice.Workbench", lambda *_: pytest.fail("evaluated again"))
    assert list(run(root, ("gap",), Lab(root / "records"))) == first
    assert (root / "claims.yaml").read_text() == text


def test_unknown_claims(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean: gap"):
        list(run(root, ("gab",), Lab(root / "records")))
    with pytest.raises(BoardError, match="no claims"):
        list(run(tmp_path / "nothing", (), Lab(root / "records")))


MEASURED: dict[str, tuple[list[str], dict[str, object]]] = {
    "gap_difference": (["snn_gsr", "snn_vanilla"], {"attack": "pgd:steps=2", "eps": "2/255"}),
    "robust": (["snn_ev_vanilla"], {"attack": "topk", "norm": "events_l0", "eps": "2%"}),
    "attack_difference": (["snn_vanilla"], {"attacks": ["pgd:steps=1", "pgd:steps=2"], "eps": "2/255"}),
    "membrane_perturbation": (["snn_at", "snn_vanilla"], {"eps": "8/255", "perturbation": "pgd"}),
    "gradient_sparsity": (["snn_gsr", "ann_vanilla"], {}),
    "slope_error": (["ann_vanilla"], {"h": 1e-5}),
    "accuracy_by_step": (["snn_at", "snn_vanilla"], {"steps": [1, 4]}),
}


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=[pytest.mark.slow] * (kind == "robust")) for kind in MEASURED])
def test_statistics_on_shipped_models(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gives a value inside its interval, and the same again from what was kept."""
    models, protocol = MEASURED[kind]
    claim = Claim(
        claim="c", source="s", models=models, statistic=kind, protocol={"n": 8, **protocol}, holds=Bound(side="above")
    )
    statistic = statistic_of("c", claim)
    found = statistic.measure(models, Lab(tmp_path))
    assert found.low <= found.value <= found.high and found.n == 8 and found.parts
    if kind == "slope_error":
        assert found.value < 0.3  # a smooth network: the finite difference is the derivative, but for rounding
    if kind == "membrane_perturbation":
        assert found.high < 0  # adversarial training moves potentials less, under PGD at 8/255
    assert statistic.measure(models, Lab(tmp_path)) == found


def test_the_shipped_file_is_found() -> None:
    assert read_claims(boards_root()) == SHIPPED
