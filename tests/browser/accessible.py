"""What is wrong with a page as it stands in the browser: by axe-core (WCAG 2.2 AA), and sideways."""

from contextlib import suppress
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as NotInTime

WIDTHS: Final = (390, 820, 1440)
WCAG: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Whatever is right with each node would be two megabytes for a page.
OPTIONS: Final = {"runOnly": WCAG, "resultTypes": ["violations"]}
LAID_OUT: Final = 2000.0  # milliseconds within which a page is laid out for another width
LEAST_RULES: Final = 10  # that some page keeps: axe was there, and was asked
SCRIPT: Final[str] = Axe().axe_script


def violations(page: Page, *, within: str = "html") -> list[str]:
    """The rules that a page breaks inside that element, each with the first nodes that break it."""
    page.wait_for_load_state()
    if not page.evaluate("'axe' in window"):
        page.evaluate(SCRIPT)
    found = page.evaluate("([within, options]) => axe.run(within, options)", [within, OPTIONS])
    assert len(found["passes"]) > LEAST_RULES
    return [f"{it['id']}: {_nodes(it)}" for it in found["violations"]]


def faults(page: Page, scheme: str) -> list[str]:
    """Where one has to scroll sideways, and what axe says: at the widest, in the dark at the narrowest."""
    page.wait_for_load_state()
    found = [f"{width} px: {wide} px wide" for width in WIDTHS if (wide := _width_at(page, width)) > width]
    _width_at(page, WIDTHS[0] if scheme == "dark" else WIDTHS[-1])
    return found + violations(page)


def _width_at(page: Page, width: int) -> int:
    """How wide the page is in a window of this width, once it is laid out for it."""
    page.set_viewport_size({"width": width, "height": 900})
    with suppress(NotInTime):
        page.wait_for_function(
            "width => document.documentElement.scrollWidth <= width", arg=width, timeout=LAID_OUT
        )
    return int(page.evaluate("document.documentElement.scrollWidth"))


def _nodes(violation: dict[str, Any]) -> list[str]:
    return [node["html"][:120] for node in violation["nodes"][:3]]
