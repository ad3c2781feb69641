"""Models that score come to a board as models that decide do: zoo-built ones, and own code judged by its answers alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.submissions import scoring, scoring_board, small_board

import bench
from bench.boards.running import folder_of
from bench.boards.store import Board
from bench.boards.submission import namespaces
from bench.boards.submission.builders import SIGNATURES, check_arguments
from bench.boards.submission.checking import Checked, check
from bench.boards.submission.namespaces import Limits
from bench.boards.submission.running import run
from bench.boards.submission.summary import summary
from bench.boards.submission.template import write_hash
from bench.boards.verify import verify
from bench.foundation.errors import IsolationError, SubmissionError
from reports.site.gallery import draw_gallery
from zoo.card import card, names

pytestmark = pytest.mark.timeout(600)
LIMITS = Limits(seconds=300)


def isolated() -> bool:
    try:
        namespaces.choose()
    except IsolationError:
        return False
    return True


needs_isolation = pytest.mark.skipif(not isolated(), reason="this machine allows no namespaces")


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return scoring_board(tmp_path / "boards")


@pytest.fixture
def short_board(tmp_path: Path) -> Board:
    """Three photographs: isolated code takes its time."""
    return scoring_board(tmp_path / "boards", n=3)


def failed(found: Checked) -> dict[str, str]:
    return {one.name: one.says for one in found.checks if one.status == "fail"}


def edit(folder: Path, old: str, new: str) -> None:
    manifest = folder / "submission.yaml"
    assert old in manifest.read_text()
    manifest.write_text(manifest.read_text().replace(old, new))


@pytest.mark.slow
def test_a_registered_network_enters(short_board: Board, tmp_path: Path) -> None:
    folder = scoring(tmp_path / "mine")
    edit(folder, "claims: {}", "claims: {srcc: 0.6, shift: {8/255: 0.2}}")
    found = check(folder, n=40)
    assert found.passed, failed(found)
    assert {"scale", "SRCC", "one by one"} <= {one.name for one in found.checks}
    _, entry = run(folder, short_board, out=tmp_path / "records")
    assert verify(short_board) == []
    page = summary(short_board, entry)
    assert "| SRCC | " in page and "| mean shift by attack, 8/255 | " in page and "0.200 | below |" in page
    assert "Rank 1 of 1" in page


@pytest.mark.slow
@needs_isolation
def test_own_code_is_judged_by_its_answers_as_the_same_network_is_here(short_board: Board, tmp_path: Path) -> None:
    folder, board = scoring(tmp_path / "mine", own_code=True), short_board
    found = check(folder, n=20, trust_code=True, limits=LIMITS)
    assert found.passed, failed(found)
    _, entry = run(folder, board, out=tmp_path / "records", trust_code=True, limits=LIMITS)
    assert entry.card.kind == "own_code"
    assert verify(board) == []
    protocol = board.protocol()
    direct = bench.evaluate("zoo:iqa_dbcnn", attack=protocol.specs, eps=",".join(protocol.eps), n=3, seed=protocol.seed)
    exact = ["sample", "group", "eps", "label", "attack", "noise_draws", "status", "forwards", "backwards"]
    assert entry.record.rows[exact].equals(direct.rows[exact])
    for column in ("clean", "noise_1", "noise_k", "shift", "shift_8bit", "gradient_l1"):
        assert torch.allclose(
            *(torch.tensor(rows[column].to_numpy(float)) for rows in (entry.record.rows, direct.rows)), atol=1e-4
        )
    assert entry.record.reliability.status == direct.reliability.status
    assert draw_gallery(board, entry, folder_of(entry.record, tmp_path / "records")) is not None
    assert verify(board) == []


BOASTS = """
from torch import nn
from zoo.quality.dbcnn import dbcnn


class Model(nn.Module):
    score_range = (0.0, 1000.0)
    higher_is_better = False

    def __init__(self):
        super().__init__()
        self.inner = dbcnn()

    def load_state_dict(self, state, **kwargs):
        return self.inner.load_state_dict(state, **kwargs)

    def state_dict(self, **kwargs):
        return self.inner.state_dict(**kwargs)

    def forward(self, x):
        return self.inner(x)


def build():
    return Model()
"""


@pytest.mark.slow
@needs_isolation
def test_own_code_does_not_choose_its_scale(tmp_path: Path) -> None:
    """A wide range or the opposite direction, stated in code, would make shifts look small."""
    board = scoring_board(tmp_path / "boards", n=2, attacks=["pgd:steps=3"])
    plain, boasting = scoring(tmp_path / "plain", own_code=True), scoring(tmp_path / "boasting", own_code=True)
    (boasting / "model.py").write_text(BOASTS)
    write_hash(boasting)
    records = [run(one, board, out=tmp_path / "r", trust_code=True, limits=LIMITS)[1].record for one in (plain, boasting)]
    told = [torch.tensor(one.rows["shift"].to_numpy(float)) for one in records]
    assert torch.allclose(*told, atol=1e-4), "images are shuffled anew in each run, which moves the last bits of scores"
    ranges = [one.results[0].in_ranges.value for one in records]
    assert ranges[1] == pytest.approx(ranges[0], abs=1e-4)


def shrunk(folder: Path, factor: float) -> Path:
    weights = load_file(folder / "weights.safetensors")
    weights["calibration.scale"] *= factor
    save_file(weights, folder / "weights.safetensors")
    write_hash(folder)
    return folder


def test_scores_on_another_scale_are_refused(board: Board, tmp_path: Path) -> None:
    folder = shrunk(scoring(tmp_path / "mine"), 0.1)
    assert "scale" in failed(check(folder, n=40))
    with pytest.raises(SubmissionError, match="another scale"):
        run(folder, board, out=tmp_path / "records")
    assert list(board.names()) == []


def test_scores_that_mean_the_opposite_are_refused(tmp_path: Path) -> None:
    assert "higher scores must mean better" in failed(check(shrunk(scoring(tmp_path / "mine"), -1), n=40))["SRCC"]


def test_tasks_claims_and_boards_must_fit(tmp_path: Path) -> None:
    folder = scoring(tmp_path / "mine")
    with pytest.raises(SubmissionError, match="quality"):
        run(folder, small_board(tmp_path / "boards", n=4), out=tmp_path / "records")
    edit(folder, "claims: {}", "claims: {clean: 0.9}")
    assert "srcc and shift" in failed(check(folder, n=4))["acceptance"]
    edit(folder, "claims: {clean: 0.9}", "claims: {}")
    edit(folder, "dataset: photos", "dataset: cifar10")
    assert "no data set for quality" in failed(check(folder, n=4))["acceptance"]


@pytest.mark.parametrize("name", [name for name in names() if card(name).builder.name in SIGNATURES])
def test_arguments_of_the_zoo_pass_the_types_of_their_builder(name: str) -> None:
    builder = card(name).builder
    given = check_arguments(builder.name, dict(builder.arguments))
    assert given.keys() == builder.arguments.keys()


@pytest.mark.parametrize("extra", [{"noise": 0.2}, {"leaks": 4}])
def test_output_neurons_neither_draw_nor_leak_by_steps(extra: dict[str, float]) -> None:
    with pytest.raises(SubmissionError, match=r"builder\.arguments\.output"):
        check_arguments("compact", {"steps": 4, "neuron": {}, "output": extra})


@pytest.mark.parametrize(
    "arguments", [{"plan": "vgg11", "steps": 1, "neuron": None, "multiplier": 1e300}, {"body": "os.system"}]
)
def test_arguments_of_large_builders_are_bounded(arguments: dict[str, object]) -> None:
    with pytest.raises(SubmissionError, match=r"builder\.arguments"):
        check_arguments("vgg", arguments)
