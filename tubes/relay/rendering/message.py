"""A message: what its author wrote, the files that came with it, and what it answers."""

from __future__ import annotations

from connectors.base import Connector, OutgoingMessage, Support
from connectors.markup import plain
from connectors.markup.tree import Document, Text, from_json
from tubes.models import Event, Seat
from tubes.relay.rendering import files
from tubes.relay.rendering.composing import above, below, paragraph, quoted
from tubes.relay.rendering.cutting import cut
from tubes.relay.rendering.defusing import is_visible
from tubes.relay.rendering.imitating import quotation
from tubes.relay.rendering.occasion import Occasion
from tubes.relay.rendering.people import with_people
from tubes.relay.rendering.stamps import late_stamp
from tubes.relay.rendering.steps import Copy, Send, Step

NO_MORE = "…"  # what a post says that was left without words


def parts(event: Event, seat: Seat, connector: Connector, *, is_own: bool = False) -> list[OutgoingMessage]:
    """The posts that carry this event to this Seat's room, in order; empty where nothing is left.

    `is_own` as for `steps`.
    """
    occasion = Occasion(event, seat, connector, is_own=is_own)
    return cut(occasion, said_in(occasion, event.body))


def message_steps(occasion: Occasion, body: object, answered: Copy | None) -> list[Step]:
    """Posts a message; `answered` is what stands here of the message that it answers."""
    event, can = occasion.event, occasion.can
    said = said_in(occasion, body)
    reply_to = None
    if answered is not None:
        if can.replies is Support.NATIVE and has_ids(occasion, answered):
            reply_to = answered.ids[0]
        elif said.blocks and can.replies is not Support.NONE:
            words = quotation(answered, occasion.now)
            said = quoted(said, words) if can.rich else above(said, f"> {words}")
    # What we say ourselves belongs to the moment it is read.
    stamp = late_stamp(event.said_at, occasion.now) if event.room_id is not None else ""
    uploads = files.of(occasion)[0] if body is not None else []
    return list(files.with_files(occasion, said, uploads, stamp=stamp, reply_to=reply_to))


def stand_in(event: Event, seat: Seat, connector: Connector) -> Send | None:
    """A post in place of one whose text is erased."""
    posts = cut(Occasion(event, seat, connector), paragraph(Text(NO_MORE)))
    return Send(posts[0]) if posts else None


def said_in(occasion: Occasion, body: object) -> Document:
    """The stored `body`, not yet cleaned, with a line for each file that is not posted as one.

    Empty where the body was erased. Mentions are of people here, or of nobody. Raises ValueError for a
    body that `to_json` cannot have written.
    """
    if body is None:
        return Document()
    said = from_json(body)
    if not is_visible(plain.render(said)):
        said = Document()
    return below(with_people(said, occasion.people), files.of(occasion)[1])


def has_ids(occasion: Occasion, copy: Copy) -> bool:
    """Whether what stands in the room can be named to the service."""
    return occasion.can.message_ids and len(copy.ids) > 0 and all(copy.ids)
