"""Mentions: of people who are known where the message is posted, or of nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from connectors.markup.tree import (
    Block,
    Bold,
    Document,
    Inline,
    Italic,
    Link,
    List,
    Mention,
    Paragraph,
    Quote,
    Strike,
)

EVERYBODY: Final = ("all", "here")  # as every connector names them, without an id

# Whom the service that a message comes from knows by an id → the same person where it is posted.
People = Mapping[str, Mention]


def mentioned(document: Document) -> dict[str, Mention]:
    """The people whom a document mentions, by their ids."""
    return {inline.remote_id: inline for inline in _mentions(document.blocks) if inline.remote_id}


def with_people(document: Document, people: People) -> Document:
    """The document with people who are known in its new room, and the bare names of all others."""
    return Document(tuple(_block(block, people) for block in document.blocks))


def names(people: People) -> Collection[str]:
    """By what names these people are mentioned where nothing but text is posted."""
    return [mention.name for mention in people.values()]


def _mentions(blocks: Iterable[Block]) -> Iterator[Mention]:
    for block in blocks:
        if isinstance(block, Paragraph):
            yield from _mentions_in(block.inlines)
        elif isinstance(block, Quote):
            yield from _mentions(block.blocks)
        elif isinstance(block, List):
            for item in block.items:
                yield from _mentions(item)


def _mentions_in(inlines: Iterable[Inline]) -> Iterator[Mention]:
    for inline in inlines:
        if isinstance(inline, Mention):
            yield inline
        elif isinstance(inline, Bold | Italic | Strike | Link):
            yield from _mentions_in(inline.inlines)


def _block(block: Block, people: People) -> Block:
    if isinstance(block, Paragraph):
        return Paragraph(_inlines(block.inlines, people))
    if isinstance(block, Quote):
        return Quote(tuple(_block(inner, people) for inner in block.blocks))
    if isinstance(block, List):
        return replace(
            block, items=tuple(tuple(_block(inner, people) for inner in item) for item in block.items)
        )
    return block


def _inlines(inlines: Iterable[Inline], people: People) -> tuple[Inline, ...]:
    return tuple(_inline(inline, people) for inline in inlines)


def _inline(inline: Inline, people: People) -> Inline:
    if isinstance(inline, Mention):
        return people.get(inline.remote_id, Mention("", inline.name)) if inline.remote_id else inline
    if isinstance(inline, Bold | Italic | Strike | Link):
        return replace(inline, inlines=_inlines(inline.inlines, people))
    return inline
