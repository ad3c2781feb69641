"""An entry with code of its own is challenged like any other: its answers come from isolation, hidden among other images."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.submissions import LINEAR, own_code, small_board
from torch import Tensor

from bench.boards.opening import subject_of
from bench.boards.submission import namespaces
from bench.boards.submission.namespaces import Limits
from bench.boards.submission.questioned import TWICE, Questioned
from bench.boards.submission.running import run
from bench.boards.verify import verify
from bench.cli.main import main
from bench.data import load_samples
from bench.evaluation.request.settings import Tick
from bench.foundation.errors import BoardError, IsolationError

N = 30
RADIUS = 8 / 255


def _isolates() -> bool:
    try:
        namespaces.choose()
    except IsolationError:
        return False
    return True


isolated = pytest.mark.skipif(not _isolates(), reason="this machine allows no namespaces, so own code is refused")


def brightness(images: Tensor) -> Tensor:
    """Two logits of each image, from nothing but the image."""
    mean = images.flatten(1).mean(1)
    return torch.stack([mean, 1 - mean], dim=1)


def test_every_image_is_asked_twice_among_others_in_another_order() -> None:
    asked: list[Tensor] = []

    def ask(images: Tensor) -> Tensor:
        asked.append(images)
        return brightness(images)

    company, images = torch.rand(20, 1, 2, 2), torch.rand(5, 1, 2, 2)
    model = Questioned(ask, company, copies=TWICE)
    assert torch.equal(model(images), brightness(images))
    (mixture,) = asked
    assert len(mixture) == TWICE * 25
    for image in (*images, *company):
        assert sum(torch.equal(image, other) for other in mixture) == TWICE
    assert not torch.equal(mixture[:5], images)
    assert torch.equal(model(images.flip(0)), brightness(images.flip(0)))
    assert len(asked) == 1  # known from the first call


def test_an_answer_that_depends_on_its_turn_is_seen_to_change() -> None:
    answers = iter(range(1000))

    def ask(images: Tensor) -> Tensor:
        return torch.stack([torch.tensor([float(next(answers)), 0.0]) for _ in images])

    images = torch.rand(3, 1, 2, 2)
    model = Questioned(ask, torch.rand(2, 1, 2, 2), copies=TWICE)
    assert bool((model(images) != model(images)).any(1).all())


@isolated
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_own_code_is_challenged_and_has_the_answers_of_its_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    board = small_board(tmp_path / "leaderboards", n=N)
    folder = own_code(tmp_path / "mine")
    ticks: list[Tick] = []
    _, entry = run(
        folder, board, out=tmp_path / "records", trust_code=True, limits=Limits(seconds=300), on_tick=ticks.append
    )
    assert [tick.done for tick in ticks] == list(range(1, ticks[-1].total + 1))
    assert ticks[-1].label == "asked about images not on the board"
    scope: dict[str, object] = {}
    exec(compile(LINEAR, "model", "exec"), scope)
    network = scope["build"]()  # type: ignore[operator]
    network.load_state_dict(load_file(folder / "weights.safetensors"))
    samples = load_samples("cifar10", n=N)
    x = samples.images.clone().requires_grad_(True)
    torch.nn.functional.cross_entropy(network(x), samples.labels).backward()
    assert x.grad is not None
    images = (samples.images + 0.99 * RADIUS * x.grad.sign()).clamp(0, 1)
    save_file({"images": images, "samples": samples.ids}, tmp_path / "adv.safetensors")

    monkeypatch.chdir(tmp_path)
    words = ["bench", "challenge", f"{board.name}/{entry.name.model}", "adv.safetensors", "--who", "A", "--how", "B"]
    capsys.readouterr()

    def called(*more: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", [*words, "--submission", str(folder), *more])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    code, _, refusal = called()
    assert code == 2 and "--trust-code" in refusal and not board.entry(entry.name).challenges
    code, printed, _ = called("--trust-code", "--json")
    assert code == 0
    rows = json.loads(printed)["rows"]
    decisions = network(images).argmax(1)
    assert [row["adv_pred"] for row in rows] == decisions.tolist()
    assert [row["robust"] for row in rows] == (decisions == samples.labels).float().tolist()
    assert all(row["status"] == "ok" for row in rows)
    assert len(board.entry(entry.name).challenges) == 1 and verify(board) == []


def test_own_code_is_not_opened_for_attacks(tmp_path: Path) -> None:
    class Card:
        kind = "own_code"

    class OwnCode:
        card, name = Card(), "mine@1"

    with pytest.raises(BoardError, match="attacked in isolation only"), subject_of(OwnCode(), tmp_path):  # type: ignore[arg-type]
        pass
