"""Two people at once, each in a browser of their own: one makes a Portal, the other follows it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from standalone.throwaway import Sameroom
from tests.browser.newcomer import PASSWORD, Newcomer
from tests.starting import started


@pytest.fixture
def sameroom() -> Iterator[Sameroom]:
    """One for each test: a login has one owner."""
    with started() as running:
        yield running


@pytest.fixture
def host(chromium: Browser, sameroom: Sameroom) -> Iterator[Newcomer]:
    yield from _somebody(chromium, sameroom)


@pytest.fixture
def guest(chromium: Browser, sameroom: Sameroom) -> Iterator[Newcomer]:
    yield from _somebody(chromium, sameroom)


def _somebody(chromium: Browser, sameroom: Sameroom) -> Iterator[Newcomer]:
    context = chromium.new_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=sameroom.address)
    yield Newcomer(context, sameroom.address)
    context.close()


def create_a_portal(host: Newcomer, room: str, *, approval: bool = False) -> str:
    """Pick the room, say whom it lets in, copy the address."""
    page = host.go("/create-a-portal/")
    page.get_by_role("searchbox").press_sequentially(room)
    page.get_by_role("link", name=room).click()
    page.get_by_label("Ask me before a room is joined").set_checked(approval)
    page.get_by_role("button", name="Create the Portal").click()
    expect(page.get_by_role("heading", name=f"The Portal to {room} is open")).to_be_visible()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    return str(page.evaluate("navigator.clipboard.readText()"))


def sign_up_there(guest: Newcomer, portal: str, email: str) -> Page:
    """From the Portal's page to signing up, and back."""
    page = guest.page
    page.goto(portal)
    expect(page.get_by_role("heading", name="Join a room to Support")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Sign up").click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, once more").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page).to_have_url(portal)
    return page


def test_two_people_join_their_rooms_and_talk(host: Newcomer, guest: Newcomer) -> None:
    host.sign_up("host@example.com")
    host.add_account(host.create_token("Acme"), "Acme")
    portal = create_a_portal(host, "Support")

    page = sign_up_there(guest, portal, "guest@example.com")
    expect(page.get_by_role("heading", name="First, an account")).to_be_visible()
    guest.add_account(guest.create_token("Globex"), "Globex")
    expect(page).to_have_url(portal)  # linking led back
    page.get_by_role("searchbox").press_sequentially("Help")
    page.get_by_role("button", name="Helpdesk").click()
    expect(page.get_by_role("heading", name="The Tube is open")).to_be_visible()
    expect(page.get_by_role("main")).not_to_contain_text("Acme")

    here, there = host.enter_room("Ann Lee", "Support"), guest.enter_room("Dana Fox", "Helpdesk")
    here.say("Has the parcel left?")
    there.sees("[Ann Lee, Acme] Has the parcel left?")
    there.say("An hour ago.")
    here.sees("[Dana Fox, Globex] An hour ago.")

    manage = host.go("/manage/")
    expect(
        manage.get_by_text("Helpdesk (HipChat) was joined to Support through your Portal.")
    ).to_be_visible()
    row = manage.get_by_role("listitem").filter(has_text="1 room joined.")
    expect(row).to_contain_text("Open")
    expect(row.get_by_role("button", name="Copy")).to_be_visible()
    theirs = guest.go("/manage/").get_by_role("listitem").filter(has_text="Helpdesk")
    theirs.get_by_role("button", name="Pause").click()
    expect(manage.locator("#tubes .badge.paused")).to_be_visible()  # by itself

    row.get_by_role("link", name="Close its Tubes").click()
    manage.get_by_role("button", name="Close the Tube").click()
    expect(manage.get_by_text("0 rooms joined.")).to_be_visible()
    expect(guest.page.get_by_role("listitem").filter(has_text="Helpdesk")).to_have_count(0)
    assert [*host.console, *guest.console] == []


def test_one_asks_and_the_other_approves(host: Newcomer, guest: Newcomer) -> None:
    host.sign_up("host@example.com")
    host.add_account(host.create_token("Acme"), "Acme")
    portal = create_a_portal(host, "Support", approval=True)
    guest.sign_up("guest@example.com")
    guest.add_account(guest.create_token("Globex"), "Globex")
    manage = host.go("/manage/")

    page = guest.page
    page.goto(portal)
    page.get_by_role("button", name="Helpdesk").click()
    expect(page.get_by_role("heading", name="Waiting for approval")).to_be_visible()
    expect(manage.get_by_text("asks to join")).to_be_visible()  # by itself
    manage.get_by_role("button", name="Approve").click()
    expect(manage.get_by_role("heading", name="The Tube is open")).to_be_visible()
    expect(page.get_by_role("heading", name="The owner has approved")).to_be_visible(timeout=10_000)

    manage = host.go("/manage/")
    manage.get_by_role("link", name="Delete").click()
    manage.get_by_role("button", name="Delete the Portal").click()
    expect(manage.get_by_text("is deleted")).to_be_visible()
    expect(manage.get_by_text("Helpdesk").first).to_be_visible()  # its Tube stays
    assert [*host.console, *guest.console] == []
    page.goto(portal)
    expect(page.get_by_role("heading", name="This Portal was deleted")).to_be_visible()


def test_everything_works_without_a_script_and_by_keyboard(chromium: Browser, sameroom: Sameroom) -> None:
    context = chromium.new_context(java_script_enabled=False)
    host = Newcomer(context, sameroom.address)
    host.sign_up("plain@example.com")
    host.add_account(host.create_token("Acme"), "Acme")

    page = host.go("/create-a-portal/")
    for _ in range(10):  # the rooms are being looked up; without a script the page is asked again by hand
        if page.get_by_role("link", name="Support").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    page.get_by_role("link", name="Support").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Create the Portal").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="The Portal to Support is open")).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_be_hidden()  # the address stands there to be copied
    expect(page.get_by_label("Address of the Portal to Support")).to_have_value(
        f"{sameroom.address}/p/{page.url.rstrip('/').rpartition('/')[2]}"
    )
    context.close()
