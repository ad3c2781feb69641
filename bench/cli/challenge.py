"""``bench challenge``: score adversarial images of one's own against an entry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.isolation import isolating, limits_of
from bench.cli.terminal import JSON, say, say_json

if TYPE_CHECKING:
    from bench.boards.challenge_record import Challenge


@click.command()
@click.argument("entry")
@click.argument("images", type=click.Path(path_type=Path))
@click.option("--who", required=True, help="Who found the images.")
@click.option("--how", required=True, help="By which attack.")
@click.option("--link", default="", help="https address of a description.")
@click.option("--eps", help="Radius, one of the board's [default: the one it ranks by].")
@click.option("--submission", type=click.Path(path_type=Path), help="The entry's submission, if it is not of the zoo.")
@isolating
@click.option("--boards", "root", type=click.Path(path_type=Path), help="Folder of boards [default: leaderboards].")
@click.option("--dry-run", is_flag=True, help="Score only; record nothing.")
@JSON
def challenge(
    entry: str,
    images: Path,
    who: str,
    how: str,
    link: str,
    eps: str | None,
    submission: Path | None,
    root: Path | None,
    dry_run: bool,
    trust_code: bool,
    hours: float,
    memory: int,
    as_json: bool,
) -> None:
    """Score IMAGES (safetensors: images, samples) against ENTRY (BOARD[/vN]/MODEL[@V]) under its threat model."""
    from bench.boards.challenge import read_images, score
    from bench.boards.entering import add_challenge
    from bench.boards.opening import subject_of
    from bench.boards.store import boards_root, boards_to_write, open_entry
    from bench.boards.submission.questioned import Questioning
    from bench.data import load_samples
    from bench.foundation.spec import parse_eps
    from bench.foundation.threats import threat_at
    from bench.tasks.lookup import board_rules

    board, stored_entry = open_entry(entry, boards_root(root) if dry_run else boards_to_write(root))
    protocol = board.protocol()
    radius = eps or protocol.rank_by
    samples = load_samples(protocol.data.name, split=protocol.data.split, n=protocol.data.n)
    challenge_images = read_images(images, samples)
    threat = threat_at(protocol.norm, parse_eps(radius, norm=protocol.norm)[0].value)
    limits = limits_of(hours, memory)
    asking = Questioning(samples, threat, draws=protocol.draws, trust_code=trust_code, limits=limits)
    with subject_of(stored_entry, submission, asking) as subject:
        scored_challenge = score(
            subject, samples, challenge_images, stored_entry, protocol, eps=radius, who=who, how=how, link=link
        )
    outside = sum(row.status != "ok" for row in scored_challenge.rows)
    rules = board_rules(protocol.task)
    before = float(rules.best_known(stored_entry, radius).mean())
    if not dry_run:
        stored_entry = add_challenge(board, stored_entry.name, scored_challenge)
    after = float(rules.best_known(stored_entry, radius).mean())
    if as_json:
        best = {"before": before, "after": after, "recorded": not dry_run}
        say_json(json.dumps(scored_challenge.model_dump(mode="json") | {"best_known": best}, indent=1))
        return
    say(
        f"{len(scored_challenge.rows)} images at {protocol.norm} {radius}: {_effect(scored_challenge)}, "
        f"{outside} are outside of the ball or the box"
    )
    if not dry_run:
        was, now = (f"{rules.scale * value:.1f}{rules.sign}" for value in (before, after))
        say(f"best known external {rules.figure} at {radius}: {was} before, {now} now")


def _effect(scored_challenge: Challenge) -> str:
    """The effect of the images inside of ball and box, in words."""
    inside = [row for row in scored_challenge.rows if row.status == "ok"]
    shifts = [abs(row.shift) for row in inside if row.shift is not None]
    if shifts:
        return f"{len(inside)} move the score by {sum(shifts) / len(shifts):.4g} on average"
    psnrs = [row.psnr for row in inside if row.psnr is not None]
    if psnrs:
        return f"{len(inside)} are shown at {sum(psnrs) / len(psnrs):.2f} dB on average"
    return f"{sum(row.robust == 0 for row in inside)} break the model"
