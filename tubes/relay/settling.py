"""What became of a send that was cut off: looked up, never guessed, before the lane goes on.

By the service's idempotency key where it has one: sent again under it, it is sent once. Else in the
destination's own history, by the fingerprint of what was on the wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from connectors.base import Connector, IncomingEvent, MessageId, Recent, RoomId, Support
from connectors.errors import MessageRejected
from connectors.markup import plain
from sameroom import clock
from tubes.models import Delivery, Event, Post
from tubes.relay import recognising, rendering, routing, sql
from tubes.relay.copies import NotYet, Removed, copy_for
from tubes.relay.destinations import destinations
from tubes.relay.moves import Lane, Status, end, hold, move
from tubes.relay.queueing import MESSAGES
from tubes.relay.refusals import LOOK_AGAIN, move_all
from tubes.relay.rendering import Send, Step
from tubes.relay.sending import NOBODY_TELLS, act, latest_start, plan_of

TOO_LONG_AGO = "May have been sent: too much was said since to look it up."
# A history that begins so long before a send holds it, whatever the service's clock says.
CLOCKS_DIFFER = timedelta(minutes=10)


def settle(lane: Lane, delivery: Delivery) -> bool:
    """Find out about the part that was on the wire; False where that cannot be said yet.

    Afterwards the delivery, and those that share its post, are `queued` again (what arrived is not
    sent twice) or ended. Network I/O; may be repeated. Raises what the history's reading raises.
    """
    can = lane.connector.capabilities
    if not delivery.fingerprint and delivery.event.kind in MESSAGES:
        return end(lane, delivery, Status.UNKNOWN, TOO_LONG_AGO)  # from before fingerprints were kept
    if not delivery.fingerprint:  # an edit, a deletion, a reaction: done twice it is done once
        return move_all(lane, delivery, Status.QUEUED)
    if delivery.posts.filter(part=delivery.part).exists():
        return _arrived(lane, delivery, None)
    if _key_holds(lane, delivery) and (step := _same_part(lane, delivery)):
        return _send_again(lane, delivery, step)
    if not can.history or not can.message_ids:  # without ids nobody knows which of two equal texts is which
        return _wait_out(lane, delivery) and _leave_open(lane, delivery)
    is_last_look = _has_ended(lane.connector, delivery)
    recent, everything = _looked_up(lane, delivery)
    known = _decided(delivery, everything)
    found = find_post(lane.connector, delivery.fingerprint, everything, known, delivery.seat_id)
    if found is not None:
        return _arrived(lane, delivery, found)
    if not is_last_look:
        hold(lane, LOOK_AGAIN)
        return False
    if not _reaches_back(recent, delivery, known):
        return _end_all(lane, delivery, TOO_LONG_AGO)
    return move_all(lane, delivery, Status.QUEUED)


def _looked_up(lane: Lane, delivery: Delivery) -> tuple[Recent, Recent]:
    """What was said last in the room, and the same with what stands in a thread alone. Network I/O."""
    room, answered = RoomId(lane.seat.room.remote_id), _answered(lane, delivery)
    since = (delivery.sending_since or delivery.created_at) - CLOCKS_DIFFER
    sql.give_back()
    with destinations.calling(lane.seat.account.kind, lane.seat.account.server):
        recent = lane.connector.recent(room)
        answers = lane.connector.answers(room, answered, since) if answered else ()
    if not answers:
        return recent, recent
    events = {event.id: event for event in (*recent.events, *answers)}
    return recent, replace(recent, events=sorted(events.values(), key=lambda event: event.said_at))


def _answered(lane: Lane, delivery: Delivery) -> MessageId | None:
    """The post that this message answers natively, None where it answers none."""
    is_answer = delivery.event.kind in MESSAGES and delivery.event.about_id is not None
    if not is_answer or lane.connector.capabilities.replies is not Support.NATIVE:
        return None
    try:
        copy = copy_for(lane, delivery)
    except NotYet:
        return None
    return copy.ids[0] if copy and copy.ids else None


def _key_holds(lane: Lane, delivery: Delivery) -> bool:
    """Whether sending again under the same key is sending once: the key lives, the login is the same."""
    life = timedelta(seconds=lane.connector.capabilities.idempotency_life)
    since = _first_sent(delivery)
    if not life or since is None or _others(delivery):
        return False
    # The key is taken to live less long than declared: what is sent again takes its time too.
    return since + life / 2 > clock.now() and lane.seat.account.status_since < since


def _first_sent(delivery: Delivery) -> datetime | None:
    """When the key was used first, or before."""
    return delivery.failing_since or delivery.sending_since


def _same_part(lane: Lane, delivery: Delivery) -> Send | None:
    """The part on the wire, if it is wanted and reads as it did; a stand-in where it is erased."""
    event = delivery.event
    if event.room_id is not None and delivery.room_id not in routing.ways(event, only_safe=True):
        return None
    if event.body is None and lane.connector.capabilities.deletes is Support.NATIVE:
        # Its author took it back. What stands there is found by its key, and the deletion is on its way.
        return rendering.stand_in(event, lane.seat, lane.connector)
    if delivery.parts is not None:
        steps: Sequence[Step] = rendering.parts_from_json(delivery.parts)
    else:
        try:
            steps = plan_of(lane, delivery).steps
        except (NotYet, Removed):
            return None
    step = steps[delivery.part] if delivery.part < len(steps) else None
    if not isinstance(step, Send):
        return None
    is_same = rendering.fingerprint(lane.connector.as_read(step.message)) == delivery.fingerprint
    return step if is_same else None


def _send_again(lane: Lane, delivery: Delivery, step: Send) -> bool:
    """Send the part under its key once more. It stays `sending` all the while: it may have arrived before.

    Network I/O. Raises what the sending raises, and nothing is decided.
    """
    until = latest_start(lane)
    if not move(
        lane, delivery, Status.SENDING, sending_since=clock.now(), failing_since=_first_sent(delivery)
    ):
        return False
    try:
        remote_id = act(lane, delivery, step, until)
    except MessageRejected as error:  # the service does not know the key, so it never took the message
        return end(lane, delivery, Status.FAILED, str(error))
    return _arrived(lane, delivery, remote_id)


def _wait_out(lane: Lane, delivery: Delivery) -> bool:
    """Whether the send has certainly ended: its echo may still come and tell."""
    if _has_ended(lane.connector, delivery):
        return True
    hold(lane, LOOK_AGAIN)
    return False


def _leave_open(lane: Lane, delivery: Delivery) -> bool:
    """Nobody tells what became of the part: what comes after it is posted, and the whole then ends `unknown`.

    Should the part be seen after all, it is known by its text.
    """
    if delivery.parts is None or _is_last(delivery):
        return _end_all(lane, delivery, NOBODY_TELLS)
    with transaction.atomic():
        told = {"delivery": delivery, "part": delivery.part, "fingerprint": delivery.fingerprint}
        is_ours = move(lane, delivery, Status.QUEUED, part=delivery.part + 1, is_in_doubt=True)
        if is_ours:
            Post.objects.create(room_id=delivery.room_id, remote_id="", **told)
    return is_ours


def _others(delivery: Delivery) -> list[Delivery]:
    """Those that share its post."""
    return [one for one in recognising.together(delivery) if one.pk != delivery.pk]


def _arrived(lane: Lane, delivery: Delivery, remote_id: MessageId | None) -> bool:
    """The part has arrived: note it for all who share it. Its Post may be there already."""
    group = [delivery, *_others(delivery)]
    is_last = _is_last(delivery)
    lane.note(group, remote_id, is_last=is_last)
    return lane.flush()


def _is_last(delivery: Delivery) -> bool:
    """Whether the part on the wire is the last. Where that is not known, the next look at it tells."""
    if delivery.parts is not None:
        return delivery.part + 1 >= len(delivery.parts)
    return delivery.event.kind in MESSAGES


def _end_all(lane: Lane, delivery: Delivery, why: str) -> bool:
    return all(end(lane, one, Status.UNKNOWN, why) for one in [delivery, *_others(delivery)])


def _decided(delivery: Delivery, recent: Recent) -> dict[str, int | None]:
    """Which items of the history are known for posts of ours, and through which Seat, or for people's (None).

    A person may say by themselves what our post in their name says; while a send is open, nothing of theirs
    is taken for a person's. Two queries.
    """
    ids, place = [event.id for event in recent.events], recognising.same_place(delivery.seat.room)
    said = Event.objects.filter(place, remote_id__in=ids, held=Event.Held.NO, kind__in=MESSAGES)
    known: dict[str, int | None] = dict.fromkeys(said.values_list("remote_id", flat=True))
    posts = Post.objects.filter(place, remote_id__in=ids)
    return known | dict(posts.values_list("remote_id", "delivery__seat_id"))


def find_post(
    connector: Connector, fingerprint: str, recent: Recent, posted: dict[str, int | None], seat: int
) -> MessageId | None:
    """The id under which a text stands in the history, posted by our account after the lane's last post.

    Items that belong to other deliveries are left out. No I/O.
    """
    ids = [event.id for event in recent.events]
    last = max((ids.index(MessageId(post)) for post, by in posted.items() if by == seat), default=-1)
    for event in recent.events[last + 1 :]:
        if event.target is not None:  # what somebody made of a post is no post
            continue
        is_ours = event.id not in posted and event.author.id == connector.login.user_id
        if is_ours and _print_of(event) == fingerprint:
            return event.id
    return None


def _print_of(event: IncomingEvent) -> str:
    text = plain.render(event.body) if event.body else ""
    return rendering.content_fingerprint(text, [file.size for file in event.attachments])


def _has_ended(connector: Connector, delivery: Delivery) -> bool:
    """Whether by now the send has certainly ended, so that what is not found did not arrive."""
    if delivery.sending_since is None:
        return True
    deadline = timedelta(seconds=connector.capabilities.send_deadline)
    return clock.now() >= delivery.sending_since + deadline + recognising.GRACE


def _reaches_back(recent: Recent, delivery: Delivery, posted: dict[str, int | None]) -> bool:
    """Whether the history that was read certainly covers the time of the send."""
    has_ours = any(posted.get(event.id) == delivery.seat_id for event in recent.events)
    if recent.whole or has_ours or delivery.sending_since is None:
        return True
    return recent.events[0].said_at < delivery.sending_since - CLOCKS_DIFFER if recent.events else False
