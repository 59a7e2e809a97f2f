"""Help pages in a browser: everybody can read them, on any screen, without a script."""

import pytest
from playwright.sync_api import Browser, expect

from guides import book
from standalone.throwaway import Sameroom
from tests.browser.accessible import faults
from tests.browser.newcomer import Newcomer
from tests.browser.screenshots import SCHEMES, Scheme

HIPCHAT = "/getting-started/en/accounts/hipchat"
HELP = "/getting-started/en/"
PAGES = [
    *(HELP, f"{HELP}?q=renew+token", f"{HELP}?q=xyzzyplugh"),
    *(page.url for page in book.pages("en")),
]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_help_keeps_wcag_and_needs_no_scrolling_sideways(
    chromium: Browser, sameroom: Sameroom, scheme: Scheme
) -> None:
    visitor = Newcomer(chromium.new_context(color_scheme=scheme), sameroom.address)

    found = {path: wrong for path in PAGES if (wrong := faults(visitor.go(path), scheme))}

    assert found == {}
    assert visitor.console == []
    visitor.context.close()


@pytest.mark.parametrize("width", [320, 768, 930, 1200, 1280])
def test_signed_in_the_navigation_has_room_for_help(visitor: Newcomer, width: int) -> None:
    visitor.sign_up(f"a-rather-long-address-{width}@example.com")
    visitor.page.set_viewport_size({"width": width, "height": 800})

    page = visitor.go(HIPCHAT)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sticks_out = """() => {
        const head = document.querySelector(".site-head .wrap"), last = head.lastElementChild.offsetParent
            ? head.lastElementChild : head.querySelector(".menu-wide");
        const inside = head.getBoundingClientRect().right - parseFloat(getComputedStyle(head).paddingRight);
        return last.getBoundingClientRect().right - inside;
    }"""
    assert page.evaluate(sticks_out) < 1


def test_from_the_form_to_its_help_without_a_script(chromium: Browser, sameroom: Sameroom) -> None:
    context = chromium.new_context(java_script_enabled=False)
    visitor = Newcomer(context, sameroom.address)
    visitor.sign_up("reader@example.com")

    visitor.go("/accounts/add/hipchat/").get_by_role("link", name="The whole way").click()
    expect(visitor.page.get_by_role("heading", name="Link a HipChat account")).to_be_visible()
    visitor.page.get_by_role("link", name="Messages, and what to do").click()

    expect(visitor.page.get_by_role("heading", name="Messages, and what to do")).to_be_in_viewport()
    context.close()


def test_search_finds_without_a_script(chromium: Browser, sameroom: Sameroom) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = Newcomer(context, sameroom.address).go(HIPCHAT)

    page.get_by_role("searchbox", name="Search the help pages").fill("how do I pause a Tube")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Tubes: Pause it, close it").click()

    expect(page.get_by_role("heading", name="Pause it, close it")).to_be_in_viewport()
    context.close()
