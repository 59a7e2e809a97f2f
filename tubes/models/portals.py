"""Portals: addresses by which others join a room of theirs to one of yours."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse

from accounts.codes import new_code
from accounts.models import LinkedAccount, User
from sameroom import clock
from tubes.models.rooms import Seat


class PortalQuerySet(models.QuerySet["Portal"]):
    def owned_by(self, user: Any) -> PortalQuerySet:
        return self.filter(seat__owner=user)

    def not_deleted(self) -> PortalQuerySet:
        return self.filter(deleted_at=None)

    def with_seat(self) -> PortalQuerySet:
        """Everything a page says about a Portal but its Tubes, in one query."""
        return self.select_related("seat__room", "seat__account", "seat__owner")

    def counted(self) -> PortalQuerySet:
        """With `open_tubes`, how many Tubes made through it are open."""
        is_open = Q(tubes__isnull=False) & ~Q(tubes__status="closed")
        return self.annotate(open_tubes=models.Count("tubes", filter=is_open))


class Portal(models.Model):
    """An address bound to one Room: whoever follows it joins a room of their own to it, by a Tube.

    Its Seat is in use, and so its room is read, until it is deleted: also while nobody has come yet, and
    when it takes nobody any more. A deleted one keeps its row, so that its address can say so.
    """

    # 96 random bits: who holds the address may knock, so nobody is to find one by trying.
    key = models.CharField(max_length=32, unique=True, default=new_code, editable=False)
    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="portals")
    options = models.JSONField(
        default=dict,
        blank=True,
        help_text="Posting options that its Seat takes with the first of its Tubes.",
    )
    needs_approval = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: it does not expire.")
    most_tubes = models.PositiveIntegerField(
        null=True, blank=True, help_text="Of its Tubes so many may be open at once; empty: any number."
    )
    deleted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = PortalQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(most_tubes=None) | Q(most_tubes__gte=1), name="a_portal_lets_somebody_in"
            )
        ]

    def __str__(self) -> str:
        return f"Portal to {self.seat.room}"

    @property
    def path(self) -> str:
        """Where visitors go, without the host."""
        return reverse("tubes:portal-visit", args=[self.key])

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= clock.now()


class PortalRequestQuerySet(models.QuerySet["PortalRequest"]):
    def owned_by(self, user: Any) -> PortalRequestQuerySet:
        """Those that this user has made."""
        return self.filter(visitor=user)

    def addressed_to(self, user: Any) -> PortalRequestQuerySet:
        """Those that this user decides about."""
        return self.filter(portal__seat__owner=user)

    def waiting(self) -> PortalRequestQuerySet:
        return self.filter(status=PortalRequest.Status.WAITING)

    def with_rooms(self) -> PortalRequestQuerySet:
        """Everything a page says about a request, in one query."""
        return self.select_related(
            "account", "tube", "visitor", "portal__seat__room", "portal__seat__account", "portal__seat__owner"
        )


class PortalRequest(models.Model):
    """A visitor's wish to join a room through a Portal whose owner decides about each."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting for approval"
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        Status.WAITING: frozenset({Status.APPROVED, Status.DECLINED, Status.WITHDRAWN}),
        Status.APPROVED: frozenset(),
        # Its visitor has read it and puts it away.
        Status.DECLINED: frozenset({Status.WITHDRAWN}),
        Status.WITHDRAWN: frozenset(),
    }

    code = models.CharField(max_length=32, unique=True, default=new_code, editable=False)
    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="requests")
    visitor = models.ForeignKey(User, on_delete=models.CASCADE, related_name="portal_requests")
    # The visitor's room. It has no row of its own before there is a Tube to it.
    account = models.ForeignKey(LinkedAccount, on_delete=models.CASCADE, related_name="portal_requests")
    remote_id = models.CharField(max_length=255)
    room_name = models.CharField(max_length=255)
    status = models.CharField(max_length=16, choices=Status, default=Status.WAITING)
    status_since = models.DateTimeField(default=clock.now)
    tube = models.ForeignKey("Tube", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = PortalRequestQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "approved", "declined", "withdrawn"]),
                name="known_portal_request_status",
            ),
            models.UniqueConstraint(
                fields=["portal", "account", "remote_id"],
                condition=Q(status="waiting"),
                name="one_waiting_request_per_portal_and_room",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.room_name} → {self.portal.seat.room}"
