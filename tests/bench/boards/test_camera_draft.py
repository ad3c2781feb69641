"""The draft of the board on spike cameras can be frozen, and averages over the camera's noise."""

from __future__ import annotations

from pathlib import Path

import yaml

from bench.boards.protocol import Draft, freeze

DRAFT = Path(__file__).parents[3] / "leaderboards/drafts/spikecam-cifar10-linf.yaml"


def test_the_draft_resolves() -> None:
    protocol = freeze(Draft.model_validate(yaml.safe_load(DRAFT.read_text())))
    assert protocol.norm == "linf" and protocol.eps == ["2/255"] and protocol.draws > 1
    (attack,) = protocol.attacks
    assert [stage["name"] for stage in attack.model_dump()["spiking"]][-1] == "corners"
    assert f"first {protocol.data.n} test images" in protocol.summary
