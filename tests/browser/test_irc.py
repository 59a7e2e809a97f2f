"""A nick linked by the form, a channel typed in, a Tube opened, and people talking through it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests import ircservers
from tests.browser.newcomer import Newcomer
from tests.irchuman import people

CHANNEL = "#tea"


@pytest.fixture
def ircd() -> Iterator[ircservers.Ircd]:
    with ircservers.inspircd(ircservers.Flood.DEFAULT) as server:
        yield server


def link(visitor: Newcomer, server: str, **typed: str) -> None:
    """Fill in the form, with what few people need too."""
    page = visitor.go("/accounts/add/irc/")
    page.get_by_label("Network").select_option(label="Another one")
    page.get_by_label("Server", exact=False).first.fill(server)
    page.get_by_label("Nick", exact=True).fill("sameroom")
    page.get_by_label("A channel to try").fill(typed.get("channel", ""))
    page.get_by_text("Another way to log in").click()
    if "ca_certificate" in typed:
        page.get_by_label("CA certificate").fill(typed["ca_certificate"])
    page.get_by_role("button", name="Submit").click()


def test_from_the_form_to_talking_in_a_channel(visitor: Newcomer, ircd: ircservers.Ircd) -> None:
    visitor.sign_up("irc@example.com")
    visitor.add_account(visitor.create_token("Acme"), "Acme")
    expect(visitor.page.get_by_text("is linked")).to_be_visible()
    address = ircd.tls_url.removeprefix("ircs://")
    with people(ircd.url) as crowd:
        ann = crowd.enter("ann", CHANNEL)

        link(visitor, address, channel=CHANNEL)
        expect(visitor.page.get_by_role("alert")).to_contain_text("enter it under “CA certificate”")
        link(visitor, address, channel=CHANNEL, ca_certificate=ircd.certificate)
        expect(visitor.page.get_by_text("is linked")).to_be_visible()
        ann.wait(lambda: ann.saw("PART"))

        page = visitor.go("/open-a-tube/")
        page.get_by_role("searchbox").press_sequentially("Support")
        page.get_by_role("link", name="Support").click()
        expect(page.get_by_text("Pick the room to join it to")).to_be_visible()
        page.get_by_role("searchbox").press_sequentially(CHANNEL)
        page.get_by_role("button", name=CHANNEL).first.click()
        expect(page.get_by_role("heading", name="The Tube is open")).to_be_visible()
        ann.wait(lambda: "sameroom" in ann.people(CHANNEL))

        support = visitor.enter_room("Ann Lee", "Support")
        support.say("Has the parcel left?")
        ann.wait(lambda: ann.heard)
        ann.say(CHANNEL, "An \x02hour\x02 ago.")
        support.sees("[ann, Tests] An hour ago.")

    assert "Has the parcel left?" in ann.heard[0].text
    assert ann.heard[0].by == "sameroom"
    # Chromium would like several passwords to be several forms.
    assert [said for said in visitor.console if not said.startswith("verbose: [DOM]")] == []
