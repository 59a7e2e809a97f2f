"""What is wrong with a page as it stands in the browser: by axe-core (WCAG 2.2 AA), and sideways."""

from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDTHS: Final = (390, 820, 1440)
WCAG: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Whatever is right with each node would be two megabytes for a page.
OPTIONS: Final = {"runOnly": WCAG, "resultTypes": ["violations"]}
LEAST_RULES: Final = 10  # that some page keeps: axe was there, and was asked
SCRIPT: Final[str] = Axe().axe_script


def violations(page: Page, *, within: str = "html") -> list[str]:
    """The rules that a page breaks inside that element, each with the first nodes that break it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(SCRIPT)
    found = page.evaluate("([within, options]) => axe.run(within, options)", [within, OPTIONS])
    assert len(found["passes"]) > LEAST_RULES
    return [f"{it['id']}: {_nodes(it)}" for it in found["violations"]]


def faults(page: Page, scheme: str) -> list[str]:
    """Where one has to scroll sideways, and what axe says: at the widest, in the dark at the narrowest."""
    found = [f"{width} px: {wide} px wide" for width in WIDTHS if (wide := _width_at(page, width)) > width]
    _width_at(page, WIDTHS[0] if scheme == "dark" else WIDTHS[-1])
    return found + violations(page)


def _width_at(page: Page, width: int) -> int:
    page.set_viewport_size({"width": width, "height": 900})
    return int(page.evaluate("document.documentElement.scrollWidth"))


def _nodes(violation: dict[str, Any]) -> list[str]:
    return [node["html"][:120] for node in violation["nodes"][:3]]
