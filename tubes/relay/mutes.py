"""Mutes: whose messages do not arrive in the room of a Seat. They act in that room only."""

from __future__ import annotations

from collections.abc import Collection

from tubes.models import Event, Mute


def muted(arriving: Collection[tuple[int, Event]]) -> set[tuple[int, int]]:
    """Those of these (Seat id, event), loaded with their rooms, whose author is muted there, with the
    event's id. One query."""
    seats = {seat for seat, _ in arriving}
    known = set(
        Mute.objects.filter(seat__in=seats).values_list("seat", "kind", "space", "author_id", "author_name")
    )
    nameless = {mute for mute in known if not mute[3]}
    by_id = {mute[:4] for mute in known if mute[3]}
    found = set()
    for seat, event in arriving:
        assert event.room is not None, "what we say ourselves has no author to mute"
        place = (seat, event.room.kind, event.room.space)
        if (*place, event.author_id) in by_id or (*place, "", event.author_name) in nameless:
            found.add((seat, event.pk))
    return found
