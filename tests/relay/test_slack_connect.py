"""The operator's app in two workspaces that share a channel: Slack calls once, as for one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import LinkedAccount
from tests import factories
from tests.connectors.slack.harness import SlackHarness, start
from tests.fakeslack.receiver import Receiver, Request, receiving
from tests.fakeslack.world import Bot, Token
from tests.relay.listening import texts_taken_in
from tubes.models import Event
from tubes.relay import guard, health, reading

pytestmark = pytest.mark.django_db


class Shared:
    """A channel of Acme's that Globex shares, with the app in both; both are linked."""

    def __init__(self, harness: SlackHarness, receiver: Receiver) -> None:
        self.slack, self.ann, self.channel = harness.slack, harness.person, harness.channel
        self.receiver, self.server = receiver, harness.login.server
        self.app = self.slack.app("Operators")
        globex = self.slack.workspace("Globex")
        self.slack.connect(self.channel, globex)
        self.acme = self._linked(self.slack.install(self.app))
        self.globex = self._linked(self.slack.install(self.app, team=globex))
        self.slack.listen(self.app, receiver.url)

    def _linked(self, token: Token) -> LinkedAccount:
        assert isinstance(token.bot, Bot)
        self.slack.join(self.channel, token.bot)
        account = factories.account(
            kind="slack",
            server=self.server,
            space=self.server,
            team_id=token.bot.team.id,
            remote_user_id=token.bot.user.id,
            credentials={"token": token.value, "via": "oauth"},
        )
        account.connector().directory.looked_up([self.ann.id])
        return account

    def say(self, text: str) -> Request:
        """How Slack tells of it."""
        self.slack.say(self.channel, self.ann, text)
        self.slack.settle()
        [call] = self.receiver.of_type("message")
        return call


@pytest.fixture
def shared(settings: Any) -> Iterator[Shared]:
    guard.forget()
    cache.clear()
    with start() as harness, receiving() as receiver:
        made = Shared(harness, receiver)
        settings.SLACK_SIGNING_SECRET = made.app.signing_secret
        yield made
    guard.forget()
    cache.clear()


def push(call: Request) -> int:
    headers = {name: call.headers[name] for name in call.headers if name.startswith("x-slack")}
    answer = Client().post("/hooks/slack/", call.body, content_type="application/json", headers=headers)
    return answer.status_code


@pytest.mark.parametrize("name", ["acme", "globex"])
def test_channel_that_workspaces_share_is_told_to_whoever_sits_there(name: str, shared: Shared) -> None:
    account = getattr(shared, name)
    room = factories.room(shared.channel.id, kind="slack", space=shared.server)
    factories.tube(factories.seat(account, room))
    call = shared.say("to both")

    assert (call.json["team_id"], push(call)) == (shared.acme.team_id, 200)
    assert list(Event.objects.values_list("room", "author_name")) == [(room.pk, "Ann")]


def test_what_both_hear_is_taken_in_once(shared: Shared) -> None:
    room = factories.room(shared.channel.id, kind="slack", space=shared.server)
    for account in (shared.acme, shared.globex):
        factories.tube(factories.seat(account, room))

    assert push(shared.say("to both")) == 200
    assert Event.objects.count() == 1


@pytest.mark.parametrize("waiting", [["globex"], ["acme"], ["acme", "globex"]])
def test_account_that_needs_a_login_keeps_nothing_from_the_other(waiting: list[str], shared: Shared) -> None:
    room = factories.room(shared.channel.id, kind="slack", space=shared.server)
    for account in (shared.acme, shared.globex):
        factories.tube(factories.seat(account, room))
    for name in waiting:
        LinkedAccount.objects.filter(pk=getattr(shared, name).pk).update(status="needs_login")

    assert push(shared.say("to both")) == (202 if len(waiting) == 2 else 200)
    assert Event.objects.count() == (0 if len(waiting) == 2 else 1)


def test_what_is_pushed_while_a_login_is_refused_is_acknowledged_and_read_afterwards(shared: Shared) -> None:
    """For Slack stops calling an app that answers with errors for an hour."""
    room = factories.room(shared.channel.id, kind="slack", space=shared.server)
    factories.tube(factories.seat(shared.acme, room))
    reading.poll(shared.acme.pk)
    health.needs_login(shared.acme, "Its token has expired.")

    assert push(shared.say("meanwhile")) == 202
    assert not Event.objects.exists()

    health.recovered(LinkedAccount.objects.get(pk=shared.acme.pk))
    reading.poll(shared.acme.pk)
    assert texts_taken_in(shared.channel.id) == ["meanwhile"]


def test_relay_that_is_stopped_is_called_again(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    room = factories.room(shared.channel.id, kind="slack", space=shared.server)
    for account in (shared.acme, shared.globex):
        factories.tube(factories.seat(account, room))
    health.needs_login(shared.acme, "Its token has expired.")
    monkeypatch.setattr(guard, "is_stopped", lambda: True)

    assert push(shared.say("later")) == 503
    assert not Event.objects.exists()
