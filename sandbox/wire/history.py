"""Reading what was said: in rooms, and between two users."""

from datetime import UTC

from django.http import HttpResponse

from ..clock import MICRO
from ..messages import Window
from ..records import Message, direct_chat
from ..shapes import message_item
from . import asking
from .answers import ApiError, answer
from .calls import Call, endpoint
from .expanding import expanded

RECENT = 75
FAR_FUTURE = 2**62


@endpoint("view_messages")
def room_latest(call: Call, room: str) -> HttpResponse:
    found = call.room(room)
    return _latest(call, found.chat, f"room/{found.id}/history/latest")


@endpoint("view_messages")
def room_history(call: Call, room: str) -> HttpResponse:
    found = call.room(room)
    return _history(call, found.chat, f"room/{found.id}/history")


@endpoint("view_messages")
def room_message(call: Call, room: str, message: str) -> HttpResponse:
    """HipChat API v2, one message: sources disagree whether it is wrapped; a switch decides."""
    found = call.world.messages.find(call.room(room).chat, message)
    if found is None or (found.text is None and not asking.flag(call, "include_deleted", True)):
        raise ApiError(404, f"Message {message} not found")
    item = message_item(found, call.world.people_of([found]), call.base, asking.zone(call))
    return answer({"message": item} if call.world.switches.history_item == "wrapped" else item)


@endpoint("view_messages", kinds=("user",))
def user_latest(call: Call, user: str) -> HttpResponse:
    other = call.person(user)
    return _latest(call, direct_chat(call.user.id, other.id), f"user/{other.id}/history/latest")


@endpoint("view_messages", kinds=("user",))
def user_history(call: Call, user: str) -> HttpResponse:
    other = call.person(user)
    return _history(call, direct_chat(call.user.id, other.id), f"user/{other.id}/history")


def _latest(call: Call, chat: str, path: str) -> HttpResponse:
    """The newest messages, oldest first; `not-before` is inclusive."""
    wanted = asking.size(call, RECENT)
    anchor = _anchor(call, chat)
    messages = call.world.messages.latest(
        chat, wanted, not_before=anchor, include_deleted=asking.flag(call, "include_deleted", True)
    )
    page = asking.envelope(call, path, 0, wanted, has_more=False) | {"items": _items(call, messages)}
    if call.world.switches.start_index == "missing":
        del page["startIndex"]
    return answer(expanded(call, page))


def _anchor(call: Call, chat: str) -> Message | None:
    given = call.request.GET.get("not-before", "")
    if not given:
        return None
    anchor = call.world.messages.find(chat, given)
    if anchor is None and call.world.switches.unknown_not_before == "404":
        raise ApiError(404, f"Message {given} not found")
    return anchor


def _history(call: Call, chat: str, path: str) -> HttpResponse:
    """A date query, or the latest 75 without a date.

    HipChat API v2, room history: `date` is the upper bound and `end-date` the lower one, which
    works with a date only; such queries may miss the newest messages. `reverse` prints oldest
    first. `timezone` together with `end-date` answered 401, for no good reason.
    """
    query = call.request.GET
    if (
        query.get("end-date")
        and query.get("timezone")
        and call.world.switches.timezone_with_end_date == "401"
    ):
        raise ApiError(401, "Invalid OAuth session")
    is_recent = query.get("date", "recent") in ("recent", "")
    wanted = asking.size(call, RECENT if is_recent else 100)
    window = _recent(call, wanted) if is_recent else _dated(call, wanted)
    messages = call.world.messages.window(chat, window)
    has_more = not is_recent and wanted > 0 and len(messages) > wanted
    messages = messages[:wanted]
    if asking.flag(call, "reverse", True):
        messages.reverse()
    page = asking.envelope(call, path, window.start, wanted, has_more=has_more)
    return answer(expanded(call, page | {"items": _items(call, messages)}))


def _recent(call: Call, wanted: int) -> Window:
    with_deleted = asking.flag(call, "include_deleted", True)
    return Window(until=FAR_FUTURE, since=0, start=0, size=wanted + 1, include_deleted=with_deleted)


def _dated(call: Call, wanted: int) -> Window:
    """One message more than wanted, which tells whether there is another page."""
    lag = int(call.world.switches.date_lag_seconds * MICRO)
    newest = call.world.clock.micros() - lag if lag else FAR_FUTURE
    return Window(
        until=min(newest, asking.date(call, "date", FAR_FUTURE)),
        since=asking.date(call, "end-date", 0),
        start=asking.number(call, "start-index", 0),
        size=wanted + 1,
        include_deleted=asking.flag(call, "include_deleted", True),
    )


def _items(call: Call, messages: list[Message]) -> list[dict[str, object]]:
    people = call.world.people_of(messages)
    zone = asking.zone(call) if messages else UTC
    return [message_item(message, people, call.base, zone) for message in messages]
