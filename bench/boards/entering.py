"""The only ways a board grows: a release, an entry, a challenge. Each is complete or did not happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.boards.card import cards_text
from bench.boards.challenge_record import challenge_file
from bench.boards.naming import EntryName
from bench.boards.protocol import HASH_FILE, PROTOCOL_FILE, Protocol
from bench.boards.render import render, sweep
from bench.boards.stages import as_frozen
from bench.boards.store import CARDS_FILE, Board, versions
from bench.foundation.errors import BoardError
from bench.foundation.files import atomic_write_text, make_folder, sha256_bytes
from bench.tasks.lookup import board_rules
from bench.tasks.record import ProtocolInfo

if TYPE_CHECKING:
    from pathlib import Path

    from bench.boards.card import EntryCard
    from bench.boards.challenge_record import Challenge
    from bench.boards.store import Entry
    from bench.tasks.record import Record


def release(protocol: Protocol, root: Path) -> Board:
    """Make a new version of a board. Raises ``BoardError`` if it exists with another protocol, or leaves a gap.

    The very same protocol may be released again, whatever the day, which finishes what a killed writer left.
    """
    board_rules(protocol.task)
    board = Board(protocol.board, protocol.version, root / protocol.board / f"v{protocol.version}")
    latest = max(versions(root, protocol.board), default=0)
    if protocol.version == latest:
        released = board.protocol()
        if released == protocol.model_copy(update={"released": released.released}):
            with board.locked():
                render(board)
            return board
    if protocol.version != latest + 1:
        raise BoardError(f"{board} cannot be released: the latest version is v{latest}.", f"Call it v{latest + 1}.")
    make_folder(board.folder)
    with board.locked():
        if (board.folder / PROTOCOL_FILE).exists():
            raise BoardError(f"{board} has been released already.", "A change is a new version.")
        text = protocol.text()
        atomic_write_text(board.folder / HASH_FILE, f"{sha256_bytes(text.encode())}  {PROTOCOL_FILE}\n")
        atomic_write_text(board.folder / PROTOCOL_FILE, text)  # last: a board exists once its protocol does
        render(board)
    return board


def problems(board: Board, protocol: Protocol, record: Record) -> list[str]:
    """Why a record may not stand on a board, in words; empty if it may."""
    expected = ProtocolInfo(board=board.name, version=board.version, sha256=board.protocol_sha256)
    frozen = {attack.spec: attack for attack in protocol.attacks}
    draws = protocol.draws if record.model.stochastic else 1
    reasons = [
        what
        for what, wrong in (
            ("its protocol", record.protocol != expected),
            ("the evaluator's version", record.evaluator_version != protocol.evaluator_version),
            ("its samples", (record.data.n, record.data.sha256) != (protocol.data.n, protocol.data.sha256)),
            ("its task", record.task != protocol.task),
            ("its norm", record.norm != protocol.norm),
            ("its seed", record.seed != protocol.seed),
            ("its draws", record.settings.get("eot") != draws or record.settings.get("scorings") != draws),
            ("its images", record.eight_bit),
            ("its attacks", [attack.spec for attack in record.attacks] != protocol.specs),
        )
        if wrong
    ]
    for attack in record.attacks:
        if attack.spec in frozen:
            wanted = frozen[attack.spec]
            given = {**attack.defaulted, **attack.passed}
            if given != wanted.parameters or not as_frozen(attack, wanted, spiking=record.model.layers > 0):
                reasons.append(f"parameters of {attack.spec}")
            if (attack.path, attack.path_parameters) != (protocol.path, protocol.path_parameters):
                reasons.append(f"gradient path of {attack.spec}")
    reasons = [f"{what} differ from the protocol's" for what in reasons]
    failed = [check.name for check in record.reliability.checks if check.status == "fail"]
    if bool(failed) != (record.reliability.status == "unreliable"):
        reasons.append("a verdict that does not follow from its checks")
    return reasons or list(board_rules(protocol.task).problems(record, protocol))


def finished(board: Board, name: EntryName, fingerprint: dict[str, Any]) -> Entry | None:
    """The entry ``name`` if it is of the model with this fingerprint, and then table and change log are brought up to date.

    A writer that was killed after the entry's record was in its place left that to be done. None if there is no such entry.
    """
    if name not in board.names() or board.entry(name).record.model.fingerprint != fingerprint:
        return None
    with board.locked():
        render(board)
    return board.entry(name)


def enter(board: Board, record: Record, card: EntryCard) -> Entry:
    """Put a record on a board and bring the table up to date.

    The very same record may be entered again, which finishes what a killed writer left. Raises ``BoardError`` if the record
    does not keep the protocol, is incomplete or undecided, or if this version of the model is there with another record.
    """
    protocol = board.protocol()
    name = EntryName(card.name, card.version)
    if wrong := problems(board, protocol, record):
        raise BoardError(f"{name} cannot enter {board}: {'; '.join(wrong[:3])}.", f"Evaluate it: bench board run {board}.")
    with board.locked():
        sweep(board)
        if name in board.names():
            if board.entry(name).record.identity == record.identity:
                render(board)
                return board.entry(name)
            raise BoardError(
                f"{name} is on {board} already.", "Raise the model's version; entries are superseded, never overwritten."
            )
        # A card without a record is no entry, so that an entry is there once its record is.
        path = board.folder / CARDS_FILE
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
        atomic_write_text(path, before + cards_text({name: card}))
        board.archive.add({str(name): record})
        render(board)
    return board.entry(name)


def add_challenge(board: Board, name: EntryName, challenge: Challenge) -> Entry:
    """Record a challenge and bring the table up to date.

    The very same challenge may be added again, which finishes what a killed writer left: it stays the one that was recorded.
    Raises ``BoardError`` if it was scored against another record, or the same images came before with other words.
    """
    with board.locked():
        sweep(board)
        entry = board.entry(name)
        if challenge.record_sha256 != entry.record_sha256:
            raise BoardError(f"The challenge was scored against another record of {name}.", "Score it again.")
        earlier = [each for each in entry.challenges if _of_same_images(each, challenge)]
        if any((each.who, each.how, each.link) != (challenge.who, challenge.how, challenge.link) for each in earlier):
            raise BoardError(f"These images have challenged {name} at {challenge.eps} before.", "Bring others.")
        if not earlier:
            folder = board.challenges_folder(name)
            make_folder(folder)
            atomic_write_text(challenge_file(folder), challenge.model_dump_json(indent=1) + "\n")
        render(board)
    return board.entry(name)


def _of_same_images(one: Challenge, other: Challenge) -> bool:
    return (one.images_sha256, one.eps) == (other.images_sha256, other.eps)
