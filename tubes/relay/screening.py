"""What does not arrive in a room although a Tube leads there: what its Seat keeps out.

It acts in that room only: the walk goes on behind it. Costs nothing where nothing is kept out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache

from connectors.base import Attachment, Kind
from connectors.markup import plain
from connectors.markup.tree import from_json
from tubes.models import Event
from tubes.relay import mutes, wordfilter
from tubes.relay.routing import Hop, Sieve


def kept_out(
    arriving: Collection[tuple[int, Event]], network: Mapping[int, Iterable[Hop]]
) -> set[tuple[int, int]]:
    """Those of these (Seat id, event), loaded with their rooms, that do not arrive, as (Seat id, event id).

    What is taken back is taken back. One query where some Seat mutes somebody, else none.
    """
    sieves = _sieves(network)
    asked = [(seat, event) for seat, event in arriving if seat in sieves and event.kind != Kind.DELETE]
    muting = [(seat, event) for seat, event in asked if sieves[seat].mutes]
    found = mutes.muted(muting) if muting else set()
    said = cache(_said)
    for seat, event in asked:
        sieve = sieves[seat]
        is_unasked = event.is_presence and not sieve.takes_presence
        if is_unasked or (sieve.words and wordfilter.holds(sieve.words, said(event))):
            found.add((seat, event.pk))
    return found


def filtering(event: Event, network: Mapping[int, Iterable[Hop]]) -> list[int]:
    """The Seats whose word filter keeps this event out. No I/O."""
    words = {seat: sieve.words for seat, sieve in _sieves(network).items() if sieve.words}
    text = _said(event) if words else ""
    return [seat for seat, filtered in words.items() if wordfilter.holds(filtered, text)]


def _sieves(network: Mapping[int, Iterable[Hop]]) -> dict[int, Sieve]:
    return {hop.seat: hop.sieve for hops in network.values() for hop in hops}


def _said(event: Event) -> str:
    """All words of an event that may be posted: its text, and what its files are called."""
    text = plain.render(from_json(event.body)) if event.body else ""
    return "\n".join([text, *(Attachment.from_json(file).name for file in event.attachments)])
