"""Linking, signed events and Socket Mode against Slacks that other people made."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.test import Client

from accounts.models import LinkedAccount
from accounts.services import account_refresh_rooms
from connectors.base import Login, RoomId, UserId
from connectors.errors import RetryLater
from connectors.markup import plain
from connectors.slack.connector import SlackConnector
from tests import factories, slackservers
from tests.connectors.irc.living import Living
from tests.slackservers import LOCAL_CHANNEL, LOCAL_PEOPLE, Emulate, LocalSlack
from tests.waiting import until
from tubes.models import Event

pytestmark = pytest.mark.xdist_group("slackservers")
BACK = "http://127.0.0.1:8000/accounts/authorized/slack/"


@pytest.fixture(scope="module")
def emulate() -> Iterator[Emulate]:
    with slackservers.emulate(BACK) as slack:
        yield slack


@pytest.fixture
def operator(emulate: Emulate, settings: Any) -> Emulate:
    """The emulator, with its app as the operator's."""
    settings.SLACK_API_URL = emulate.api.rstrip("/")
    settings.SLACK_CLIENT_ID, settings.SLACK_CLIENT_SECRET = emulate.client_id, emulate.client_secret
    settings.SLACK_SIGNING_SECRET = emulate.signing_secret
    return emulate


def linked(page: Client, emulate: Emulate) -> LinkedAccount:
    """Add to Slack, as Ann there."""
    page.force_login(factories.user())
    asked = page.get("/accounts/add/slack/authorize/")["Location"]
    shown = requests.get(asked, timeout=20).text
    form = next(one for one in re.findall(r"<form.*?</form>", shown, re.DOTALL) if "ann" in one)
    fields = {
        name: html.unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', form)
    }
    pressed = requests.post(
        f"{emulate.url}/oauth/v2/authorize/callback", data=fields, allow_redirects=False, timeout=20
    )
    back = urlsplit(pressed.headers["Location"])
    assert page.get(f"{back.path}?{back.query}")["Location"] == "/accounts/"
    return LinkedAccount.objects.get()


@pytest.mark.django_db
def test_workspace_of_emulate_is_added(client: Client, operator: Emulate) -> None:
    account = linked(client, operator)

    assert (account.team_name, account.status) == ("Acme", "connected")
    assert account_refresh_rooms(account=account) >= 1


@pytest.mark.django_db(transaction=True)
def test_event_that_emulate_signs_is_taken_in(client: Client, operator: Emulate, live_server: Any) -> None:
    account = linked(client, operator)
    ann = operator.client("ann")
    channel = next(one["id"] for one in ann.conversations_list()["channels"] if one["name"] == "relay")
    room = factories.room(channel, kind="slack", space=account.space)
    factories.tube(factories.seat(account, room))
    operator.subscribe(f"{live_server.url}/hooks/slack/")
    with suppress(RetryLater):  # it knows people, and no emoji
        account.connector().refresh_people()

    ts = ann.chat_postMessage(channel=channel, text="hello")["ts"]

    event = until(lambda: Event.objects.filter(room=room).first())
    assert event
    assert (event.remote_id, event.author_name) == (ts, "ann")


@pytest.fixture(scope="module")
def local_slack() -> Iterator[LocalSlack]:
    with slackservers.local_slack() as slack:
        yield slack


@pytest.fixture
def login(local_slack: LocalSlack) -> Login:
    credentials = {"token": local_slack.bot_token, "app_token": local_slack.app_token}
    return Login(
        local_slack.api.rstrip("/"), credentials, UserId(local_slack.bot_user_id), local_slack.team_id
    )


def test_local_slack_lets_us_in(login: Login, local_slack: LocalSlack) -> None:
    identity = SlackConnector(login).verify()

    assert (identity.user_id, identity.team_id) == (local_slack.bot_user_id, local_slack.team_id)


def test_socket_mode_of_local_slack_is_heard(login: Login, local_slack: LocalSlack) -> None:
    one = Living(SlackConnector(login), [RoomId(LOCAL_CHANNEL)], "")  # type: ignore[arg-type]
    one.start()
    try:
        one.wait(lambda: one.batches)
        for number in range(20):
            local_slack.say(LOCAL_CHANNEL, LOCAL_PEOPLE["ann"], f"{number}")
        one.wait(lambda: len(set(one.texts)) == 20)
    finally:
        one.stop()

    assert list(dict.fromkeys(one.texts)) == [f"{number}" for number in range(20)]
    assert {event.author.name for _, event in one.events} == {"ann"}
    assert one.error is None


def test_what_local_slack_kept_meanwhile_is_read(login: Login, local_slack: LocalSlack) -> None:
    one = Living(SlackConnector(login), [RoomId(LOCAL_CHANNEL)], "")  # type: ignore[arg-type]
    one.start()
    one.wait(lambda: one.batches)
    one.stop()
    local_slack.say(LOCAL_CHANNEL, LOCAL_PEOPLE["bob"], "meanwhile")

    again = Living(SlackConnector(login), [RoomId(LOCAL_CHANNEL)], one.token)  # type: ignore[arg-type]
    again.start()
    try:
        again.wait(lambda: "meanwhile" in again.texts)
    finally:
        again.stop()

    [event] = [event for _, event in again.events if event.body and plain.render(event.body) == "meanwhile"]
    assert event.author.name == "bob"
