"""An event as the text that one Seat posts, in parts within the service's limit. No I/O."""

from __future__ import annotations

from connectors.base import Connector, OutgoingMessage, Support
from connectors.markup import plain
from connectors.markup.sanitize import clean_name, clean_text
from connectors.markup.split import split_text
from connectors.markup.tree import from_json
from tubes.models import Event, NameStyle, Seat


def author_name(event: Event, style: str) -> str:
    """The author's name in a Seat's name style, cleaned: it cannot imitate a prefix."""
    display = clean_name(event.author_name)
    username = clean_name(event.author_username) if event.author_username else display
    if style == NameStyle.USERNAME:
        return username
    if style == NameStyle.BOTH and username != display:
        return f"{display} ({username})"
    return display


def prefix(event: Event, seat: Seat) -> str:
    """`[Display Name, team] `, as the Seat's posting options want it."""
    name = author_name(event, seat.name_style)
    team = clean_name(event.author_team) if seat.shows_team and event.author_team else ""
    return f"[{name}, {team}] " if team else f"[{name}] "


def parts(event: Event, seat: Seat, connector: Connector) -> list[OutgoingMessage]:
    """The posts that carry this event to this Seat's room, in order; empty where nothing is left.

    Every part carries the prefix: parts of two authors may interleave, and behind it no service
    takes the text for a command.
    """
    if event.body is None:
        return []
    can = connector.capabilities
    native = can.sender_override is Support.NATIVE
    head = "" if native else connector.escape(prefix(event, seat))
    text = connector.escape(clean_text(plain.render(from_json(event.body))))
    pieces = [piece for piece in split_text(text, can.max_text_length - len(head)) if piece.strip()]
    return [
        OutgoingMessage(
            text=f"{head}{piece}",
            sender_name=author_name(event, seat.name_style) if native else "",
            sender_avatar_url=event.author_avatar_url if native else "",
        )
        for piece in pieces
    ]
