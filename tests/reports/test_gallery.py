"""Contact sheets show what was scored, for classes and for scores, and say how to get what is missing."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

import reports.picks
from bench.cli.report import report
from bench.data.base import Samples
from bench.evaluation.saved_images import path_of
from bench.foundation.errors import RecordError, SpecError
from bench.tasks.record import Record
from reports.gallery import amplified, contact_sheet, strip
from reports.picks import Pick, choose

IMAGES = torch.rand(40, 1, 4, 4, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def saved(record: Callable[..., Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Record, Path, list[str]]:
    """A record with its adversarial images on disk, and the names under which clean images were asked for."""
    made = record(out=tmp_path, save_adv=True)
    asked: list[str] = []

    def load(name: str, *, split: str, n: int | None) -> Samples:
        asked.append(name)
        return Samples.of(IMAGES, (IMAGES.flatten(1).mean(1) > 0.5).long())

    monkeypatch.setattr(reports.picks, "load_samples", load)
    monkeypatch.setattr(reports.picks, "DATASETS", {"own": ""})
    (folder,) = tmp_path.glob("[!.]*")
    return made, folder, asked


def test_the_worst_are_broken_and_the_best_stand(saved: tuple[Record, Path, list[str]]) -> None:
    made, folder, asked = saved
    picks = choose(made, folder, eps_text="0.01", count=3)
    rows = made.rows[made.rows["eps_text"] == "0.01"].set_index("sample")
    assert asked == ["own"] and 3 < len(picks) <= 6
    for pick in picks:
        row = rows.loc[pick.sample]
        assert row["verdict"] == ("broken" if pick.moved else "robust")
        np.testing.assert_array_equal(pick.clean[..., 0], IMAGES[pick.sample, 0])
        assert np.abs(pick.adversarial - pick.clean).max() == pytest.approx(row["norm_value"], abs=1e-6)
        assert (pick.before, pick.after) == (f"class {row['clean_pred']}", f"class {row['adv_pred']}")
    assert [pick.moved for pick in picks] == sorted((pick.moved for pick in picks), reverse=True)
    sizes = [rows.loc[pick.sample, "norm_value"] for pick in picks if pick.moved]
    assert sizes == sorted(sizes)
    # Without a radius: the largest.
    assert max(float(np.abs(pick.adversarial - pick.clean).max()) for pick in choose(made, folder)) > 0.05


def test_what_is_not_there_is_one_sentence(saved: tuple[Record, Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    made, folder, _ = saved
    with pytest.raises(RecordError, match=r"no radius '8/255'\. It has: 0\.01, 0\.1"):
        choose(made, folder, eps_text="8/255")
    with pytest.raises(RecordError, match=r"no attack 'pgd'\. It has: fgsm"):
        choose(made, folder, attack="pgd")
    with pytest.raises(RecordError, match=r"not saved\. Repeat the evaluation with --save-adv"):
        choose(made, folder / "elsewhere")
    other = Samples.of(IMAGES.flip(0), torch.zeros(40).long())
    with monkeypatch.context() as patched:
        patched.setattr(reports.picks, "load_samples", lambda name, split, n: other)
        with pytest.raises(RecordError, match=r"other images than own \(test\)\. Say where its images are: --data"):
            choose(made, folder)
    with monkeypatch.context() as patched:
        patched.setattr(reports.picks, "DATASETS", {})
        with pytest.raises(RecordError, match=r"\(own\) cannot be found by name"):
            choose(made, folder)
    for path in (folder / "adversarial").iterdir():
        save_file({"images": torch.zeros(40, 1, 4, 4)}, path)
    with pytest.raises(RecordError, match="are not those of the record"):
        choose(made, folder)
    for path in (folder / "adversarial").iterdir():
        path.write_bytes(b"torn")
    with pytest.raises(RecordError, match="cannot be read"):
        choose(made, folder)


def scored(record: Record, folder: Path) -> tuple[Record, Tensor, Tensor]:
    """The record as one of a score model, with images of both directions on disk."""
    up, down = (IMAGES + 0.05).clamp(0, 1), (IMAGES - 0.05).clamp(0, 1)
    eps = 0.1
    for name, images in (("up", up), ("down", down)):
        path = path_of(folder, f"attack/0/{eps!r}/0")
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(
            {"images": images, "samples": torch.arange(len(images))}, path.with_name(f"{path.stem}_{name}.safetensors")
        )
    shift_up, shift_down = np.linspace(0.0, 0.4, 40), np.linspace(-0.39, 0.0, 40)
    rows = pd.DataFrame({"sample": range(40), "attack": "fgsm", "eps": eps, "eps_text": "0.1", "status": "ok", "clean": 0.5})
    rows["shift_up"], rows["shift_down"] = shift_up, shift_down
    rows["shift"] = np.where(shift_up > -shift_down, shift_up, shift_down)
    for name, images in (("up", up), ("down", down)):
        rows[f"adv_sha256_{name}"] = [hashlib.sha256(i.numpy().tobytes()).hexdigest()[:16] for i in images]
    return record.model_copy().with_rows(rows), up, down


def test_scores_show_the_direction_that_moved_farther(saved: tuple[Record, Path, list[str]], tmp_path: Path) -> None:
    made, up, down = scored(saved[0], tmp_path / "scores")
    picks = choose(made, tmp_path / "scores", count=2)
    assert [pick.sample for pick in picks[:2]] == [39, 0] and [pick.moved for pick in picks] == [True, True, False, False]
    np.testing.assert_array_equal(picks[0].adversarial[..., 0], up[39, 0])
    np.testing.assert_array_equal(picks[1].adversarial[..., 0], down[0, 0])
    assert (picks[0].before, picks[0].after) == ("0.50", "0.90 (+0.40)")
    assert picks[1].after == "0.11 (-0.39)"
    # In the middle both directions move little; the smallest comes first.
    assert abs(picks[2].sample - 19.5) < 2


def test_differences_fill_the_scale_and_no_difference_is_grey() -> None:
    clean = np.full((4, 4, 3), 0.5, np.float32)
    same = Pick(0, clean, clean, "1", "1", False)
    moved = Pick(1, clean, clean + np.float32(0.02), "1", "2", True)
    shown, factor = amplified([same, moved])
    assert factor == pytest.approx(25, rel=1e-3)
    assert shown[0].min() == shown[0].max() == 0.5 and shown[1].min() == pytest.approx(1.0)
    assert amplified([same])[1] == 1.0


def test_the_sheet_and_the_strip_hold_every_image() -> None:
    colour = Pick(7, np.full((96, 96, 3), 0.2, np.float32), np.full((96, 96, 3), 0.4, np.float32), "a", "b", True)
    grey = Pick(8, np.full((8, 8, 1), 0.6, np.float32), np.full((8, 8, 1), 0.8, np.float32), "c", "c", False)
    figure = contact_sheet([colour, grey], "title")
    words = " ".join(text.get_text() for axis in figure.axes for text in (axis.title, axis.yaxis.label))
    for word in ("sample 7", "to b", "sample 8", "clean", "adversarial", "difference x 2.5"):
        assert word in words
    with Image.open(io.BytesIO(strip([colour, grey], side=32))) as picture:
        assert picture.size == (66, 66)
        places = ((16, 16), (50, 16), (16, 50), (50, 50))
        assert [picture.getpixel(place)[0] for place in places] == [51, 153, 102, 204]
    for draw in (lambda: contact_sheet([], ""), lambda: strip([])):
        with pytest.raises(RecordError, match="nothing to show"):
            draw()


def test_dollars_in_names_of_classes_are_no_formulas() -> None:
    """matplotlib ends with an error at a formula that is none, and shows one that is in other letters."""
    image, name = np.full((8, 8, 1), 0.5, np.float32), r"$\frac$"
    figure = contact_sheet([Pick(0, image, image, name, name, False)], f"of {name}")
    figure.savefig(io.BytesIO(), format="png", dpi=20)
    assert all(r"\$\frac\$" in axis.title.get_text() for axis in figure.axes[:2])


def test_other_stacks_than_event_frames_are_no_pictures(saved: tuple[Record, Path, list[str]]) -> None:
    with pytest.raises(RecordError, match="cannot be shown as pictures"):
        reports.picks._shown(np.zeros((5, 3, 4, 4), np.float32))


def test_the_command_writes_a_picture(saved: tuple[Record, Path, list[str]], tmp_path: Path) -> None:
    _, folder, asked = saved
    out = tmp_path / "sheet.png"
    run = CliRunner().invoke(report, ["gallery", str(folder), "--count", "2", "--data", "mine", "--out", str(out)])
    assert run.exit_code == 0, run.exception
    assert asked == ["mine"] and "wrote" in run.output
    with Image.open(out) as picture:
        assert min(picture.size) > 300
    several = CliRunner().invoke(report, ["gallery", str(folder), str(tmp_path)])
    assert isinstance(several.exception, SpecError)
    assert f"shows one record, and 2 were named ({folder}, {tmp_path})" in str(several.exception)
    wrong = CliRunner().invoke(report, ["gallery", str(folder), "--out", str(tmp_path / "sheet.pdf")])
    assert isinstance(wrong.exception, SpecError) and ".png or .svg" in wrong.exception.fix
