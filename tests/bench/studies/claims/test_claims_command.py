"""``bench claims``: verdicts as they are and corrected for the number of claims, in the table and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.program import Program

from bench.studies.claims.claim import read_claims
from reports.site.claims import views

PLAIN = {
    "source": "Nobody",
    "models": ["snn_vanilla", "ann_vanilla"],
    "statistic": "robust_difference",
    "protocol": {"attack": "pgd", "eps": "2/255", "n": 200},
    "holds": {"side": "above"},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four claims: one decided clearly, two on the edge, which the correction undoes, and one that was not run."""
    clear, edge = ({"value": 0.1, "low": low, "high": 0.2 - low, "n": 200} for low in (0.08, 0.005))
    claims = {
        "clear": PLAIN | {"claim": "Clear.", "verdict": "reproduced", "result": clear},
        "edge": PLAIN | {"claim": "On the edge.", "verdict": "reproduced", "result": edge},
        "border": PLAIN | {"claim": "There too.", "verdict": "reproduced", "result": edge},
        "waiting": PLAIN | {"claim": "Not run."},
    }
    (tmp_path / "claims.yaml").write_text(json.dumps(claims))
    return tmp_path


def test_json_has_the_corrected_verdict_beside_the_plain_one(program: Program, root: Path) -> None:
    shown = json.loads(program("claims", "--boards", root, "--json").out)
    assert [claim["verdict"] for claim in shown.values()] == ["reproduced", "reproduced", "reproduced", None]
    assert shown["clear"]["corrected"]["verdict"] == "reproduced" and shown["clear"]["corrected"]["adjusted"] < 0.05
    edge = shown["edge"]["corrected"]
    assert edge["verdict"] == "inconclusive" and edge["count"] == 3 and edge["p"] < 0.05 < edge["adjusted"]
    assert shown["waiting"]["corrected"] is None


def test_a_claim_shown_alone_is_corrected_for_all(program: Program, root: Path) -> None:
    every = json.loads(program("claims", "--boards", root, "--json").out)
    assert json.loads(program("claims", "edge", "--boards", root, "--json").out) == {"edge": every["edge"]}


def test_the_table_shows_what_the_site_shows(program: Program, root: Path) -> None:
    lines = [line.strip() for line in program("claims", "--boards", root).out.splitlines()]
    rows = {name: next(line for line in lines if line.startswith(name)) for name in read_claims(root)}
    for view in views(read_claims(root)):
        assert view.corrected in rows[view.name] and view.adjusted in rows[view.name]
    assert "inconclusive" in rows["edge"] and "inconclusive" not in rows["clear"] + rows["waiting"]
    assert any("among the 3 measured claims" in line for line in lines)
