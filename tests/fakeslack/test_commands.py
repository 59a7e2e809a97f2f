"""Slash commands, by HTTP and by Socket Mode. slack-sdk's webhook client answers later."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import pytest
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook import WebhookClient

from tests.fakeslack.conftest import Office
from tests.fakeslack.receiver import Receiver


@pytest.fixture
def commands(office: Office, receiver: Receiver) -> Receiver:
    office.app.command_urls["/sameroom"] = receiver.url
    return receiver


def test_a_command_is_brought_signed(office: Office, commands: Receiver) -> None:
    commands.body = json.dumps({"text": "only for you"}).encode()

    asked = office.slack.command(office.room, office.ann, office.app, "/sameroom", "help me")

    request = commands.requests[-1]
    told = {name: value for name, [value] in parse_qs(request.body.decode()).items()}
    assert SignatureVerifier(office.app.signing_secret).is_valid_request(request.body, request.headers)
    assert (told["command"], told["text"]) == ("/sameroom", "help me")
    assert (told["channel_id"], told["user_id"]) == (office.room.id, office.ann.id)
    assert (told["team_id"], told["api_app_id"]) == (office.slack.team.id, office.app.id)
    assert asked.shown == [{"text": "only for you"}]
    assert office.slack.history(office.room) == []


def test_an_answer_for_everybody(office: Office, commands: Receiver) -> None:
    commands.body = json.dumps({"text": "for all", "response_type": "in_channel"}).encode()

    asked = office.slack.command(office.room, office.ann, office.app, "/sameroom")

    assert (asked.shown, office.slack.texts(office.room)) == ([], ["for all"])


def test_answers_may_come_later(office: Office, commands: Receiver) -> None:
    asked = office.slack.command(office.room, office.ann, office.app, "/sameroom")
    told = parse_qs(commands.requests[-1].body.decode())
    later = WebhookClient(told["response_url"][0])

    assert asked.shown == []
    assert [later.send(text=str(number)).body for number in range(6)] == ["ok"] * 5 + ["used_url"]
    assert [one["text"] for one in asked.shown] == ["0", "1", "2", "3", "4"]
    office.slack.pass_time(1801)
    assert later.send(text="too late").body == "expired_url"


def test_an_app_that_does_not_answer_in_time(office: Office, commands: Receiver) -> None:
    office.slack.core.deliveries.within, commands.seconds = 0.2, 0.5

    assert (
        office.slack.command(office.room, office.ann, office.app, "/sameroom").failure == "operation_timeout"
    )


def test_an_app_that_fails(office: Office, commands: Receiver) -> None:
    commands.answers = [(500, {})]
    assert office.slack.command(office.room, office.ann, office.app, "/sameroom").failure == "dispatch_failed"

    office.app.command_urls["/sameroom"] = "http://127.0.0.1:9/"
    assert office.slack.command(office.room, office.ann, office.app, "/sameroom").failure == "dispatch_failed"


def test_a_command_wants_its_scope(office: Office, commands: Receiver) -> None:
    office.bot.scopes.remove("commands")

    with pytest.raises(ValueError, match="/sameroom is no command of Acme"):
        office.slack.command(office.room, office.ann, office.app, "/sameroom")
