"""Claims on two networks: both verdicts in one row, in the table and on the site."""

from __future__ import annotations

import json
from pathlib import Path

from reports.claims_twice import markdown
from reports.site.claims import views

FIELDS = {
    "claim": "Spikes | help.",
    "source": "Nobody",
    "models": ["snn_vanilla", "ann_vanilla"],
    "statistic": "robust_difference",
    "protocol": {"attack": "quick", "eps": "2/255", "n": 10},
    "holds": {"side": "above"},
}
WEIGHTS = {"weights": {"snn_vanilla": "0123456789ab"}}
MEASURED = {"verdict": "reproduced", "result": {"value": 0.031, "low": 0.01, "high": 0.052, "n": 10} | WEIGHTS}
ON_RESNET20 = {"claim": "Spikes help, on ResNet-20.", "models": ["snn_vanilla_resnet20", "ann_resnet20"], "repeats": "first"}


def written(folder: Path) -> Path:
    claims = {"again": FIELDS | ON_RESNET20, "alone": FIELDS, "first": FIELDS | MEASURED}
    (folder / "claims.yaml").write_text(json.dumps(claims))
    return folder


def test_one_row_has_the_verdicts_on_both_networks(tmp_path: Path) -> None:
    _, _, row = markdown(written(tmp_path)).splitlines()
    measured = "reproduced (of other weights): +3.1 points [+1.0, +5.2], n = 10"
    assert row == rf"| Spikes \| help. | {measured} | not run yet |"


def test_the_site_shows_the_verdict_on_the_other_network(tmp_path: Path) -> None:
    from bench.studies.claims.claim import read_claims

    elsewhere = {view.name: dict(view.first).get("on another network") for view in views(read_claims(written(tmp_path)))}
    measured = "reproduced (of other weights): +3.1 points [+1.0, +5.2], n = 10"
    assert elsewhere == {
        "again": f"zoo:snn_vanilla and zoo:ann_vanilla, {measured}",
        "alone": None,
        "first": "zoo:snn_vanilla_resnet20 and zoo:ann_resnet20, not run yet",
    }
