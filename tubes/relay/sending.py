"""One delivery after another, step by step: prepared, begun in the database, carried out, noted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum

from connectors.base import Kind, MessageId, OutgoingFile, OutgoingMessage, RoomId
from connectors.errors import RetryLater
from sameroom import clock
from tubes.models import Delivery, Post, Seat
from tubes.relay import files, handover, rendering, routing, sql
from tubes.relay.copies import NotYet, Removed, copy_for, reacted_by_others
from tubes.relay.destinations import destinations
from tubes.relay.moves import Lane, Status, again, end
from tubes.relay.people import is_own, known_here
from tubes.relay.queueing import WAIT_FOR_LOGIN, WAITS
from tubes.relay.rendering import Delete, Edit, React, Send, SendFile, Step
from tubes.relay.wire import Beginning

FRESH = timedelta(seconds=1)  # so long what intake found about the ways holds
NETWORK_HOLDS = 0.5  # seconds
WAIT_FOR_COPY = 1.0  # seconds between two looks at a message that goes there through another lane
SHARE_AFTER = timedelta(seconds=10)  # of a limit holding the lane


NOBODY_TELLS = "May have been sent: the connection broke, and this service lets nobody check."


class Go(Enum):
    """How a lane goes on."""

    ON = "on"
    AGAIN = "again"  # by reading the queue anew: it is not as it was read
    ELSEWHERE = "elsewhere"  # with another origin: this one waits
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done for a delivery, and the Tubes by which it is reached."""

    steps: Sequence[Step]
    tubes: tuple[int, ...]
    is_named: bool = True  # every post says who says it, so that it may be shared


def deliver(lane: Lane, delivery: Delivery, behind: Sequence[Delivery]) -> Go:
    """Carry out what is left of a delivery. Network I/O, not repeatable by itself.

    `behind` are the deliveries after it, with which it may share a post. What arrived last is noted
    with the next statement of the lane. Raises what the connector raises, with the delivery in `sending`.
    """
    plan = prepare(lane, delivery)
    if isinstance(plan, Go):
        return plan
    together = _shared if _is_throttled(lane) else _reacted if _can_look_up(lane) else None
    if together and plan.is_named and (shared := together(lane, delivery, plan, behind)):
        return shared
    if delivery.part >= len(plan.steps):  # all of it has been posted; only the end was not noted
        return Go.ON if _finish(lane, delivery) else Go.STOP
    try:
        return _carry_out(lane, delivery, plan)
    except files.NotFetched as error:
        again(lane, delivery, Status.QUEUED, error.seconds, attempts=error.attempts)
        return Go.ELSEWHERE


def prepare(lane: Lane, delivery: Delivery) -> Plan | Go:
    """The steps of a delivery that is still wanted; else it is ended or put off, and how to go on."""
    tubes: tuple[int, ...] = ()
    if not delivery.part and delivery.event.room_id is not None:
        wanted = _way(lane, delivery)
        if isinstance(wanted, Go):
            return wanted
        tubes = wanted
    elif delivery.event.room_id is None and delivery.pk in lane.doubted and not _may_speak(lane):
        return Go.STOP  # a notice of ours, to a room that was left
    if delivery.part and delivery.parts is not None:
        return Plan(rendering.parts_from_json(delivery.parts), tubes)
    try:
        plan = plan_of(lane, delivery, tubes)
    except NotYet:
        again(lane, delivery, Status.QUEUED, WAIT_FOR_COPY)
        return Go.ELSEWHERE
    except Removed:
        plan = Plan([], tubes)
    if not plan.steps:
        return Go.ON if end(lane, delivery, Status.SKIPPED, "Nothing to post.") else Go.STOP
    return plan


def _way(lane: Lane, delivery: Delivery) -> tuple[int, ...] | Go:
    """The Tubes by which the delivery is reached; else it is ended or put off, and how to go on."""
    is_fresh = not delivery.error and clock.now() - delivery.created_at < FRESH
    if is_fresh and delivery.pk not in lane.doubted:
        return ()
    if clock.monotonic() > lane.network_until:
        lane.network, lane.network_until = {}, clock.monotonic() + NETWORK_HOLDS
    event = delivery.event
    safe = routing.ways(event, network=lane.network, only_safe=True)
    if delivery.room_id in safe:
        way = safe[delivery.room_id]
        return way.tubes if way.seat == lane.seat.pk or _in_use(lane) else Go.STOP
    if delivery.room_id in routing.ways(event, network=lane.network):
        again(lane, delivery, Status.QUEUED, WAIT_FOR_LOGIN.total_seconds(), error=WAITS)
        return Go.ELSEWHERE
    if delivery.room_id in routing.ways(event):  # the network was read before a closing was taken back
        lane.network_until = 0.0
        return Go.AGAIN
    return Go.ON if end(lane, delivery, Status.SKIPPED, routing.NO_WAY) else Go.STOP


def _may_speak(lane: Lane) -> bool:
    """Whether we may say something ourselves: also where only a Portal leads to the room."""
    return Seat.objects.in_use().filter(pk=lane.seat.pk).exists() or _in_use(lane)


def _in_use(lane: Lane) -> bool:
    """Whether this Seat may still be used, now that another one leads to its room; else that one posts."""
    if Seat.objects.joined().filter(pk=lane.seat.pk).exists():
        return True
    lane.flush()
    handover.retire(lane.seat.pk)
    return False


def plan_of(lane: Lane, delivery: Delivery, tubes: tuple[int, ...] = ()) -> Plan:
    """What a delivery is as it is rendered now. Raises NotYet and Removed, as `copy_for`."""
    event, seat = delivery.event, lane.seat
    body = delivery.carries.body if delivery.carries else event.body
    copy = None
    if event.about_id is not None:
        lane.flush()  # the message it is about may be what arrived last
        copy = copy_for(lane, delivery)
    late = clock.now() - event.said_at
    people, own = known_here(event, seat, body), is_own(event, seat, lane.connector)
    steps = rendering.steps(
        event, seat, lane.connector, body=body, copy=copy, late=late, people=people, is_own=own
    )
    if any(isinstance(step, React) and not step.add for step in steps) and reacted_by_others(event):
        steps = []  # our account holds one reaction there for everybody
    return Plan(steps, tubes, is_named=not own)


def _carry_out(lane: Lane, delivery: Delivery, plan: Plan) -> Go:
    if not delivery.part and (len(plan.steps) > 1 or delivery.parts is not None):
        _keep_cut(lane, delivery, plan)
    for number in range(delivery.part, len(plan.steps)):
        is_last = number + 1 == len(plan.steps)
        with files.at_hand(lane, delivery, plan.steps[number]) as (step, file):
            until = latest_start(lane, file)
            if not _begin(lane, delivery, step, file, plan.tubes):
                return _not_begun(lane, delivery)
            remote_id = act(lane, delivery, step, until, file)
        if is_last and delivery.event.kind == Kind.EDIT:
            _forget_surplus(lane, plan)
        lane.note([delivery], remote_id, is_last=is_last and not delivery.is_in_doubt)
        if not is_last and not lane.flush():
            return Go.STOP
    return Go.ON if not delivery.is_in_doubt or _finish(lane, delivery) else Go.STOP


def _finish(lane: Lane, delivery: Delivery) -> bool:
    """End a delivery of which nothing is left, as what is known of its parts allows."""
    if delivery.is_in_doubt:
        return end(lane, delivery, Status.UNKNOWN, NOBODY_TELLS)
    return end(lane, delivery, Status.SENT, "")


def _forget_surplus(lane: Lane, plan: Plan) -> None:
    """Parts that are gone are no copies any more, for later edits; their ids stay known as ours."""
    gone = [step.target for step in plan.steps if isinstance(step, Delete)]
    if gone:
        Post.objects.filter(room=lane.seat.room_id, remote_id__in=gone).update(delivery=None)


def _not_begun(lane: Lane, delivery: Delivery) -> Go:
    """The row is not as it was read: edited, deleted, not to be reached any more, or not ours."""
    if lane.ends() or delivery.pk in lane.doubted:
        return Go.STOP
    lane.doubted.add(delivery.pk)
    return Go.AGAIN


def _keep_cut(lane: Lane, delivery: Delivery, plan: Plan) -> None:
    """Store the parts as they are cut now: what has begun is finished so, whatever is set meanwhile."""
    posts = [step for step in plan.steps if isinstance(step, Send | SendFile)]
    is_cut = 1 < len(posts) == len(plan.steps)
    # Without: those of a longer text are forgotten, that an edit has replaced since.
    delivery.parts = rendering.parts_to_json(posts) if is_cut else None
    mine = Delivery.objects.filter(pk=delivery.pk, status=Status.QUEUED, part=0)
    mine.filter(seat__lane_fence=lane.lease.fence).update(parts=delivery.parts)


def _begin(
    lane: Lane, delivery: Delivery, step: Step, file: OutgoingFile | None, tubes: tuple[int, ...]
) -> bool:
    """Move the delivery to `sending`, under a lease that outlasts the request."""
    if lane.ends() or not lane.lease.lasts(_longest(lane, file) + 5):
        lane.flush()
        return False
    beginning = _beginning(lane, delivery, step, tubes, sizes=[file.size] if file else [])
    if file:
        more = _longest(lane, file) - lane.connector.capabilities.send_deadline
        beginning = replace(beginning, takes_longer=timedelta(seconds=more))
    return lane.begin(beginning)


def _beginning(
    lane: Lane, delivery: Delivery, step: Step, tubes: tuple[int, ...], sizes: Sequence[int] = ()
) -> Beginning:
    text = lane.connector.as_read(step.message) if isinstance(step, Send | SendFile) else ""
    print_ = rendering.content_fingerprint(text, sizes)
    return Beginning(delivery, print_, tubes, asks_seat=not delivery.part and not tubes)


def _longest(lane: Lane, file: OutgoingFile | None) -> float:
    """Seconds after which a request has ended."""
    can = lane.connector.capabilities
    return can.file_deadline if file else can.send_deadline


def latest_start(lane: Lane, file: OutgoingFile | None = None) -> float:
    """The moment after which a request must not begin any more that is about to be noted as begun.

    Taken before: whoever is frozen between the two finds it passed, as others count from the note.
    """
    return clock.monotonic() + _longest(lane, file)


def act(
    lane: Lane, delivery: Delivery, step: Step, until: float, file: OutgoingFile | None = None
) -> MessageId | None:
    """One request; the id of what it posted, None for a step that posts nothing. Network I/O."""
    connector, room = lane.connector, RoomId(lane.seat.room.remote_id)
    if clock.monotonic() > until:
        raise RetryLater("This message's turn had passed before it could be sent.")
    sql.give_back()  # nobody holds a database connection while waiting for a service
    with destinations.calling(lane.seat.account.kind, lane.seat.account.server):
        match step:
            case Send(message):
                return connector.send(room, _timed(message, delivery, until))
            case SendFile(message) if file is not None:
                return connector.send_file(room, replace(file, message=_timed(message, delivery, until)))
            case Edit(target, message):
                connector.edit(room, target, _timed(message, delivery, until))
            case Delete(target):
                connector.delete(room, target)
            case React(target, emoji, add):
                connector.react(room, target, emoji, add=add)
    return None


def _timed(message: OutgoingMessage, delivery: Delivery, until: float) -> OutgoingMessage:
    """The message as it goes out now: with its key, and the moment after which it must not begin.

    Numbers of rows begin anew in a new database, and a service remembers keys: so the key has a time.
    """
    key = f"sameroom-{delivery.created_at:%y%m%d%H%M%S%f}-{delivery.pk}-{delivery.part}"
    return replace(message, idempotency_key=key, not_after=until)


# ----------------------------------------------------------------- sharing a post


def _is_throttled(lane: Lane) -> bool:
    """Whether a limit has held the lane for long, where a shared post that is cut off can be looked up."""
    since = lane.seat.throttled_since
    if lane.connector.capabilities.one_line:
        return False  # joined they would be as many posts
    return since is not None and clock.now() - since > SHARE_AFTER and _can_look_up(lane)


def _can_look_up(lane: Lane) -> bool:
    """Whether what became of a send can be found out: of several messages at once, if they share a post."""
    can = lane.connector.capabilities
    return can.history and can.message_ids


def _shared(lane: Lane, delivery: Delivery, plan: Plan, behind: Sequence[Delivery]) -> Go | None:
    """Post this delivery and those right behind it as one message, so that a busy room catches up.

    What is about another message has a post of its own: it may be changed with that one.
    """
    group, plans = [delivery], [plan]
    for other in behind:
        is_plain = not (delivery.part or other.part or delivery.event.about_id or other.event.about_id)
        if not is_plain or other.status != Status.QUEUED:
            break
        ready = prepare(lane, other)
        if isinstance(ready, Go) or not ready.is_named:
            break
        group.append(other)
        plans.append(ready)
    joined = rendering.joined([one.steps for one in plans], lane.connector)
    return _post_together(lane, group, plans, *joined) if joined else None


def _reacted(lane: Lane, delivery: Delivery, plan: Plan, behind: Sequence[Delivery]) -> Go | None:
    """Tell of several reactions to one message in one line, where they wait one behind the other."""
    if delivery.event.kind != Kind.REACTION or not (behind and _is_told(plan)):
        return None
    group, plans = [delivery], [plan]
    for other in behind:
        is_alike = (other.event.kind, other.event.about_id) == (delivery.event.kind, delivery.event.about_id)
        if not is_alike or other.part or other.status != Status.QUEUED:
            break
        ready = prepare(lane, other)
        if isinstance(ready, Go) or not (ready.is_named and _is_told(ready)):
            break
        group.append(other)
        plans.append(ready)
    if len(group) < 2 or (copy := copy_for(lane, delivery)) is None:
        return None
    late = clock.now() - delivery.event.said_at
    told = rendering.reactions([one.event for one in group], lane.seat, lane.connector, copy, late)
    return _post_together(lane, group, plans, *told) if told else None


def _is_told(plan: Plan) -> bool:
    """Whether it is one plain post."""
    return len(plan.steps) == 1 and isinstance(plan.steps[0], Send)


def _post_together(
    lane: Lane, group: Sequence[Delivery], plans: Sequence[Plan], count: int, send: Send
) -> Go:
    """Post what the first `count` of these deliveries share."""
    delivery = group[0]
    if lane.ends() or not lane.lease.lasts(lane.connector.capabilities.send_deadline + 5):
        lane.flush()
        return Go.STOP
    until, pairs = latest_start(lane), list(zip(group, plans, strict=True))[:count]
    if not lane.begin_together([_beginning(lane, one, send, its.tubes) for one, its in pairs]):
        return _not_begun(lane, delivery)
    lane.note(list(group[:count]), act(lane, delivery, send, until), is_last=True)
    return Go.ON
