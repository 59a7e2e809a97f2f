"""Manage, the log and the room picker in a browser: by themselves, by keyboard, and without a script."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, Route, StorageState, expect

from standalone.throwaway import Sameroom
from tests.browser.newcomer import Newcomer
from tests.starting import started

GROUPS = ("Acme", "Globex")


@pytest.fixture(scope="module")
def house() -> Iterator[Sameroom]:
    """A Sameroom of this module's own: a login of the sandbox has one owner."""
    with started() as running:
        yield running


@pytest.fixture(scope="module")
def session(chromium: Browser, house: Sameroom) -> StorageState:
    """The cookies of somebody with accounts in both groups, whose rooms are looked up."""
    context = chromium.new_context()
    visitor = Newcomer(context, house.address)
    visitor.sign_up("resident@example.com")
    for group in GROUPS:
        visitor.add_account(visitor.create_token(group), group)
        visitor.go("/accounts/")
        expect(visitor.page.get_by_text(", looked up").first).to_be_visible()
    state = context.storage_state()
    context.close()
    return state


class Resident(Newcomer):
    def close_all(self) -> None:
        page = self.go("/manage/")
        tubes = page.get_by_role("button", name="Close", exact=True)
        for left in reversed(range(tubes.count())):
            tubes.first.click()
            expect(tubes).to_have_count(left)


@contextmanager
def at_home(chromium: Browser, house: Sameroom, session: StorageState, **settings: Any) -> Iterator[Resident]:
    """The resident in a new browser, without a Tube; nor are there any afterwards."""
    context = chromium.new_context(storage_state=session, **settings)
    visitor = Resident(context, house.address)
    yield visitor
    visitor.page.unroute_all()
    visitor.close_all()
    context.close()


@pytest.fixture
def resident(chromium: Browser, house: Sameroom, session: StorageState) -> Iterator[Resident]:
    with at_home(chromium, house, session) as visitor:
        yield visitor


def row(page: Page, room: str) -> Locator:
    return page.get_by_role("listitem").filter(has_text=room)


def test_manage_renews_itself_and_says_what_has_changed(resident: Resident) -> None:
    resident.open_a_tube("Support", "Helpdesk")
    watched = resident.go("/manage/")
    other = resident.context.new_page()
    other.goto(f"{resident.address}/manage/")

    other.get_by_role("button", name="Pause").click()

    expect(row(watched, "Support")).to_contain_text("Paused")
    expect(watched.locator("#spoken")).to_have_text("Support and Helpdesk: Paused")
    assert resident.console == []


def test_focus_stays_where_it_is_while_the_list_is_renewed(resident: Resident) -> None:
    resident.open_a_tube("Support", "Helpdesk")
    watched = resident.go("/manage/")
    watched.get_by_role("button", name="Close").focus()
    other = resident.context.new_page()
    other.goto(f"{resident.address}/manage/")

    other.get_by_role("button", name="Pause").click()
    expect(watched.get_by_role("button", name="Resume")).to_be_visible()

    expect(watched.get_by_role("button", name="Close")).to_be_focused()


def test_manage_says_when_it_cannot_be_renewed(resident: Resident) -> None:
    resident.open_a_tube("Support", "Helpdesk")
    page = resident.go("/manage/")

    page.route("**/manage/?*", lambda route: route.abort())
    expect(page.get_by_text("This page is not up to date")).to_be_visible()
    page.unroute_all()

    expect(page.get_by_text("This page is not up to date")).to_be_hidden()


def test_list_is_narrowed_while_typing_and_stays_so_when_renewed(resident: Resident) -> None:
    resident.open_a_tube("Support", "Helpdesk")
    resident.open_a_tube("Watercooler", "Lounge")
    page = resident.go("/manage/")

    page.get_by_role("searchbox", name="Room").press_sequentially("helpd")
    expect(page.locator(".card.tube")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/manage/\?q=helpd"))
    expect(page.locator("#spoken")).to_have_text("1 found")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.wait_for_timeout(2_500)  # once more round

    expect(page).to_have_url(re.compile(r"/manage/\?q=helpd"))
    expect(page.locator(".card.tube")).to_have_count(1)
    page.get_by_label("State").select_option("active")
    expect(page.get_by_role("heading", name="Nothing is like that")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    expect(page.locator(".card.tube")).to_have_count(2)
    assert resident.console == []


def test_rooms_are_picked_by_keyboard(resident: Resident) -> None:
    page = resident.go("/open-a-tube/")
    box = page.get_by_role("searchbox")
    box.press_sequentially("acme")
    expect(page.locator("#found-count")).to_contain_text("rooms found")

    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    expect(box).to_be_focused()
    box.fill("support")
    expect(page.locator("#found-count")).to_have_text("1 room found")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Pick the room to join it to")).to_be_visible()

    page.get_by_role("searchbox").fill("helpdesk")
    expect(page.locator("#found-count")).to_have_text("1 room found")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="The Tube is open")).to_be_visible()
    assert resident.console == []


def test_side_a_can_be_changed_from_side_b(resident: Resident) -> None:
    page = resident.go("/open-a-tube/?q=support")
    page.get_by_role("link", name="Support").click()

    page.get_by_role("link", name="Change").click()

    expect(page.locator(".side.a.now")).to_contain_text("Pick a room")


def test_an_answer_that_comes_late_does_not_replace_a_newer_one(resident: Resident) -> None:
    page = resident.go("/open-a-tube/")
    late: list[str] = []

    def hold(route: Route) -> None:
        if not late:
            late.append(route.request.url)
            page.wait_for_timeout(1_500)
        route.continue_()

    page.route("**/open-a-tube/?q=*", hold)
    page.get_by_role("searchbox").fill("support")
    page.wait_for_timeout(400)
    page.get_by_role("searchbox").fill("lounge")

    expect(page.locator("#found .pick")).to_have_count(1)
    expect(page.locator("#found .pick")).to_contain_text("Lounge")
    page.wait_for_timeout(2_000)
    expect(page.locator("#found .pick")).to_contain_text("Lounge")
    assert [url.rpartition("=")[2] for url in late] == ["support"]


def test_a_lookup_shows_how_far_it_is_and_the_search_is_done_again(resident: Resident) -> None:
    control = f"{resident.address}/sandbox/_sandbox"
    page = resident.go("/open-a-tube/?q=brand+new")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    people = requests.post(f"{control}/dump", json={}, timeout=30).json()["users"]
    bots = [one["id"] for one in people if one["name"] == "Sameroom Bot"]
    requests.post(f"{control}/create_room", json={"owner_id": bots[0], "name": "Brand new"}, timeout=30)
    requests.post(f"{control}/add_fault", json={"path": r"/v2/room\b", "delay": 2, "count": 4}, timeout=30)

    for button in page.get_by_role("button", name="Refresh").all():
        with page.expect_event("load"):
            button.click()
    expect(page.get_by_role("progressbar").first).to_be_visible()

    expect(page.locator("#found .pick")).to_contain_text("Brand new")
    requests.post(f"{control}/clear_faults", json={}, timeout=30)
    expect(page.get_by_role("progressbar")).to_have_count(0)


def test_everything_works_without_a_script(chromium: Browser, house: Sameroom, session: StorageState) -> None:
    with at_home(chromium, house, session, java_script_enabled=False) as visitor:
        walk_without_a_script(visitor)


def walk_without_a_script(visitor: Resident) -> None:
    page = visitor.go("/open-a-tube/")
    for room, then in (("Support", "Pick the room to join it to"), ("Helpdesk", "The Tube is open")):
        page.get_by_role("searchbox").fill(room)
        page.get_by_role("button", name="Search").click()
        page.locator("#found .pick").filter(has_text=room).click()
        expect(page.get_by_text(then)).to_be_visible()

    visitor.go("/manage/").get_by_label("State").select_option("active")
    with page.expect_event("load"):
        page.get_by_role("button", name="Show").click()
    page.get_by_role("button", name="Pause").click()
    expect(page).to_have_url(re.compile(r"\?state=active$"))
    expect(page.get_by_role("heading", name="Nothing is like that")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Active", exact=True).last).to_be_visible()
    row(page, "Support").get_by_role("link", name="Log").click()
    expect(page.get_by_role("heading", name="Nothing has passed yet")).to_be_visible()
    page.get_by_role("link", name="Back to Manage").click()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text("is closed")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Support and Helpdesk are joined again.")).to_be_visible()


def log_address(resident: Resident) -> str:
    return re.sub(r"/$", "/log/", resident.page.url).removeprefix(resident.address)


def test_log_renews_itself_and_leaves_who_reads_further_down_alone(resident: Resident) -> None:
    resident.open_a_tube("Support", "Helpdesk")
    address = log_address(resident)
    here = resident.enter_room("Ann Lee", "Support")
    page = resident.go(address)
    entries = page.locator(".log > li")
    expect(page.get_by_role("heading", name="Nothing has passed yet")).to_be_visible()

    for number in range(6):
        here.say(f"line {number}")
    expect(entries.locator(".badge.good")).to_have_count(6)
    page.set_viewport_size({"width": 390, "height": 400})
    entries.nth(3).scroll_into_view_if_needed()
    page.evaluate("scrollTo(0, document.querySelectorAll('.log > li')[3].offsetTop)")
    before = entries.nth(3).bounding_box()
    here.say("line 6")
    newer = page.get_by_role("link", name="Show 1 newer")
    expect(newer).to_be_in_viewport()

    assert entries.nth(3).bounding_box() == before
    expect(entries).to_have_count(6)
    newer.click()
    expect(entries).to_have_count(7)
    assert resident.console == []


def test_log_keeps_what_is_marked_and_says_when_it_cannot_be_renewed(resident: Resident) -> None:
    resident.open_a_tube("Support", "Helpdesk")
    address = log_address(resident)
    here = resident.enter_room("Ann Lee", "Support")
    here.say("marked")
    page = resident.go(address)
    entries = page.locator(".log > li")
    expect(entries.locator(".badge.good")).to_have_count(1)

    entries.first.locator("strong").select_text()
    here.say("and one more")
    page.wait_for_timeout(2_500)  # once round
    expect(entries).to_have_count(1)
    page.evaluate("getSelection().removeAllRanges()")
    expect(entries).to_have_count(2)

    page.route("**/log/?*", lambda route: route.abort())
    expect(page.get_by_text("This page is not up to date")).to_be_visible()
    page.unroute_all()
    expect(page.get_by_text("This page is not up to date")).to_be_hidden()


def test_log_shows_what_has_passed_with_its_time(resident: Resident) -> None:
    resident.open_a_tube("Support", "Helpdesk")
    address = log_address(resident)
    here, there = resident.enter_room("Ann Lee", "Support"), resident.enter_room("Dana Fox", "Helpdesk")
    here.say("Nobody else is to read this.")
    there.sees("[Ann Lee, Acme] Nobody else is to read this.")

    page = resident.go(address)

    entry = page.locator(".log > li")
    expect(entry).to_have_count(1)
    expect(entry).to_contain_text("A message by Ann Lee")
    expect(entry).to_contain_text("Arrived")
    expect(entry.locator("time")).to_have_attribute("title", re.compile(r"\d{4}, \d\d:\d\d:\d\d UTC"))
    expect(page.get_by_text("Nobody else is to read this.")).to_have_count(0)
