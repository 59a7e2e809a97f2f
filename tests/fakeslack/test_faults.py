"""Calls that go wrong on request, as slack-sdk meets them."""

from __future__ import annotations

import time

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from tests.fakeslack.conftest import Office


def test_an_unknown_fault_is_refused(office: Office) -> None:
    with pytest.raises(ValueError, match="No fault 'hicc"):
        office.slack.fault("hiccup")


def test_an_error_of_the_server(office: Office, client: WebClient) -> None:
    office.slack.fault("status", on="chat.*", count=1, status=503)

    with pytest.raises(SlackClientError):
        client.chat_postMessage(channel=office.room.id, text="one")

    assert client.chat_postMessage(channel=office.room.id, text="two")["ok"]
    assert office.slack.texts(office.room) == ["two"]


def test_an_error_after_all_was_done(office: Office, client: WebClient) -> None:
    office.slack.fault("error", on="chat.postMessage", count=1, error="fatal_error", stored=True)

    with pytest.raises(SlackApiError) as refused:
        client.chat_postMessage(channel=office.room.id, text="one")

    assert refused.value.response["error"] == "fatal_error"
    assert office.slack.texts(office.room) == ["one"]


def test_too_many_calls_on_request(office: Office, client: WebClient) -> None:
    office.slack.fault("throttle", on="chat.postMessage", count=1, retry_after=7)

    with pytest.raises(SlackApiError) as refused:
        client.chat_postMessage(channel=office.room.id, text="one")

    assert (refused.value.response.status_code, refused.value.response.headers["Retry-After"]) == (429, "7")


def test_an_answer_cut_off_after_it_was_stored(office: Office, client: WebClient) -> None:
    office.slack.fault("reset", on="chat.postMessage", count=1, stored=True)

    with pytest.raises(OSError):
        client.chat_postMessage(channel=office.room.id, text="one")

    assert office.slack.texts(office.room) == ["one"]


def test_no_answer(office: Office) -> None:
    office.slack.fault("hang", on="auth.test", count=1)
    client = WebClient(token=office.token.value, base_url=office.slack.api, timeout=1)

    with pytest.raises(TimeoutError):
        client.auth_test()


def test_a_slow_answer_is_whole(office: Office, client: WebClient) -> None:
    office.slack.fault("drip", on="api.test", count=1, pause=0.01)
    began = time.monotonic()

    assert client.api_test()["ok"] is True
    assert time.monotonic() - began > 0.1


def test_an_answer_that_is_no_json(office: Office, client: WebClient) -> None:
    office.slack.fault("garbage", on="auth.test", count=1)

    with pytest.raises((SlackApiError, ValueError)):  # the one for a form, the other for JSON
        client.auth_test()

    assert office.slack.core.faults.applied == {"garbage": 1}
