"""Every page, in both themes and at three widths: WCAG 2.2 AA by axe-core, and no scrolling sideways."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, StorageState, expect

from standalone.throwaway import Sameroom
from tests.browser import everywhere, troubles
from tests.browser.accessible import faults
from tests.browser.newcomer import Newcomer
from tests.browser.screenshots import SCHEMES
from tests.starting import started

EMAIL = "everywhere@example.com"


@pytest.fixture(scope="module")
def house() -> Iterator[Sameroom]:
    """A Sameroom with every service there is."""
    with started(**everywhere.ALL_SERVICES) as running:
        yield running


@pytest.fixture(scope="module")
def resident(chromium: Browser, house: Sameroom) -> StorageState:
    """The cookies of somebody who has one of everything."""
    context = chromium.new_context()
    visitor = Newcomer(context, house.address)
    visitor.sign_up(EMAIL)
    for group in ("Acme", "Globex"):
        visitor.add_account(visitor.create_token(group), group)
        visitor.go("/accounts/")
        expect(visitor.page.get_by_text(", looked up").first).to_be_visible()
    for side_a, side_b in troubles.TUBES:
        visitor.open_a_tube(side_a, side_b)
    troubles.make("lost_and_waiting", EMAIL, house)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture(scope="module")
def paths(resident: StorageState, house: Sameroom) -> dict[str, list[str]]:
    """Where all the pages of the apps are."""
    return everywhere.paths_of(EMAIL, house)


def walked(context: BrowserContext, house: Sameroom, wanted: list[str], scheme: str) -> dict[str, list[str]]:
    """Path → what is wrong there, of those where anything is."""
    visitor = Newcomer(context, house.address)
    broken: list[str] = []
    context.on("response", lambda answer: answer.status >= 500 and broken.append(answer.url))
    found = {path: wrong for path in wanted if (wrong := faults(visitor.go(path), scheme))}
    errors = [line for line in visitor.console if line.startswith("error") and "404" not in line]
    context.close()
    return found | {name: lines for name, lines in (("answers", broken), ("console", errors)) if lines}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pages_that_are_open_to_everybody(
    chromium: Browser, house: Sameroom, paths: dict[str, list[str]], scheme: Literal["light", "dark"]
) -> None:
    to_strangers = (
        "tubes:portal-visit",
        "tubes:network-map",
        "accounts:invitation-accept",
        "tubes:linked-file",
    )
    wanted = [*everywhere.OPEN.values(), *(path for name in to_strangers for path in paths[name])]

    assert (
        walked(chromium.new_context(reduced_motion="reduce", color_scheme=scheme), house, wanted, scheme)
        == {}
    )


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("part", ["accounts", "tubes", "others"])
def test_pages_of_whoever_is_signed_in(
    chromium: Browser,
    house: Sameroom,
    resident: StorageState,
    paths: dict[str, list[str]],
    part: str,
    scheme: Literal["light", "dark"],
) -> None:
    own = [path for name, found in paths.items() if name.startswith(f"{part}:") for path in found]
    context = chromium.new_context(reduced_motion="reduce", color_scheme=scheme, storage_state=resident)

    assert walked(context, house, own or [*everywhere.SIGNED_IN.values()], scheme) == {}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_first_visit(chromium: Browser, house: Sameroom, scheme: Literal["light", "dark"]) -> None:
    context = chromium.new_context(reduced_motion="reduce", color_scheme=scheme)
    Newcomer(context, house.address).sign_up(f"first-visit-{scheme}@example.com")

    pages = ["/accounts/", "/manage/", "/open-a-tube/", "/create-a-portal/", "/manage/notices/"]
    assert walked(context, house, pages, scheme) == {}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_sandbox(chromium: Browser, house: Sameroom, scheme: Literal["light", "dark"]) -> None:
    context = chromium.new_context(reduced_motion="reduce", color_scheme=scheme)
    page = Newcomer(context, house.address).go("/sandbox/")
    found = {"index": faults(page, scheme)}
    for name in ("Ann Lee", "Support", "API access"):
        with page.expect_event("load"):
            page.get_by_role("link", name=name).first.click()
        found[name] = faults(page, scheme)

    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_form_that_was_filled_in_wrongly(
    chromium: Browser, house: Sameroom, scheme: Literal["light", "dark"]
) -> None:
    context = chromium.new_context(reduced_motion="reduce", color_scheme=scheme)
    page = Newcomer(context, house.address).go("/user/signup/")
    page.get_by_label("E-mail address").fill("somebody@example.com")
    page.get_by_label("Password", exact=True).fill("1234")
    page.get_by_label("Password, once more").fill("4321")
    page.get_by_role("button", name="Sign up").click()

    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(page).to_have_title("Error: Sign up · Sameroom")
    summary.get_by_role("link").first.click()
    field = page.locator(":focus")
    expect(field).to_have_attribute("aria-invalid", "true")
    described = (field.get_attribute("aria-describedby") or "").split()
    assert any(page.locator(f"[id='{it}'].errorlist").count() for it in described)
    assert faults(page, scheme) == []
    context.close()


def test_no_page_is_forgotten(paths: dict[str, list[str]]) -> None:
    assert set(paths) | everywhere.NO_PAGES == everywhere.names()
    assert set(paths) & everywhere.NO_PAGES == set()
