"""The emulators of Slack stand, and slack-sdk gets on with each."""

from __future__ import annotations

import queue
from collections.abc import Iterator

import psutil
import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from tests import slackservers
from tests.fakeslack.receiver import receiving
from tests.slackservers import Backlot, Emulate, LocalSlack
from tests.waiting import PATIENCE

pytestmark = pytest.mark.xdist_group("slackservers")


@pytest.fixture(scope="module")
def emulate() -> Iterator[Emulate]:
    with slackservers.emulate() as slack:
        yield slack


@pytest.fixture(scope="module")
def local_slack() -> Iterator[LocalSlack]:
    with slackservers.local_slack() as slack:
        yield slack


@pytest.fixture(scope="module")
def backlot() -> Iterator[Backlot]:
    with slackservers.backlot() as slack:
        yield slack


def channel_of(client: WebClient) -> str:
    channels = client.conversations_list()["channels"]
    return str(next(one["id"] for one in channels if one["name"] == slackservers.CHANNEL))


# ----------------------------------------------------------------- emulate


def test_emulate_keeps_what_is_said(emulate: Emulate) -> None:
    ann, bob = emulate.client("ann"), emulate.client("bob")
    channel = channel_of(ann)
    ts = ann.chat_postMessage(channel=channel, text="one")["ts"]

    ann.chat_update(channel=channel, ts=ts, text="two")
    bob.reactions_add(channel=channel, timestamp=ts, name="tada")
    bob.chat_postMessage(channel=channel, text="reply", thread_ts=ts)

    [told] = [one for one in bob.conversations_history(channel=channel)["messages"] if one["ts"] == ts]
    assert (told["text"], told["reactions"][0]["name"]) == ("two", "tada")
    replies = ann.conversations_replies(channel=channel, ts=ts)["messages"]
    assert [one["text"] for one in replies] == ["two", "reply"]


def test_emulate_brings_signed_events(emulate: Emulate) -> None:
    ann = emulate.client("ann")
    channel = channel_of(ann)
    with receiving() as receiver:
        emulate.subscribe(receiver.url)

        ann.chat_postMessage(channel=channel, text="hello")

        [request] = receiver.of_type("message")
    assert SignatureVerifier(emulate.signing_secret).is_valid_request(request.body, request.headers)
    assert (request.event["text"], request.event["channel"]) == ("hello", channel)


def test_emulate_installs_an_app(emulate: Emulate) -> None:
    told = emulate.install(by="bob")

    bot = WebClient(token=told["access_token"], base_url=emulate.api)
    assert bot.auth_test()["user_id"] == told["bot_user_id"]
    assert bot.conversations_join(channel=channel_of(bot))["channel"]["is_member"] is True


def test_emulate_takes_files(emulate: Emulate) -> None:
    ann = emulate.client("ann")

    file = ann.files_upload_v2(channel=channel_of(ann), filename="a.txt", content="abc")["file"]

    assert ann.files_info(file=file["id"])["file"]["size"] == 3


# ----------------------------------------------------------------- local-slack


def test_local_slack_speaks_socket_mode(local_slack: LocalSlack) -> None:
    got: queue.Queue[SocketModeRequest] = queue.Queue()

    def take(client: SocketModeClient, request: SocketModeRequest) -> None:
        client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        got.put(request)

    client = SocketModeClient(local_slack.app_token, web_client=local_slack.client())
    client.socket_mode_request_listeners.append(take)
    client.connect()
    try:
        local_slack.say(slackservers.LOCAL_CHANNEL, slackservers.LOCAL_PEOPLE["ann"], "hello")
        event = got.get(timeout=PATIENCE).payload["event"]
    finally:
        client.close()

    assert (event["text"], event["user"]) == ("hello", slackservers.LOCAL_PEOPLE["ann"])
    assert (event["channel"], event["channel_type"]) == (slackservers.LOCAL_CHANNEL, "channel")


def test_local_slack_keeps_what_is_said(local_slack: LocalSlack) -> None:
    client = local_slack.client()

    ts = client.chat_postMessage(channel=slackservers.LOCAL_CHANNEL, text="one", username="Carol")["ts"]
    client.chat_update(channel=slackservers.LOCAL_CHANNEL, ts=ts, text="two")

    told = client.conversations_history(channel=slackservers.LOCAL_CHANNEL)["messages"]
    assert [one["text"] for one in told if one["ts"] == ts] == ["two"]


def test_local_slack_can_be_reached_from_this_machine_alone(local_slack: LocalSlack) -> None:
    if not local_slack.is_apart:  # a machine that gives no network of its own away: see docs/testing.md
        assert slackservers._unshare() == ()
        return
    port = int(local_slack.url.rpartition(":")[2])

    listening = {
        one.laddr.ip for one in psutil.net_connections("tcp") if one.laddr and one.laddr.port == port
    }

    assert listening == {"127.0.0.1"}


# ----------------------------------------------------------------- Backlot


def test_backlot_reads(backlot: Backlot) -> None:
    client = backlot.client("ann@acme.example")

    told = client.conversations_history(channel=channel_of(client))["messages"]

    assert [one["text"] for one in told] == ["second words", "first words"]


def test_backlot_pages(backlot: Backlot) -> None:
    client = backlot.client("ann@acme.example")

    pages = client.conversations_history(channel=channel_of(client), limit=1)

    assert [[one["text"] for one in page["messages"]] for page in pages] == [
        ["second words"],
        ["first words"],
    ]


@pytest.mark.parametrize(("token", "error"), [("xoxb-nobody", "invalid_auth"), ("", "not_authed")])
def test_backlot_knows_its_tokens(backlot: Backlot, token: str, error: str) -> None:
    with pytest.raises(SlackApiError) as refused:
        WebClient(token=token or None, base_url=backlot.api).auth_test()

    assert refused.value.response["error"] == error


def test_everything_ends_with_its_test() -> None:
    with slackservers.emulate() as slack:
        process = slack.server.process
        assert process
    assert process.wait(5) is not None
    with pytest.raises(requests.ConnectionError):
        requests.get(slack.url, timeout=5)
