"""The draft of the board on events can be frozen, and says which stages a spiking network meets."""

from __future__ import annotations

from pathlib import Path

import yaml

from bench.boards.protocol import Draft, freeze

DRAFT = Path(__file__).parents[3] / "leaderboards/drafts/events-nmnistsim-l0.yaml"


def test_the_draft_resolves() -> None:
    protocol = freeze(Draft.model_validate(yaml.safe_load(DRAFT.read_text())))
    assert protocol.norm == "events_l0" and protocol.eps == ["1%", "2%", "4%"]
    assert len(protocol.data.sha256) == 64
    (attack,) = protocol.attacks
    assert [stage["name"] for stage in attack.model_dump()["spiking"]][-1] == "flip search"
