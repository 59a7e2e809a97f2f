"""History items as HipChat writes them, for tests of what they become."""

from typing import Any

from connectors.base import IncomingEvent
from connectors.hipchat.history import event_of, in_order
from connectors.markup import plain

BO = {"id": 502, "name": "Bo Ray", "mention_name": "Bo"}
ANN = {"id": 501, "name": "Ann Lee", "mention_name": "Ann"}


def item(**changes: Any) -> dict[str, Any]:
    return {
        "id": "i-1",
        "date": "2018-05-02T09:11:40.123456+00:00",
        "type": "message",
        "from": BO,
        "message": "hello",
        "mentions": [],
    } | changes


def notification(**changes: Any) -> dict[str, Any]:
    sender = {"type": "addon", "id": "ci", "client_id": "c-1"}
    return item(
        **(
            {"type": "notification", "from": "Jenkins", "color": "green", "message_format": "html"}
            | {"notification_sender": sender}
            | changes
        )
    )


def event(told: dict[str, Any]) -> IncomingEvent | None:
    [found] = in_order([told])
    return event_of(found)


def said(told: dict[str, Any]) -> str:
    """What an item says, as plain text; "" where it is not relayed."""
    found = event(told)
    return plain.render(found.body) if found and found.body else ""


def rendered(events: Any) -> list[str]:
    return [plain.render(event.body) for event in events]
