"""The commands that are killed: what lies there before, what they do, and what they must leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from support.boards import card, measured, new_board, pictures
from support.submissions import small_board, state, zoo_built
from support.tiny import Linear

from bench.boards.entering import enter
from bench.boards.render import render
from bench.boards.store import Board, boards
from bench.boards.verify import verify
from bench.cli.main import cli
from bench.data.cifar import CIFAR10
from bench.data.cifar_layouts import write_records
from bench.data.info import StoredFile
from bench.data.verified import check_files, md5_bytes
from bench.evaluation.records.rows_file import rows_sha256
from bench.evaluation.records.storage import RECORD_FILE, read_record
from bench.foundation.errors import BenchError
from bench.tasks.record import Record
from soak.dying import Work

Result = dict[str, str]
"""What must be the same whatever happened on the way: names of parts, and their content or its hash."""
MODEL = """
from support.exact import RowByRow
from support.tiny import Linear


def build():
    return RowByRow(Linear())
"""
CARD = {
    "name": "tiny",
    "summary": "A small model.",
    "dataset": "cifar10",
    "builder": {"name": "compact", "arguments": {"steps": 1, "neuron": {}, "widths": [2, 2, 2, 2]}},
    "defense": {"name": "none"},
    "spiking": True,
    "recipe": {"epochs": 3, "batch_size": 20, "learning_rate": 0.1},
}
TIMED = {"seconds", "created", "machine", "rows_sha256"}
PER_BATCH = 20


def nothing_to_say(home: Path) -> list[str]:
    """A check that finds nothing."""
    return []


@dataclass(frozen=True)
class Scenario:
    """One command. prepare: what lies in the folder before, made once.

    sound: findings about what a killed command left, before it is repeated. damage: files whose damage must be noticed or be
    without effect, as patterns.
    """

    name: str
    prepare: Callable[[Path, Path], None]
    work: Work
    result: Callable[[Path], Result]
    sound: Callable[[Path], list[str]] = nothing_to_say
    damage: tuple[str, ...] = ()


def bench(*words: str) -> None:
    """The command line, in this process. Raises ``AssertionError`` if it ends with another number than 0."""
    status = cli.main([*words], prog_name="bench", standalone_mode=False)
    assert not status, f"bench {' '.join(words)} ended with {status}"


# --- records ---


def without_times(value: Any) -> Any:
    """The fields of a record without those that differ from run to run."""
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if key not in TIMED}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def of_record(record: Record) -> str:
    """A text that two records share if they agree in everything but times."""
    fields = without_times(json.loads(record.model_dump_json()))
    return json.dumps([fields, rows_sha256(record.rows)], sort_keys=True)


def of_records(folder: Path) -> Result:
    """All records of a folder, and the files beside them."""
    result: Result = {}
    for path in sorted(folder.glob(f"*/{RECORD_FILE}")):
        result[path.parent.name] = of_record(read_record(path.parent))
        others = {name: sha256 for name, sha256 in state(path.parent).items() if name.startswith("adversarial/")}
        result |= {f"{path.parent.name}/{name}": sha256 for name, sha256 in others.items() if not hidden(name)}
        result[f"{path.parent.name}/"] = " ".join(sorted(name for name in state(path.parent) if not hidden(name)))
    return result


def hidden(name: str) -> bool:
    """Whether a file is a leftover of a killed writer, which the next writer removes."""
    return any(part.startswith(".") for part in Path(name).parts)


def small_pictures(home: Path, shared: Path) -> None:
    """A model of one's own and twelve images, outside of the folder."""
    if not shared.exists():
        pictures(shared / "pictures")
        (shared / "model.py").write_text(MODEL)


def evaluated(*more: str) -> Work:
    """``bench evaluate`` of a linear model."""

    def work(home: Path) -> None:
        shared = next(place for above in home.parents if (place := above / "shared").is_dir())
        bench(
            *("evaluate", "--model", f"{shared / 'model.py'}::build", "--data", f"folder:{shared / 'pictures'}"),
            *("--attack", "pgd:steps=2", "--attack", "fgsm", "--eps", "0.02,0.1", "--out", "records", *more),
        )

    return work


def readable_records(home: Path) -> list[str]:
    """A finished record can be read, whatever happened."""
    try:
        of_records(home / "records")
    except BenchError as error:
        return [str(error)]
    return []


def evaluated_before(home: Path, shared: Path) -> None:
    """A finished record, which ``--fresh`` is to replace."""
    small_pictures(home, shared)
    evaluated()(home)


# --- boards ---


def of_boards(root: Path) -> Result:
    """All boards: their entries, pictures and cards, and that they verify."""
    result: Result = {}
    for board in boards(root):
        result[f"{board} verified"] = "\n".join(map(str, verify(board)))
        for entry in board.entries():
            result[f"{board}/{entry.name}"] = of_record(entry.record)
            result[f"{board}/{entry.name} card"] = entry.card.model_dump_json(exclude={"submitted"})
        files = {name: sha256 for name, sha256 in state(board.folder).items() if not hidden(name)}
        result[f"{board} files"] = " ".join(files)
        result |= {f"{board}/{name}": sha256 for name, sha256 in files.items() if name.endswith(".webp")}
    return result


def whole_boards(home: Path) -> list[str]:
    """Every entry is whole, and one ``render`` makes the board verify."""
    findings = []
    for board in boards(home / "boards"):
        board.entries()
        with board.locked():
            render(board)
        findings += map(str, verify(board))
    return findings


def small_zoo_board(home: Path, shared: Path) -> None:
    """A board of three images and one attack."""
    small_board(home / "boards", n=3, eps=["8/255"], attacks=["fgsm"])


def filled(home: Path) -> None:
    """``bench board fill`` with two models."""
    words = ("board", "fill", "small-linf", "--boards", "boards", "--out", "records")
    bench(*words, "--only", "ann_vanilla", "--only", "ann_at")


def ran(home: Path) -> None:
    """``bench board run``."""
    bench("board", "run", "small-linf", "zoo:ann_at", "--boards", "boards", "--out", "records")


def submission_prepared(home: Path, shared: Path) -> None:
    """A board and a submission to it."""
    small_zoo_board(home, shared)
    zoo_built(home / "mine")


def submitted(home: Path) -> None:
    """``bench submit run``."""
    bench("submit", "run", "mine", "--board", "small-linf", "--boards", "boards", "--out", "records")


def entered_before(home: Path, shared: Path) -> None:
    """A board with one entry, and a record that is to enter."""
    small_pictures(home, shared)
    board = new_board(home / "boards", f"folder:{shared / 'pictures'}")
    enter(board, measured(board), card())
    SPARE[str(home.parent)] = measured(board, Linear(seed=3))


SPARE: dict[str, Record] = {}
"""Records that may enter, by the folder of their cases; they are made before any process is forked."""


def tiny_board(home: Path) -> Board:
    """The board of :func:`entered_before`."""
    return Board("tiny-linf", 1, home / "boards" / "tiny-linf" / "v1")


def entered(home: Path) -> None:
    """An entry, without an evaluation before it."""
    spare = next(SPARE[str(above)] for above in home.parents if str(above) in SPARE)
    enter(tiny_board(home), spare, card("second"))


def every_byte(folder: str) -> Callable[[Path], Result]:
    """The bytes of every file that is no leftover."""
    return lambda home: {name: sha256 for name, sha256 in state(home / folder).items() if not hidden(name)}


# --- site, training, data ---


def site_before(home: Path, shared: Path) -> None:
    """A board with two entries, and a site of it that is older."""
    entered_before(home, shared)
    (home / "boards" / "claims.yaml").write_text("{}\n")
    site(home)
    entered(home)


def site(home: Path) -> None:
    """``bench report site``."""
    bench("report", "site", "--boards", "boards", "--out", "site")


def batches() -> dict[str, bytes]:
    """CIFAR-10 in miniature: 20 images per batch, classes taking turns."""
    rng = np.random.default_rng(0)
    labels = np.arange(PER_BATCH, dtype=np.uint8) % 10
    return {
        file.name: write_records(rng.integers(0, 256, (PER_BATCH, 3072), dtype=np.uint8), rng.permutation(labels))
        for file in CIFAR10().files
    }


def small_set() -> CIFAR10:
    """The set that consists of :func:`batches`."""
    contents, full = batches(), CIFAR10()
    return CIFAR10(
        info=replace(full.info, splits={"train": 90, "val": 10, "train_full": 100, "test": PER_BATCH}),
        files=tuple(StoredFile(f.name, f.part, len(contents[f.name]), md5_bytes(contents[f.name])) for f in full.files),
        routes=(),
        shipped=0,
    )


def own_copy(home: Path, shared: Path) -> None:
    """A copy of the set that is to be taken over."""
    (home / "copy").mkdir(parents=True)
    for name, content in batches().items():
        (home / "copy" / name).write_bytes(content)


def got(home: Path) -> None:
    """What ``bench data get --from`` does."""
    small_set().get(home / "data", source=home / "copy", progress=lambda what, done, total: None)


def of_data(home: Path) -> Result:
    """The verified files. Raises ``DataError`` if one is not what was published."""
    made = small_set()
    check_files(made.where(home / "data"), made.files, "")
    return every_byte("data")(home)


def card_of_training(home: Path, shared: Path) -> None:
    """The card of a network of a few weights."""
    (home / "tiny.yaml").write_text(yaml.safe_dump(CARD))


def trained(home: Path) -> None:
    """``bench train`` of that network on sixty drawn images: three epochs, each of which leaves a checkpoint."""
    from bench.training import job
    from soak.drawn import drawn_samples
    from zoo.card import read_card

    job.load_samples = drawn_samples
    described = read_card(home / "tiny.yaml")
    job.train_model(described, source=home / "tiny.yaml", out=home / "trained", runs=home / "runs")


def of_training(home: Path) -> Result:
    """Weights and card; log and curve hold seconds."""
    return {name: sha256 for name, sha256 in state(home / "trained").items() if name.endswith((".safetensors", ".yaml"))}


BOARD_FILES = ("boards/*/v1/*", "boards/*/v1/gallery/*")
SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("evaluate", small_pictures, evaluated(), lambda home: of_records(home / "records"), readable_records),
        Scenario(
            "evaluate --save-adv",
            small_pictures,
            evaluated("--save-adv"),
            lambda home: of_records(home / "records"),
            readable_records,
            ("records/*/record.json", "records/*/rows.parquet", "records/*/adversarial/*"),
        ),
        Scenario(
            "evaluate --fresh",
            evaluated_before,
            evaluated("--fresh"),
            lambda home: of_records(home / "records"),
            readable_records,
        ),
        Scenario("enter", entered_before, entered, every_byte("boards"), whole_boards, BOARD_FILES),
        Scenario("board run", small_zoo_board, ran, lambda home: of_boards(home / "boards"), whole_boards),
        Scenario("board fill", small_zoo_board, filled, lambda home: of_boards(home / "boards"), whole_boards),
        Scenario("submit run", submission_prepared, submitted, lambda home: of_boards(home / "boards"), whole_boards),
        Scenario("report site", site_before, site, every_byte("site")),
        Scenario("data get", own_copy, got, of_data, nothing_to_say, ("data/*/*",)),
        Scenario("train", card_of_training, trained, of_training, nothing_to_say, ("runs/*/*",)),
    )
}
