"""Text in parts that the service takes, harmless where they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from connectors.base import Kind, MessageId, OutgoingMessage
from connectors.markup import in_lines, plain
from connectors.markup.parts import split_document
from connectors.markup.sanitize import clean_document, clean_text
from connectors.markup.split import split_text
from connectors.markup.tree import Block, Document, Quote, normal_form
from tubes.relay.rendering.composing import begun, paragraph
from tubes.relay.rendering.defusing import defused, defused_document, is_visible
from tubes.relay.rendering.names import author_name, head, rich_head
from tubes.relay.rendering.occasion import Occasion, Voice
from tubes.relay.rendering.people import names

_QUOTED: Final = re.compile(r"(?:> ){1,8}(?=.)")
SAID = (Kind.MESSAGE.value,)  # an edit, or what tells of it, rings nobody a second time


def cut(
    occasion: Occasion, said: Document, *, stamp: str = "", reply_to: MessageId | None = None
) -> list[OutgoingMessage]:
    """What was `said` as the posts that carry it, in order; empty where there is nothing to see.

    Where there is a prefix every part carries it: parts of two authors may interleave, and behind it no
    service takes the text for a command. Only the first one answers `reply_to`.
    """
    posts = list(_rich(occasion, said, stamp) if occasion.can.rich else _plain(occasion, said, stamp))
    return [replace(posts[0], reply_to=reply_to), *posts[1:]] if posts and reply_to else posts


def _plain(occasion: Occasion, said: Document, stamp: str) -> Iterator[OutgoingMessage]:
    begin, voice = opening(occasion, stamp), occasion.voice
    escape = partial(occasion.connector.escape, rings=_rings(occasion), people=names(occasion.people))
    text = clean_text(plain.render(said))
    room = max(occasion.can.max_text_length - len(begin.text), 1)
    for line in text.split("\n") if occasion.can.one_line else [text]:
        sign = _sign(line) if occasion.can.one_line else ""

        def shape(piece: str, sign: str = sign) -> str:
            return escape(defused(sign + piece, voice))

        for piece in fitting(line[len(sign) :], room, shape, max(room - len(sign), 1)):
            yield replace(begin, text=begin.text + piece)


def _sign(line: str) -> str:
    """What tells that a line is a quotation. It stands before every part of it."""
    found = _QUOTED.match(line)
    return found[0] if found else ""


def _rich(occasion: Occasion, said: Document, stamp: str) -> Iterator[OutgoingMessage]:
    begin, start, voice = opening(occasion, stamp), rich_head(occasion, stamp), occasion.voice
    said = clean_document(normal_form(said))
    if occasion.can.one_line:  # where the prefix stands on the line, only a sign tells a quotation or a list
        said = _lined(said)
    said = defused_document(said, voice)
    rings = _rings(occasion)

    def post(part: Document) -> OutgoingMessage:
        if occasion.can.one_line and any(isinstance(block, Quote) for block in part.blocks):
            part = in_lines(part)
        if voice is not Voice.NAMED:  # what was cut inside of a line begins a post now
            part = defused_document(part, voice)
        body = normal_form(begun(part, start))
        return replace(begin, text=plain.render(body), body=body, rings_everybody=rings)

    def fits(part: Document) -> bool:
        message = post(part)
        if occasion.can.one_line and "\n" in message.text:
            return False
        return occasion.connector.length(message) <= occasion.can.max_text_length

    return (post(part) for part in split_document(said, fits) if is_visible(plain.render(part)))


def _lined(said: Document) -> Document:
    """The document with lines for blocks. Only quotes stay, so that cutting opens them again in each part."""
    blocks: list[Block] = []
    for block in said.blocks:
        lines = _lined(Document(block.blocks)) if isinstance(block, Quote) else in_lines(Document((block,)))
        blocks.extend([Quote(lines.blocks)] if isinstance(block, Quote) else lines.blocks)
    return normal_form(Document(tuple(blocks)))


def _rings(occasion: Occasion) -> bool:
    return occasion.seat.rings_everybody and occasion.event.kind in SAID


def opening(occasion: Occasion, stamp: str) -> OutgoingMessage:
    """What every part begins with, and under whose name it stands."""
    as_author = occasion.voice is Voice.AUTHOR
    return OutgoingMessage(
        head(occasion, stamp),
        body=normal_form(paragraph(*rich_head(occasion, stamp))) if occasion.can.rich else None,
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
