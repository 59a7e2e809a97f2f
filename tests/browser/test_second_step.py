"""Setting the second step up and signing in by it, in both themes: every page by axe-core as well."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from standalone.throwaway import Sameroom
from tests.accounts.test_second_factor import code_at
from tests.browser.accessible import faults
from tests.browser.newcomer import PASSWORD, Newcomer
from tests.browser.screenshots import SCHEMES
from tests.starting import started


@pytest.fixture(scope="module")
def sameroom() -> Iterator[Sameroom]:
    """One of its own: guesses are counted."""
    with started() as running:
        yield running


def sign_in(newcomer: Newcomer, email: str) -> Page:
    page = newcomer.go("/user/login/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    return page


@pytest.mark.parametrize("scheme", SCHEMES)
def test_somebody_sets_it_up_and_signs_in_by_it(
    chromium: Browser, sameroom: Sameroom, scheme: Literal["light", "dark"]
) -> None:
    email = f"{scheme}@example.com"
    context = chromium.new_context(color_scheme=scheme, reduced_motion="reduce")
    visitor, wrong = Newcomer(context, sameroom.address), {}
    visitor.sign_up(email)
    page = visitor.go("/user/2fa/")
    wrong["off"] = faults(page, scheme)

    page.get_by_role("link", name="Set it up").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("button", name="Copy the key")).to_be_visible()
    wrong["setting up"] = faults(page, scheme)
    page.get_by_role("button", name="Copy the key").click()
    key = page.locator("#totp-secret").input_value()
    page.get_by_label("Code", exact=True).fill(code_at(key))
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    wrong["codes"] = faults(page, scheme)
    code = page.locator(".recovery-codes code").first.text_content() or ""
    for path in ("/user/2fa/", "/user/2fa/recovery-codes/generate/", "/user/2fa/totp/deactivate/"):
        wrong[path] = faults(visitor.go(path), scheme)

    other = Newcomer(chromium.new_context(color_scheme=scheme), sameroom.address)
    page = sign_in(other, email)
    expect(page.get_by_label("Code", exact=True)).to_be_visible()
    wrong["the second step"] = faults(page, scheme)
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{sameroom.address}/accounts/")

    assert {name: found for name, found in wrong.items() if found} == {}
    assert [line for one in (visitor, other) for line in one.console if line.startswith("error")] == []
    other.context.close()
    context.close()
