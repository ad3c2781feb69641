"""The site: what it promises of its files, without a browser."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args
from urllib.parse import unquote

import pytest
from support.leaderboard import board, kept_records, many

from bench.boards.challenge_record import Challenge
from bench.boards.ranking import Rank
from bench.foundation.errors import BoardError, StorageError
from bench.studies.claims.claim import Bound, Claim, Result
from bench.tasks.record import Reliability
from reports.site.build import POLICY, build, write
from reports.site.charts import curves
from reports.site.claims import ClaimView
from reports.site.claims import view as claim_view
from reports.site.links import web
from reports.site.verdicts import CHECKS, VERDICTS
from reports.site.view import BoardView, view
from reports.site.words import commands

BOARDS = Path(__file__).parents[2] / "leaderboards"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> BoardView:
    """A board of two models that have two kept records' numbers."""
    made = board(tmp_path_factory.mktemp("boards"), records=kept_records()[:2])
    return view(made, [1])


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(page: Path) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.found


def test_pages_keep_the_strict_policy_and_every_link_leads_somewhere(seen: BoardView, tmp_path: Path) -> None:
    write([seen], [ClaimView("A claim", "reproduced", [("source", "https://example.org/a")])], tmp_path / "site")
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) == 4 + 4 + len(seen.entries)
    for page in pages:
        for tag, attributes in tags(page):
            assert tag != "style" and "style" not in attributes
            assert not any(name.startswith("on") for name in attributes), (page, attributes)
            assert tag != "script" or attributes.get("src")
            for name in ("href", "src"):
                address = (attributes.get(name) or "").partition("#")[0]
                if address and not address.startswith("https://"):
                    assert (page.parent / unquote(address)).resolve().is_file(), (page, address)
        assert {"http-equiv": "Content-Security-Policy", "content": POLICY} in [
            one for tag, one in tags(page) if tag == "meta"
        ]


def test_what_others_wrote_stays_text(seen: BoardView, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    first = seen.entries[0]
    card = first.card.model_copy(
        update={
            "summary": evil,
            "defense": evil,
            "authors": [evil],
            "homepage": "javascript:alert(1)",
            "paper": first.card.paper.model_copy(update={"title": evil, "url": "javascript:alert(1)"}),
        }
    )
    row = {"sample": 0, "norm_value": 0.0, "status": "ok", "adv_pred": 0, "robust": 0.0, "adv_sha256": ""}
    challenge = Challenge.model_construct(
        who=evil, how=evil, link="javascript:x", date="2026-01-02", eps="8/255", rows=[type("Row", (), row)()]
    )
    hostile = replace(seen, entries=[replace(first, card=card, challenges=[challenge]), *seen.entries[1:]])
    write([hostile], [ClaimView(evil, evil, [(evil, evil), ("link", "javascript:alert(1)")])], tmp_path / "site")
    for page in (tmp_path / "site").rglob("*.html"):
        assert "<script>" not in page.read_text()
        for tag, attributes in tags(page):
            assert tag != "img"
            assert not (attributes.get("href") or "").lower().startswith("javascript")


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "//x.org", "https://", "https://a\nb", "ftp://x.org"],
)
def test_only_web_addresses_become_links(address: str) -> None:
    assert web(address) == ""
    assert web("https://example.org/a?b=c#d") == "https://example.org/a?b=c#d"


def test_with_a_thousand_entries_each_page_stays_below_a_megabyte(seen: BoardView, tmp_path: Path) -> None:
    write([many(seen, 1000)], [], tmp_path / "site")
    assets = sum(path.stat().st_size for path in (tmp_path / "site" / "assets").iterdir())
    for page in (tmp_path / "site" / "index.html", tmp_path / "site" / "boards" / seen.name / "index.html"):
        assert page.stat().st_size + assets < 1_000_000


def test_the_first_page_says_which_is_best_and_what_else_could_be(seen: BoardView, tmp_path: Path) -> None:
    entries = [replace(seen.entries[0], rank=Rank(1, 1, 2)), replace(seen.entries[1], rank=Rank(2, 1, 2))]
    write([replace(seen, entries=entries)], [], tmp_path / "site")
    text = re.sub(r"<[^>]+>|\s+", " ", (tmp_path / "site" / "index.html").read_text())
    text = re.sub(r"\s+", " ", text)
    assert f"is best? {entries[0].title}" in text
    assert f"not shown to be better than {entries[1].title} ." in text


def test_the_first_page_names_everything_that_may_be_as_good(seen: BoardView, tmp_path: Path) -> None:
    named = [replace(seen.entries[0], name=f"{letter}@1", rank=Rank(1, 1, 6)) for letter in "abcdef"]
    named = [replace(entry, facts=replace(entry.facts, title="")) for entry in named]
    for count, words in ((3, "than b@1 or c@1 ."), (4, "than b@1 , c@1 or d@1 ."), (6, "than b@1 , c@1 , d@1 or 2 more.")):
        write([replace(seen, entries=named[:count])], [], tmp_path / "site")
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", (tmp_path / "site" / "index.html").read_text()))
        assert words in text


def test_no_model_is_called_best_where_nothing_is_left(seen: BoardView, tmp_path: Path) -> None:
    assert seen.main and not seen.nothing_left
    broken = [replace(entry, values=entry.values | {seen.main.key: 0.0}, rank=Rank(1, 1, 2)) for entry in seen.entries]
    nobody = replace(seen, entries=broken)
    assert nobody.nothing_left and (picture := curves(nobody, 10)) and {mark.kind for mark in picture.marks} == {"other"}
    write([nobody], [], tmp_path / "site")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", (tmp_path / "site" / "index.html").read_text()))
    assert re.search(
        r"is best\? None Under attack at 8/255 no (model|spiking network) is right on any of the \d+ images", text
    )
    one = replace(broken[1], values=broken[1].values | {seen.main.key: 0.1})
    assert not replace(nobody, entries=[broken[0], one]).nothing_left


def test_a_command_says_whether_this_program_still_runs_what_was_frozen(seen: BoardView, tmp_path: Path) -> None:
    assert not seen.as_frozen  # the stages of this protocol are made up
    now = commands(seen.entries[0], seen.protocol, as_frozen=True)[0]
    then = commands(seen.entries[0], seen.protocol, as_frozen=False)[0]
    assert now[1] == then[1] and now[0] == "Evaluate it again" and "the program of 2026-01-02" in then[0]
    write([seen], [], tmp_path / "site")
    page = (tmp_path / "site" / "boards" / seen.name / "models" / f"{seen.entries[0].name}.html").read_text()
    assert "with the program of 2026-01-02" in page


def test_a_model_explains_its_verdict_and_its_checks_and_puts_remarks_first(seen: BoardView, tmp_path: Path) -> None:
    entry = seen.entries[0]
    remark = {"name": "radius", "status": "warn", "value": 0.0, "says": "it is odd"}
    passed = {"name": "stability", "status": "pass", "value": 0.0, "says": "all is well"}
    reliability = {"status": "reliable_with_remarks", "reasons": ["it is odd"], "checks": [passed, remark]}
    record = entry.record.model_copy(update={"reliability": Reliability.model_validate(reliability)})
    write([replace(seen, entries=[replace(entry, record=record)])], [], tmp_path / "site")
    page = (tmp_path / "site" / "boards" / seen.name / "models" / f"{entry.name}.html").read_text()
    assert page.count("it is odd") == 1 and page.index("it is odd") < page.index("all is well")
    assert VERDICTS["reliable with remarks"] in page and CHECKS["stability"] in page


def test_every_verdict_and_every_check_of_the_boards_is_explained() -> None:
    assert set(VERDICTS) == {status.replace("_", " ") for status in get_args(Reliability.model_fields["status"].annotation)}
    kept = [record for record in kept_records() for _ in record.reliability.checks]
    assert kept
    lines = [line for path in BOARDS.glob("*/v*/records.jsonl") for line in path.read_text().splitlines()]
    names = {name for line in lines for name in re.findall(r'"name":\s*"([^"]+)",\s*"status"', line)}
    assert names and {name.replace("_", " ") for name in names} <= set(CHECKS)


def test_a_site_replaces_only_a_site(seen: BoardView, tmp_path: Path) -> None:
    out = tmp_path / "site"
    write([seen], [], out)
    write([seen], [], out)
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "thesis.tex").write_text("years of work")
    with pytest.raises(StorageError, match="not a site"):
        write([seen], [], other)
    with pytest.raises(BoardError, match="no boards"):
        build(tmp_path / "nothing", tmp_path / "new")


def test_claims_in_words(tmp_path: Path) -> None:
    said = Claim(
        claim="A beats B.",
        source="A paper",
        models=["no_such_a", "no_such_b"],
        statistic="robust_difference",
        protocol={"attack": "pgd", "n": 5},
        holds=Bound(side="above"),
    )
    shown = claim_view("a_over_b", said)
    assert (shown.title, shown.verdict) == ("A beats B.", "not run yet")
    assert dict(shown.fields)["protocol"] == "attack: pgd; n: 5" and "measured" not in dict(shown.fields)
    assert shown.corrected == ""
    result = Result(value=0.1, low=-0.05, high=0.25, n=5, parts={"no_such_a robust": 0.5})
    shown = claim_view("a_over_b", said.model_copy(update={"verdict": "inconclusive", "result": result}))
    assert shown.verdict == "inconclusive"
    assert dict(shown.fields)["measured"] == "+10.0 points [-5.0, +25.0], n = 5"
