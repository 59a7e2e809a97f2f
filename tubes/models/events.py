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

    # Null: a notice of our own, which goes straight into a lane.
    room = models.ForeignKey(Room, null=True, on_delete=models.CASCADE, related_name="events", db_index=False)
    number = models.PositiveBigIntegerField(help_text="Position among the events accepted in its room.")
    kind = models.CharField(max_length=16, choices=KINDS)
    dedupe_key = models.CharField(max_length=255)
    remote_id = models.CharField(max_length=255, blank=True)
    target = models.CharField(max_length=255, blank=True)
    reply_to = models.CharField(max_length=255, blank=True)
    emoji = models.CharField(max_length=255, blank=True)
    # The message of ours that `target` or `reply_to` names, at whichever room's copy it was said.
    about = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="follow_ups", db_index=False
    )
    author_id = models.CharField(max_length=255, blank=True)
    author_name = models.CharField(max_length=255, blank=True)
    author_username = models.CharField(max_length=255, blank=True)
    author_avatar_url = models.TextField(blank=True)
    author_team = models.CharField(max_length=255, blank=True)
    body = models.JSONField(null=True, blank=True)
    attachments = models.JSONField(default=list, blank=True)
    # Of the text without prefixes: by it an echo through somebody else's bridge is known.
    fingerprint = models.CharField(max_length=32, blank=True)
    is_presence = models.BooleanField(default=False, db_default=False)
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
            models.Index(fields=["about"], name="follow_ups", condition=models.Q(about__isnull=False)),
            models.Index(
                fields=["room", "target"],
                name="early_changes",
                condition=models.Q(about__isnull=True, kind__in=["edit", "delete"]),
            ),
            models.Index(fields=["accepted_at"], name="bodies", condition=models.Q(body__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Delivery(models.Model):
    """An Event on its way to one destination Room through a Seat.

    queued → sending → sent | failed | unknown | skipped, and removed (a moderator took our post
    away). sending → queued where it surely did not arrive, unknown → sent when it is seen later,
    skipped → queued where the closing that left it out is taken back.
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
        # queued → sent: its last step was found to have been done, and no more is left; queued → unknown: the
        # same, and of one of its parts nobody can tell.
        Status.QUEUED: frozenset(
            {Status.SENDING, Status.SENT, Status.FAILED, Status.UNKNOWN, Status.SKIPPED}
        ),
        Status.SENDING: frozenset(
            {Status.QUEUED, Status.SENT, Status.FAILED, Status.UNKNOWN, Status.SKIPPED}
        ),
        Status.SENT: frozenset({Status.REMOVED}),
        Status.FAILED: frozenset({Status.QUEUED}),
        Status.UNKNOWN: frozenset({Status.SENT, Status.QUEUED}),
        Status.SKIPPED: frozenset({Status.QUEUED}),
        Status.REMOVED: frozenset(),
    }

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    status = models.CharField(max_length=16, choices=Status, default=Status.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    # The room it comes from, as the event's; null for our own notices. In a lane origins take turns.
    origin = models.ForeignKey(Room, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    # The edit whose text is posted instead: it was made before this was sent.
    carries = models.ForeignKey(Event, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    # How many parts have arrived; while `sending`, the number of the one on the wire.
    part = models.PositiveIntegerField(default=0)
    # What is on the wire, as compared with a history: `normal_hash` of the part's text.
    fingerprint = models.CharField(max_length=32, blank=True)
    # A part of it may not have arrived, and nobody can tell: so will its end be.
    is_in_doubt = models.BooleanField(default=False, db_default=False)
    # All parts as they were cut, once the first of several has been sent.
    parts = models.JSONField(null=True, blank=True)
    # The delivery whose post this one shares, where a limit held the lane and messages were joined.
    lead = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
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
            # Without these, each row that is purged has the whole table searched for who refers to it.
            models.Index(fields=["carries"], name="carried", condition=models.Q(carries__isnull=False)),
            models.Index(fields=["lead"], name="led", condition=models.Q(lead__isnull=False)),
            # In the place of the foreign key's own: of a seat's deliveries pages show the newest.
            models.Index(fields=["seat", "id"], name="deliveries_of_a_seat"),
            models.Index(
                fields=["seat", "id"], name="lanes", condition=models.Q(status__in=["queued", "sending"])
            ),
            models.Index(
                fields=["room", "seat"],
                name="sends_undecided",
                condition=models.Q(status__in=["sending", "unknown"]),
            ),
            models.Index(
                fields=["seat", "id"],
                name="undelivered",
                condition=models.Q(status__in=["failed", "unknown"]),
            ),
            # What was lost, whoever it was for: operators look at the newest of it.
            models.Index(
                fields=["finished_at"],
                name="lost_lately",
                condition=models.Q(status__in=["failed", "unknown"]),
            ),
            # What was left out, whoever it was for: taking a closing back looks at the newest of it.
            models.Index(
                fields=["finished_at"],
                name="left_out_lately",
                condition=models.Q(status="skipped"),
            ),
            models.Index(
                fields=["origin", "room", "seat"],
                name="under_way",
                condition=models.Q(status__in=["queued", "sending"]),
            ),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class Post(models.Model):
    """One part of a Delivery as it stands in the destination's history, under the service's id.

    Whatever has a Post is ours and is never taken in as new, whichever account sees it. So a Post
    outlives its Delivery: the account that made it may be removed before others have read it.
    """

    delivery = models.ForeignKey(
        Delivery, null=True, on_delete=models.SET_NULL, related_name="posts", db_index=False
    )
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="posts", db_index=False)
    part = models.PositiveIntegerField(default=0)
    # Empty where the service gives no ids: then the fingerprint tells it, until it was seen once.
    remote_id = models.CharField(max_length=255, blank=True)
    fingerprint = models.CharField(max_length=32, blank=True)
    is_seen = models.BooleanField(default=False)
    posted_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["delivery", "part"], name="one_post_per_part")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["remote_id", "room"], name="our_posts_by_remote_id"),
            models.Index(
                fields=["room", "fingerprint"],
                name="posts_without_id",
                condition=models.Q(remote_id="", is_seen=False),
            ),
            models.Index(fields=["posted_at"], name="posts_by_age"),
        ]

    def __str__(self) -> str:
        return self.remote_id
