"""What axe-core finds wrong with a page for readers who use a keyboard, a screen reader, or need contrast."""

from __future__ import annotations

from typing import Any

RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
"""Levels A and AA of the Web Content Accessibility Guidelines 2.2, and what axe-core recommends beside them."""


def violations(page: Any) -> list[str]:
    """Each rule that the open page of playwright breaks, with the elements that break it."""
    from axe_playwright_python.sync_playwright import Axe

    # preload: the rules of axe-core would fetch the style sheet, which the policy of the site forbids
    answer = Axe().run(page, options={"resultTypes": ["violations"], "runOnly": RULES, "preload": False}).response
    return [
        f"{broken['id']} ({broken['impact']}): {broken['help']}: {', '.join(node['html'][:200] for node in broken['nodes'])}"
        for broken in answer["violations"]
    ]
