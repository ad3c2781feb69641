"""The drafts of the boards on spike cameras can be frozen, and average over the camera's noise."""

from __future__ import annotations

from pathlib import Path

import yaml
from support.submissions import scoring_board

from bench.boards.entering import release
from bench.boards.filling import waiting
from bench.boards.protocol import Draft, freeze
from zoo.card import card, names

DRAFTS = Path(__file__).parents[3] / "leaderboards/drafts"
DRAFT = DRAFTS / "spikecam-cifar10-linf.yaml"


def test_the_draft_resolves() -> None:
    protocol = freeze(Draft.model_validate(yaml.safe_load(DRAFT.read_text())))
    assert protocol.norm == "linf" and protocol.eps == ["2/255"] and protocol.draws > 1
    (attack,) = protocol.attacks
    assert [stage["name"] for stage in attack.model_dump()["spiking"]][-1] == "corners"
    assert f"first {protocol.data.n} test images" in protocol.summary


def test_the_draft_on_reconstructions_resolves_and_waits_for_the_cameras(tmp_path: Path) -> None:
    protocol = freeze(Draft.model_validate(yaml.safe_load((DRAFTS / "spikecam-cifar10-reconstruction.yaml").read_text())))
    assert protocol.task == "reconstruction" and protocol.draws > 1
    assert f"first {protocol.data.n} test images" in protocol.summary
    (attack,) = protocol.attacks
    assert [stage.name for stage in attack.spiking] == [stage.name for stage in attack.smooth] != []
    cameras = [name for name in names() if card(name).task == "reconstruction" and card(name).behind_camera]
    assert waiting(release(protocol, tmp_path)) == cameras and len(cameras) >= 3


def test_a_score_behind_a_camera_enters_a_board_of_scores_by_name(tmp_path: Path) -> None:
    board = scoring_board(tmp_path)
    assert "iqa_linearity" in waiting(board) and "cam_tfp_iqa" not in waiting(board)
    assert waiting(board, ["cam_tfp_iqa"]) == ["cam_tfp_iqa"]


def test_a_plain_fill_is_for_the_models_behind_cameras(tmp_path: Path) -> None:
    board = release(freeze(Draft.model_validate(yaml.safe_load(DRAFT.read_text()))), tmp_path)
    cameras = [name for name in names() if card(name).behind_camera and card(name).dataset == "cifar10"]
    assert {"cam_tfp_snn", "cam_tfi_snn", "cam_direct_snn", "cam_tfp_ann", "cam_tfp_snn_at"} <= set(cameras)
    assert waiting(board) == [name for name in cameras if card(name).task == "classification" and card(name).weights]
    assert waiting(board, ["snn_vanilla"]) == ["snn_vanilla"]
