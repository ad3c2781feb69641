"""``standard`` finds in a stranger's network what it finds in its twin of this suite, and the verdict says what it saw.

``make test-all`` evaluates some strangers, ``python -m pytest -m gallery`` the others (six minutes on a core).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from strangers.comparing import FEW, LEVEL, Pair, evaluated, pair, twin_record
from strangers.gallery import STRANGERS, Stranger

OTHERS = (pytest.mark.gallery, pytest.mark.timeout(600))
BELIEVED = ("reliable", "reliable_with_remarks")
every_stranger = pytest.mark.parametrize(
    "stranger",
    [pytest.param(stranger, id=stranger.name, marks=() if stranger.short else OTHERS) for stranger in STRANGERS],
)


@pytest.mark.slow
@every_stranger
def test_it_keeps_what_its_twin_keeps(stranger: Stranger, tmp_path: Path) -> None:
    pytest.importorskip(stranger.needs, reason=f"{stranger.library} is not installed")
    compared = pair(stranger, tmp_path, FEW)
    assert 0.05 <= compared.twin.cells[0].robust.value <= 0.6
    assert compared.twin.reliability.status in BELIEVED
    difference = compared.difference(LEVEL)
    assert difference.high >= 0
    if stranger.follows:
        assert difference.low <= 0
    verdict = compared.stranger.reliability
    assert verdict.status in (BELIEVED if stranger.verdict == "reliable" else (stranger.verdict,)), verdict.reasons
    assert any(stranger.because in reason for reason in verdict.reasons), verdict.reasons


@pytest.mark.slow
def test_an_attack_that_believes_a_vanishing_slope_would_be_noticed(tmp_path: Path) -> None:
    stranger = next(stranger for stranger in STRANGERS if stranger.name == "hand_vanishing")
    believed = evaluated(stranger.make(tmp_path), FEW, "foolbox:LinfPGD,steps=40")
    assert Pair(believed, twin_record(stranger.kind, FEW)).difference(LEVEL).low > 0
