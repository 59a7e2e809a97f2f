"""What a message says, as a tree, and a tree as what we post. No I/O.

`blocks` of the type rich_text are what somebody typed; then `text` is the same in mrkdwn, with less of it.
Apps send layout blocks and attachments, and `text` beside them is for notifications.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from html import escape
from typing import Any, Final

from connectors.base import OutgoingMessage
from connectors.markup import mrkdwn
from connectors.markup.linking import linked, with_emoji
from connectors.markup.mrkdwn import NameOf
from connectors.markup.mrkdwn_render import PERSON
from connectors.markup.sanitize import clean_document
from connectors.markup.tree import (
    Block,
    Bold,
    Document,
    Italic,
    Link,
    Mention,
    Paragraph,
    Quote,
    Text,
    normal_form,
    plain_text,
)
from connectors.slack import blocks
from connectors.slack.shapes import Json, rows, text

MAX_TEXT_LENGTH: Final = 4000  # bytes of one post, as `size` counts them: README, quirk 30
_NAMED: Final = re.compile(r"<[@#]([A-Z0-9]+)")
_RINGS: Final = {"all": "channel", "channel": "channel", "everyone": "channel", "here": "here"}
# Ids of nobody, under which everybody stands in a tree until it is written down.
_STAND_IN: Final = {"channel": "USAMEROOMRINGSCHANNEL", "here": "USAMEROOMRINGSHERE"}
_INNER: Final = ("blocks", "items", "inlines")  # where a node keeps others
_UNFURLED: Final = ("from_url", "original_url", "is_msg_unfurl", "is_app_unfurl", "is_share")
_FORMAT_LIMIT: Final = 20  # attachments of one message


def mentioned(raw: Json) -> list[str]:
    """The ids of people and channels that a message names, each once."""
    texts = [text(raw.get("text")), *_texts_of(raw.get("blocks")), *_texts_of(raw.get("attachments"))]
    in_text = [found for part in texts for found in _NAMED.findall(part)]
    return list(dict.fromkeys([*in_text, *blocks.mentioned(raw.get("blocks"))]))


def _texts_of(told: object) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, list):
        for one in told:
            yield from _texts_of(one)
    elif isinstance(told, dict):
        for one in told.values():
            yield from _texts_of(one)


def parse(raw: Json, name_of: NameOf, *, by_app: bool) -> Document:
    """The document, cleaned and in normal form, that clients show for a message."""
    given, typed = rows(raw.get("blocks")), text(raw.get("text"))
    said: tuple[Block, ...] = ()
    if given and (by_app or blocks.is_rich(given)):
        said = _cleaned(tuple(blocks.parse(given, name_of)))
    if not said:
        said = mrkdwn.parse(typed, name_of=name_of).blocks
    more = (*_forwarded(raw, name_of), *(_attached(raw, name_of) if by_app else ()))
    more += tuple(_elsewhere(raw, typed))
    said = _with(_cleaned((*said, *more)) if more else said, _everybody)
    return Document(_in_italics(said) if raw.get("subtype") == "me_message" else said)


def _everybody(mention: Mention) -> Mention:
    """As all services name everybody in a room; those who are there are `here` at Slack too."""
    return (
        Mention("", "all") if not mention.remote_id and mention.name in ("channel", "everyone") else mention
    )


def _cleaned(said: tuple[Block, ...]) -> tuple[Block, ...]:
    return with_emoji(linked(clean_document(normal_form(Document(said))))).blocks


def _in_italics(said: tuple[Block, ...]) -> tuple[Block, ...]:
    return tuple(Paragraph((Italic(one.inlines),)) if isinstance(one, Paragraph) else one for one in said)


# ------------------------------------------------------------------------------ attachments
def _elsewhere(raw: Json, typed: str) -> Iterator[Block]:
    """Links to files that are not at Slack, such as a shared document; most are in the text already."""
    for file in rows(raw.get("files")):
        url = text(file.get("external_url")) or text(file.get("url_private"))
        if file.get("is_external") is True and url and url not in typed.replace("&amp;", "&"):
            yield Paragraph((Link(url, (Text(text(file.get("title")) or url),)),))


def shared(raw: Json) -> list[Json]:
    """The messages that somebody forwards with one of theirs, as Slack attaches them."""
    found = [one for one in rows(raw.get("attachments")) if one.get("is_share") is True]
    return found[:_FORMAT_LIMIT]


def _forwarded(raw: Json, name_of: NameOf) -> Iterator[Block]:
    """What somebody forwards stands in no text of theirs: quoted, under its author's name."""
    for one in shared(raw):
        author = text(one.get("author_name")) or text(one.get("author_subname"))
        head = (Paragraph((Bold((Text(f"{author}:"),)),)),) if author else ()
        words = mrkdwn.parse(text(one.get("text")), name_of=name_of).blocks
        if not words and not one.get("files"):
            words = mrkdwn.parse(text(one.get("fallback")), name_of=name_of).blocks
        if inside := (*head, *words):
            yield Quote(inside)


def _attached(raw: Json, name_of: NameOf) -> Iterator[Block]:
    """An app's older way to say more ("Secondary message attachments"). Unfurled links are none."""
    for one in rows(raw.get("attachments"))[:_FORMAT_LIMIT]:
        if any(one.get(name) for name in _UNFURLED):
            continue
        yield from mrkdwn.parse(text(one.get("pretext")), name_of=name_of).blocks
        if inside := tuple(_card(one, name_of)):
            yield Quote(inside)


def _card(one: Json, name_of: NameOf) -> Iterator[Block]:
    title, url = text(one.get("title")), text(one.get("title_link"))
    if title:
        words = Text(title)
        yield Paragraph((Bold((Link(url, (words,)) if url else words,)),))
    given = blocks.parse(rows(one.get("blocks")), name_of)
    yield from given or mrkdwn.parse(text(one.get("text")), name_of=name_of).blocks
    for field in rows(one.get("fields")):
        if heading := text(field.get("title")):
            yield Paragraph((Bold((Text(heading),)),))
        yield from mrkdwn.parse(text(field.get("value")), name_of=name_of).blocks
    if not (title or given or one.get("text") or one.get("fields")):
        yield from mrkdwn.parse(text(one.get("fallback")), name_of=name_of).blocks


# ------------------------------------------------------------------------------ writing
def people_in(message: OutgoingMessage) -> list[str]:
    """The ids of the people whom a message would call, each once."""
    return [*dict(_called(message.body.blocks) if message.body else ())]


def _called(nodes: tuple[Any, ...]) -> Iterator[tuple[str, str]]:
    """Their ids, and the names by which they are called."""
    for node in nodes:
        if isinstance(node, tuple):
            yield from _called(node)
        elif isinstance(node, Mention) and PERSON.fullmatch(node.remote_id):
            yield node.remote_id, node.name
        else:
            for name in _INNER:
                yield from _called(getattr(node, name, ()))


def without(message: OutgoingMessage, strangers: Collection[str]) -> OutgoingMessage:
    """The message with the names of these people instead of mentions."""
    if not message.body or not strangers:
        return message

    def changed(mention: Mention) -> Any:
        return Text(f"@{mention.name}") if mention.remote_id in strangers else mention

    return replace(message, body=normal_form(Document(_with(message.body.blocks, changed))))


def size(written: str) -> int:
    """How much of `MAX_TEXT_LENGTH` mrkdwn takes: its bytes, where three characters stand escaped."""
    return len(written.encode())


def rendered(message: OutgoingMessage) -> str:
    """mrkdwn that says what a message says: nobody is called but whom it mentions by an id of here."""
    body = message.body
    if body is None:  # then it is posted as it stands, without mrkdwn
        return escape(message.text, quote=False)
    if not message.rings_everybody:
        return mrkdwn.render(body)
    written = mrkdwn.render(Document(_with(body.blocks, _ringing)))
    for word, stand_in in _STAND_IN.items():
        written = written.replace(f"<@{stand_in}>", f"<!{word}>")
    return written


def read_back(message: OutgoingMessage) -> Document:
    """What is read of a message once it is posted, if the people in it are called there as it calls them."""
    names = dict(_called(message.body.blocks) if message.body else ())
    return parse({"text": rendered(message)}, lambda one: names.get(one, ""), by_app=False)


def _ringing(mention: Mention) -> Mention:
    """A stand-in where everybody is meant."""
    word = _RINGS.get(mention.name.casefold()) if not mention.remote_id else None
    return Mention(_STAND_IN[word], mention.name) if word else mention


def _with(nodes: tuple[Any, ...], change: Callable[[Mention], Any]) -> tuple[Any, ...]:
    """The nodes with each mention changed."""
    found: list[Any] = []
    for node in nodes:
        if isinstance(node, tuple):
            found.append(_with(node, change))
        elif isinstance(node, Mention):
            found.append(change(node))
        else:
            inner = {name: getattr(node, name) for name in _INNER if hasattr(node, name)}
            changed = {name: _with(nodes, change) for name, nodes in inner.items()}
            found.append(replace(node, **changed) if changed else node)
    return tuple(found)


def is_blank(document: Document) -> bool:
    """Whether a document says nothing."""
    return not plain_text(document).strip()
