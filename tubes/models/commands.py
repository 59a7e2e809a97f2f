"""What people type to us in a room (Command), and what comes of it: codes, map links, mutes."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from sameroom import clock
from tubes.models.events import Event
from tubes.models.rooms import Room, Seat


class Command(models.Model):
    """A command that was typed in a room, until it has been carried out.

    waiting → begun → done, or waiting → done at once. The row is the truth: whoever finds it due may
    carry it out, and one that was carried out half is looked at again.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", "Not carried out yet"
        BEGUN = "begun", "Half carried out"
        DONE = "done", "Carried out"

    # An event is taken in once, so a command is, too.
    event = models.OneToOneField(Event, on_delete=models.CASCADE, related_name="command")
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="commands", db_index=False)
    author_id = models.CharField(max_length=255)
    author_name = models.CharField(max_length=255, blank=True)
    author_username = models.CharField(max_length=255, blank=True)
    word = models.CharField(max_length=32, blank=True)
    # What stood behind the word; emptied once it is done.
    rest = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.WAITING)
    memo = models.JSONField(default=dict, blank=True, help_text="What its second half has to know.")
    is_wrong_guess = models.BooleanField(default=False, help_text="It named a code that is none.")
    attempts = models.PositiveIntegerField(default=0)
    # When it has to be looked at (again); null: never.
    due_at = models.DateTimeField(null=True, default=clock.now)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(status__in=["waiting", "begun", "done"]), name="known_command_status"
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at"], name="commands_due", condition=models.Q(due_at__isnull=False)),
            models.Index(fields=["room", "created_at"], name="commands_of_a_room"),
        ]

    def __str__(self) -> str:
        return self.word


class JoinCode(models.Model):
    """A code by which, for two minutes, one other room can be joined to a Seat's. Kept as a hash only."""

    digest = models.CharField(max_length=64, unique=True)
    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="join_codes")
    typed_by = models.CharField(max_length=255, blank=True)
    expires_at = models.DateTimeField()
    used_by = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="codes")
    created_at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return f"code of {self.seat_id}"


class MapLink(models.Model):
    """The address of a picture of the Tube Network around a Seat's room, for whoever holds it."""

    key = models.CharField(max_length=32, unique=True)
    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="map_links")
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"map of {self.seat_id}"


class MuteQuerySet(models.QuerySet["Mute"]):
    def owned_by(self, user: Any) -> MuteQuerySet:
        return self.filter(seat__owner=user)


class Mute(models.Model):
    """An author of other rooms whose messages do not arrive in a Seat's room."""

    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="mutes", db_index=False)
    # Where the author's id means this person: a service and a space, as of `Room`.
    kind = models.CharField(max_length=32)
    space = models.CharField(max_length=255)
    author_id = models.CharField(max_length=255, blank=True)
    # Tells people apart where the service gives authors no ids; elsewhere only shown.
    author_name = models.CharField(max_length=255, blank=True)
    author_username = models.CharField(max_length=255, blank=True)
    typed_by = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = MuteQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["seat", "kind", "space", "author_id"],
                condition=~models.Q(author_id=""),
                name="one_mute_per_author",
            ),
            models.UniqueConstraint(
                fields=["seat", "kind", "space", "author_name"],
                condition=models.Q(author_id=""),
                name="one_mute_per_nameless_author",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """By what the author is known: a service may give people no names."""
        return self.author_name.strip() or self.author_username or self.author_id
