"""The draft of the board for ResNet-20 can be frozen, and a plain fill evaluates that network alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bench.boards.entering import release
from bench.boards.filling import waiting
from bench.boards.protocol import Draft, freeze
from bench.boards.running import run_zoo
from bench.boards.store import Board
from bench.foundation.errors import BoardError
from zoo.card import card, names

DRAFTS = Path(__file__).parents[3] / "leaderboards/drafts"


def drafted(name: str) -> Draft:
    return Draft.model_validate(yaml.safe_load((DRAFTS / f"{name}.yaml").read_text()))


def first(draft: str, root: Path) -> Board:
    """The board of a draft, released where there is none."""
    return release(freeze(drafted(draft).model_copy(update={"version": 1})), root)


def test_the_draft_resolves() -> None:
    protocol = freeze(drafted("snn-cifar10-resnet20-linf"))
    assert (protocol.norm, protocol.eps, protocol.network) == ("linf", ["2/255", "8/255"], "resnet20")
    assert f"first {protocol.data.n} test images" in protocol.summary
    assert protocol.specs == ["standard@6"] and drafted("snn-cifar10-linf").network == ""


def test_a_plain_fill_is_for_the_family(tmp_path: Path) -> None:
    family = [name for name in names() if name.endswith("_resnet20")]
    assert {card(name).network for name in family} == {"resnet20"}
    board = first("snn-cifar10-resnet20-linf", tmp_path)
    assert waiting(board) == [name for name in family if card(name).weights is not None]
    assert waiting(board, ["snn_vanilla"]) == ["snn_vanilla"]


def test_a_board_without_an_architecture_is_filled_with_compact_networks(tmp_path: Path) -> None:
    board = first("snn-cifar10-linf", tmp_path)
    models = waiting(board)
    assert "snn_vanilla" in models and "snn_qcfs" in models
    assert {card(name).size for name in models} == {"compact"}
    assert waiting(board, ["ann_resnet20"]) == ["ann_resnet20"]


def test_a_network_enters_with_the_steps_of_its_card(tmp_path: Path) -> None:
    board = first("snn-cifar10-resnet20-linf", tmp_path)
    with pytest.raises(BoardError, match=r"with the steps of its card\. Leave :steps=4 out"):
        run_zoo(board, "zoo:snn_qcfs_resnet20:steps=4", out=None)
    assert board.names() == []


def test_the_released_board_is_that_of_the_draft() -> None:
    folder = DRAFTS.parent / "snn-cifar10-resnet20-linf" / "v2"
    released = yaml.safe_load((folder / "protocol.yaml").read_text())
    draft = drafted("snn-cifar10-resnet20-linf").model_dump(mode="json")
    assert {name: released[name] for name in draft if name not in ("data", "attacks")} == {
        name: value for name, value in draft.items() if name not in ("data", "attacks")
    }
    assert [attack["spec"] for attack in released["attacks"]] == draft["attacks"]
    assert {name: released["data"][name] for name in draft["data"]} == draft["data"]
