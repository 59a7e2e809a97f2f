"""Forgetting: texts soon after their last delivery has ended, ids after a month, in small batches.

Each batch is a transaction of a few indexed statements, finds by itself what is due, and passes over
what somebody else has in hand. So a purge may be cut off anywhere and run any number of times at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from connectors.base import Kind
from sameroom import clock
from sameroom.celery import stopping
from tubes.models import Delivery, Event, Notice, Post
from tubes.relay import expiry

BATCH = 500
DISMISSED_FOR = timedelta(days=2)  # a notice is kept so long: it says what was told today already
BREATH = 0.2  # seconds between two batches at most: SQLite's one writer has to be somebody else too


def erase_bodies(batch: int = BATCH) -> int:
    """Erase the texts and files of up to `batch` events whose deliveries all ended BODY_HOURS ago.

    Returns how many. Events that reach nobody were stored without a text.
    """
    before = clock.now() - timedelta(hours=settings.BODY_HOURS)
    unfinished = Delivery.objects.filter(Q(status__in=Delivery.OPEN) | Q(finished_at__gte=before))
    due = Event.objects.filter(body__isnull=False, accepted_at__lt=before).exclude(held=Event.Held.WAITING)
    due = due.filter(
        ~Exists(unfinished.filter(event=OuterRef("pk"))),
        # An edit's text may be posted in place of the message's own.
        ~Exists(unfinished.filter(event=OuterRef("about"))),
    )
    with transaction.atomic():
        ids = _claimed(due.order_by("accepted_at"), batch)
        _erase(ids)
    return len(ids)


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

    Returns how many rows of these two. The read positions do not depend on them.
    """
    before = clock.now() - timedelta(days=settings.ID_DAYS)
    with transaction.atomic():
        posts = _claimed(Post.objects.filter(posted_at__lt=before).order_by("posted_at"), batch)
        Post.objects.filter(pk__in=posts).delete()
    events = 0
    for ids in _old_events(before, batch):
        with transaction.atomic():
            open_ = Delivery.objects.filter(event=OuterRef("pk"), status__in=Delivery.OPEN)
            closed = _claimed(Event.objects.filter(~Exists(open_), pk__in=ids), batch)
            Delivery.objects.filter(event__in=closed).delete()
            Event.objects.filter(pk__in=closed).delete()
        events += len(closed)
        if closed:
            break
    return events + len(posts)


def purge_notices(batch: int = BATCH) -> int:
    """Delete up to `batch` notices that are older than ID_DAYS, or were dismissed days ago."""
    now = clock.now()
    old = Q(created_at__lt=now - timedelta(days=settings.ID_DAYS)) | Q(dismissed_at__lt=now - DISMISSED_FOR)
    with transaction.atomic():
        ids = _claimed(Notice.objects.filter(old), batch)
        Notice.objects.filter(pk__in=ids).delete()
    return len(ids)


def purge(*, seconds: float | None = None, batch: int = BATCH) -> dict[str, int]:
    """Do all that is due, for `seconds` at most; what was done, by name. May be cut off and repeated."""
    ends = None if seconds is None else clock.monotonic() + seconds
    done = {"expired deliveries": expiry.skip_where_nobody_works()}
    steps: dict[str, Callable[[], int]] = {
        "erased texts": partial(erase_bodies, batch),
        "deleted ids": partial(purge_ids, batch),
        "deleted notices": partial(purge_notices, batch),
    }
    for name, step in steps.items():
        done[name] = sum(_batches(step, ends))
    return done


def _batches(step: Callable[[], int], ends: float | None) -> Iterator[int]:
    """What each batch did, until nothing is left, the time is up, or this worker is to stop."""
    while not stopping():
        begun = clock.monotonic()
        done = step()
        yield done
        if not done or (ends is not None and clock.monotonic() > ends):
            return
        time.sleep(min(clock.monotonic() - begun, BREATH))


def _old_events(before: datetime, batch: int) -> Iterator[list[int]]:
    """The ids of events older than this, in the order of their ids, which is about that of their age.

    No index holds their time. The walk ends where a whole batch is younger.
    """
    last = 0
    while True:
        rows = Event.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "accepted_at")[:batch]
        found = list(rows)
        old = [pk for pk, accepted_at in found if accepted_at < before]
        if not old:
            return
        yield old
        last = found[-1][0]


def _claimed(rows: QuerySet[Event] | QuerySet[Post] | QuerySet[Notice], batch: int) -> list[int]:
    """The ids of up to `batch` of these rows, locked; without those that somebody else has in hand."""
    return list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True)[:batch])


def _erase(ids: list[int]) -> None:
    if ids:
        Event.objects.filter(pk__in=ids).update(body=None, attachments=[])
        _drop_parts(ids)


def _drop_parts(event_ids: list[int]) -> None:
    """Forget how the texts of these events were cut, where nothing of them is on its way."""
    cut = Delivery.objects.filter(event__in=event_ids, parts__isnull=False)
    cut.exclude(status__in=Delivery.OPEN).update(parts=None)
