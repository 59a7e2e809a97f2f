"""What makes the pages pleasant: first steps, undo, times, copying, keys, and everything without a script."""

import re
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from playwright.sync_api import TimeoutError as NotInTime

from standalone.throwaway import Sameroom
from tests.browser.newcomer import PASSWORD, Newcomer
from tests.starting import started
from tests.waiting import until


@pytest.fixture
def house() -> Iterator[Sameroom]:
    """One of a test's own: a login of the sandbox has one owner."""
    with started() as running:
        yield running


def test_first_steps_are_ticked_by_what_is_done_and_gone_when_done(
    chromium: Browser, house: Sameroom
) -> None:
    context = chromium.new_context()
    visitor = Newcomer(context, house.address)
    visitor.sign_up("ann@example.com")
    page = visitor.page
    expect(page.get_by_text("0 of 4 done")).to_be_visible()

    watched = context.new_page()
    watched.goto(f"{house.address}/manage/")
    for number, group in enumerate(("Acme", "Globex"), start=1):
        visitor.add_account(visitor.create_token(group), group)
        expect(watched.get_by_text(f"{number} of 4 done")).to_be_visible()  # by itself
    visitor.open_a_tube("Support", "Helpdesk")
    expect(page.get_by_text("3 of 4 done")).to_be_visible()
    visitor.enter_room("Ann Lee", "Support").say("Hello!")
    expect(page.get_by_role("heading", name="The two rooms are talking")).to_be_visible()
    expect(page.locator("#said")).to_have_text("4 of 4 steps done")

    visitor.go("/manage/")
    expect(page.locator(".card.tube")).to_have_count(1)
    expect(page.locator("#first-steps")).to_have_count(0)
    context.close()


def test_first_steps_can_be_put_away_and_got_back(visitor: Newcomer) -> None:
    visitor.sign_up("away@example.com")
    page = visitor.go("/manage/")

    page.get_by_role("button", name="Hide these steps").click()
    expect(page.get_by_role("status").filter(has_text="The first steps are put away.")).to_be_visible()
    expect(page.locator("#first-steps")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()

    expect(page.locator("#first-steps")).to_be_visible()


def test_from_signing_up_to_an_open_tube_and_back_without_a_script(
    chromium: Browser, house: Sameroom
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    visitor = Newcomer(context, house.address)
    visitor.sign_up("plain@example.com")
    for group in ("Acme", "Globex"):
        visitor.add_account(visitor.create_token(group), group)
    page = visitor.page
    for path, room in (("/open-a-tube/?q=support", "Support"), ("?q=helpdesk", "Helpdesk")):
        look_until_listed(
            page, f"{house.address}{path}" if path.startswith("/") else f"{page.url}{path}", room
        )
        with page.expect_event("load"):
            page.locator("#found .pick").filter(has_text=room).click()
    expect(page.get_by_role("heading", name="The Tube is open")).to_be_visible()
    expect(page.get_by_text("3 of 4 done")).to_be_visible()

    visitor.go("/manage/").get_by_role("button", name="Close").click()
    expect(page.get_by_text("The Tube between Support and Helpdesk is closed.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Support and Helpdesk are joined again.")).to_be_visible()
    expect(page.get_by_role("button", name="Keyboard shortcuts")).to_be_hidden()
    context.close()


def look_until_listed(page: Page, address: str, room: str) -> None:
    """Load the page again, as people without a script do, until the account's rooms are looked up."""
    for _ in range(40):
        page.goto(address)
        if page.locator("#found .pick").filter(has_text=room).count():
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"{room} was not listed")


def test_a_drawing_plays_once_and_not_where_motion_is_not_wanted(
    chromium: Browser, sameroom: Sameroom
) -> None:
    moving = "document.getAnimations().filter((it) => it.playState === 'running').length"
    for motion, shown_at_once in (("no-preference", False), ("reduce", True)):
        context = chromium.new_context(reduced_motion=motion, bypass_csp=True)  # type: ignore[arg-type]
        page = Newcomer(context, sameroom.address).go("/")
        assert (page.evaluate(moving) == 0) is shown_at_once
        # All of it has an end, five seconds after the page is there.
        ends = "Math.max(0, ...document.getAnimations().map((it) => it.effect.getComputedTiming().endTime))"
        assert page.evaluate(ends) <= 5_000
        page.wait_for_function(f"{moving} === 0")
        expect(page.get_by_text("You are a gem.").last).to_be_visible()
        assert page.locator(".say.t6").evaluate("it => getComputedStyle(it).opacity") == "1"
        context.close()


# As if the server took its time: the form goes nowhere. Whether a press came through, in their order.
SLOWLY = """() => {
    window.held = [];
    window.addEventListener("submit", (event) => {
        window.held.push(!event.defaultPrevented);
        event.preventDefault();
    });
}"""


def test_a_form_that_takes_long_shows_that_it_is_at_work_and_is_sent_once(visitor: Newcomer) -> None:
    page = visitor.go("/user/login/")
    page.evaluate(SLOWLY)
    page.get_by_label("E-mail address").fill("slow@example.com")
    page.get_by_label("Password").fill(PASSWORD)

    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("progressbar", name="Working")).to_be_visible()
    expect(page.locator("#said")).to_have_text("Working …")
    page.get_by_role("button", name="Sign in").click()

    assert page.evaluate("window.held") == [True, False]


def test_a_search_that_takes_long_shows_that_it_is_at_work(chromium: Browser, house: Sameroom) -> None:
    context = chromium.new_context()
    visitor = Newcomer(context, house.address)
    visitor.sign_up("search@example.com")
    visitor.add_account(visitor.create_token("Acme"), "Acme")
    visitor.go("/accounts/")
    expect(visitor.page.get_by_text(", looked up")).to_be_visible()
    page, held = visitor.go("/open-a-tube/"), list[Route]()
    page.route("**/open-a-tube/?q=*", lambda route: held.append(route))

    page.get_by_role("searchbox").fill("support")
    expect(page.get_by_role("progressbar", name="Working")).to_be_visible()
    held[0].continue_()

    expect(page.locator("#found .pick")).to_have_count(1)
    expect(page.get_by_role("progressbar", name="Working")).to_be_hidden()
    context.close()


def led_to(page: Page, path: str, *keys: str) -> bool:
    """Whether these keys, one after the other, lead there: a busy browser may take too long for it."""
    for key in keys:
        page.keyboard.press(key)
    with suppress(NotInTime):
        page.wait_for_url(f"**{path}", timeout=2000)
    return page.url.endswith(path)


def test_keys_lead_through_the_pages_and_can_be_switched_off(visitor: Newcomer) -> None:
    visitor.sign_up("keys@example.com")
    page = visitor.go("/accounts/")

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    until(lambda: led_to(page, "/manage/", "g", "m"))

    page.get_by_role("button", name="Keyboard shortcuts").click()
    page.get_by_label("Single keys act, in this browser").uncheck()
    page.get_by_role("button", name="Close").click()
    visitor.go("/user/email/")
    page.keyboard.press("?")
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page).to_have_url(f"{visitor.address}/user/email/")
    assert visitor.console == []


def test_letters_that_are_typed_are_letters(visitor: Newcomer) -> None:
    page = visitor.go("/user/login/")

    page.get_by_label("E-mail address").press_sequentially("g?h@example.com")

    expect(page.get_by_label("E-mail address")).to_have_value("g?h@example.com")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_first_thing_that_tab_reaches_leads_past_the_navigation(visitor: Newcomer) -> None:
    page = visitor.go("/user/login/")
    page.evaluate("document.activeElement.blur()")

    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    assert skip.evaluate("it => getComputedStyle(it).outlineStyle") == "solid"
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()


def test_times_stay_true_while_a_page_is_left_open(chromium: Browser, house: Sameroom) -> None:
    context = chromium.new_context(timezone_id="Asia/Kolkata")
    visitor = Newcomer(context, house.address)
    visitor.sign_up("clock@example.com")
    visitor.add_account(visitor.create_token("Acme"), "Acme")
    visitor.go("/accounts/")
    time = visitor.page.locator("time[data-ago]")
    expect(time).to_have_text("just now")
    local = r"^.+ where you are, \d+ \w+ \d{4}, \d\d:\d\d:\d\d UTC$"
    expect(time).to_have_attribute("title", re.compile(local))

    visitor.page.clock.install()
    visitor.page.reload()
    visitor.page.clock.fast_forward("05:00")

    expect(time).to_have_text(re.compile("^[4-9] minutes ago$"))
    context.close()


def test_a_copy_button_confirms_and_is_a_copy_button_again(chromium: Browser, house: Sameroom) -> None:
    context = chromium.new_context(permissions=["clipboard-read", "clipboard-write"])
    visitor = Newcomer(context, house.address)
    visitor.sign_up("copy@example.com")
    visitor.add_account(visitor.create_token("Acme"), "Acme")
    visitor.go("/accounts/")
    expect(visitor.page.get_by_text(", looked up")).to_be_visible()
    page = visitor.go("/create-a-portal/")
    page.get_by_role("link", name="Support").click()
    page.get_by_role("button", name="Create the Portal").click()
    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    expect(page.locator("#said")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith(f"{house.address}/p/")
    expect(page.get_by_role("button", name="Copy", exact=True)).to_be_visible()
    context.close()
