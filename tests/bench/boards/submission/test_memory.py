"""A model that knows the board's images by heart is found and not ranked; an honest one is not suspected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from support.sandboxes import WORKING
from support.submissions import filled_in, small_board, zoo_built
from torch import Tensor

from bench.boards.ranking import ranks
from bench.boards.submission import memory as memory_of_boards
from bench.boards.submission.memory import to_attack
from bench.boards.submission.namespaces import Limits
from bench.boards.submission.probes import Here
from bench.boards.submission.running import run
from bench.boards.submission.template import write_hash
from bench.boards.verify import verify
from bench.data import load_samples
from bench.data.base import Samples
from bench.models.opening import open_subject
from bench.tasks.checks import extended
from bench.tasks.classification.memory import (
    ALTERED,
    ATTACKED,
    ELSEWHERE,
    UNALTERED,
    alterations,
    check_under_attack,
    memory_checks,
)
from bench.tasks.record import Record
from bench.tasks.results import Check, Reliability

N = 150


@pytest.fixture(scope="module")
def board() -> Samples:
    return load_samples("cifar10", n=N)


@pytest.fixture(scope="module")
def others() -> Samples:
    return load_samples("cifar10", n=2 * N)[N:]


def statuses(model: Callable[[Tensor], Tensor], board: Samples, others: Samples | None, seed: int = 0) -> dict[str, str]:
    def ask(images: Tensor, *, batch: int = 1) -> Tensor:
        return model(images)

    clean = (model(board.images).argmax(1) == board.labels).double()
    return {check.name: check.status for check in memory_checks(ask, board, others, clean, seed)}


def one_hot(labels: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(labels, 10).float()


def of_known_bits(known: Samples) -> Callable[[Tensor], Tensor]:
    """Answers right on exactly these images, and always the same on others."""
    table = {image.numpy().tobytes(): int(label) for image, label in zip(known.images, known.labels, strict=True)}
    return lambda images: one_hot(torch.tensor([table.get(image.numpy().tobytes(), 0) for image in images]))


def of_nearest(known: Samples) -> Callable[[Tensor], Tensor]:
    """Answers the label of the nearest of these images."""
    stored = known.images.flatten(1)
    return lambda images: one_hot(known.labels[torch.cdist(images.flatten(1), stored).argmin(1)])


def of_fitted_weights(known: Samples) -> Callable[[Tensor], Tensor]:
    """A linear model with more weights than there are images, fitted to them: its memory is its weights."""
    x = known.images.flatten(1).double()
    weights = torch.linalg.lstsq(x, one_hot(known.labels).double(), driver="gelsd").solution
    return lambda images: images.flatten(1).double() @ weights


@pytest.mark.parametrize("memory", [of_known_bits, of_nearest, of_fitted_weights], ids=["bits", "nearest", "weights"])
def test_a_memory_of_the_board_is_found(
    board: Samples, others: Samples, memory: Callable[[Samples], Callable[[Tensor], Tensor]]
) -> None:
    model = memory(board)
    assert float((model(board.images).argmax(1) == board.labels).float().mean()) == 1.0
    assert statuses(model, board, others)[ELSEWHERE] == "fail"


def test_a_table_of_bits_knows_no_copy(board: Samples) -> None:
    assert statuses(of_known_bits(board), board, None) == {ALTERED: "fail", ELSEWHERE: "warn"}


def test_a_memory_beside_a_network_is_found(board: Samples, others: Samples) -> None:
    """Half of the answers are honest, the rest is looked up."""
    known, honest = of_known_bits(board), of_known_bits(load_samples("cifar10", n=2 * N)[::2])
    nothing = one_hot(torch.zeros(1, dtype=torch.int64))

    def model(images: Tensor) -> Tensor:
        found = honest(images)
        return torch.where((found == nothing).all(1, keepdim=True), known(images), found)

    assert statuses(model, board, others)[ELSEWHERE] == "fail"


def painted(n: int, seed: int) -> Samples:
    """Images whose mean brightness says the class: a mean is what it was after a shift, a mirror and an encoder."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 10
    grain = torch.rand(n, 3, 32, 32, generator=generator) * 0.04
    pixels = (255 * (0.05 + labels.view(-1, 1, 1, 1) * 0.09 + grain)).round().to(torch.uint8)
    return Samples(pixels, labels, seed * n + torch.arange(n), "cifar10", "test")


def by_brightness(images: Tensor) -> Tensor:
    return -(images.mean((1, 2, 3)).view(-1, 1) - (0.07 + 0.09 * torch.arange(10))).abs()


@pytest.mark.parametrize("seed", range(3))
def test_what_decides_by_what_images_show_is_not_suspected(seed: int) -> None:
    assert statuses(by_brightness, painted(N, 2 * seed), painted(N, 2 * seed + 1), seed) == dict.fromkeys(
        (ALTERED, ELSEWHERE), "pass"
    )


@pytest.mark.parametrize("n", [1, 4, 20])
def test_few_images_prove_nothing_against_a_model_that_guesses(board: Samples, others: Samples, n: int) -> None:
    weights = torch.randn(3072, 10, generator=torch.Generator().manual_seed(n))
    assert statuses(lambda images: images.flatten(1) @ weights, board[:n], others) == dict.fromkeys(
        (ALTERED, ELSEWHERE), "pass"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ann_vanilla", "snn_vanilla"])
def test_networks_of_the_zoo_are_not_suspected(board: Samples, others: Samples, name: str) -> None:
    model = Here(open_subject(f"zoo:{name}"))
    assert statuses(model.logits, board, others) == dict.fromkeys((ALTERED, ELSEWHERE), "pass")


def attacked(right: int, n: int, radius: str = "8/255") -> Record:
    """A record of which only rows are looked at: of ``n`` images ``right`` withstand."""
    rows = pd.DataFrame({"eps_text": radius, "sample": range(n), "robust": [1.0] * right + [0.0] * (n - right)})
    return cast(Record, SimpleNamespace(rows=pd.concat([rows, rows.assign(robust=1.0)])))  # of two attacks, the worse counts


@pytest.mark.parametrize(
    ("here", "elsewhere", "status"),
    [
        ((500, 1000), (50, 100), "pass"),
        ((500, 1000), (40, 100), "pass"),
        ((800, 1000), (20, 100), "fail"),
        ((200, 1000), (80, 100), "pass"),
        ((90, 100), (0, 10), "fail"),
        ((0, 100), (0, 10), "pass"),
    ],
)
def test_robustness_is_compared_on_images_beside_the_board(
    here: tuple[int, int], elsewhere: tuple[int, int], status: str
) -> None:
    check = check_under_attack(attacked(*here), attacked(*elsewhere))
    assert (check.name, check.status) == (ATTACKED, status)
    assert f"{elsewhere[0] / elsewhere[1]:.1%} of {elsewhere[1]} test images" in check.says


def test_the_radius_that_differs_most_decides() -> None:
    radii = {"2/255": ((500, 1000), (50, 100)), "8/255": ((400, 1000), (2, 100))}
    here, elsewhere = (
        cast(Record, SimpleNamespace(rows=pd.concat([attacked(*counts[side], eps).rows for eps, counts in radii.items()])))
        for side in (0, 1)
    )
    check = check_under_attack(here, elsewhere)
    assert check.status == "fail" and check.says.startswith("at 8/255 40.0%")


def test_images_beside_the_board_are_drawn_once(tmp_path: Path) -> None:
    place = tmp_path / "seed"
    assert to_attack(small_board(tmp_path / "small", n=99).protocol(), place) is None and not place.exists()
    protocol = small_board(tmp_path / "large", n=100).protocol()
    first, again = to_attack(protocol, place), to_attack(protocol, place)
    assert first is not None and again is not None and torch.equal(first.ids, again.ids)
    assert len(first.ids.unique()) == 10 and int(first.ids.min()) >= 100
    for damaged in ("", "x", "-1", str(2**64), "\udcff"):
        place.write_bytes(damaged.encode(errors="surrogateescape"))
        other = to_attack(protocol, place)
        assert other is not None and len(other.ids.unique()) == 10
        assert int(place.read_text()) < 2**32


def test_images_that_ship_are_left_out_where_there_are_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every copy of the suite holds them, so that a model may know them without having seen the rest."""
    everything, protocol = painted(2500, 0), small_board(tmp_path / "boards", n=100).protocol()
    for there, first in ((everything, 2000), (everything[:2000], 100)):
        monkeypatch.setattr(memory_of_boards, "load_samples", lambda name, *, split, there=there: there)
        chosen = to_attack(protocol, tmp_path / f"seed{first}")
        assert chosen is not None and int(chosen.ids.min()) >= first
        board, others = memory_of_boards._board_and_others(protocol)
        assert (len(board), int(others.ids.min()), len(others)) == (100, first, len(there) - first)


def test_copies_are_of_the_kind_that_fits() -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.arange(16.0).reshape(1, 1, 4, 4) / 16
    kinds = alterations(image, generator, pictures=True, mirrored=False)
    assert list(kinds) == [
        UNALTERED,
        "shifted by 1 pixel",
        "shifted by 2 pixels",
        "with noise of 4/255",
        "as JPEG of quality 75",
    ]
    assert torch.equal(kinds["shifted by 1 pixel"][..., 1:, :-1], image[..., :-1, 1:])  # down and to the left
    assert torch.equal(kinds["shifted by 2 pixels"][..., :-2, 2:], image[..., 2:, :-2])
    assert all(copy.shape == image.shape and copy.min() >= 0 and copy.max() <= 1 for copy in kinds.values())
    assert torch.equal(alterations(image, generator, pictures=True, mirrored=True)["mirrored"], image.flip(-1))
    frames = torch.rand(2, 3, 2, 5, 4, generator=generator)
    assert list(alterations(frames, generator, pictures=False, mirrored=False)) == list(kinds)[:3]


def test_events_and_numbers_are_asked_about_as_far_as_they_can_be(board: Samples) -> None:
    """Events are shifted and nothing else; features cannot be."""
    frames = (torch.rand(N, 2, 2, 8, 8, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    events = Samples(frames, board.labels, board.ids, "own", "test")
    known = of_known_bits(events)
    assert statuses(known, events, None) == {ALTERED: "fail", ELSEWHERE: "warn"}
    features = Samples(frames[:, 0, 0, 0], board.labels, board.ids, "own", "test")
    assert statuses(of_known_bits(features), features, None) == {ALTERED: "warn", ELSEWHERE: "warn"}


def test_verdicts_follow_from_the_checks_that_were_added() -> None:
    passed, remark, failed = (Check(name=s, status=s, value=0, says=f"it {s}s") for s in ("pass", "warn", "fail"))
    reliable = Reliability(status="reliable", reasons=["nothing"], checks=[passed])
    bound = Reliability(status="upper_bound", reasons=["few steps"], checks=[])
    assert extended(reliable, [passed]) == Reliability(status="reliable", reasons=["nothing"], checks=[passed, passed])
    assert extended(reliable, [remark]).status == "reliable_with_remarks"
    assert extended(bound, [remark]).reasons == ["few steps", "it warns"]
    assert (extended(bound, [remark, failed]).status, extended(bound, [failed]).reasons) == ("unreliable", ["it fails"])


def test_a_zoo_built_entry_says_what_was_found(tmp_path: Path) -> None:
    target = small_board(tmp_path / "boards", n=4)
    _, entry = run(zoo_built(tmp_path / "mine"), target, out=tmp_path / "records")
    checks = {check.name: check for check in entry.record.reliability.checks}
    assert {checks[ALTERED].status, checks[ELSEWHERE].status} == {"pass"}
    assert "drawn by seed" in checks[ELSEWHERE].says
    assert verify(target) == []


NEAREST = """
import torch
from torch import nn


class Nearest(nn.Module):
    def __init__(self):
        super().__init__()
        self.known, self.labels = (nn.Parameter(torch.zeros(size)) for size in ((20, 3072), (20, 10)))

    def forward(self, x):
        return torch.softmax(-50 * torch.cdist(x.flatten(1), self.known), 1) @ self.labels


def build():
    return Nearest()
"""
HONEST_BUT_FOR_ATTACKS = """
import torch
from torch import nn


class Remembering(nn.Module):
    # Decides by its weights; for what lies near an image that it knows, it decides as for that image.
    def __init__(self):
        super().__init__()
        self.known, self.weights = (nn.Parameter(torch.zeros(size)) for size in ((100, 3072), (3072, 10)))

    def forward(self, x):
        flat = x.flatten(1)
        distances, nearest = torch.cdist(flat, self.known, p=float("inf")).min(1)
        near = (distances < 9 / 255)[:, None]
        return torch.where(near, self.known[nearest], flat) @ self.weights


def build():
    return Remembering()
"""


def brought(folder: Path, code: str, weights: dict[str, Tensor]) -> Path:
    """A submission with code of its own and these weights."""
    filled_in(folder, own_code=True)
    manifest = folder / "submission.yaml"
    manifest.write_text(manifest.read_text().replace("spiking: true", "spiking: false"))
    (folder / "model.py").write_text(code)
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder / "weights.safetensors")
    write_hash(folder)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not WORKING, reason="foreign code cannot run here")
def test_a_table_of_the_nearest_images_is_shown_and_not_ranked(tmp_path: Path) -> None:
    """It has every image of the board in its weights, and answers right whatever is done to them in the ball."""
    target, known = small_board(tmp_path / "boards", n=20), load_samples("cifar10", n=20)
    weights = {"known": known.images.flatten(1), "labels": one_hot(known.labels)}
    folder = brought(tmp_path / "mine", NEAREST, weights)
    _, entry = run(folder, target, out=tmp_path / "records", trust_code=True, limits=Limits(seconds=500))
    assert entry.record.cells[-1].clean.value == 1.0
    assert entry.record.reliability.status == "unreliable"
    assert any("knows the images" in reason for reason in entry.record.reliability.reasons)
    assert entry.name not in ranks(target.entries(), target.protocol())
    assert verify(target) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not WORKING, reason="foreign code cannot run here")
def test_a_memory_that_only_answers_under_attack_is_not_ranked(tmp_path: Path) -> None:
    """On clean images, of the board or not, it is the honest network that it was made from."""
    target, everything = small_board(tmp_path / "boards", n=100), load_samples("cifar10", n=2000)
    x = everything.images.flatten(1).double()
    ridge = x.T @ x + 0.1 * torch.eye(3072, dtype=torch.float64)
    weights = torch.linalg.solve(ridge, x.T @ one_hot(everything.labels).double()).float()
    folder = brought(tmp_path / "mine", HONEST_BUT_FOR_ATTACKS, {"known": x[:100].float(), "weights": weights})
    _, entry = run(folder, target, out=tmp_path / "records", trust_code=True, limits=Limits(seconds=500))
    checks = {check.name: check.status for check in entry.record.reliability.checks}
    assert checks[ATTACKED] == "fail"
    assert entry.name not in ranks(target.entries(), target.protocol())
    assert verify(target) == []
