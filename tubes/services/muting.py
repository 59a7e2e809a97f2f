"""Muting authors in one room, and hearing them again."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from tubes.models import Event, Mute, Seat

MOST = 200  # mutes of one Seat


class MuteRefused(Exception):
    """Somebody cannot be muted; `str(error)` is the sentence for the user."""


def mute_add(*, seat: Seat, author: Event, typed_by: str) -> bool:
    """Keep what this event's author says, loaded with its room, out of the Seat's room; False where it is so.

    Raises MuteRefused.
    """
    assert author.room is not None
    if Mute.objects.filter(seat=seat).count() >= MOST:
        raise MuteRefused(f"{MOST} people are muted here, which is as many as there can be.")
    mute = Mute(
        seat=seat,
        kind=author.room.kind,
        space=author.room.space,
        author_id=author.author_id,
        author_name=author.author_name,
        author_username=author.author_username,
        typed_by=typed_by,
    )
    try:
        with transaction.atomic():
            mute.save()
            Seat.objects.filter(pk=seat.pk).update(has_mutes=True)
    except IntegrityError:
        return False
    return True


def mute_remove(*, mute: Mute) -> bool:
    """Let an author be heard again; False where that is so already."""
    with transaction.atomic():
        Seat.objects.select_for_update(no_key=True).get(pk=mute.seat_id)
        removed, _ = Mute.objects.filter(pk=mute.pk).delete()
        remaining = Mute.objects.filter(seat=mute.seat_id).exists()
        Seat.objects.filter(pk=mute.seat_id).update(has_mutes=remaining)
    return removed > 0
