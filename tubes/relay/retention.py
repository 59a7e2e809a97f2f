"""Forgetting: texts soon after their last delivery has ended, ids after a month, in small batches.

Each batch is a transaction of a few indexed statements, finds by itself what is due, and passes over
what somebody else has in hand. So a purge may be cut off anywhere and run any number of times at once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from connectors.base import Kind
from sameroom import clock
from sameroom.celery import stopping
from tubes.models import (
    Command,
    Delivery,
    Event,
    JoinCode,
    MapLink,
    Notice,
    PortalRequest,
    Post,
    Room,
    RoomClaim,
)
from tubes.relay import expiry, shelf

BATCH = 500
COMMANDS_FOR = timedelta(days=1)  # longer than anything that is counted by them
DISMISSED_FOR = timedelta(days=2)  # a notice is kept so long: it says what was told today already
NOBODYS_AFTER = timedelta(hours=1)  # a room that is being joined has no Seat yet
BREATH = 0.2  # seconds between two batches at most: SQLite's one writer has to be somebody else too


def erase_bodies(batch: int = BATCH) -> int:
    """Erase the texts and files of up to `batch` events whose deliveries all ended BODY_HOURS ago.

    Returns how many; 0 where nothing is due. Events that reach nobody were stored without a text.
    """
    return next(filter(None, _erasures(batch)), 0)


def erase_event(event_ids: Iterable[int]) -> None:
    """Erase these events' texts at once, as their author took them back: also what edits made of them.

    Parts that are cut already stay while they are on their way. Inside the caller's transaction;
    may be repeated.
    """
    ids = list(event_ids)
    follow_ups = dict(Event.objects.filter(about__in=ids).values_list("pk", "kind"))
    edits = [pk for pk, kind in follow_ups.items() if kind == Kind.EDIT.value]
    with transaction.atomic():
        _erase([*ids, *edits])
        # An answer quotes what it answers.
        _drop_parts([pk for pk in follow_ups if pk not in edits])


def purge_ids(batch: int = BATCH) -> int:
    """Delete up to `batch` events older than ID_DAYS that have no open delivery, and as many posts.

    Returns how many rows of these two; 0 where nothing is due. The read positions do not depend on them.
    """
    return purge_posts(batch) + next(filter(None, _deletions(batch)), 0)


def purge_posts(batch: int = BATCH) -> int:
    """Delete up to `batch` posts older than ID_DAYS; how many."""
    old = Post.objects.filter(posted_at__lt=_days_ago()).order_by("posted_at")
    with transaction.atomic():
        ids = _claimed(old, batch)
        Post.objects.filter(pk__in=ids).delete()
    return len(ids)


def purge_notices(batch: int = BATCH) -> int:
    """Delete up to `batch` notices that are older than ID_DAYS, or were dismissed days ago; how many."""
    old = Q(created_at__lt=_days_ago()) | Q(dismissed_at__lt=clock.now() - DISMISSED_FOR)
    with transaction.atomic():
        ids = _claimed(Notice.objects.filter(old), batch)
        Notice.objects.filter(pk__in=ids).delete()
    return len(ids)


def purge_requests(batch: int = BATCH) -> int:
    """Delete up to `batch` requests to come through a Portal that ended ID_DAYS ago; how many."""
    over = PortalRequest.objects.exclude(status=PortalRequest.Status.WAITING)
    with transaction.atomic():
        ids = _claimed(over.filter(status_since__lt=_days_ago()), batch)
        PortalRequest.objects.filter(pk__in=ids).delete()
    return len(ids)


def purge_commands(batch: int = BATCH) -> int:
    """Delete up to `batch` commands, codes and map links, each, that are of no use any more; how many."""
    now = clock.now()
    old = (
        Command.objects.filter(created_at__lt=now - COMMANDS_FOR, due_at=None),
        JoinCode.objects.filter(expires_at__lt=now - COMMANDS_FOR),
        RoomClaim.objects.filter(expires_at__lt=now - COMMANDS_FOR),
        MapLink.objects.filter(expires_at__lt=now),
    )
    done = 0
    for rows in old:
        with transaction.atomic():
            ids = list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True)[:batch])
            rows.model._default_manager.filter(pk__in=ids).delete()
        done += len(ids)
    return done


def purge_rooms(batch: int = BATCH) -> int:
    """Delete up to `batch` events of a room in which nobody has a Seat any more, and at last the room itself.

    Returns how many rows; 0 where nothing is due. What is still on its way out of it ends first.
    """
    left = Room.objects.filter(seats=None, created_at__lt=clock.now() - NOBODYS_AFTER).order_by("pk")
    waiting = Delivery.objects.filter(origin=OuterRef("pk"), status__in=Delivery.OPEN)
    with transaction.atomic():
        room = left.filter(~Exists(waiting)).select_for_update(of=("self",), skip_locked=True).first()
        if room is None:
            return 0
        events = list(Event.objects.filter(room=room).values_list("pk", flat=True)[:batch])
        posts = list(Post.objects.filter(room=room).values_list("pk", flat=True)[: batch - len(events)])
        Delivery.objects.filter(event__in=events).delete()
        Event.objects.filter(pk__in=events).delete()
        Post.objects.filter(pk__in=posts).delete()
        transaction.on_commit(partial(shelf.forget, events), robust=True)
        if len(events) + len(posts) < batch:
            room.delete()
    return len(events) + len(posts) + 1


def purge(*, seconds: float = math.inf, batch: int = BATCH) -> dict[str, int]:
    """Do all that is due, for `seconds` at most with each kind; how much, by name. May be repeated."""
    done = {"deliveries expired": expiry.skip_where_nobody_works()}
    work: dict[str, Iterator[int]] = {
        "texts erased": _erasures(batch),
        "posts deleted": iter(partial(purge_posts, batch), 0),
        "events deleted": _deletions(batch),
        "notices deleted": iter(partial(purge_notices, batch), 0),
        "requests deleted": iter(partial(purge_requests, batch), 0),
        "commands deleted": iter(partial(purge_commands, batch), 0),
        "left rooms deleted": iter(partial(purge_rooms, batch), 0),
    }
    for name, batches in work.items():
        done[name] = _paced(batches, clock.monotonic() + seconds)
    done["linked files removed"] = shelf.tidy()
    return done


def _paced(batches: Iterator[int], ends: float) -> int:
    """Do one batch after the other, with a breath in between, until all are done or the time is up."""
    done, begun = 0, clock.monotonic()
    for number in batches:
        done += number
        if stopping() or clock.monotonic() > ends:
            break
        time.sleep(min(clock.monotonic() - begun, BREATH))
        begun = clock.monotonic()
    return done


def _erasures(batch: int) -> Iterator[int]:
    """Walk once over all texts that are old enough, oldest first; yields how many of each batch went.

    A walk and not one query, which would look again and again at those that still wait.
    """
    before = clock.now() - timedelta(hours=settings.BODY_HOURS)
    old = Event.objects.filter(body__isnull=False, accepted_at__lt=before).order_by("accepted_at", "pk")
    after = Q()
    while found := list(old.filter(after).values_list("accepted_at", "pk")[:batch]):
        yield _erase_ended([pk for _, pk in found], before)
        time_, pk = found[-1]
        after = Q(accepted_at__gte=time_) & (Q(accepted_at__gt=time_) | Q(pk__gt=pk))


def _erase_ended(ids: list[int], before: datetime) -> int:
    unfinished = Delivery.objects.filter(Q(status__in=Delivery.OPEN) | Q(finished_at__gte=before))
    ended = Event.objects.filter(
        ~Exists(unfinished.filter(event=OuterRef("pk"))),
        # An edit's text may be posted in place of the message's own.
        ~Exists(unfinished.filter(event=OuterRef("about"))),
        pk__in=ids,
    )
    with transaction.atomic():
        claimed = _claimed(ended.exclude(held=Event.Held.WAITING), len(ids))
        _erase(claimed)
    return len(claimed)


def _deletions(batch: int) -> Iterator[int]:
    """Walk once over the events that are old enough, by their ids; yields how many of each batch went.

    No index holds their time, and about in the order of their ids they were accepted: the walk ends
    where a whole batch is younger.
    """
    before, last = _days_ago(), 0
    while True:
        rows = Event.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "accepted_at")
        found = list(rows[:batch])
        old = [pk for pk, accepted_at in found if accepted_at < before]
        if not old:
            return
        yield _delete_ended(old)
        last = found[-1][0]


def _delete_ended(ids: list[int]) -> int:
    unfinished = Delivery.objects.filter(event=OuterRef("pk"), status__in=Delivery.OPEN)
    with transaction.atomic():
        claimed = _claimed(Event.objects.filter(~Exists(unfinished), pk__in=ids), len(ids))
        Delivery.objects.filter(event__in=claimed).delete()
        Event.objects.filter(pk__in=claimed).delete()
    return len(claimed)


def _days_ago() -> datetime:
    return clock.now() - timedelta(days=settings.ID_DAYS)


def _claimed(rows: QuerySet[Any], batch: int) -> list[int]:
    """The ids of up to `batch` of these rows, locked; without those that somebody else has in hand."""
    return list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True)[:batch])


def _erase(ids: list[int]) -> None:
    if ids:
        Event.objects.filter(pk__in=ids).update(body=None, attachments=[])
        _drop_parts(ids)
        transaction.on_commit(partial(shelf.forget, ids), robust=True)


def _drop_parts(event_ids: list[int]) -> None:
    """Forget how the texts of these events were cut, where nothing of them is on its way."""
    cut = Delivery.objects.filter(event__in=event_ids, parts__isnull=False)
    cut.exclude(status__in=Delivery.OPEN).update(parts=None)
