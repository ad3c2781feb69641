"""Own code that makes spikes with a library: attacked in isolation along the same gradient paths as without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from support.sandboxes import WORKING
from support.spiking_code import CODE, written_with
from support.submissions import filled_in, small_board, write_hash

import bench
from attacks.gradients.base import Training
from attacks.gradients.bptt import BPTT
from attacks.gradients.hart import HART
from bench.boards.stages import as_frozen, refuse_other_stages
from bench.boards.submission import child
from bench.boards.submission.answers_only import AnswersOnlySubject, answers_only
from bench.boards.submission.checking import check
from bench.boards.submission.description import Description
from bench.boards.submission.folder import snapshot
from bench.boards.submission.frames import Frame
from bench.boards.submission.namespaces import Limits
from bench.boards.submission.probes import silent_share
from bench.boards.submission.running import run
from bench.boards.verify import verify
from bench.data import load_samples
from bench.evaluation.request.resolve import resolve
from bench.evaluation.request.shards import portions_for, portions_of, state_of
from bench.foundation.errors import IsolationError, SubmissionError
from bench.models.opening import open_subject
from bench.models.subject import Subject
from bench.tasks.feasibility import sha256_rows

pytestmark = pytest.mark.timeout(600)
isolated = pytest.mark.skipif(not WORKING, reason="this machine allows no namespaces, so own code is refused")
LIMITS = Limits(seconds=600)
CPU = torch.device("cpu")
IMPORTED = {"norse": "norse.torch", "spikingjelly": "spikingjelly.activation_based"}
"""What is imported of a library, where that is not its name."""
ROWS = ["sample", "eps", "label", "clean_pred", "noise_1", "noise_k", "robust", "verdict", "adv_sha256"]
BOARD = {"path": "bptt:surrogate=triangle,width=0.5", "eps": ["8/255"], "rank_by": "8/255"}


@pytest.fixture(params=list(CODE))
def library(request: pytest.FixtureRequest) -> str:
    """Each library that is installed."""
    pytest.importorskip(IMPORTED.get(request.param, request.param))
    return str(request.param)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As in the place where own code runs: then sums have the same order in both."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def told(folder: Path, factory: str = "Net") -> tuple[Subject, Description]:
    """The model as the isolated process knows it after it was asked, and what arrives outside."""
    images = load_samples("cifar10", n=3).images
    opened = replace(open_subject(f"{folder}/model.py::{factory}"), task="classification")
    subject, answer = child._recognised(opened, Frame({}, {"images": images}))
    return subject, Description.read(json.loads(json.dumps(answer.head)))


def test_its_spike_functions_are_found_and_described(library: str, tmp_path: Path) -> None:
    folder = written_with(library, tmp_path / "mine")
    subject, description = told(folder)
    with snapshot(folder) as verified:
        outside = answers_only(verified, description)
    assert outside.path_takers == subject.path_takers == 1
    assert outside.traits == subject.traits and outside.traits.spiking
    assert outside.sites is not None and outside.sites.controlled == 1 and not outside.sites.uncontrolled
    for path in (Training(), BPTT(), HART(), BPTT(coding="straight_through")):
        assert outside.takes(path) == subject.takes(path)
    assert silent_share(subject, load_samples("cifar10", n=3).images) == 0


def test_what_it_proposes_are_the_images_of_an_ordinary_evaluation(library: str, tmp_path: Path) -> None:
    """The same bits: the gradient along the attacker's path, through the library's spikes, is the same in both programs."""
    folder = written_with(library, tmp_path / "mine")
    samples = load_samples("cifar10", n=40)
    head = {"attack": "pgd:steps=2", "eps": "8/255", "norm": "linf", "path": BOARD["path"], "seed": 0, "clean": []}
    asked = Frame(head, {"images": samples.images, "labels": samples.labels, "ids": samples.ids})
    answer = child.OPERATIONS["attack"](told(folder)[0], asked)
    direct = bench.evaluate(
        f"{folder}/model.py::Net", attack="pgd:steps=2", path=str(BOARD["path"]), eps="8/255", n=40, data="cifar10"
    )
    attacked = samples.ids[answer.tensors["0/rows"]].tolist()
    assert attacked
    hashes = direct.rows.set_index("sample").loc[attacked, "adv_sha256"].tolist()
    assert sha256_rows(answer.tensors["0/images"]) == hashes


def test_own_code_of_layers_of_this_suite_has_the_stages_and_the_units_that_it_has_inside(tmp_path: Path) -> None:
    """An encoder brings stages of its own, and the state of many neurons smaller units: outside nobody can count them."""
    folder = tmp_path / "mine"
    filled_in(folder, own_code=True)
    code = (folder / "model.py").read_text().replace("steps=4", "steps=4, widths=(4, 4, 4, 4)")
    (folder / "model.py").write_text(code.replace('"threshold": 1.0}', '"threshold": 1.0}, encoder="latency"'))
    save_file({"unused": torch.zeros(1)}, folder / "weights.safetensors")
    write_hash(folder)
    subject, description = told(folder, "build")
    settings = small_board(tmp_path / "boards", n=3, attacks=["standard"], eps=["8/255"]).protocol().settings(subject)
    with snapshot(folder) as verified:
        outside = answers_only(verified, description)
    assert outside.is_coded and outside.whole_layers == subject.whole_layers > 0
    assert resolve(replace(settings, model=outside)).stages == resolve(settings).stages
    many = replace(outside, description=description.model_copy(update={"kept_per_row": 10 * 2**20}))
    samples = load_samples("cifar10", n=3)
    assert outside.kept_per_row == state_of(subject.module, samples, CPU) > 0
    assert portions_of(many, samples, CPU) == portions_for(8 * 4 * 3072, 10 * 2**20)


@isolated
@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_in_isolation_it_has_the_adversarial_images_of_an_ordinary_evaluation(library: str, tmp_path: Path) -> None:
    """From the folder to the entry: the same bits as without isolation."""
    board = small_board(tmp_path / "boards", n=40, **BOARD)
    folder = written_with(library, tmp_path / "mine")
    report = check(folder, n=4, trust_code=True, limits=LIMITS)
    assert report.passed, report.checks
    assert {each.name: each.value for each in report.checks}["gradient path"] == 1
    _, entry = run(folder, board, out=tmp_path / "records", trust_code=True, limits=LIMITS)
    direct = bench.evaluate(
        f"{folder}/model.py::Net",
        weights=str(folder / "weights.safetensors"),
        attack=board.protocol().specs,
        path=board.protocol().path,
        eps="8/255",
        n=40,
        data="cifar10",
    )
    assert (direct.rows["verdict"] != "clean_wrong").any()  # so that something was attacked
    assert entry.record.rows[ROWS].equals(direct.rows[ROWS])
    assert entry.record.model.spikes == direct.model.spikes
    assert verify(board) == []


def test_a_board_takes_it_without_the_stages_that_are_for_whole_layers(tmp_path: Path) -> None:
    folder = written_with(_any_library(), tmp_path / "mine")
    protocol = small_board(tmp_path / "boards", n=3, attacks=["standard"], eps=["8/255"]).protocol()
    with snapshot(folder) as verified:
        request = resolve(protocol.settings(answers_only(verified, told(folder)[1])))
    names = [stage.name for stage in request.stages[0]]
    assert "PGD-20, HART" not in names and "SA-PGD, ASSG" in names
    refuse_other_stages(request, protocol)


def test_a_model_without_a_gradient_is_refused_before_hours_are_spent(tmp_path: Path) -> None:
    folder = written_with(_any_library(), tmp_path / "mine")
    protocol = small_board(tmp_path / "boards", n=3, attacks=["standard"], eps=["8/255"]).protocol()
    description = told(folder)[1]
    assert description.sites is not None
    sites = description.sites.model_copy(update={"differentiable": False, "obstacle": "no_grad"})
    with snapshot(folder) as verified:
        request = resolve(protocol.settings(answers_only(verified, description.model_copy(update={"sites": sites}))))
    with pytest.raises(SubmissionError, match="because no gradient reaches its input"):
        refuse_other_stages(request, protocol)


def test_stages_may_be_missing_for_that_reason_only(tmp_path: Path) -> None:
    protocol = small_board(tmp_path / "boards", n=3, attacks=["quick"], eps=["8/255"]).protocol()
    (frozen,) = protocol.attacks

    class Attack:
        stages = frozen.spiking[:-1]
        left_out: tuple[str, ...] = (f"{frozen.spiking[-1].name}: the inputs are too small",)

    attack: Any = Attack
    assert not as_frozen(attack, frozen, spiking=True)
    attack.stages = frozen.spiking
    assert as_frozen(attack, frozen, spiking=True) and not as_frozen(attack, frozen, spiking=False)


@pytest.mark.parametrize(
    "message",
    [
        [],
        {"whole_layers": -1},
        {"whole_layers": 10_001},
        {"coded": 1},
        {"saturated": 1.5},
        {"slope": {"error": float("nan"), "reason": ""}},
        {"unrecognised": "x" * 301},
        {"another": 0},
        {"sites": {"functions": []}},
    ],
    ids=str,
)
def test_what_is_no_description_is_refused(message: Any) -> None:
    with pytest.raises(IsolationError, match="spikes"):
        Description.read(message)


def test_its_words_are_shown_as_one_line() -> None:
    description = Description.read({"unrecognised": "a\n::error::\x1b[31m"})
    assert description.unrecognised == "a ::error::?[31m"


def test_a_model_of_which_nothing_is_said_takes_its_own_gradient_only() -> None:
    silent = AnswersOnlySubject(torch.nn.Identity(), "x", {}, None, None, False)
    assert silent.path_takers == 0 and silent.takes(Training()) and not silent.takes(BPTT())


def _any_library() -> str:
    for name in CODE:
        try:
            import_module(IMPORTED.get(name, name))
        except ImportError:
            continue
        return name
    pytest.skip("no library of spiking networks is installed")
