"""Tubes: live connections between exactly two Rooms."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Least

from accounts.codes import new_code
from accounts.models import User
from sameroom import clock
from tubes.models.portals import Portal
from tubes.models.rooms import Seat


class TubeQuerySet(models.QuerySet["Tube"]):
    def owned_by(self, user: Any) -> TubeQuerySet:
        """Tubes with a side of this user's."""
        return self.filter(Q(side_a__owner=user) | Q(side_b__owner=user))

    def not_closed(self) -> TubeQuerySet:
        return self.exclude(status=Tube.Status.CLOSED)

    def with_sides(self) -> TubeQuerySet:
        """Everything a page says about a Tube, in one query."""
        return self.select_related(
            *(f"side_{side}__{path}" for side in "ab" for path in ("room", "account", "owner"))
        )


class Tube(models.Model):
    """A live connection between exactly two rooms, Side A and Side B, two-way by default.

    What the pages show as *failed* or *archived* is no stored state: it is derived from the sides.
    `marker_a` and `marker_b` are the newest item in each side's room when the Tube was opened or
    resumed last; what was said up to there does not cross.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        CLOSED = "closed", "Closed"

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        Status.ACTIVE: frozenset({Status.PAUSED, Status.CLOSED}),
        Status.PAUSED: frozenset({Status.ACTIVE, Status.CLOSED}),
        Status.CLOSED: frozenset({Status.ACTIVE, Status.PAUSED}),  # taken back, soon after
    }

    code = models.CharField(max_length=32, unique=True, default=new_code, editable=False)
    side_a = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="tubes_as_a")
    side_b = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="tubes_as_b")
    status = models.CharField(max_length=16, choices=Status, default=Status.ACTIVE)
    portal = models.ForeignKey(Portal, null=True, blank=True, on_delete=models.SET_NULL, related_name="tubes")
    opened_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    typed_by = models.CharField(
        max_length=255, blank=True, help_text="Who typed the command that opened it, and in which room."
    )
    status_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    status_since = models.DateTimeField(default=clock.now)
    marker_a_id = models.CharField(max_length=255, blank=True)
    marker_a_time = models.DateTimeField(null=True, blank=True)
    marker_b_id = models.CharField(max_length=255, blank=True)
    marker_b_time = models.DateTimeField(null=True, blank=True)
    # The time before it was closed, where that was taken back: what was accepted then crosses all the same.
    # The first is noted when an active Tube is closed: since when it had been let pass.
    earlier_since = models.DateTimeField(null=True, blank=True, editable=False)
    earlier_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = TubeQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~Q(side_a=F("side_b")), name="a_tube_has_two_ends"),
            models.CheckConstraint(
                condition=Q(status__in=["active", "paused", "closed"]), name="known_tube_status"
            ),
            models.UniqueConstraint(
                Least("side_a", "side_b"),
                Greatest("side_a", "side_b"),
                condition=~Q(status="closed"),
                name="one_open_tube_between_two_seats",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side_a.room} ↔ {self.side_b.room}"
