"""The relay monitor in a browser: with traffic, by keyboard, without a script, on a phone, in the dark."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, StorageState, expect

from standalone.throwaway import Sameroom
from tests.browser import troubles
from tests.browser.accessible import violations
from tests.browser.newcomer import Newcomer
from tests.browser.screenshots import SCHEMES, WIDTHS
from tests.starting import started

EMAIL = "operator@example.com"
HOME = "/admin/operating/watch/"


@pytest.fixture(scope="module")
def house() -> Iterator[Sameroom]:
    with started() as running:
        yield running


@pytest.fixture(scope="module")
def session(chromium: Browser, house: Sameroom) -> StorageState:
    """The cookies of an operator who relays at home: something has passed, is lost, waits."""
    context = chromium.new_context()
    visitor = Newcomer(context, house.address)
    visitor.sign_up(EMAIL)
    for group in ("Acme", "Globex"):
        visitor.add_account(visitor.create_token(group), group)
        visitor.go("/accounts/")
        expect(visitor.page.get_by_text(", looked up").first).to_be_visible()
    for side_a, side_b in troubles.TUBES:
        visitor.open_a_tube(side_a, side_b)
    for name in ("staff", "lost_and_waiting", "watched"):
        troubles.make(name, EMAIL, house)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def operator(chromium: Browser, house: Sameroom, session: StorageState) -> Iterator[Newcomer]:
    context = chromium.new_context(storage_state=session)
    yield Newcomer(context, house.address)
    context.close()


def pages(operator: Newcomer) -> dict[str, str]:
    """One address of every page, as links lead there."""
    page = operator.go(HOME)
    found = {"first": HOME}
    for name, part in {"lane": "/lanes/", "account": "/accounts/"}.items():
        found[name] = page.locator(f'main a[href*="{part}"]').first.get_attribute("href") or ""
    found |= {"deliveries": f"{HOME}deliveries/?state=lost", "events": f"{HOME}events/"}
    page = operator.go(found["deliveries"])
    found["event"] = page.locator('main tbody th a[href*="/events/"]').first.get_attribute("href") or ""
    found["act"] = page.get_by_role("link", name="It has arrived").first.get_attribute("href") or ""
    return found


def test_a_chart_and_a_reason_lead_to_the_message_behind_them(operator: Newcomer) -> None:
    page = operator.go("/admin/")
    page.get_by_role("link", name="Relay monitor").first.click()
    expect(page.locator("#chart-amounts path.events")).to_have_attribute("d", re.compile(r"^M.*V.*H"))

    page.locator("#chart-amounts svg a").last.hover()
    expect(page.locator("#chart-amounts svg a title").last).to_contain_text("events taken in")
    page.get_by_role("link", name="HipChat refused the message.").click()
    expect(page.locator("main tbody tr")).to_have_count(3)
    page.locator("main tbody th a").first.click()

    expect(page.get_by_role("heading", name="Where it had to go")).to_be_visible()
    expect(page.get_by_text("HipChat refused the message.")).to_be_visible()
    expect(page.get_by_text("blue van")).to_have_count(0)


def test_a_tube_is_paused_and_resumed_by_keyboard_and_it_is_logged(operator: Newcomer) -> None:
    page = operator.go(f"{HOME}deliveries/?state=open")
    page.get_by_role("link", name="Helpdesk").first.click()
    for act, state in (("Pause", "Paused"), ("Resume", "Active")):
        page.get_by_role("button", name=act).focus()
        page.keyboard.press("Enter")
        expect(page.locator("#tubes-title + .scroll .state")).to_have_text(state)

    operator.go("/admin/")
    expect(page.locator(".actionlist li").first).to_contain_text("Support ↔ Helpdesk")


def test_what_cannot_be_undone_is_asked_about_first(operator: Newcomer) -> None:
    page = operator.go(f"{HOME}deliveries/?state=open")
    page.get_by_role("link", name="Leave out").first.click()
    expect(page.get_by_text("This cannot be undone.")).to_be_visible()
    page.get_by_role("link", name="Leave it as it is").click()
    expect(page).to_have_url(re.compile("state=open"))
    delivery = page.locator("main tbody th a").first.inner_text()

    page.get_by_role("link", name="Leave out").first.click()
    page.get_by_role("button", name="Leave out").click()

    expect(page.get_by_role("link", name=delivery, exact=True)).to_have_count(0)
    operator.go(f"{HOME}find/?id={delivery}")
    expect(page.locator(f"#delivery-{delivery}")).to_contain_text("An operator has left it out.")


def test_it_renews_itself_rests_while_somebody_works_in_it_and_says_when_it_cannot(
    operator: Newcomer,
) -> None:
    page = operator.go(HOME)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "seen=" in request.url else None)
    page.get_by_role("heading", name="Deepest lanes").wait_for()
    page.locator("#monitor a").first.focus()
    page.wait_for_timeout(6_000)
    while_in_it = len(asked)
    page.get_by_role("searchbox", name="Follow one message").focus()

    with page.expect_response(lambda response: "seen=" in response.url) as renewed:
        pass
    expect(page.locator("#stale")).to_be_hidden()
    page.route("**/*seen=*", lambda route: route.abort())
    expect(page.locator("#stale")).to_be_visible()
    page.unroute_all()
    expect(page.locator("#stale")).to_be_hidden()

    assert while_in_it == 0
    assert renewed.value.status in (200, 204)


def test_who_is_signed_out_meanwhile_comes_to_the_sign_in_page(operator: Newcomer) -> None:
    page = operator.go(HOME)
    operator.context.clear_cookies()

    page.wait_for_url(re.compile("/login/"))

    expect(page.get_by_label("Password")).to_be_visible()


def test_without_a_script_everything_but_renewal_works(
    chromium: Browser, house: Sameroom, session: StorageState
) -> None:
    context = chromium.new_context(storage_state=session, java_script_enabled=False)
    page = Newcomer(context, house.address).go(HOME)

    page.get_by_text("The same in figures").click()
    page.locator("#figures a").first.click()
    expect(page.get_by_role("heading", name="Events", exact=True)).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Sameroom Bot @ Globex").first.click()
    page.get_by_role("button", name="Verify the login").click()
    expect(page.locator(".messagelist")).to_contain_text("The login works.")
    context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_keeps_wcag_and_needs_no_scrolling_sideways(
    chromium: Browser, house: Sameroom, session: StorageState, width: int, scheme: str
) -> None:
    troubles.make("ending", EMAIL, house)
    size = {"width": width, "height": 800}
    context = chromium.new_context(storage_state=session, viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    operator = Newcomer(context, house.address)

    for name, address in pages(operator).items():
        page = operator.go(address)
        assert violations(page, within="main") == [], name  # the admin's own frame is Django's
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    assert operator.console == []
    context.close()
