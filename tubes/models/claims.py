"""Proving a right to a room of a shared account: by a code that is typed there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.db import models

from accounts.models import LinkedAccount, User
from sameroom import clock
from tubes.models.rooms import RoomListing

CODE_LIVES = timedelta(minutes=10)


def expiry() -> Any:
    """When a claim that is made now ends."""
    return clock.now() + CODE_LIVES


class RoomClaimQuerySet(models.QuerySet["RoomClaim"]):
    def owned_by(self, user: Any) -> RoomClaimQuerySet:
        return self.filter(owner=user)

    def open(self) -> RoomClaimQuerySet:
        """Those whose code may still be typed."""
        return self.filter(found_at=None, expires_at__gt=clock.now())


class RoomClaim(models.Model):
    """Somebody says that a room of a shared account is theirs to join, and has a code to type there.

    The code is made of the row and the installation's key, and stored nowhere.
    """

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="room_claims")
    account = models.ForeignKey(LinkedAccount, on_delete=models.CASCADE, related_name="room_claims")
    room_name = models.CharField(max_length=255)
    # Ids of the rooms that have this name, as they were listed last.
    candidates = models.JSONField(default=list, blank=True)
    listed_at = models.DateTimeField(null=True, blank=True)
    next_look_at = models.DateTimeField(default=clock.now)
    trouble = models.TextField(blank=True, help_text="Why the account's rooms could not be looked at.")
    expires_at = models.DateTimeField(default=expiry)
    found_at = models.DateTimeField(null=True, blank=True)
    listing = models.ForeignKey(RoomListing, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = RoomClaimQuerySet.as_manager()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["expires_at"], name="claims_open", condition=models.Q(found_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.room_name} through {self.account}"
