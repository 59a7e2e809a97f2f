"""What people and operators are told: notices about rooms, and whether this installation may relay."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from accounts.models import User
from sameroom import clock
from tubes.models.rooms import Seat


class NoticeQuerySet(models.QuerySet["Notice"]):
    def owned_by(self, user: Any) -> NoticeQuerySet:
        return self.filter(owner=user)

    def standing(self) -> NoticeQuerySet:
        """What its owner has not put away yet."""
        return self.filter(dismissed_at=None)

    def newest_first(self) -> NoticeQuerySet:
        return self.order_by("-created_at", "-pk")


class Notice(models.Model):
    """Something the owner of a Seat has to know. Manage shows all; some are also said in the room."""

    class Kind(models.TextChoices):
        CATCH_UP = "catch_up", "Older messages left out"
        LOSS = "loss", "Message not delivered"
        UNKNOWN = "unknown", "May have been sent"
        QUOTA = "quota", "Daily limit reached"
        BREAKER = "breaker", "Tube paused: echo"
        MOVED = "moved", "Room goes on as a new one"
        PORTAL = "portal", "Somebody came through a Portal"
        COMMAND = "command", "Done by a command"
        LATE = "late", "Messages come late"
        OPENED = "opened", "Tube opened"
        CLOSED = "closed", "Tube closed"
        PAUSED = "paused", "Tube paused"
        RESUMED = "resumed", "Tube resumed"
        FAILING = "failing", "Tube stands still"
        WORKING = "working", "Tube works again"

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    seat = models.ForeignKey(Seat, null=True, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=16, choices=Kind)
    text = models.TextField()
    # How often the same was to be told since: one row grows instead of a page full of rows.
    count = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)
    dismissed_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["owner", "-created_at"], name="notices_of_an_owner")
        ]

    def __str__(self) -> str:
        return self.text


class Listener(models.Model):
    """A process that listens to streams, as long as it says so. By their number they share the accounts."""

    name = models.CharField(max_length=255, unique=True, help_text="Host and process.")
    seen_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.name


class Installation(models.Model):
    """The one row by which a database knows where it belongs: a copy of it must not relay."""

    public_url = models.CharField(max_length=255)
    # Grows while the relay runs. A copy kept outside the database tells a restored backup from it.
    mark = models.PositiveBigIntegerField(default=0)
    marked_at = models.DateTimeField(default=clock.now)
    stopped_because = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=models.Q(pk=1), name="one_installation")
        ]

    def __str__(self) -> str:
        return self.public_url
