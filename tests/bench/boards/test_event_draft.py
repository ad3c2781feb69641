"""The drafts of the boards on events can be frozen, and say which stages a spiking network meets."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bench.boards.protocol import Draft, freeze

DRAFTS = Path(__file__).parents[3] / "leaderboards/drafts"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draft", "norm", "last"),
    [
        ("events-nmnistsim-l0", "events_l0", "flip search"),
        ("events-nmnistsim-retime", "retime", "event ascent-margin-50, restarts"),
    ],
)
def test_the_draft_resolves(draft: str, norm: str, last: str) -> None:
    protocol = freeze(Draft.model_validate(yaml.safe_load((DRAFTS / f"{draft}.yaml").read_text())))
    assert (protocol.board, protocol.norm, protocol.eps) == (draft, norm, ["1%", "2%", "4%"])
    assert len(protocol.data.sha256) == 64 and not protocol.behind_cameras
    (attack,) = protocol.attacks
    assert [stage["name"] for stage in attack.model_dump()["spiking"]][-1] == last
