"""Who says it: `[Display Name, team · 14:03 UTC] `, which no name can imitate."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from connectors.base import OutgoingMessage
from connectors.markup.sanitize import NOBODY, clean_name, normalise_for_compare
from connectors.markup.split import split_text
from connectors.markup.tree import Bold, Inline, Text
from tubes.models import Event, NameStyle, Seat
from tubes.relay.rendering.occasion import Occasion, Voice

OURS: Final = "Sameroom"
# A dot between two letters belongs to a name (Gal·la, ジョン・スミス); any other is how a stamp begins.
_DOTS: Final = "·•‧∙⋅●・･᛫⸱ꞏ"
_STAMP_DOT: Final = re.compile(rf"(?<![^\W\d_])[{_DOTS}]|[{_DOTS}](?![^\W\d_])")


def author_name(event: Event, style: str) -> str:
    """The author's name in a Seat's name style, cleaned: it cannot imitate a prefix, a stamp or us."""
    if event.room_id is None:
        return OURS
    display = _not_ours(shown_name(event.author_name))
    username = _not_ours(shown_name(event.author_username)) if event.author_username else display
    if style == NameStyle.USERNAME:
        return username
    if style == NameStyle.BOTH and username != display:
        return f"{display} ({username})"
    return display


def shown_name(name: str) -> str:
    """A foreign name, of a person or a team, cleaned: it cannot imitate a prefix or a stamp."""
    return _STAMP_DOT.sub("-", clean_name(name))


def _not_ours(name: str) -> str:
    plain = name if name.isascii() else unicodedata.normalize("NFKC", normalise_for_compare(name))
    return NOBODY if plain.casefold() == OURS.casefold() else name


def prefix(event: Event, seat: Seat, stamp: str = "") -> str:
    """`[Display Name, team · 14:03 UTC] `, as the Seat's posting options want it."""
    return _bracketed(_label(event, seat), stamp)


def _label(event: Event, seat: Seat) -> str:
    name = author_name(event, seat.name_style)
    team = event.author_team if seat.shows_team and event.room_id is not None else ""
    return f"{name}, {shown_name(team)}" if team else name


def _bracketed(label: str, stamp: str) -> str:
    return f"[{label} · {stamp}] " if stamp else f"[{label}] "


def head(occasion: Occasion, stamp: str) -> str:
    """What every part begins with, escaped; a long label is cut to leave half of the limit to the text."""
    if occasion.voice is not Voice.NAMED:
        return occasion.connector.escape(f"({stamp}) ") if stamp else ""
    label, most = _label(occasion.event, occasion.seat), occasion.can.max_text_length // 2
    whole = occasion.connector.escape(_bracketed(label, stamp))
    while occasion.connector.length(OutgoingMessage(whole)) > most and len(label) > 1:
        label = split_text(label, len(label) // 2)[0]
        whole = occasion.connector.escape(_bracketed(f"{label}…", stamp))
    return whole


def rich_head(occasion: Occasion, stamp: str) -> tuple[Inline, ...]:
    """The same as a tree: the prefix stands out from what its author wrote."""
    begin = head(occasion, stamp)
    if occasion.voice is not Voice.NAMED or not begin:
        return (Text(begin),) if begin else ()
    return (Bold((Text(begin.rstrip()),)), Text(" "))
