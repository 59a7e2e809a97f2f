"""Posting options of a Seat: how messages arrive in its room."""

from __future__ import annotations

from typing import Final

from connectors.base import Kind, OutgoingMessage
from connectors.errors import LoginRejected
from connectors.markup import plain
from connectors.markup.tree import Document, Mention, Paragraph, Text, to_json
from sameroom import clock
from tubes.models import Event, Seat
from tubes.relay import rendering, wordfilter

COMMANDING: Final = ("commanders", "listed_people")
OPTIONS: Final = (
    *("name_style", "shows_team", "takes_notices", "takes_news", "rings_everybody", "direction"),
    *("takes_files", "takes_presence", "filtered_words"),
)


def options_set(*, seat: Seat) -> None:
    """Keep the options that the Seat was given. What is on its way already is rendered with them, too."""
    seat.save(update_fields=(*OPTIONS, *COMMANDING))


def format_set(*, seat: Seat) -> None:
    """Keep how authors are shown and whether notices are posted; the other options stay whatever they are."""
    seat.save(update_fields=("name_style", "shows_team", "takes_notices"))


def options_preview(*, seat: Seat) -> list[OutgoingMessage]:
    """What a message from elsewhere would look like with the options the Seat has now, saved or not. No I/O.

    Empty where nothing would arrive, a filter keeps it out, or the account's secret cannot be read.
    """
    if not seat.lets_in:
        return []
    try:
        connector = seat.account.connector()
    except LoginRejected:
        return []
    said = Document((Paragraph((Text("Lunch is served, "), Mention("", "all"), Text("!"))),))
    if wordfilter.holds(seat.filtered_words, plain.render(said)):
        return []
    event = Event(
        kind=Kind.MESSAGE,
        room_id=0,
        author_name="Ann Lee",
        author_username="annlee",
        author_team="Acme",
        said_at=clock.now(),
        body=to_json(said),
    )
    return rendering.parts(event, seat, connector)
