"""What changes a message that was posted before: an edit, a delete, a reaction.

Natively where the service can and the post is ours alone, else by a line that tells of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from connectors.base import Connector, Kind, MessageId, OutgoingMessage, Support
from connectors.markup.sanitize import clean_name
from connectors.markup.tree import Document, Text
from tubes.models import Event, Seat
from tubes.relay.rendering.composing import begun, paragraph
from tubes.relay.rendering.cutting import cut
from tubes.relay.rendering.imitating import mention, of_a_time
from tubes.relay.rendering.message import NO_MORE, has_ids, said_in
from tubes.relay.rendering.names import author_name
from tubes.relay.rendering.occasion import Occasion
from tubes.relay.rendering.stamps import late_stamp
from tubes.relay.rendering.steps import Copy, Delete, Edit, React, Send, Step

EDITED = "✎ "
MOST_TOGETHER = 20  # reactions that one line tells of


def edit_steps(occasion: Occasion, body: object, copy: Copy | None) -> list[Step]:
    """Gives a message its new text. Where nothing of it stands here the text is told as news."""
    can = occasion.can
    if can.edits is Support.NONE or body is None:
        return []
    said = said_in(occasion, body)
    if copy is not None and can.edits is Support.NATIVE and _is_editable(occasion, copy):
        return _edit_natively(occasion, said, copy)
    stamp = late_stamp(occasion.event.said_at, occasion.now)
    return _told(occasion, begun(said, (Text(EDITED),)), stamp) if said.blocks else []


def _is_editable(occasion: Occasion, copy: Copy) -> bool:
    age = (occasion.now - copy.posted_at).total_seconds()
    return _is_ours_alone(occasion, copy) and age <= occasion.can.edit_age and bool(_ids_of_text(copy))


def _ids_of_text(copy: Copy) -> list[MessageId]:
    """The posts that carry the text: files come after it, each in a post of its own, or in one with it."""
    return list(copy.ids[: len(copy.ids) - copy.files])


def _is_ours_alone(occasion: Occasion, copy: Copy) -> bool:
    return copy.is_ours and not copy.is_shared and has_ids(occasion, copy)


def _edit_natively(occasion: Occasion, said: Document, copy: Copy) -> list[Step]:
    # The post keeps its place and its time, so it keeps the stamp it was posted with.
    stamp = late_stamp(copy.said_at, copy.posted_at)
    parts, ids = cut(occasion, said, stamp=stamp), _ids_of_text(copy)
    changed: list[Step] = [Edit(target, part) for target, part in zip(ids, parts, strict=False)]
    more = [Send(part) for part in parts[len(ids) :]]
    return [*changed, *_without(occasion, ids[len(parts) :], stamp), *more]


def _without(occasion: Occasion, surplus: list[MessageId], stamp: str) -> list[Step]:
    """Takes away the parts that a shorter text no longer needs."""
    if occasion.can.deletes is Support.NATIVE:
        return [Delete(target) for target in reversed(surplus)]
    empty: list[OutgoingMessage] = cut(occasion, paragraph(Text(NO_MORE)), stamp=stamp)
    return [Edit(target, part) for target in surplus for part in empty]


def delete_steps(occasion: Occasion, copy: Copy | None) -> list[Step]:
    """Takes a message back, or tells that it was; the text is not said again."""
    can = occasion.can
    if can.deletes is Support.NONE or copy is None:
        return []
    if can.deletes is Support.NATIVE and _is_ours_alone(occasion, copy):
        return [Delete(target) for target in reversed(copy.ids)]
    return _told(occasion, paragraph(Text(f"deleted {of_a_time(copy, occasion.now)}.")))


def reaction_steps(occasion: Occasion, copy: Copy | None) -> list[Step]:
    """Sets a reaction or takes it away, or tells of it."""
    event, can = occasion.event, occasion.can
    if can.reactions is Support.NONE or copy is None or not event.emoji:
        return []
    is_added = event.kind == Kind.REACTION
    if can.reactions is Support.NATIVE and has_ids(occasion, copy):
        return [React(copy.ids[0], event.emoji, is_added)]
    emoji, message = clean_name(event.emoji), mention(copy, occasion.now)
    deed = f"reacted {emoji} to {message}" if is_added else f"took back {emoji} from {message}"
    return _told(occasion, paragraph(Text(deed)))


def reactions(
    events: Sequence[Event], seat: Seat, connector: Connector, copy: Copy, late: timedelta
) -> tuple[int, Send] | None:
    """How many of these reactions to one message, from the first on, one line tells of, and that line.

    None where that is fewer than two. `late` is now - the first one's said_at. No I/O.
    """
    for count in range(min(len(events), MOST_TOGETHER), 1, -1):
        first, *others = events[:count]
        occasion = Occasion(first, seat, connector, late)
        deeds = [clean_name(first.emoji)]
        deeds += [f"{author_name(event, seat.name_style)} {clean_name(event.emoji)}" for event in others]
        deed = f"reacted {', '.join(deeds)} to {mention(copy, occasion.now)}"
        match _told(occasion, paragraph(Text(deed))):
            case [Send() as send]:
                return count, send
    return None


def _told(occasion: Occasion, said: Document, stamp: str = "") -> list[Step]:
    return [Send(part) for part in cut(occasion, said, stamp=stamp)]
