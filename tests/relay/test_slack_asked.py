"""What Slack sends to the one address of all its apps: over real sockets, to a Sameroom that serves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from accounts import tasks
from accounts.models import LinkedAccount
from accounts.services import account_link, account_refresh_quietly
from connectors.slack import scopes, slash
from connectors.slack.connector import SlackConnector
from connectors.slack.forms import SlackCredentialsForm
from tests import factories
from tests.connectors.slack.harness import SlackHarness, start
from tests.fakeslack.world import Channel
from tests.relay.commanding import answers, everyone_may, obey
from tests.waiting import until
from tubes.models import Command, Event, RoomListing, Seat
from tubes.relay import bell, guard, lanes
from tubes.services import tube_open

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "5" * 32


class Linked:
    """An app of somebody's own that calls this Sameroom, and a Tube between two of its channels."""

    def __init__(self, harness: SlackHarness, url: str) -> None:
        self.slack, self.ann, self.app, self.token = (
            harness.slack,
            harness.person,
            harness.app,
            harness.token,
        )
        self.app.signing_secret, self.app.events = SECRET, set(scopes.EVENTS)
        self.address = f"{url}/hooks/slack/"
        self.slack.listen(self.app, self.address)  # which Slack tries out before there is an account
        self.app.command_urls = {"/sameroom": self.address}
        self.here: Channel = harness.channel
        self.there = harness.another("there")
        data = {"token": self.token.value, "signing_secret": SECRET}
        form = SlackCredentialsForm(data, connector_class=SlackConnector)
        assert form.is_valid(), form.errors
        self.account: LinkedAccount = account_link(owner=factories.user(), form=form)
        account_refresh_quietly(account=self.account)
        listings = [RoomListing.objects.get(remote_id=one.id) for one in (self.here, self.there)]
        self.tube = tube_open(owner=self.account.owner, listing_a=listings[0], listing_b=listings[1])
        everyone_may(Seat.objects.get(pk=self.tube.side_a_id))
        self.slack.settle()

    def relay(self) -> None:
        self.slack.settle()
        for seat in (self.tube.side_a_id, self.tube.side_b_id):
            lanes.drain(seat)
        self.slack.settle()


@pytest.fixture
def linked(settings: Any, live_server: Any) -> Iterator[Linked]:
    guard.forget()
    cache.clear()
    with start() as harness:
        settings.SLACK_API_URL = harness.login.server
        yield Linked(harness, live_server.url)
    guard.forget()
    cache.clear()


def test_what_is_said_is_told_at_the_one_address_and_relayed(linked: Linked) -> None:
    linked.account.connector().refresh_people()

    linked.slack.say(linked.here, linked.ann, "hello")
    linked.relay()

    assert [one.status for one in linked.slack.core.deliveries.attempts][-1] == 200
    assert linked.slack.texts(linked.there) == ["hello"]
    assert linked.slack.core.deliveries.lost == []


def test_what_is_signed_by_another_app_is_refused(linked: Linked) -> None:
    linked.app.signing_secret = "6" * 32

    linked.slack.say(linked.here, linked.ann, "hello")
    until(lambda: linked.slack.core.deliveries.attempts)
    with pytest.raises(AssertionError):  # Slack tells it again in a minute
        linked.slack.settle(within=1)

    assert {one.status for one in linked.slack.core.deliveries.attempts} == {403}
    assert Event.objects.count() == 0


def test_news_of_a_workspace_that_nobody_has_linked_is_acknowledged(linked: Linked) -> None:
    bea = linked.slack.person("bea", team=linked.slack.workspace("Globex"))
    token = linked.slack.install(linked.app, by=bea, team=bea.team)

    linked.slack.say(linked.slack.channel("elsewhere", bea, token.bot, team=bea.team), bea, "hello")
    linked.slack.settle()

    assert [one.status for one in linked.slack.core.deliveries.attempts] == [200]
    assert Event.objects.count() == 0


@pytest.mark.parametrize("typed", ["<@{bot}> status", "-sameroom status", "@sameroom status"])
def test_command_is_typed_as_a_message(linked: Linked, typed: str) -> None:
    linked.account.connector().refresh_people()

    linked.slack.post(linked.here, linked.ann, typed.format(bot=linked.token.bot.user.id))
    linked.relay()
    obey()

    [answer] = answers()
    assert answer.startswith("The Tubes of this room:")
    assert linked.slack.texts(linked.there) == []


def test_slash_command_is_answered_in_the_channel(linked: Linked) -> None:
    asked = linked.slack.command(linked.here, linked.ann, linked.app, "/sameroom", "status")

    assert (asked.failure, [one["text"] for one in asked.shown]) == ("", [slash.ANSWER])
    [command] = Command.objects.all()
    assert (command.word, command.author_id, command.author_username) == ("status", linked.ann.id, "ann")
    obey()
    linked.relay()
    [answer] = linked.slack.texts(linked.here)
    assert "The Tubes of this room:" in answer
    assert linked.slack.texts(linked.there) == []


def test_slash_command_alone_asks_for_help(linked: Linked) -> None:
    linked.slack.command(linked.here, linked.ann, linked.app, "/sameroom")
    obey()

    assert answers()[0].startswith("Type “-sameroom” and one of these:")


def test_slash_command_in_a_channel_without_a_tube_says_where_it_answers(linked: Linked) -> None:
    elsewhere = linked.slack.channel("elsewhere", linked.ann, linked.token.bot)

    asked = linked.slack.command(elsewhere, linked.ann, linked.app, "/sameroom", "status")

    assert [one["text"] for one in asked.shown] == [slash.ANSWER]
    assert not Command.objects.exists()


@pytest.mark.parametrize("how", ["uninstall", "revoke"])
def test_app_that_is_removed_puts_the_account_to_needs_login(
    linked: Linked, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[tuple[Any, ...]] = []
    monkeypatch.setattr(bell, "_ring", lambda task, *args, after=0.0: rung.append((task, *args)))

    if how == "uninstall":
        linked.slack.uninstall(linked.token.bot)
    else:
        linked.slack.revoke(linked.token)
    linked.slack.settle()

    assert ("accounts.tasks.refresh_rooms", linked.account.pk) in rung
    tasks.refresh_rooms(linked.account.pk)
    linked.account.refresh_from_db()
    assert linked.account.status == "needs_login"
    assert "revoked" in linked.account.status_reason
