"""Which steps carry an event to a room."""

from __future__ import annotations

from datetime import timedelta

from connectors.base import Connector, Kind
from tubes.models import Event, Seat
from tubes.relay.rendering.changes import delete_steps, edit_steps, reaction_steps
from tubes.relay.rendering.message import message_steps
from tubes.relay.rendering.occasion import Occasion
from tubes.relay.rendering.people import People
from tubes.relay.rendering.steps import Copy, Step


def steps(
    event: Event,
    seat: Seat,
    connector: Connector,
    *,
    body: object,
    copy: Copy | None,
    late: timedelta,
    people: People | None = None,
    is_own: bool = False,
) -> list[Step]:
    """What is to be done at the service, in order; empty where there is nothing. No I/O, repeatable.

    `body` is what is posted, the event's own or that of the edit it carries, None where it was
    erased; a message of nothing but files has an empty one. `copy` is what stands in the Seat's
    room of the message that is edited, deleted, reacted to or answered. `late` is now - said_at.
    `people` are those whom it mentions and who are known in that room. `is_own`: whoever says it owns
    the account that posts it, and wants no name of theirs before it.
    The same arguments give the same steps. Raises ValueError for a body that is none.
    """
    occasion = Occasion(event, seat, connector, late, people or {}, is_own)
    match event.kind:
        case Kind.EDIT:
            return edit_steps(occasion, body, copy)
        case Kind.DELETE:
            return delete_steps(occasion, copy)
        case Kind.REACTION | Kind.UNREACTION:
            return reaction_steps(occasion, copy)
        case _:
            return message_steps(occasion, body, copy)
