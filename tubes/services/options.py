"""Posting options of a Seat: how messages arrive in its room."""

from __future__ import annotations

from typing import Final

from connectors.base import Connector, Kind, OutgoingMessage
from connectors.errors import LoginRejected
from connectors.markup import plain
from connectors.markup.tree import Document, Mention, Paragraph, Text, to_json
from sameroom import clock
from tubes.models import Event, Seat
from tubes.relay import rendering, wordfilter
from tubes.relay.people import may_post_as_owner

COMMANDING: Final = ("commanders", "listed_people")
OPTIONS: Final = (
    *("name_style", "shows_team", "takes_notices", "takes_news", "rings_everybody", "direction"),
    *("posts_as_owner", "takes_files", "takes_presence", "filtered_words"),
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
    said = Paragraph((Text("Lunch is served, "), Mention("", "all"), Text("!")))
    return _previewed(seat, said, author_name="Ann Lee", author_username="annlee", author_team="Acme")


def own_preview(*, seat: Seat) -> list[OutgoingMessage]:
    """The same for what the Seat's owner says elsewhere; empty also where that carries their name."""
    if not (seat.posts_as_owner and offers_own_voice(seat)):
        return []
    return _previewed(seat, Paragraph((Text("I am on my way."),)), is_own=True)


def _previewed(
    seat: Seat, paragraph: Paragraph, *, is_own: bool = False, **author: str
) -> list[OutgoingMessage]:
    said = Document((paragraph,))
    connector = _connector_of(seat)
    if connector is None or not seat.lets_in or wordfilter.holds(seat.filtered_words, plain.render(said)):
        return []
    event = Event(kind=Kind.MESSAGE, room_id=0, said_at=clock.now(), body=to_json(said), **author)
    return rendering.parts(event, seat, connector, is_own=is_own)


def offers_own_voice(seat: Seat) -> bool:
    """Whether `posts_as_owner` changes anything: posts stand there under its owner's name. No I/O."""
    connector = _connector_of(seat)
    return connector is not None and may_post_as_owner(seat, connector)


def _connector_of(seat: Seat) -> Connector | None:
    """None where the account's secret cannot be read."""
    try:
        return seat.account.connector()
    except LoginRejected:
        return None
