"""Pages over boards: which network is best, what is superseded, what changed, and what can be downloaded."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from support.leaderboard import board, kept_records, many, protocol

from bench.boards.render import table_rows
from bench.foundation.errors import BoardError
from bench.tasks.record import Record
from reports.site.build import build, write
from reports.site.changes import changes, differences
from reports.site.charts import against_clean, curves
from reports.site.claims import ClaimView
from reports.site.downloads import table_json, write_downloads
from reports.site.pages import by_history
from reports.site.view import BoardView, view


def records() -> list[Record]:
    """Of a network without spikes and of two with spikes."""
    kept = kept_records()
    spiking = [record for record in kept if record.model.spiking]
    return [next(record for record in kept if not record.model.spiking), *spiking[:2]]


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[BoardView, BoardView]:
    """v1 with three entries; v2 with two of them."""
    root = tmp_path_factory.mktemp("boards")
    first = view(board(root, 1, records=records()), [1, 2])
    return first, view(board(root, 2, records=records()[:2]), [1, 2])


def text_of(page: Path) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page.read_text())))


def test_the_best_is_a_spiking_network_and_others_are_references(versions: tuple[BoardView, BoardView]) -> None:
    first, _ = versions
    reference, *spiking = (f"{record.model.ref.removeprefix('zoo:')}@1" for record in records())
    by_name = {entry.name: entry for entry in first.entries}
    assert by_name[reference].reference and by_name[reference].rank is None and by_name[reference].overall
    assert {entry.name for entry in first.ranked} == set(spiking)
    assert sorted(entry.rank.high for entry in first.ranked if entry.rank)[-1] <= 2
    assert first.best[0].name in spiking and first.ranks_of == "spiking networks"


def test_entries_stand_in_the_order_of_the_table(tmp_path: Path) -> None:
    sample = board(tmp_path)
    rows = table_rows(sample.entries(), sample.protocol())
    assert [entry.name for entry in view(sample, [1]).entries] == [f"{row['model']}@{row['version']}" for row in rows]


def test_a_board_of_several_versions_comes_before_a_new_one_with_more_entries(versions: tuple[BoardView, BoardView]) -> None:
    first, second = versions
    fewer = replace(first, entries=first.entries[:1])
    assert sorted([fewer, first, second], key=by_history) == [second, first, fewer]


def test_a_superseded_version_has_no_green_verdict_and_says_what_holds_now(
    versions: tuple[BoardView, BoardView], tmp_path: Path
) -> None:
    first, second = versions
    assert second.main
    entries = [replace(entry, values=entry.values | {second.main.key: 0.1234}) for entry in second.entries]
    write([first, replace(second, entries=entries)], [], tmp_path / "site")
    at = tmp_path / "site" / "boards" / "snn-sample-linf"
    for page in (at / "v1").rglob("*.html"):
        assert not re.search(r'class="badge (reliable|upper|unreliable)', page.read_text()), page
    assert "in v2" in text_of(at / "v1" / "index.html") and "12.3" in text_of(at / "v1" / "index.html")
    assert "stands at 12.3 %" in text_of(at / "v1" / "models" / f"{entries[0].name}.html")
    assert 'class="badge superseded"' not in (at / "v2" / "index.html").read_text()
    gone = next(entry for entry in first.entries if entry.name not in {entry.name for entry in entries})
    assert "stands at" not in text_of(at / "v1" / "models" / f"{gone.name}.html")


def test_changes_between_versions(versions: tuple[BoardView, BoardView]) -> None:
    first, second = versions
    assert first.main
    moved = second.entries[0]
    value = float(moved.values[first.main.key])
    raised = replace(moved, values=moved.values | {first.main.key: value + 0.25})
    listed = changes(first, replace(second, entries=[raised, *second.entries[1:]])).moves
    assert (listed[0].name, listed[0].change) == (moved.name, pytest.approx(0.25))
    gone = {entry.name for entry in first.entries} - {entry.name for entry in second.entries}
    assert {move.name for move in listed if move.words == "no entry"} == gone
    assert all(move.after == "" for move in listed if move.name in gone)


def test_protocols_are_compared_in_sentences() -> None:
    before = protocol(kept_records()[0])
    stage = {"name": "PGD-50", "attack": "PGD(steps=50)", "path": "training"}
    attack = before.attacks[0].model_dump() | {"spiking": [stage]}
    after = protocol(kept_records()[0], 2, seed=7, attacks=[attack, *(a.model_dump() for a in before.attacks[1:])])
    sentences = differences(before, after)
    assert "seed: 0, now 7" in sentences
    assert f"new stages of {before.attacks[0].spec} on spiking models: PGD-50" in sentences
    assert differences(before, before) == []


def test_downloads_are_the_files_and_links_are_not_followed(versions: tuple[BoardView, BoardView], tmp_path: Path) -> None:
    first, _ = versions
    assert first.folder
    own = tmp_path / "board"
    own.mkdir()
    (own / "table.csv").write_text("rank,model\n")
    (tmp_path / "secret").write_text("secret")
    (own / "rows.parquet").symlink_to(tmp_path / "secret")
    written = write_downloads(replace(first, folder=own), tmp_path / "site")
    assert [file.path for file in written] == ["files/table.csv", "files/table.json"]
    assert (tmp_path / "site" / "files" / "table.csv").read_text() == "rank,model\n"
    content = json.loads(table_json(first))
    assert [entry["name"] for entry in content["entries"]] == [entry.name for entry in first.entries]
    assert content["superseded_by"] == 2
    reference = next(entry for entry in content["entries"] if not entry["spiking"])
    assert reference["rank"] and reference["rank_among_spiking"] is None


def test_pictures_have_a_mark_for_every_entry(versions: tuple[BoardView, BoardView]) -> None:
    first, _ = versions
    assert first.main
    best, key = first.best[0], first.main.key
    entries = [replace(entry, values=entry.values | {key: 0.1}) if entry is best else entry for entry in first.entries]
    first = replace(first, entries=entries)  # with something left under attack
    for picture in (curves(first, 100), against_clean(first, 100)):
        assert picture
        assert sorted(mark.number for mark in picture.marks) == [0, 1, 2]
        assert [mark.kind for mark in picture.marks] == ["reference", "other", "best"]
        by_number = {mark.number: mark for mark in picture.marks}
        assert all(by_number[number].says.startswith(entry.title) for number, entry in enumerate(first.entries))
    shortened = curves(first, 2)
    assert shortened and {mark.number for mark in shortened.marks} == {0, 1}
    assert curves(replace(first, entries=[]), 5) is None and against_clean(replace(first, entries=[]), 5) is None


def test_a_point_lies_where_its_figures_are(versions: tuple[BoardView, BoardView]) -> None:
    first, _ = versions
    picture = against_clean(first, 100)
    assert picture and first.main
    for mark in picture.marks:
        values = first.entries[mark.number].values
        assert mark.at == (picture.axes.x(float(values["clean"])), picture.axes.y(float(values[first.main.key])))


def test_all_models_are_on_one_page_and_a_model_lists_its_claims(
    versions: tuple[BoardView, BoardView], tmp_path: Path
) -> None:
    _, second = versions
    name = second.entries[0].card.name
    claim = ClaimView("It holds.", "reproduced", [("source", "arXiv 2405.20355")], "holds", "inconclusive", "0.2", [name])
    write([second], [claim, replace(claim, name="other", title="Of another.", models=["x"])], tmp_path / "site")
    page = (tmp_path / "site" / "models.html").read_text()
    assert all(f'models/{entry.name}.html"' in page for entry in second.entries)
    own = text_of(tmp_path / "site" / "boards" / second.name / "models" / f"{second.entries[0].name}.html")
    assert "It holds." in own and "Of another." not in own and "@misc{" in own
    claims = (tmp_path / "site" / "claims.html").read_text()
    assert 'href="https://arxiv.org/abs/2405.20355"' in claims and "<b>2</b> of 2; 0 after the correction" in claims


def test_the_protocol_page_has_no_representations_of_objects(versions: tuple[BoardView, BoardView], tmp_path: Path) -> None:
    write([versions[1]], [], tmp_path / "site")
    page = (tmp_path / "site" / "boards" / versions[1].name / "protocol.html").read_text()
    before_the_file = page.partition("As it was frozen")[0]
    assert "PGD</b>: <span" in before_the_file and "(steps=" not in before_the_file
    assert "projected gradient descent" in before_the_file


def test_the_first_page_is_small_also_with_four_boards_of_a_hundred(
    versions: tuple[BoardView, BoardView], tmp_path: Path
) -> None:
    big = many(versions[1], 100)
    names = ("a-board", "b-board", "c-board", "d-board")
    boards = [replace(big, protocol=big.protocol.model_copy(update={"board": name}), versions=[2]) for name in names]
    write(boards, [], tmp_path / "site")
    assets = [tmp_path / "site" / "assets" / name for name in ("site.css", "theme.js", "page.js", "chart.js", "icon.svg")]
    assert sum(path.stat().st_size for path in [tmp_path / "site" / "index.html", *assets]) < 100_000


def test_the_source_is_linked_if_it_is_a_web_address(versions: tuple[BoardView, BoardView], tmp_path: Path) -> None:
    write([versions[1]], [], tmp_path / "site", source="https://example.org/code/")
    assert 'href="https://example.org/code"' in (tmp_path / "site" / "index.html").read_text()
    with pytest.raises(BoardError, match="no web address"):
        build(tmp_path, tmp_path / "new", source="javascript:alert(1)")
