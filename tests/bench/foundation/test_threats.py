"""A threat of a plug-in is evaluated under as those of the suite are."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest
from support.l1_ball import L1
from support.tiny import Linear, labelled

import bench
from attacks.threats.l2 import L2
from attacks.threats.linf import Linf
from bench.foundation import registry
from bench.foundation.errors import SpecError, UnknownNameError
from bench.foundation.threats import threat_at, threat_registry


@pytest.fixture
def plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that brings ``l1`` is installed."""
    point = EntryPoint("l1", "support.l1_ball:L1", "bench.threats")
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [point] if group == point.group else [])
    monkeypatch.delitem(threat_registry.__dict__, "_plugins", raising=False)


def test_names_become_threats() -> None:
    assert threat_at("linf", 0.1) == Linf(eps=0.1) and threat_at("l2", 0.5) == L2(eps=0.5)
    with pytest.raises(UnknownNameError, match="Unknown threat 'linff'"):
        threat_at("linff", 0.1)


@pytest.mark.usefixtures("plugged_in")
def test_a_threat_of_a_plug_in_is_measured_and_verified() -> None:
    assert threat_at("l1", 0.5) == L1(eps=0.5)
    record = bench.evaluate(Linear(), data=labelled(Linear(), 40), attack="pgd", eps="0.2,1", norm="l1")
    assert record.norm == "l1" and set(record.rows["status"]) == {"ok"}
    assert float(record.rows["norm_value"].max()) <= 1 + 1e-6
    small, large = record.results
    assert large.robust.value < small.robust.value <= 1


@pytest.mark.usefixtures("plugged_in")
def test_a_threat_without_a_usual_radius_asks_for_one() -> None:
    with pytest.raises(SpecError, match="no default radius in l1"):
        bench.evaluate(Linear(), data=labelled(Linear(), 4), norm="l1")


@pytest.mark.usefixtures("plugged_in")
def test_an_attack_for_other_threats_is_refused() -> None:
    with pytest.raises(SpecError, match="SAPGD attacks in linf, not in l1"):
        bench.evaluate(Linear(), data=labelled(Linear(), 4), attack="sapgd", eps="0.1", norm="l1")
