"""Webhooks: made and ended by us, and believed no further than that a room has news."""

import json

import pytest

from connectors.base import Login, RoomId
from connectors.errors import LoginRejected, RetryLater, RoomGone
from connectors.hipchat.connector import HipChatConnector
from tests.connectors.hipchat.harness import SCOPES, HipChatHarness

HOOK = "http://127.0.0.1:9/hooks/code/secret/"
EVENTS = ["room_file_upload", "room_message", "room_notification"]


def login(hipchat: HipChatHarness, *more: str) -> Login:
    scopes = [*SCOPES, *more]
    token = hipchat.world.create_token(hipchat.ann.id, scopes).token
    return Login(hipchat.server.url, {"token": token}, hipchat.login.user_id, scopes=tuple(scopes))


@pytest.fixture
def admin(hipchat: HipChatHarness) -> HipChatConnector:
    return HipChatConnector(login(hipchat, "admin_room"))


def hooks(hipchat: HipChatHarness) -> list[tuple[str, str]]:
    found = hipchat.world.webhooks.of_room(hipchat.room_record.id)
    return sorted((hook.event, hook.url) for hook in found)


def test_only_a_token_that_administers_rooms_can_be_told_of_news(
    hipchat: HipChatHarness, admin: HipChatConnector
) -> None:
    assert HipChatConnector.capabilities.hooks
    assert admin.capabilities.hooks
    plain = HipChatConnector(login(hipchat))
    assert not plain.capabilities.hooks
    with pytest.raises(LoginRejected, match="admin_room"):
        plain.subscribe(hipchat.room, HOOK)


def test_every_kind_of_news_is_hooked_once_however_often_it_is_asked(
    hipchat: HipChatHarness, admin: HipChatConnector
) -> None:
    first = admin.subscribe(hipchat.room, HOOK)
    hipchat.world.webhooks.delete(hipchat.room_record.id, int(first.split(",")[1]))

    second = admin.subscribe(hipchat.room, HOOK)

    assert hooks(hipchat) == [(event, HOOK) for event in EVENTS]
    assert [one == other for one, other in zip(first.split(","), second.split(","), strict=True)] == [
        True,
        False,
        True,
    ]
    assert admin.subscribe(hipchat.room, HOOK) == second


def test_a_creation_that_was_cut_off_leaves_no_second_hook(
    hipchat: HipChatHarness, admin: HipChatConnector
) -> None:
    hipchat.fault(path="/webhook", method="POST", cut="before")
    with pytest.raises(RetryLater):
        admin.subscribe(hipchat.room, HOOK)

    admin.subscribe(hipchat.room, HOOK)

    assert hooks(hipchat) == [(event, HOOK) for event in EVENTS]


def test_hooks_of_others_stay_and_our_own_under_an_old_name_go(
    hipchat: HipChatHarness, admin: HipChatConnector
) -> None:
    make = hipchat.world.webhooks.create
    room, old = hipchat.room_record.id, HOOK.replace("127.0.0.1", "localhost")
    for url in ("http://127.0.0.1:9/other/", old):
        make(room, client_id="x", url=url, event="room_message")
    make(room, client_id="x", url=HOOK, event="room_enter")

    named = admin.subscribe(hipchat.room, HOOK)

    others = [("room_message", "http://127.0.0.1:9/other/")]
    assert hooks(hipchat) == sorted([*others, *((event, HOOK) for event in EVENTS)])
    admin.unsubscribe(hipchat.room, named)
    assert hooks(hipchat) == others


def test_what_has_ended_may_be_ended_again(hipchat: HipChatHarness, admin: HipChatConnector) -> None:
    named = admin.subscribe(hipchat.room, HOOK)

    admin.unsubscribe(hipchat.room, named)
    admin.unsubscribe(hipchat.room, named)
    admin.unsubscribe(hipchat.missing_room, named)

    assert hooks(hipchat) == []


def test_a_room_closed_to_us_has_no_hook(hipchat: HipChatHarness, admin: HipChatConnector) -> None:
    with pytest.raises(RoomGone):
        admin.subscribe(hipchat.missing_room, HOOK)


@pytest.mark.parametrize("number", [3101, "3101"])
def test_a_push_says_only_where_there_is_news(number: object, admin: HipChatConnector) -> None:
    item = {"message": {"message": "believe me", "from": {"id": 1}}, "room": {"id": number, "name": "x"}}
    push = admin.receive({}, json.dumps({"event": "room_message", "item": item}).encode())

    assert (push.rooms, push.events, push.answer) == ([RoomId("3101")], (), "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"item": 1}',
        b'{"item": {"room": []}}',
        b'{"item": {"room": {"id": null}}}',
        b'{"item": {"room": {"id": [1]}}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_push_cannot_be_read(body: bytes, admin: HipChatConnector) -> None:
    with pytest.raises(ValueError):
        admin.receive({}, body)
