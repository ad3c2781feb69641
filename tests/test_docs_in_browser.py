"""The script of the documentation in headless Chromium: no option of a command is torn, and the keyboard reaches tables."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip("no chromium is installed (Debian: apt-get install chromium)", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e '.[dev]')")
pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
COMMAND = "bench evaluate --model my_net.py::Net --trust-code"
PAGE = f"""<!doctype html><html lang="en"><body class="md-typeset" style="width: 12rem; font: 16px monospace">
<p>Run <code>{COMMAND}</code> once.</p>
<p><code>an-option-that-no-phone-has-the-room-to-show-in-one-line</code></p>
<div class="md-typeset__scrollwrap" style="overflow: auto"><div style="width: 60rem; height: 2rem"></div></div>
<script src="reading.js"></script></body></html>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A page in the form that the theme gives to pages, with the style sheets and the script of the documentation."""
    folder = tmp_path_factory.mktemp("docs")
    styles = "".join(f"<style>{path.read_text()}</style>" for path in sorted((DOCS / "stylesheets").glob("*.css")))
    (folder / "page.html").write_text(styles + PAGE)
    shutil.copyfile(DOCS / "javascripts" / "reading.js", folder / "reading.js")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if os.getuid() == 0 else [])
        opened = browser.new_page(viewport={"width": 390, "height": 800})
        opened.goto(f"file://{folder}/page.html")
        yield opened
        browser.close()


def test_the_script_and_the_style_sheets_are_those_of_the_pages() -> None:
    text = (ROOT / "mkdocs.yml").read_text()
    names = yaml.safe_load(text.partition("theme:")[0])
    listed = {DOCS / name for name in [*names["extra_css"], *names["extra_javascript"]]}
    assert listed == {*(DOCS / "stylesheets").glob("*.css"), *(DOCS / "javascripts").glob("*.js")}


def test_no_option_is_torn_and_the_text_stays(page: Any) -> None:
    command = page.locator("code").first
    assert command.text_content() == COMMAND
    lines = command.evaluate("(code) => [...code.querySelectorAll('.whole')].map((word) => word.getClientRects().length)")
    assert lines == [1, 1]


def test_a_word_without_room_may_be_torn(page: Any) -> None:
    assert page.locator("code").nth(1).locator(".whole").count() == 0


def test_a_wide_table_is_reached_by_keyboard(page: Any) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "md-typeset__scrollwrap"
