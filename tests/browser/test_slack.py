"""Slack, from a manifest or a button to the first message that is relayed, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from connectors.slack import scopes
from standalone.throwaway import Sameroom
from tests.browser.newcomer import Newcomer
from tests.fakeslack import FakeSlack, running
from tests.fakeslack.world import App, Channel, User
from tests.starting import started
from tests.waiting import until


@dataclass
class Office:
    """A Slack, and a Sameroom that takes it for Slack and whose operator has an app there."""

    slack: FakeSlack
    sameroom: Sameroom
    operators: App
    ann: User
    here: Channel
    there: Channel

    def until_there(self, text: str) -> None:
        """Wait until it stands in the other channel."""
        until(lambda: text in self.slack.texts(self.there))


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with running() as slack:
        ann = slack.person("ann", display_name="Ann")
        here, there = slack.channel("support", ann), slack.channel("helpdesk", ann)
        app = slack.app(scopes=list(scopes.WHOLE), events=set(scopes.EVENTS))
        settings = {
            "SLACK_API_URL": slack.api.rstrip("/"),
            "SLACK_CLIENT_ID": app.client_id,
            "SLACK_CLIENT_SECRET": app.client_secret,
            "SLACK_SIGNING_SECRET": app.signing_secret,
        }
        with started(**settings) as sameroom:
            app.redirect_urls = [f"{sameroom.address}/accounts/authorized/slack/"]
            yield Office(slack, sameroom, app, ann, here, there)


@pytest.fixture
def newcomer(chromium: Browser, office: Office) -> Iterator[Newcomer]:
    context = chromium.new_context()
    yield Newcomer(context, office.sameroom.address)
    context.close()


def make_app(newcomer: Newcomer, office: Office) -> dict[str, str]:
    """Follow the link of the page to Slack, and press Create there; the app's tokens."""
    page = newcomer.go("/accounts/add/slack/")
    page.get_by_text("By tokens of your own instead").click()
    link = page.get_by_role("link", name="Create the app at Slack").get_attribute("href")
    assert link
    assert link.startswith("https://api.slack.com/apps?")
    at_slack = newcomer.context.new_page()
    at_slack.goto(f"{office.slack.url}/apps?{urlsplit(link).query}")
    at_slack.get_by_role("button", name="Create").click()
    expect(at_slack.locator("dt").first).to_be_visible()
    at_slack.wait_for_load_state()
    names = at_slack.locator("dt").all_inner_texts()
    return dict(zip(names, at_slack.locator("dd").all_inner_texts(), strict=True))


def fill_in(page: Page, token: str, app_token: str) -> None:
    page.get_by_label("Bot User OAuth Token").fill(token)
    page.get_by_label("App-level token").fill(app_token)
    page.get_by_role("button", name="Submit").click()


def test_from_the_manifest_to_the_first_message(newcomer: Newcomer, office: Office) -> None:
    newcomer.sign_up("slack@example.com")
    tokens = make_app(newcomer, office)

    fill_in(newcomer.page, tokens["App-Level Token"], "")
    expect(newcomer.page.get_by_role("alert")).to_contain_text("This is an app-level token")
    fill_in(newcomer.page, tokens["Bot User OAuth Token"], tokens["App-Level Token"])
    expect(newcomer.page.get_by_text("is linked")).to_be_visible()
    newcomer.open_a_tube("support", "helpdesk")
    app = office.slack.core.world.apps[tokens["App ID"]]
    until(lambda: office.slack.connections(app) == 2)
    office.slack.say(office.here, office.ann, "Has the parcel left?")

    office.until_there("Has the parcel left?")
    [message] = [one for one in office.slack.history(office.there) if "parcel" in one.text]
    assert message.username == "Ann"


def test_from_the_button_to_the_first_message(newcomer: Newcomer, office: Office) -> None:
    newcomer.sign_up("button@example.com")
    page = newcomer.go("/accounts/add/slack/")

    page.get_by_role("link", name="Add to Slack").click()
    page.get_by_role("button", name="Cancel").first.click()
    expect(page.get_by_text("Begin again and press Allow")).to_be_visible()
    page.get_by_role("link", name="Add to Slack").click()
    page.get_by_role("button", name="Allow").first.click()
    expect(page.get_by_text("is linked")).to_be_visible()
    newcomer.open_a_tube("support", "helpdesk")
    office.slack.listen(office.operators, f"{office.sameroom.address}/hooks/slack/")
    office.slack.say(office.here, office.ann, "By which train?")

    office.until_there("By which train?")


def test_manifest_is_copied_by_its_button(newcomer: Newcomer, office: Office) -> None:
    newcomer.context.grant_permissions(["clipboard-read", "clipboard-write"])
    newcomer.sign_up("copy@example.com")
    page = newcomer.go("/accounts/add/slack/")
    page.get_by_text("By tokens of your own instead").click()
    page.get_by_text("Or paste its manifest yourself").click()

    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("display_information:\n")
    assert newcomer.console == []
