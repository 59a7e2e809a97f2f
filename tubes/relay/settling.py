"""What became of a send that was cut off: looked up in the destination's own history."""

from __future__ import annotations

from datetime import timedelta

from connectors.base import Connector, MessageId, Recent, RoomId
from connectors.markup import plain
from sameroom import clock
from tubes.models import Delivery, Post
from tubes.relay import recognising, rendering
from tubes.relay.moves import Lane, Status, again, confirm, end, move

TOO_LONG_AGO = "May have been sent: too much was said since to look it up."
LOOK_AGAIN = 1.0  # seconds between two looks into the history
# A history that begins so long before a send holds it, whatever the service's clock says.
CLOCKS_DIFFER = timedelta(minutes=10)


def settle(lane: Lane, delivery: Delivery) -> bool:
    """Find out about the part that was on the wire; False where that cannot be said yet.

    Afterwards the delivery is `sending` with that part confirmed, `queued`, or ended. Network I/O;
    may be repeated. Raises what the history's reading raises.
    """
    if delivery.posts.filter(part=delivery.part).exists():
        return True
    if not lane.connector.capabilities.history:
        return end(lane, delivery, Status.UNKNOWN, "May have been sent: this service lets nobody check.")
    parts = rendering.parts(delivery.event, lane.seat, lane.connector)
    if delivery.part >= len(parts):
        return end(lane, delivery, Status.UNKNOWN, "May have been sent: its text is gone.")
    is_last_look = _has_ended(lane.connector, delivery)
    recent = lane.connector.recent(RoomId(delivery.room.remote_id))
    posted = _own_posts(delivery, recent)
    found = find_post(lane.connector, parts[delivery.part].text, recent, posted, delivery.seat_id)
    if found is not None:
        return confirm(lane, delivery, delivery.part, found, is_last=delivery.part + 1 == len(parts))
    if not is_last_look:
        again(lane, delivery, Status.SENDING, LOOK_AGAIN)
        return False
    if not _reaches_back(recent, delivery, posted):
        return end(lane, delivery, Status.UNKNOWN, TOO_LONG_AGO)
    return move(lane, delivery, Status.QUEUED)


def _own_posts(delivery: Delivery, recent: Recent) -> dict[str, int | None]:
    """Which items of the history are posts of ours already, and through which Seat. One query."""
    ids = [event.id for event in recent.events]
    posts = Post.objects.filter(recognising.same_place(delivery.room), remote_id__in=ids)
    return dict(posts.values_list("remote_id", "delivery__seat_id"))


def find_post(
    connector: Connector, text: str, recent: Recent, posted: dict[str, int | None], seat: int
) -> MessageId | None:
    """The id under which `text` stands in the history, posted by our account after the lane's last post.

    Items that belong to other deliveries are left out. No I/O.
    """
    ids = [event.id for event in recent.events]
    last = max((ids.index(MessageId(post)) for post, by in posted.items() if by == seat), default=-1)
    for event in recent.events[last + 1 :]:
        is_ours = event.id not in posted and event.author.id == connector.login.user_id
        if is_ours and event.body and recognising.same_text(text, plain.render(event.body)):
            return event.id
    return None


def _has_ended(connector: Connector, delivery: Delivery) -> bool:
    """Whether by now the send has certainly ended, so that what is not found did not arrive."""
    if delivery.sending_since is None:
        return True
    deadline = timedelta(seconds=connector.capabilities.send_deadline)
    return clock.now() >= delivery.sending_since + deadline + recognising.GRACE


def _reaches_back(recent: Recent, delivery: Delivery, posted: dict[str, int | None]) -> bool:
    """Whether the history that was read certainly covers the time of the send."""
    if recent.whole or delivery.seat_id in posted.values() or delivery.sending_since is None:
        return True
    return recent.events[0].said_at < delivery.sending_since - CLOCKS_DIFFER if recent.events else False
