"""Text in parts that the service takes, harmless where they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from connectors.base import Kind, MessageId, OutgoingMessage
from connectors.markup.sanitize import clean_text
from connectors.markup.split import split_text
from tubes.relay.rendering.defusing import defused, is_visible
from tubes.relay.rendering.names import author_name, head
from tubes.relay.rendering.occasion import Occasion

SAID = (Kind.MESSAGE.value,)  # an edit, or what tells of it, rings nobody a second time


def cut(
    occasion: Occasion, text: str, *, stamp: str = "", reply_to: MessageId | None = None
) -> list[OutgoingMessage]:
    """Foreign `text` as the posts that carry it, in order; empty where there is nothing to see.

    Every part carries the prefix: parts of two authors may interleave, and behind it no service
    takes the text for a command. Only the first one answers `reply_to`.
    """
    begin, as_author = opening(occasion, stamp), occasion.as_author
    rings = occasion.seat.rings_everybody and occasion.event.kind in SAID
    start = begin.text
    pieces = fitting(
        clean_text(text),
        max(occasion.can.max_text_length - len(start), 1),
        lambda piece: occasion.connector.escape(defused(piece, as_author=as_author), rings=rings),
    )
    posts = [replace(begin, text=start + piece) for piece in pieces]
    return [replace(posts[0], reply_to=reply_to), *posts[1:]] if posts and reply_to else posts


def opening(occasion: Occasion, stamp: str) -> OutgoingMessage:
    """What every part begins with, and under whose name it stands."""
    as_author = occasion.as_author
    return OutgoingMessage(
        head(occasion, stamp),
        sender_name=author_name(occasion.event, occasion.seat.name_style) if as_author else "",
        sender_avatar_url=occasion.event.author_avatar_url if as_author else "",
    )


def fitting(text: str, room: int, shape: Callable[[str], str], size: int | None = None) -> Iterator[str]:
    """`text` split, into pieces of at most `size`, and shaped: each within `room` and to be seen.

    A piece is escaped as it will stand. Cutting what is escaped already would part a sign from what
    makes it harmless, and move an `@` from inside a word to the beginning of a post.
    """
    for piece in split_text(text, size or room):
        shaped = shape(piece)
        if len(shaped) <= room:
            if is_visible(piece):
                yield shaped
        elif len(piece) > 1:  # one character that alone does not fit is lost: no limit is that small
            # By as much as it is too long, and by an eighth at least, so that this ends soon.
            smaller = min(len(piece) * room // len(shaped), len(piece) * 7 // 8)
            yield from fitting(piece, room, shape, max(smaller, 1))
