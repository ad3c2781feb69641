"""What a user of Python meets: names, signatures, progress, records in a notebook, and packages that are in the way."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support.tiny import Linear

import bench
from bench.foundation.errors import RecordError
from bench.tasks.record import Record

ROOT = Path(__file__).parents[2]
DATA = (torch.rand(12, 1, 3, 3, generator=torch.Generator().manual_seed(0)), torch.arange(12) % 3)


def evaluated(**more: object) -> Record:
    arguments = {"attack": ["pgd:steps=2", "fgsm"], "eps": "2/255,8/255", "data": DATA} | more
    return bench.evaluate(Linear(seed=1), **arguments)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def record() -> Record:
    return evaluated()


# --- names and signatures ---


def test_completion_finds_the_public_names_and_nothing_else() -> None:
    assert [name for name in dir(bench) if not name.startswith("__")] == sorted(bench.__all__)
    assert all(getattr(bench, name) is not None for name in bench.__all__)


@pytest.mark.parametrize("function", [bench.evaluate, bench.compare, bench.load, bench.load_data, bench.read_record])
def test_signatures_can_be_read(function: object) -> None:
    text = str(inspect.signature(function))  # type: ignore[arg-type]
    assert " at 0x" not in text and "<" not in text
    assert (inspect.getdoc(function) or "").partition("\n")[0].endswith(".")


# --- progress ---


class Counter:
    """A bar as tqdm's, which notes what is done to it."""

    made: list[Counter]

    def __init__(self, *, total: int) -> None:
        self.total, self.done, self.closed = total, 0, False
        self.made.append(self)

    def update(self, n: int) -> None:
        self.done += n

    def close(self) -> None:
        self.closed = True


def test_a_bar_of_another_library_moves_to_its_end(record: Record) -> None:
    Counter.made = []
    ticks: list[int] = []
    watched = evaluated(progress=Counter, on_tick=lambda tick: ticks.append(tick.done))
    (bar,) = Counter.made
    assert (bar.done, bar.closed) == (bar.total, True)
    assert ticks == list(range(1, bar.total + 1))
    assert watched.identity == record.identity


def test_a_bar_is_closed_when_the_evaluation_fails() -> None:
    Counter.made = []

    def failing(tick: object) -> None:
        if Counter.made and Counter.made[0].done:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        evaluated(progress=Counter, on_tick=failing)
    assert Counter.made[0].closed


def test_progress_is_shown_on_standard_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("bench.foundation.progress.PATIENCE", 0.0)
    evaluated(progress=True)
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines()[-1].split()[0].split("/")[0] == err.splitlines()[-1].split()[0].split("/")[1]
    evaluated()
    assert capsys.readouterr() == ("", "")


# --- records ---


def test_a_record_is_one_short_line(record: Record) -> None:
    for text in (repr(record), str(record)):
        assert "\n" not in text and len(text) < 200
        assert "Linear" in text and "12 test samples" in text and "linf" in text and "worst case at 8/255" in text
        assert f"{100 * record.results[-1].robust.value:.1f}" in text  # type: ignore[attr-defined]
        assert record.reliability.status in text


def test_a_notebook_shows_the_table_and_runs_nothing(record: Record) -> None:
    page = record._repr_html_()
    for words in ("random noise", "eps 2/255", "eps 8/255", "fgsm", record.reliability.reasons[0]):
        assert words in page
    foreign = record.model_copy(update={"model": record.model.model_copy(update={"ref": "<script>x</script>"})})
    assert "<script>" not in foreign._repr_html_() and "&lt;script&gt;" in foreign._repr_html_()


def test_a_record_is_plotted_at_its_radii(record: Record) -> None:
    (axes,) = record.plot().axes
    lines = {container.get_label(): container.lines[0] for container in axes.containers}
    assert list(lines) == ["random noise", "pgd:steps=2", "fgsm", "worst case"]
    for name in ("pgd:steps=2", "worst case"):
        cells = [cell for cell in record.cells if cell.attack == name]
        assert lines[name].get_xdata() == pytest.approx([0, 2, 8])
        assert lines[name].get_ydata() == pytest.approx(
            [100 * value for value in (cells[0].clean.value, *(cell.robust.value for cell in cells))]
        )
    assert record.plot()._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_a_comparison_is_plotted_and_shown() -> None:
    boards = ROOT / "leaderboards" / "snn-cifar10-linf" / "v4"
    compared = bench.compare(str(boards / "snn_at@1"), boards / "snn_gsr@1")
    (axes,) = compared.plot().axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [f"{each.what} {each.eps_text}".strip() for each in compared]
    points = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
    assert points == [each.difference.value for each in compared]
    page = compared._repr_html_()
    assert "1000 samples" in page and all(line["95% interval"] in page for line in compared.lines)


def test_scores_are_plotted_too() -> None:
    scored = bench.read_record(ROOT / "leaderboards" / "iqa-photos-linf" / "v1" / "iqa_dbcnn_nt@1")
    (axes,) = scored.plot().axes
    assert "shift" in axes.get_ylabel() and "mean |shift|" in repr(scored)
    assert [container.lines[0].get_xdata()[0] for container in axes.containers] == [2, 2]


def test_a_record_without_figures_says_so(record: Record) -> None:
    with pytest.raises(RecordError, match="no plot"):
        record.model_copy(update={"results": []}).plot()
    assert repr(record.model_copy(update={"results": []}))


def test_records_are_read_from_text_and_paths(tmp_path: Path) -> None:
    kept = evaluated(out=tmp_path)
    (folder,) = tmp_path.glob("[!.]*")
    for place in (folder, str(folder), folder / "record.json", str(folder / "record.json")):
        again = bench.read_record(place)
        assert again.identity == kept.identity and again.rows.equals(kept.rows)


# --- packages of others ---


@pytest.mark.parametrize("name", ["attacks", "zoo"])
@pytest.mark.parametrize("form", ["package", "module"])
def test_a_package_in_the_way_is_named(tmp_path: Path, name: str, form: str) -> None:
    stranger = tmp_path / name / "__init__.py" if form == "package" else tmp_path / f"{name}.py"
    stranger.parent.mkdir(exist_ok=True)
    stranger.write_text("")
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]; import bench"
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    last = ended.stderr.strip().splitlines()[-1]
    assert ended.returncode == 1
    assert last.startswith(f"ImportError: The package {name!r} of spikebench is hidden by another one, {tmp_path}")
    assert "PYTHONPATH" in last and str(ROOT) in last


def test_folders_without_code_are_in_nobody_s_way(tmp_path: Path) -> None:
    (tmp_path / "attacks").mkdir()
    (tmp_path / "attacks" / "notes.txt").write_text("")
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]; import bench; print(sorted(bench.__all__))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "evaluate" in ended.stdout
