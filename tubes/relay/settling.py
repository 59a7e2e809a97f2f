"""What became of a send that was cut off: looked up in the destination's own history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from connectors.base import Connector, IncomingEvent, MessageId, RoomId
from connectors.errors import RetryLater
from connectors.markup import plain
from connectors.markup.sanitize import normalise_for_compare
from sameroom import clock
from tubes.models import Delivery, Post
from tubes.relay import rendering
from tubes.relay.moves import Lane, Status, again, confirm, end, move

LOOK_AGAIN = 1.0  # seconds between two looks into the history
GRACE = timedelta(seconds=2)  # after the send's own deadline nothing of it can still arrive


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
    history = lane.connector.recent(RoomId(delivery.room.remote_id))
    found = find_post(lane.connector, delivery, parts[delivery.part].text, history)
    if found is not None:
        return confirm(lane, delivery, delivery.part, found, is_last=delivery.part + 1 == len(parts))
    if not is_last_look:
        again(lane, delivery, Status.SENDING, LOOK_AGAIN)
        return False
    return move(lane, delivery, Status.QUEUED)


def find_post(
    connector: Connector, delivery: Delivery, text: str, history: Sequence[IncomingEvent]
) -> MessageId | None:
    """The id under which `text` stands in `history`, posted by our account after the lane's last post.

    Items that belong to other deliveries are left out. One query.
    """
    ids = [event.id for event in history]
    posts = Post.objects.filter(room=delivery.room_id, remote_id__in=ids)
    owners = dict(posts.values_list("remote_id", "delivery__seat_id"))
    last = max(
        (ids.index(MessageId(post)) for post, seat in owners.items() if seat == delivery.seat_id), default=-1
    )
    wanted = normalise_for_compare(text)
    for event in history[last + 1 :]:
        is_ours = event.id not in owners and event.author.id == connector.login.user_id
        if is_ours and event.body and normalise_for_compare(plain.render(event.body)) == wanted:
            return event.id
    return None


def _has_ended(connector: Connector, delivery: Delivery) -> bool:
    """Whether by now the send has certainly ended, so that what is not found did not arrive."""
    if delivery.sending_since is None:
        raise RetryLater("A delivery on the wire has no starting time.")
    ends = delivery.sending_since + timedelta(seconds=connector.capabilities.send_deadline) + GRACE
    return clock.now() >= ends
