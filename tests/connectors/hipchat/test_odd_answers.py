"""Single odd answers, forced: what no server does on request, and a broken one may do any day."""

import pytest
import responses
from django.core.cache import cache

from connectors.base import Login, OutgoingMessage, RoomId, UserId
from connectors.errors import DeliveryUnknown, MessageRejected, RetryLater
from connectors.hipchat.connector import HipChatConnector

SERVER = "https://hipchat.example.com"
ROOM = RoomId("1")
LATEST = f"{SERVER}/v2/room/1/history/latest"
MESSAGE = f"{SERVER}/v2/room/1/message"


@pytest.fixture
def connector() -> HipChatConnector:
    cache.clear()
    return HipChatConnector(Login(SERVER, {"token": "t" * 40}, UserId("7")))


@responses.activate
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Ratelimit-Reset": "9" * 5000, "X-Ratelimit-Limit": "9" * 5000},
        {"X-Ratelimit-Reset": "-1", "X-Ratelimit-Remaining": "many", "X-Ratelimit-Limit": "0"},
        {"X-Ratelimit-Reset": "1476919340", "Date": "yesterday"},
        {"X-Ratelimit-Reset": "٣", "X-Ratelimit-Remaining": " 5 "},
    ],
)
def test_odd_limits_disturb_nothing(headers: dict[str, str], connector: HipChatConnector) -> None:
    responses.get(
        LATEST,
        json={"items": []},
        headers={k: v.encode("utf-8").decode("latin-1") for k, v in headers.items()},
    )

    assert connector.read_after(ROOM, None).events == []


@responses.activate
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"json": {"id": 7}, "status": 201}, DeliveryUnknown),
        ({"json": ["id"], "status": 201}, DeliveryUnknown),
        ({"body": "", "status": 204}, DeliveryUnknown),
        ({"body": b"\xff\xfe", "status": 200}, DeliveryUnknown),
        ({"status": 429, "headers": {"Retry-After": "9" * 5000}}, RetryLater),
        ({"json": {"error": "none of an object"}, "status": 400}, MessageRejected),
        ({"status": 599}, DeliveryUnknown),
    ],
)
def test_odd_answers_to_a_send_are_told_apart(
    answer: dict[str, object], error: type[Exception], connector: HipChatConnector
) -> None:
    responses.post(MESSAGE, **answer)  # type: ignore[arg-type]

    with pytest.raises(error):
        connector.send(ROOM, OutgoingMessage(text="hello"))


@responses.activate
@pytest.mark.parametrize(
    "items",
    [
        [None, 7, "x", [], {}],
        [{"id": "a"}, {"id": "b", "date": 5}, {"id": "", "date": "2018-05-02T09:11:40+00:00"}],
        [{"id": ["x"], "date": "2018-05-02T09:11:40+00:00", "message": {"no": "text"}, "from": []}],
    ],
)
def test_odd_items_in_a_history_are_passed_over(items: list[object], connector: HipChatConnector) -> None:
    responses.get(LATEST, json={"items": items})

    assert connector.read_after(ROOM, None).events == []
