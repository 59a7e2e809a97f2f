"""What happened in a Room (Event), where it has to go (Delivery), and what we posted (Post)."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from connectors.base import Kind
from sameroom import clock
from tubes.models.rooms import Room, Seat


class Event(models.Model):
    """One thing that happened in a Room. Append only, but for erasure and *held*.

    A held event was written by one of our own accounts while a send of ours was undecided: it may
    be that very send. It, and what followed it in its room, is routed or dropped once the send is
    settled.
    """

    class Held(models.TextChoices):
        NO = "no", "Not held"
        WAITING = "waiting", "May be our own post, or stands behind one that may"
        ECHO = "echo", "Was our own post"

    KINDS: ClassVar[list[tuple[str, str]]] = [(kind.value, kind.value) for kind in Kind]

    room = models.ForeignKey(Room, null=True, on_delete=models.CASCADE, related_name="events")
    number = models.PositiveBigIntegerField(help_text="Position among the events accepted in its room.")
    kind = models.CharField(max_length=16, choices=KINDS)
    dedupe_key = models.CharField(max_length=255)
    remote_id = models.CharField(max_length=255, blank=True)
    target = models.CharField(max_length=255, blank=True)
    reply_to = models.CharField(max_length=255, blank=True)
    author_id = models.CharField(max_length=255, blank=True)
    author_name = models.CharField(max_length=255, blank=True)
    author_username = models.CharField(max_length=255, blank=True)
    author_avatar_url = models.TextField(blank=True)
    author_team = models.CharField(max_length=255, blank=True)
    body = models.JSONField(null=True, blank=True)
    attachments = models.JSONField(default=list, blank=True)
    held = models.CharField(max_length=8, choices=Held, default=Held.NO)
    said_at = models.DateTimeField()
    accepted_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["room", "kind", "dedupe_key"], name="an_event_is_taken_in_once"),
            models.UniqueConstraint(fields=["room", "number"], name="events_of_a_room_are_numbered"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["room", "number"], name="held_events", condition=models.Q(held="waiting")),
            models.Index(fields=["room", "remote_id"], name="events_by_remote_id"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Delivery(models.Model):
    """An Event on its way to one destination Room through a Seat.

    queued → sending → sent | failed | unknown | skipped, and removed (a moderator took our post
    away). sending → queued where it surely did not arrive, unknown → sent when it is seen later.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        UNKNOWN = "unknown", "May have been sent"
        SKIPPED = "skipped", "Skipped"
        REMOVED = "removed", "Removed there"

    OPEN: ClassVar[tuple[str, ...]] = (Status.QUEUED, Status.SENDING)
    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        Status.QUEUED: frozenset({Status.SENDING, Status.FAILED, Status.SKIPPED}),
        Status.SENDING: frozenset(
            {Status.QUEUED, Status.SENT, Status.FAILED, Status.UNKNOWN, Status.SKIPPED}
        ),
        Status.SENT: frozenset({Status.REMOVED}),
        Status.FAILED: frozenset({Status.QUEUED}),
        Status.UNKNOWN: frozenset({Status.SENT, Status.QUEUED}),
        Status.SKIPPED: frozenset(),
        Status.REMOVED: frozenset(),
    }

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="deliveries")
    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="deliveries")
    status = models.CharField(max_length=16, choices=Status, default=Status.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    # Which part is on the wire while `sending`.
    part = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=clock.now)
    sending_since = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["event", "room"], name="delivered_once_per_room"),
            models.CheckConstraint(
                condition=models.Q(
                    status__in=["queued", "sending", "sent", "failed", "unknown", "skipped", "removed"]
                ),
                name="known_delivery_status",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["seat", "id"], name="lanes", condition=models.Q(status__in=["queued", "sending"])
            ),
            models.Index(
                fields=["room", "seat"],
                name="sends_undecided",
                condition=models.Q(status__in=["sending", "unknown"]),
            ),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class Post(models.Model):
    """One part of a Delivery as it stands in the destination's history, under the service's id.

    Whatever has a Post is ours and is never taken in as new, whichever account sees it. So a Post
    outlives its Delivery: the account that made it may be removed before others have read it.
    """

    delivery = models.ForeignKey(Delivery, null=True, on_delete=models.SET_NULL, related_name="posts")
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="posts")
    part = models.PositiveIntegerField(default=0)
    remote_id = models.CharField(max_length=255)
    posted_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["delivery", "part"], name="one_post_per_part")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["remote_id", "room"], name="our_posts_by_remote_id")
        ]

    def __str__(self) -> str:
        return self.remote_id
