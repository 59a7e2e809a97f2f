"""Files of a message: posted as files where the service takes them, else told by a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from connectors.base import Attachment, Capabilities, Connector, MessageId, OutgoingMessage, Support
from connectors.markup import plain
from connectors.markup.sanitize import clean_name
from connectors.markup.tree import Document, Text
from tubes.links import link_to
from tubes.models import Event
from tubes.relay.rendering.composing import below, paragraph
from tubes.relay.rendering.cutting import cut, opening
from tubes.relay.rendering.defusing import defused
from tubes.relay.rendering.occasion import Occasion, Voice
from tubes.relay.rendering.steps import Send, SendFile, Step

MOST_PARTS: Final = 10  # of one text; what is longer goes on in a file
LINE: Final = 200  # characters kept free beside a file, for the line that may have to stand there instead
WHOLE: Final = Attachment("message.txt")
UNITS: Final = ("bytes", "KB", "MB", "GB")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is posted as one, and where else it can be had from us."""

    file: Attachment
    link: str


def of(occasion: Occasion) -> tuple[list[Upload], list[str]]:
    """The files that are posted as files, and the lines that tell of the others."""
    posted: list[Upload] = []
    told: list[str] = []
    if occasion.can.files is Support.NONE:
        return posted, told
    for number, stored in enumerate(occasion.event.attachments):
        file = Attachment.from_json(stored)
        link = _link(occasion.event, number, file)
        if not occasion.seat.takes_files:
            told.append(line(replace(file, url="")))
        elif is_posted(occasion.can, file):
            posted.append(Upload(file, link))
        else:
            told.append(line(file, link=link))
    return posted, told


def _link(event: Event, number: int, file: Attachment) -> str:
    """Where a file can be had from us that its service gives to its users only; "" where it needs no link."""
    return link_to(event.pk, number, _name(file)) if file.reference and event.pk else ""


def is_posted(can: Capabilities, file: Attachment) -> bool:
    """Whether a file is posted as one: the service takes it, as far as is known of its size."""
    fits = file.size is None or 0 < file.size <= can.max_file_size
    return can.files is Support.NATIVE and fits


def line(file: Attachment, why: str = "", link: str = "") -> str:
    """What tells of a file that is not posted: its name, its size, why, and where it can be had."""
    url = "".join(file.url.split())
    if url.lower().startswith(("https://", "http://")):
        return f"{_name(file)}: {url}{f' ({why})' if why else ''}"
    told = ", ".join(filter(None, (_size(file.size), why)))
    named = f"{_name(file)} ({told})" if told else _name(file)
    return f"{named}: {link}" if link else named


def _name(file: Attachment) -> str:
    return clean_name(file.name or "file")


def _size(size: int | None) -> str:
    if size is None:
        return ""
    amount, unit = float(size), 0
    while amount >= 1000 and unit < len(UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.3g} {UNITS[unit]}"


def with_files(
    occasion: Occasion, said: Document, files: Sequence[Upload], *, stamp: str, reply_to: MessageId | None
) -> Iterator[Step]:
    """What was `said` as posts, and its files: one post together, where there is one of each.

    Only the first one answers `reply_to`.
    """
    posts = cut(occasion, said, stamp=stamp, reply_to=reply_to)
    beside = replace(occasion, has_file=True)
    alone, bare = _alone(beside, stamp), _alone(occasion, stamp)
    if len(posts) > MOST_PARTS and occasion.can.files is Support.NATIVE and occasion.seat.takes_files:
        yield from (Send(post) for post in posts[: MOST_PARTS - 1])
        yield SendFile(alone, WHOLE, text=plain.render(said))
    elif not posts and files:
        yield _with_file(replace(alone, reply_to=reply_to), replace(bare, reply_to=reply_to), files[0])
        files = files[1:]
    elif files and (post := _beside(beside, cut(beside, said, stamp=stamp, reply_to=reply_to))):
        yield _with_file(post, posts[0], files[0])
        files = files[1:]
    else:
        yield from (Send(post) for post in posts)
    for upload in files:
        yield _with_file(alone, bare, upload)


def _alone(occasion: Occasion, stamp: str) -> OutgoingMessage:
    """A post that says nothing but whose it is."""
    alone = opening(occasion, stamp)
    return replace(alone, text=alone.text.rstrip())  # a body in normal form ends without a space


def _with_file(message: OutgoingMessage, bare: OutgoingMessage, upload: Upload) -> SendFile:
    return SendFile(message, upload.file, link=upload.link, bare=bare if bare != message else None)


def _beside(occasion: Occasion, posts: Sequence[OutgoingMessage]) -> OutgoingMessage | None:
    """The post that a file can stand in: the only one, with room for a line."""
    has_room = len(posts) == 1 and _has_room(occasion, posts[0])
    return posts[0] if has_room else None


def _has_room(occasion: Occasion, post: OutgoingMessage) -> bool:
    return occasion.connector.length(post) + LINE <= occasion.can.max_text_length


def untold(step: SendFile, why: str, connector: Connector, *, is_gone: bool = False) -> Send:
    """A line in place of a file that could not be fetched, with its address: people may be able to open it.

    Where the address does not fit the post, it is left out; our own also where the file `is_gone`.
    """
    link = "" if is_gone else step.link
    message = step.bare or step.message
    told = _with_line(message, line(step.file, why, link), connector)
    if connector.length(told) > connector.capabilities.max_text_length:
        told = _with_line(message, line(replace(step.file, url=""), why), connector)
    return Send(told)


def _with_line(message: OutgoingMessage, told: str, connector: Connector) -> OutgoingMessage:
    if not message.text.strip():  # no prefix stands before it
        told = defused(told, Voice.OWN)
    if message.body is not None:
        body = below(message.body, [told]) if message.body.blocks else paragraph(Text(told))
        return replace(message, text=plain.render(body), body=body)
    beside = message.text.rstrip()
    return replace(message, text="\n".join([*([beside] if beside else []), connector.escape(told)]))
