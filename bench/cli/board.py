"""``bench board``: show, check and fill leaderboards."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.board_runs import OUT, ROOT, fill, run
from bench.cli.pictures import draw
from bench.cli.table import show_table
from bench.cli.terminal import JSON, say, say_json

if TYPE_CHECKING:
    from bench.boards.protocol import Protocol
    from bench.boards.store import Board


_SUBMISSION = click.option(
    "--submission", type=click.Path(path_type=Path), help="The entry's submission folder, if it is not of the zoo."
)


@click.group()
def board() -> None:
    """Leaderboards: look at them, check them, fill them."""


@board.command(short_help="List boards and their versions.")
@ROOT
@JSON
def ls(root: Path | None, as_json: bool) -> None:
    """List boards and their versions."""
    from bench.boards.store import boards_root, present_boards

    rows = []
    for listed_board in present_boards(boards_root(root)):
        protocol = listed_board.protocol()
        samples = f"{protocol.data.n} {protocol.data.split} of {protocol.data.name}"
        row = {
            "board": str(listed_board),
            "title": protocol.title,
            "entries": str(len(listed_board.names())),
            "samples": samples,
        }
        rows.append(row | {"threat": f"{protocol.norm} {', '.join(protocol.eps)}", "released": str(protocol.released)})
    if as_json:
        say_json(json.dumps(rows, indent=1))
    else:
        show_table(rows, right=("entries",))


@board.command(short_help="Show the table of a board and its protocol.")
@click.argument("name", metavar="BOARD")
@ROOT
@JSON
def show(name: str, root: Path | None, as_json: bool) -> None:
    """Show the table of BOARD (a name, or NAME/vN for one version) and its protocol."""
    from bench.boards.render import read_table
    from bench.boards.store import boards_root, open_board
    from bench.boards.submission.folder import limits_text
    from bench.tasks.lookup import board_rules

    chosen = open_board(name, boards_root(root))
    protocol, rows = chosen.protocol(), read_table(chosen)
    if as_json:
        say_json(json.dumps({"protocol": protocol.model_dump(mode="json"), "table": rows}, indent=1))
        return
    attacks = "; ".join(protocol.specs)
    say(
        f"{chosen}: {protocol.title}\n{protocol.data.n} {protocol.data.split} samples of {protocol.data.name}, "
        f"{protocol.norm}, attacks: {attacks}, seed {protocol.seed}, protocol {chosen.protocol_sha256[:16]}"
    )
    if not rows:
        say(f"no entries yet; make one: bench submit run FOLDER --board {chosen}, or bench board fill {chosen}")
        say(limits_text())
        return
    lines = [_line(row, protocol) for row in rows]
    empty_columns = [key for key in lines[0] if not any(line[key] for line in lines)]
    show_table([{key: value for key, value in line.items() if key not in empty_columns} for line in lines])
    unit = board_rules(protocol.task).unit
    column = protocol.figure or "attack"
    say(f"{unit}, ranked by {column} {protocol.rank_by}; [a-b]: ranks that these samples cannot tell apart")
    say(limits_text())


def _line(row: dict[str, str], protocol: Protocol) -> dict[str, str]:
    """The cells that are printed for a row of ``table.csv``."""
    from bench.tasks.lookup import board_rules
    from bench.tasks.results import in_words

    ranked = f"{row['rank']} [{row['rank_low']}-{row['rank_high']}]" if row["rank"] else ""
    line = {"model": f"{row['model']}@{row['version']}", "rank": ranked, "class": row["class"]}
    verdict = in_words(row["verdict"]) + ("" if row["status"] == "current" else f", {row['status']}")
    return line | board_rules(protocol.task).line(row, protocol) | {"verdict": verdict}


@board.command(short_help="What changed from one version to another.")
@click.argument("first")
@click.argument("second")
@ROOT
@JSON
def diff(first: str, second: str, root: Path | None, as_json: bool) -> None:
    """What changed from board FIRST to SECOND, e.g. snn-cifar10-linf/v1 snn-cifar10-linf/v2."""
    from bench.boards.comparison import changes, moves
    from bench.boards.store import boards_root, open_board
    from bench.tasks.lookup import board_rules

    first_board, second_board = (open_board(name, boards_root(root)) for name in (first, second))
    changed, moved = changes(first_board, second_board), moves(first_board, second_board)
    if as_json:
        entry_moves = [{**asdict(move), "name": str(move.name)} for move in moved]
        say_json(json.dumps({"protocol": [asdict(change) for change in changed], "entries": entry_moves}, indent=1))
        return
    show_table([{"protocol": c.field, str(first_board): c.before, str(second_board): c.after} for c in changed])
    scales = [board_rules(compared.protocol().task).scale for compared in (first_board, second_board)]
    rows = [
        {
            "entry": str(move.name),
            str(first_board): "" if move.before is None else f"{scales[0] * move.before:z.1f}",
            str(second_board): "" if move.after is None else f"{scales[1] * move.after:z.1f}",
            "rank before": move.rank_before,
            "rank after": move.rank_after,
        }
        for move in moved
    ]
    show_table(rows, right=(str(first_board), str(second_board)))


@board.command(short_help="Recompute every hash, aggregate and table.")
@click.argument("names", nargs=-1)
@ROOT
@click.option("--records", type=click.Path(path_type=Path), help="Check the records in this folder; of boards only NAMES.")
@JSON
def verify(names: tuple[str, ...], root: Path | None, records: Path | None, as_json: bool) -> int:
    """Recompute every hash, aggregate and table of NAMES (default: all boards); exit 1 on any drift."""
    from bench.boards.verify import verify as check
    from bench.cli.progress import Units

    chosen = _chosen(names, root) if names or records is None else []
    findings_by_place: dict[str, list[str]] = {}
    with Units() as bar:
        for checked_board in chosen:
            findings_by_place[str(checked_board)] = [str(finding) for finding in check(checked_board, on_tick=bar.tick)]
    if records is not None:
        from bench.evaluation.damage import damage

        findings_by_place |= damage(records)
    if as_json:
        say_json(json.dumps(findings_by_place, indent=1))
    else:
        for name, findings in findings_by_place.items():
            say("\n".join(findings) if findings else f"{name}: verified")
    return int(any(findings_by_place.values()))


@board.command(short_help="Bring tables and change logs up to date.")
@click.argument("names", nargs=-1)
@ROOT
def render(names: tuple[str, ...], root: Path | None) -> None:
    """Bring table.csv and CHANGELOG.md of NAMES (default: all boards) up to date with their entries."""
    from bench.boards.render import render as derive

    for rendered_board in _chosen(names, root, writing=True):
        with rendered_board.locked():
            derive(rendered_board)
        say(f"{rendered_board}: rendered")


@board.command(short_help="Move boards of older releases to few files.")
@click.argument("names", nargs=-1)
@ROOT
def migrate(names: tuple[str, ...], root: Path | None) -> None:
    """Move NAMES (default: all boards) from a folder per entry to a few files; commands that write do so by themselves."""
    from bench.boards.old_layout import ENTRIES
    from bench.boards.render import render as derive

    for one in _chosen(names, root, writing=True):
        old = (one.folder / ENTRIES).exists()
        if old:
            with one.locked():
                derive(one)
        say(f"{one}: {'migrated' if old else 'is in the present layout'}")


def _chosen(names: tuple[str, ...], root: Path | None, *, writing: bool = False) -> list[Board]:
    """The named boards, or all. Raises ``BoardError`` for a name without a board."""
    from bench.boards.store import boards_root, boards_to_write, open_board, present_boards

    home = boards_to_write(root) if writing else boards_root(root)
    return [open_board(name, home) for name in names] if names else present_boards(home)


@board.command(short_help="Copy all boards, claims and measures to a folder.")
@click.argument("folder", type=click.Path(path_type=Path))
@ROOT
def copy(folder: Path, root: Path | None) -> None:
    """Copy all boards, claims and measures to FOLDER, which must not exist. Commands run beside a leaderboards use it."""
    from bench.boards.store import boards_root, copy_boards

    copy_boards(boards_root(root), folder)
    say(f"{folder}: copied")


@board.command(short_help="Freeze a draft, and open a new version of its board.")
@click.argument("draft", type=click.Path(path_type=Path))
@ROOT
def release(draft: Path, root: Path | None) -> None:
    """Freeze the protocol in DRAFT (YAML) and open a new version of its board."""
    from bench.boards.entering import release as open_version
    from bench.boards.protocol import freeze, read_draft
    from bench.boards.store import boards_to_write

    opened = open_version(freeze(read_draft(draft)), boards_to_write(root))
    say(f"{opened}: released, protocol {opened.protocol_sha256[:16]}")


@board.command(short_help="Draw the pictures that entries lack.")
@click.argument("name", metavar="BOARD")
@ROOT
@OUT
def gallery(name: str, root: Path | None, out: Path) -> None:
    """Draw the pictures that entries of BOARD lack, from the runs that lie in --out."""
    from bench.boards.gallery import read_galleries
    from bench.boards.store import boards_to_write, open_board

    chosen = open_board(name, boards_to_write(root))
    drawn = read_galleries(chosen)
    for entry in chosen.entries():
        if entry.name not in drawn:
            draw(chosen, entry, out)


@board.command(short_help="Attack some samples of an entry again, and compare.")
@click.argument("entry")
@ROOT
@_SUBMISSION
@click.option("--n", type=click.IntRange(1), default=50, show_default=True, help="Samples to attack again.")
@click.option("--seed", type=int, default=0, show_default=True, help="Which samples.")
@JSON
def rescore(entry: str, root: Path | None, submission: Path | None, n: int, seed: int, as_json: bool) -> int:
    """Attack some samples of ENTRY (BOARD[/vN]/MODEL[@V]) again and compare; exit 1 if they do not agree."""
    from bench.boards.opening import subject_of
    from bench.boards.rescoring import rescore as again
    from bench.boards.store import boards_root, open_entry
    from bench.cli.progress import Units
    from bench.data import load_samples

    chosen, stored_entry = open_entry(entry, boards_root(root))
    protocol = chosen.protocol()
    samples = load_samples(protocol.data.name, split=protocol.data.split, n=protocol.data.n)
    with subject_of(stored_entry, submission) as subject, Units() as bar:
        rescored = again(chosen, stored_entry, subject, samples, n=n, seed=seed, on_tick=bar.tick)
    if as_json:
        say_json(json.dumps(asdict(rescored) | {"entry": str(stored_entry.name), "holds": rescored.holds}, indent=1))
        return int(not rescored.holds)
    say(
        f"{stored_entry.name} on {chosen}: of {rescored.rows} rows, {rescored.same_clean} agree without attack, "
        f"{rescored.same_verdict} in their verdict, {rescored.same_images} in every bit of the adversarial image: "
        f"{'holds' if rescored.holds else 'FAILS'}"
    )
    return int(not rescored.holds)


for _command in (run, fill):
    board.add_command(_command)
