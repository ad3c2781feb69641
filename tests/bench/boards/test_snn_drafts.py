"""The drafts of the boards of spiking networks can be frozen, and what a released board was made with still runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.boards.entering import release
from bench.boards.filling import waiting
from bench.boards.protocol import Draft, Protocol, check_program, freeze
from bench.boards.store import open_board
from zoo.card import card

LEADERBOARDS = Path(__file__).parents[3] / "leaderboards"


def frozen(draft: str) -> Protocol:
    return freeze(Draft.model_validate(yaml.safe_load((LEADERBOARDS / f"drafts/{draft}.yaml").read_text())))


def names(protocol: Protocol) -> dict[str, list[str]]:
    """The stages of its one attack, by the kind of model."""
    (attack,) = protocol.attacks
    stages: dict[str, Any] = attack.model_dump()
    return {kind: [stage["attack"].partition("(")[0] for stage in stages[kind]] for kind in ("spiking", "coded", "smooth")}


def test_the_next_board_in_linf_is_of_version_6_of_the_attack_set() -> None:
    protocol = frozen("snn-cifar10-linf")
    assert (protocol.version, protocol.norm, protocol.data.n, protocol.specs) == (6, "linf", 1000, ["standard@6"])
    stages = names(protocol)
    assert stages["spiking"][-4:] == stages["coded"][-4:] == ["LearningCorners", *["NearCorners"] * 3]
    assert stages["smooth"][-2:] == ["LearningCorners", "NearCorners"]
    check_program(protocol)


def test_the_next_board_in_l2_has_the_same_searches_of_corners() -> None:
    protocol, of_linf = frozen("snn-cifar10-l2"), frozen("snn-cifar10-linf")
    assert (protocol.version, protocol.norm, protocol.data.n, protocol.specs) == (2, "l2", 200, ["standard@6"])
    assert names(protocol)["spiking"][-4:] == names(of_linf)["spiking"][-4:]
    assert "SAPGD" not in names(protocol)["spiking"]


def test_networks_that_draw_at_random_have_a_board_of_their_own(tmp_path: Path) -> None:
    drafts = [frozen(f"snn-cifar10-{name}") for name in ("stochastic-linf", "linf")]
    apart, others = (release(draft.model_copy(update={"version": 1}), tmp_path) for draft in drafts)
    assert apart.protocol().draws > 1 and {"snn_poisson", "snn_tgo", "snn_stog"} <= set(waiting(apart))
    assert all(card(name).stochastic and not card(name).behind_camera for name in waiting(apart))
    assert not any(card(name).stochastic for name in waiting(others))
    assert waiting(others, ["snn_poisson"]) == ["snn_poisson"]  # by name it may enter


@pytest.mark.parametrize(
    "board",
    [
        "snn-cifar10-linf/v5",
        "snn-cifar10-linf/v6",
        "snn-cifar10-stochastic-linf/v1",
        "snn-cifar10-l2/v1",
        "snn-cifar10-l2/v2",
        "snn-cifar10-resnet20-linf/v1",
        "snn-cifar10-resnet20-linf/v2",
        "events-nmnistsim-l0/v1",
        "events-nmnistsim-retime/v1",
        "spikecam-cifar10-linf/v1",
        "iqa-photos-linf/v2",
    ],
)
def test_what_a_released_board_was_made_with_still_runs(board: str) -> None:
    check_program(open_board(board, LEADERBOARDS).protocol())


@pytest.mark.parametrize(
    ("board", "spec"),
    [
        ("snn-cifar10-linf/v3", "standard@3"),
        ("iqa-photos-linf/v1", "standard@3"),
        ("iqa-photos-linf/v2", "standard@5"),
        ("snn-cifar10-linf/v4", "standard@4"),
        ("snn-cifar10-linf/v5", "standard@5"),
        ("snn-cifar10-linf/v6", "standard@6"),
        ("snn-cifar10-l2/v1", "standard@5"),
        ("snn-cifar10-l2/v2", "standard@6"),
    ],
)
def test_a_version_of_a_set_has_the_stages_that_its_boards_froze(board: str, spec: str) -> None:
    protocol = open_board(board, LEADERBOARDS).protocol()
    draft = {name: getattr(protocol, name) for name in Draft.model_fields} | {"attacks": [spec]}
    (frozen_attack,), (attack,) = protocol.attacks, freeze(Draft.model_validate(draft)).attacks
    assert attack.model_dump(exclude={"spec", "name"}) == frozen_attack.model_dump(exclude={"spec", "name"})


@pytest.mark.parametrize("spec", ["standard@3", "standard@4", "standard@5", "standard@6"])
def test_a_board_that_names_the_version_of_its_set_stays_runnable(spec: str) -> None:
    fields = yaml.safe_load((LEADERBOARDS / "drafts/snn-cifar10-linf.yaml").read_text()) | {"attacks": [spec]}
    protocol = freeze(Draft.model_validate(fields))
    assert [attack.name for attack in protocol.attacks] == [spec]  # whichever version is today's
    check_program(protocol)
