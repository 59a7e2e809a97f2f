"""Manage while things go wrong, in a browser: told by itself, counted, put away, sent again."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from standalone.throwaway import Sameroom
from tests.browser import troubles
from tests.browser.newcomer import Newcomer
from tests.starting import started

EMAIL = "troubled@example.com"


@pytest.fixture(scope="module")
def pushing() -> Iterator[Sameroom]:
    """A Sameroom that also knows a service that pushes."""
    with started(**troubles.WITH_PUSHES) as running:
        yield running


def test_troubles_are_told_and_can_be_acted_upon(chromium: Browser, pushing: Sameroom) -> None:
    context = chromium.new_context(permissions=["clipboard-read", "clipboard-write"])
    visitor = Newcomer(context, pushing.address)
    visitor.sign_up(EMAIL)
    for group in ("Acme", "Globex"):
        visitor.add_account(visitor.create_token(group), group)
    for side_a, side_b in troubles.TUBES:
        visitor.open_a_tube(side_a, side_b)
    page = visitor.go("/manage/")
    count = page.get_by_role("link", name="Manage").locator(".notice-count").first
    expect(count).to_be_hidden()

    troubles.make("lost_and_waiting", EMAIL, pushing)
    expect(page.get_by_role("heading", name="Notices")).to_be_visible()
    expect(count).to_contain_text("5")
    expect(page.get_by_text("17 messages wait.")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 800})  # the Tubes must not be pushed away
    expect(page.locator(".notice:visible")).to_have_count(1)
    expect(page.get_by_role("link", name="Show all 5")).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.locator(".notice:visible")).to_have_count(3)
    page.get_by_role("button", name="Dismiss: A message from Lounge could not").click()
    expect(count).to_contain_text("4")

    page.get_by_role("link", name="See which").click()
    page.get_by_role("button", name="Send again, out of order").last.click()
    expect(page.get_by_text("It is on its way again.")).to_be_visible()
    room = visitor.enter_room("Bo Ray", "Watercooler")
    # With its time in front: it is late.
    expect(room.page.locator("main").get_by_text("Has anybody seen the blue van?")).to_have_count(1)

    troubles.make("pushed", EMAIL, pushing)
    page = visitor.go("/accounts/")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    address = page.get_by_label("Webhook address").input_value()
    assert page.evaluate("navigator.clipboard.readText()") == address
    assert address.startswith(f"{pushing.address}/hooks/")
    assert visitor.console == []
    context.close()
