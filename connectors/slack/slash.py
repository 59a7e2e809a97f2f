"""The slash command, by which in-room commands are given as well. No I/O.

"Implementing slash commands" (docs.slack.dev/interactivity/implementing-slash-commands): a form with
`team_id`, `channel_id`, `user_id`, `user_name`, `text` and `trigger_id`; by Socket Mode the same names in
an object. What is answered within three seconds only the one who typed it sees.
"""

from __future__ import annotations

from typing import Final

from connectors.base import Author, IncomingEvent, Kind, MessageId, RoomId, UserId
from connectors.markup import plain
from connectors.slack.shapes import Json, text
from sameroom import clock

PREFIX: Final = "-sameroom"
ANSWER: Final = "Sameroom answers in this channel, where a Tube or a Portal joins it to others."


def command_of(told: Json) -> tuple[RoomId, IncomingEvent]:
    """The channel, and what was typed as if it had been said there: a command of ours. ValueError."""
    room, user, trigger = (text(told.get(name)) for name in ("channel_id", "user_id", "trigger_id"))
    if not (room and user and trigger):
        raise ValueError("A slash command has to have a channel, a user and a trigger.")
    name = text(told.get("user_name"))
    return RoomId(room), IncomingEvent(
        kind=Kind.MESSAGE,
        dedupe_key=f"slash:{trigger}",
        id=MessageId(f"slash:{trigger}"),
        author=Author(id=UserId(user), name=name or user, username=name),
        said_at=clock.now(),
        body=plain.parse(f"{PREFIX} {text(told.get('text')) or 'help'}"),
    )
