"""The site in headless Chromium, opened from the disk: mouse, keyboard, narrow screens, no complaint on the console."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import pytest
from support.axe import violations
from support.leaderboard import board, kept_records, many

from bench.boards.ranking import Rank
from bench.metrics.statistics import paired_difference
from bench.tasks.classification.board import standing
from reports.site.build import write
from reports.site.claims import ClaimView
from reports.site.view import view

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip("no chromium is installed (Debian: apt-get install chromium)", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e '.[dev]')")
pytestmark = pytest.mark.timeout(300)
needs_axe = pytest.mark.skipif(
    find_spec("axe_playwright_python") is None, reason="axe-playwright-python is not installed (pip install -e '.[dev]')"
)

FIRST, SECOND = kept_records()[:2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a site: v1 has two measured entries, v2 a thousand generated ones."""
    root = tmp_path_factory.mktemp("boards")
    old = view(board(root, 1, records=[FIRST, SECOND]), [1, 2])
    new = many(view(board(root, 2, records=[FIRST, SECOND]), [1, 2]), 1000)
    out = tmp_path_factory.mktemp("out") / "site"
    claims = [
        ClaimView("Sparse gradients help.", "reproduced", [("source", "a paper")], "a", "inconclusive", "0.2"),
        ClaimView("Noise helps.", "not reproduced", [("protocol", "n: 5")], "b", "not reproduced", "0.001"),
    ]
    write([old, new], claims, out)
    return f"file://{out}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; root may only run it without its sandbox."""
    with sync_api.sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if os.getuid() == 0 else [])
        yield started
        started.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page, on a system with light colours, that fails its test if anything is said on the console."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    yield opened
    opened.close()
    assert said == []


BOARD = "/boards/snn-sample-linf"


def first_rows(page: Any, count: int = 3) -> list[str]:
    shown = page.locator("tbody tr:not([hidden]) th")
    return [shown.nth(number).inner_text() for number in range(count)]


def test_a_thousand_entries_are_sorted_by_mouse_and_keyboard(site: str, page: Any) -> None:
    page.goto(f"{site}{BOARD}/v2/index.html")
    assert first_rows(page) == ["model_0@1", "model_1@1", "model_2@1"]
    page.get_by_role("button", name="model").click()
    assert first_rows(page) == ["model_0@1", "model_1@1", "model_2@1"]  # as numbers, not as text
    page.keyboard.press("Enter")
    assert first_rows(page) == ["model_999@1", "model_998@1", "model_997@1"]
    assert page.get_by_role("columnheader", name="model").get_attribute("aria-sort") == "descending"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # the next column, the one that ranks: highest first
    assert first_rows(page) == ["model_0@1", "model_1@1", "model_2@1"]


def test_the_table_is_filtered_as_one_types(site: str, page: Any) -> None:
    page.goto(f"{site}{BOARD}/v2/index.html")
    page.get_by_label("Find").fill("model_99 defense")
    assert page.locator("output").inner_text() == "11 of 1000 entries"
    assert first_rows(page, 2) == ["model_99@1", "model_990@1"]
    page.get_by_label("Find").fill("no such model")
    assert page.locator("tbody tr:visible").count() == 0
    page.get_by_label("Find").fill("")
    page.get_by_label("Class").select_option("zoo")
    assert page.locator("output").inner_text() == "1000 of 1000 entries, the first 100 shown"
    assert page.locator("tbody tr:not([hidden])").count() == 100
    page.get_by_role("button", name="Show all").press("Enter")
    assert page.locator("tbody tr:not([hidden])").count() == 1000


def test_versions_lead_to_each_other(site: str, page: Any) -> None:
    page.goto(f"{site}{BOARD}/v2/index.html")
    page.get_by_role("navigation", name="Version").get_by_role("link", name="v1").press("Enter")
    assert page.url.endswith("/v1/index.html")
    assert "replaced by v2" in page.locator(".notice").inner_text()
    assert page.locator("tbody tr").count() == 2


def test_the_comparison_in_the_browser_is_that_of_the_library(site: str, page: Any) -> None:
    first, second = FIRST, SECOND
    names = [f"{record.model.ref.removeprefix('zoo:')}@1" for record in (first, second)]
    page.goto(f"{site}{BOARD}/v1/compare.html")
    page.get_by_label("First").select_option(names[0])
    page.get_by_label("Second").select_option(names[1])
    for cell in first.results:
        values = [standing(record, cell.eps_text).to_numpy(float) for record in (first, second)]
        wanted = paired_difference(*values)
        row = page.locator(
            "#paired tbody tr",
            has=page.get_by_role("rowheader", name=f"accuracy under attack at {cell.eps_text}", exact=True),
        )
        shown = row.locator("td").nth(2).inner_text()
        found = [float(number) for number in re.findall(r"-?\d+\.\d", shown)]
        assert found == pytest.approx([100 * one for one in (wanted.value, wanted.low, wanted.high)], abs=0.0501)
        assert float(row.locator("td").nth(5).inner_text()) == pytest.approx(wanted.p, rel=0.06, abs=6e-4)
    page.reload()  # the address names the pair
    assert page.get_by_label("First").input_value() == names[0]
    page.get_by_role("button", name="Swap").click()
    assert page.get_by_label("First").input_value() == names[1]


PAGES = (
    "/index.html",
    "/claims.html",
    "/models.html",
    "/submit.html",
    *(f"{BOARD}/v1/{file}" for file in ("index.html", "compare.html", "protocol.html", "changes.html")),
    f"{BOARD}/v1/models/{FIRST.model.ref.removeprefix('zoo:')}@1.html",
)
"""One of each kind."""


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_no_page_is_wider_than_its_screen(site: str, page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for path in PAGES:
        page.goto(f"{site}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


@needs_axe
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_that_shuts_readers_out(site: str, page: Any, theme: str) -> None:
    page.emulate_media(color_scheme=theme)
    for path in PAGES:
        page.goto(f"{site}{path}")
        assert violations(page) == [], path


@needs_axe
def test_axe_would_find_what_shuts_readers_out(site: str, page: Any) -> None:
    page.goto(f"{site}/index.html")
    page.evaluate("document.documentElement.removeAttribute('lang'); document.querySelector('.lead').style.color = '#bbb'")
    assert sorted(line.partition(" ")[0] for line in violations(page)) == ["color-contrast", "html-has-lang"]


# --- light and dark ---

PAPER = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(16, 22, 29)"


def test_the_theme_is_the_systems_until_it_is_chosen(site: str, page: Any) -> None:
    page.goto(f"{site}/index.html")
    button = page.locator("button.theme")
    assert page.evaluate(PAPER) == LIGHT and button.inner_text() == "Theme: system"
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(PAPER) == DARK
    page.emulate_media(color_scheme="light")
    button.press("Enter")
    assert page.evaluate(PAPER) == DARK and button.inner_text() == "Theme: dark"
    button.press("Space")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(PAPER) == LIGHT and button.inner_text() == "Theme: light"


def test_the_theme_is_remembered_on_all_pages_and_forgotten_on_request(site: str, page: Any) -> None:
    page.goto(f"{site}/index.html")
    page.locator("button.theme").click()
    page.goto(f"{site}{BOARD}/v1/index.html")
    assert page.evaluate(PAPER) == DARK
    page.locator("button.theme").click()
    page.locator("button.theme").click()
    page.goto(f"{site}/claims.html")
    assert page.locator("button.theme").inner_text() == "Theme: system"
    assert page.evaluate("localStorage.length") == 0


def test_a_page_is_in_the_chosen_colours_before_its_body_is_there(site: str, page: Any) -> None:
    page.goto(f"{site}/index.html")
    page.locator("button.theme").click()
    page.add_init_script(
        "new MutationObserver((_, watching) => { if (document.body) { watching.disconnect();"
        " globalThis.themeAtFirst = document.documentElement.dataset.theme; } })"
        ".observe(document, { childList: true, subtree: true })"
    )
    page.reload()
    assert page.evaluate("globalThis.themeAtFirst") == "dark"


def test_without_a_memory_the_theme_is_that_of_the_page(site: str, page: Any) -> None:
    page.add_init_script(
        "Object.defineProperty(globalThis, 'localStorage', { get() { throw new DOMException('no', 'SecurityError') } })"
    )
    page.goto(f"{site}/index.html")
    page.locator("button.theme").click()
    assert page.evaluate(PAPER) == DARK
    page.reload()
    assert page.evaluate(PAPER) == LIGHT


def test_the_first_stop_of_the_keyboard_skips_to_the_content(site: str, page: Any) -> None:
    page.goto(f"{site}/index.html")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    page.keyboard.press("Enter")
    page.wait_for_url("**/index.html#main")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_stop_of_the_keyboard_is_seen(site: str, page: Any, theme: str) -> None:
    page.emulate_media(color_scheme=theme)
    for path in (f"{BOARD}/v1/index.html", f"{BOARD}/v1/compare.html", "/submit.html"):
        page.goto(f"{site}{path}")
        for _ in range(15):
            page.keyboard.press("Tab")
            outline = page.evaluate("(({ outline }) => outline)(getComputedStyle(document.activeElement))")
            assert "solid 3px" in outline, (path, page.evaluate("document.activeElement.outerHTML"))


def test_a_line_a_point_and_a_row_are_lit_together(site: str, page: Any) -> None:
    page.goto(f"{site}{BOARD}/v1/index.html")
    row = page.locator("tbody tr").nth(1)
    title = row.locator("th a").inner_text()
    row.hover()
    assert page.locator(".readout").inner_text().startswith(f"{title}: ")
    assert page.locator(".mark.lit").count() == 2 and page.locator(".chart").count() == 2
    point = page.locator('.mark[data-e="0"] circle:not(.wide)')
    point.hover()
    assert page.locator("tr.lit th a").all_inner_texts() == [page.locator("tbody th a").first.inner_text()]
    point.click()
    page.wait_for_url("**/models/*.html")


def test_claims_are_filtered(site: str, page: Any) -> None:
    page.goto(f"{site}/claims.html")
    page.get_by_label("Verdict").select_option("not reproduced")
    assert page.locator(".claim:visible h2").all_inner_texts() == ["Noise helps."]
    page.get_by_label("Verdict").select_option("")
    page.get_by_label("Find").fill("sparse")
    assert page.locator("output").inner_text() == "1 of 2 claims"


def test_all_models_are_filtered_by_their_figures(site: str, page: Any) -> None:
    page.goto(f"{site}/models.html")
    assert page.locator("output").inner_text().startswith("1000 of 1000")
    page.get_by_label("Clean at least").fill("100")
    assert page.locator("output").inner_text() == "0 of 1000 entries"
    page.get_by_label("Clean at least").fill("1")
    page.get_by_label("Find").fill("model_999")
    assert page.locator("output").inner_text() == "1 of 1000 entries"


def test_a_table_that_is_wider_than_the_window_says_so(site: str, page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{site}{BOARD}/v1/index.html")
    assert page.locator(".hint:visible").count() == 1
    page.set_viewport_size({"width": 2200, "height": 800})
    page.locator(".hint").wait_for(state="hidden")


def test_no_caption_is_cut_on_a_phone(site: str, page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    for path in PAGES:
        page.goto(f"{site}{path}")
        rights = page.evaluate(
            "[...document.querySelectorAll('caption')].map((caption) => caption.getBoundingClientRect().right)"
        )
        assert all(right <= 390 for right in rights), path


def test_superseded_entries_are_offered_only_where_there_are_some(site: str, page: Any) -> None:
    page.goto(f"{site}{BOARD}/v2/index.html")
    assert page.get_by_label("superseded too").count() == 1 and not page.get_by_label("superseded too").is_visible()


def test_an_option_of_a_command_is_not_torn(site: str, page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{site}/submit.html")
    page.locator("pre").nth(1).evaluate("(box) => { box.style.width = '15rem'; }")
    heights = page.evaluate(
        "[...document.querySelectorAll('pre')[1].querySelectorAll('.whole')].map((word) => word.offsetHeight)"
    )
    assert len(heights) == 2 and max(heights) < 30
    assert (
        page.locator("pre").nth(1).text_content() == "bench submit new my_defense --model my_net.py::Net --weights net.pth"
    )


@pytest.fixture(scope="module")
def of_means(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page that compares two models by means over samples: every figure of the first is higher by 0.1, or more."""
    seen = view(board(tmp_path_factory.mktemp("boards"), 1, records=[FIRST, SECOND]), [1])
    second = [sample / (2 * seen.independent) for sample in range(seen.independent)]
    first = [value + 0.1 + (sample % 2) / 10 for sample, value in enumerate(second)]
    measured = [{"mean shift": first}, {"mean shift": second}]
    entries = [
        replace(entry, outcomes=outcomes, rank=Rank(place, place, place))
        for place, (entry, outcomes) in enumerate(zip(seen.entries, measured, strict=True), 1)
    ]
    out = tmp_path_factory.mktemp("means") / "site"
    write([replace(seen, entries=entries)], [], out)
    return f"file://{out}{BOARD}/v1/compare.html"


@pytest.mark.parametrize("less", [False, True])
def test_means_are_compared_without_empty_columns(of_means: str, page: Any, less: bool) -> None:
    page.add_init_script(
        "let kept; Object.defineProperty(globalThis, 'OUTCOMES', { get: () => kept, set: (value) => { kept = { ...value, "
        f"less: {str(less).lower()} }}; }} }})"
    )
    page.goto(of_means)
    first, second = (
        page.get_by_label(label).evaluate("(e) => e.selectedOptions[0].textContent") for label in ("First", "Second")
    )
    better = f"{second} has the smaller" if less else f"{first} has the higher"
    assert page.locator("#verdict").inner_text().startswith(f"{better} mean shift, by 15.0 points")
    assert page.locator("#paired thead th:visible").all_inner_texts() == [
        "measure",
        "first, %",
        "second, %",
        "difference, points",
    ]
    assert page.locator("#paired tbody td").count() == 3


def test_a_command_is_copied(site: str, page: Any) -> None:
    page.goto(f"{site}/submit.html")
    page.get_by_role("button", name="Copy").first.click()
    page.wait_for_function("document.querySelector('button.copy').textContent !== 'Copy'")
