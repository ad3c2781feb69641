"""The table of reconstructions is that of the kept records, and these are of the cameras and attack sets of today."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.foundation.errors import RecordError
from bench.tasks.reconstruction.task import TASK
from bench.tasks.summary import decimal
from reports import reconstructions
from zoo.card import card


def test_the_table_has_a_line_for_each_camera_that_reconstructs() -> None:
    names = reconstructions.subjects()
    assert {"cam_tfp_reconstruction", "cam_tfi_reconstruction", "cam_tfstp_reconstruction"} <= set(names)
    lines = reconstructions.markdown().splitlines()[2:]
    assert sorted(line.split("`")[1] for line in lines) == [f"zoo:{name}" for name in names]
    drops = [float(line.split("|")[5].split()[0]) for line in lines]
    assert drops == sorted(drops, reverse=True)


def test_kept_records_are_of_the_present_cameras() -> None:
    for record in reconstructions.records():
        described = card(record.model.ref.removeprefix("zoo:"))
        assert record.model.fingerprint["builder"] == described.builder.model_dump(mode="json")
        assert record.evaluator_version == TASK.evaluator_version and record.reliability.status != "unreliable"
        (drop,) = record.results
        assert drop.drop.n == reconstructions.SAMPLES and drop.failed == 0
        assert decimal(drop.drop, "z.2f") in reconstructions.markdown()
        assert drop.drop.value == pytest.approx((record.rows["clean_psnr"] - record.rows["psnr"]).mean())


def test_a_missing_record_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconstructions, "WHERE", tmp_path)
    with pytest.raises(RecordError, match="There is no record of cam_tfi_reconstruction, cam_tfp_reconstruction"):
        reconstructions.markdown()
