"""A newcomer in a real browser: every step from signing up to talking through a Tube."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

PASSWORD = "four calm words here"
SCOPES = ["Send Messages", "View Messages", "View Room"]
expect.set_options(timeout=40_000)  # milliseconds; the machine may be busy
# Without these the browser calls home at every start, which a closed network answers slowly.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def browser(path: str) -> Iterator[Browser]:
    """The machine's own Chromium, driven by Playwright."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET)
        try:
            yield chromium
        finally:
            chromium.close()


@dataclass
class Room:
    """A room in the sandbox, opened in a tab by one of its people."""

    page: Page

    def say(self, text: str) -> None:
        self.page.get_by_role("textbox").fill(text)
        self.page.get_by_role("button", name="Send").click()
        expect(self.messages(text)).to_have_count(1)

    def messages(self, text: str) -> object:
        return self.page.locator("main").get_by_text(text, exact=True)

    def sees(self, text: str) -> None:
        """The message arrives by itself, once, without the page being loaded again."""
        expect(self.messages(text)).to_have_count(1, timeout=10_000)  # type: ignore[arg-type]


class Newcomer:
    """One person, one browser profile. Every console message of the pages is kept."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context, self.address = context, address
        self.console: list[str] = []
        context.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        context.on("weberror", lambda error: self.console.append(f"error: {error.error}"))
        self.page = context.new_page()

    def go(self, path: str) -> Page:
        self.page.goto(f"{self.address}{path}")
        return self.page

    def sign_up(self, email: str) -> None:
        page = self.go("/user/signup/")
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("Password, once more").fill(PASSWORD)
        page.get_by_role("button", name="Sign up").click()
        expect(page).to_have_url(f"{self.address}/accounts/")

    def create_token(self, group: str) -> str:
        """As the bot of a group, on its API access page: the same steps as at the real service."""
        page = self.go("/accounts/")
        page.get_by_role("link", name="sandbox").first.click()
        section = page.get_by_role("region", name=group)
        section.get_by_role("link", name="Sameroom Bot").click()
        page.get_by_role("link", name="API access").first.click()
        page.get_by_label("Label").fill("sameroom")
        page.get_by_label("Scopes").select_option(label=SCOPES)
        page.get_by_role("button", name="Create").click()
        return page.locator("#token-1").input_value()

    def add_account(self, token: str, team: str = "") -> None:
        page = self.go("/accounts/")
        if not page.get_by_role("link", name="HipChat").is_visible():
            page.get_by_text("Add an Account").first.click()
        page.get_by_role("link", name="HipChat").click()
        page.get_by_label("Token").fill(token)
        page.get_by_label("Team name").fill(team)
        page.wait_for_load_state()
        with page.expect_event("load"):  # of what comes next, whatever the answer is
            page.get_by_role("button", name="Submit").click()

    def open_a_tube(self, side_a: str, side_b: str) -> None:
        """Search Side A while typing, pick it, search Side B, pick it: the Tube is open."""
        page = self.go("/open-a-tube/")
        page.get_by_role("searchbox").press_sequentially(side_a)
        page.get_by_role("link", name=side_a).click()
        expect(page.get_by_text("Pick the room to join it to")).to_be_visible()
        page.get_by_role("searchbox").press_sequentially(side_b)
        page.get_by_role("button", name=side_b).click()
        expect(page.get_by_role("heading", name="The Tube is open")).to_be_visible()

    def enter_room(self, person: str, room: str) -> Room:
        """A second tab, in which a person of the sandbox sits in a room."""
        page = self.context.new_page()
        page.goto(f"{self.address}/sandbox/")
        page.get_by_role("link", name=person).first.click()
        page.get_by_role("link", name=room).first.click()
        return Room(page)
