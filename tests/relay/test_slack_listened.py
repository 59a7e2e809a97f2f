"""Slack by Socket Mode, from the listener to the other room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from accounts.models import LinkedAccount
from accounts.services import account_link, account_refresh_quietly
from connectors.slack import scopes
from connectors.slack.connector import SlackConnector
from connectors.slack.forms import SlackCredentialsForm
from tests import factories
from tests.connectors.slack.harness import SlackHarness, start
from tests.relay.commanding import everyone_may, obey
from tests.relay.listening import running, texts_taken_in
from tests.waiting import until
from tubes.models import Event, Room, RoomListing, Seat
from tubes.relay import guard, lanes, reading
from tubes.relay.listening import keeper, pacing
from tubes.services import tube_open

pytestmark = pytest.mark.django_db(transaction=True)


class Linked:
    """An app in Socket Mode, and a Tube between two of its channels."""

    def __init__(self, harness: SlackHarness) -> None:
        self.slack, self.ann, self.app, self.bot = harness.slack, harness.person, harness.app, harness.bot
        self.app.events, self.app.socket_mode = set(scopes.EVENTS), True
        self.here, self.there = harness.channel, harness.another("there")
        self._given = {"token": harness.token.value, "app_token": self.slack.app_token(self.app).value}
        self.owner = factories.user()
        self.account = self.link()
        account_refresh_quietly(account=self.account)
        self.listings = [RoomListing.objects.get(remote_id=one.id) for one in (self.here, self.there)]
        self.tube = tube_open(
            owner=self.account.owner, listing_a=self.listings[0], listing_b=self.listings[1]
        )

    def link(self, **more: str) -> LinkedAccount:
        """Link the app, or link it anew with other secrets."""
        form = SlackCredentialsForm(self._given | more, connector_class=SlackConnector)
        assert form.is_valid(), form.errors
        return account_link(owner=self.owner, form=form)

    def room(self) -> Room:
        return Room.objects.get(remote_id=self.here.id)

    def stands(self) -> bool:
        return self.slack.connections(self.app) == 2

    def relay(self) -> list[str]:
        """Post what waits; what stands in the other channel."""
        lanes.drain(self.tube.side_b_id)
        return self.slack.texts(self.there)

    def say(self, *texts: str) -> None:
        for text in texts:
            self.slack.say(self.here, self.ann, text)


@pytest.fixture
def linked(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Linked]:
    guard.forget()
    cache.clear()
    monkeypatch.setattr(guard, "check_in", lambda: "")
    monkeypatch.setattr(keeper, "LOOK", 0.3)
    monkeypatch.setattr(pacing, "FIRST", 0.2)
    with start() as harness:
        settings.SLACK_API_URL = harness.login.server
        yield Linked(harness)
    guard.forget()
    cache.clear()


def test_what_is_said_crosses_and_is_not_told_again(linked: Linked) -> None:
    with running():
        until(linked.stands)
        linked.say("one", "two")
        until(lambda: linked.relay() == ["one", "two"])
        linked.slack.settle()
        # The copies were told too, and are known as ours; where they came before Slack's answer, afterwards.
        until(lambda: not Event.objects.filter(held=Event.Held.WAITING).exists())

    assert Event.objects.exclude(held=Event.Held.ECHO).count() == 2
    assert linked.slack.core.sockets.lost == []


def test_nothing_is_lost_between_two_listeners(linked: Linked) -> None:
    with running():
        until(linked.stands)
        linked.say("one")
        until(lambda: texts_taken_in(linked.here.id) == ["one"])
    linked.say("two", "three")

    with running():
        until(lambda: len(texts_taken_in(linked.here.id)) == 3)
        linked.say("four")
        until(lambda: len(texts_taken_in(linked.here.id)) == 4)

    assert texts_taken_in(linked.here.id) == ["one", "two", "three", "four"]
    assert linked.relay() == ["one", "two", "three", "four"]


def test_connections_that_are_all_cut_are_opened_anew_without_a_hole(linked: Linked) -> None:
    with running():
        until(linked.stands)
        for number in range(20):
            if number % 7 == 6:
                linked.slack.cut_sockets(linked.app)
            linked.say(f"{number}")
        until(lambda: len(texts_taken_in(linked.here.id)) == 20)

    assert sorted(texts_taken_in(linked.here.id), key=int) == [str(number) for number in range(20)]


def test_account_that_loses_its_app_level_token_is_asked_for_news_until_it_has_one_again(
    linked: Linked,
) -> None:
    with running():
        until(linked.stands)
        linked.say("one")
        until(lambda: texts_taken_in(linked.here.id) == ["one"])

        linked.link(app_token="")
        assert linked.room().read_id == Event.objects.get().remote_id  # and not the one the Tube began with
        until(lambda: linked.slack.connections(linked.app) == 0)
        until(lambda: LinkedAccount.objects.get().stream_lease_until is None)
        linked.say("two")
        reading.poll(linked.account.pk)
        assert texts_taken_in(linked.here.id) == ["one", "two"]

        linked.link()
        until(linked.stands)
        linked.say("three")
        until(lambda: texts_taken_in(linked.here.id) == ["one", "two", "three"])

    assert (linked.room().next_poll_at, LinkedAccount.objects.get().status) == (None, "connected")
    assert linked.relay() == ["one", "two", "three"]


def test_stream_whose_login_was_replaced_while_it_was_away_ends(linked: Linked) -> None:
    with running():
        until(linked.stands)
        with_token = LinkedAccount.objects.get()
        with_token.credentials = {"token": with_token.credentials["token"]}
        with_token.save()
        linked.slack.cut_sockets(linked.app)
        until(lambda: LinkedAccount.objects.get().stream_lease_until is None)

    until(lambda: linked.slack.connections(linked.app) == 0)


def test_slash_command_is_answered(linked: Linked) -> None:
    everyone_may(Seat.objects.get(pk=linked.tube.side_a_id))
    with running():
        until(linked.stands)
        asked = linked.slack.command(linked.here, linked.ann, linked.app, "/sameroom", "status")
        assert asked.failure == ""
        obey()

    [answer] = linked.slack.texts(linked.here)
    assert "The Tubes of this room:" in answer


def test_app_that_is_removed_has_its_account_ask_for_a_login(linked: Linked) -> None:
    with running():
        until(linked.stands)
        linked.slack.uninstall(linked.bot)
        until(lambda: LinkedAccount.objects.get().status == "needs_login")

    assert "revoked" in LinkedAccount.objects.get().status_reason
