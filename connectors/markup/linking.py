"""Addresses in text, where a service makes links of them by itself, and names of emoji."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count
from typing import Final, TypeAlias

from connectors.markup import plain
from connectors.markup.addresses import address
from connectors.markup.emoji import of_shortcode
from connectors.markup.runs import Anchor, Run, inlines_of, runs_of
from connectors.markup.tree import (
    Block,
    CodeBlock,
    Document,
    Emoji,
    Link,
    Paragraph,
    Quote,
    Text,
    normal_form,
    plain_text,
)

Change: TypeAlias = Callable[[Iterable[Run]], Iterable[Run]]
_SHORTCODE: Final = re.compile(r":[a-z0-9_+'-]+:(?::skin-tone-[2-6]:)?", re.IGNORECASE)


def linked(document: Document) -> Document:
    """`document`, of which normal form is made, with links where http(s) addresses stand in its text."""
    document = normal_form(document)
    return _changed(document, _linked_runs) if "://" in plain_text(document) else document


def with_emoji(document: Document) -> Document:
    """`document`, which is in normal form, with an emoji where `:tada:` stands in its text."""
    return _changed(document, _emoji_runs) if ":" in plain_text(document) else document


def _changed(document: Document, change: Change) -> Document:
    return normal_form(Document(_blocks(document.blocks, change)))


def _blocks(blocks: Iterable[Block], change: Change) -> tuple[Block, ...]:
    return tuple(_block(block, change) for block in blocks)


def _block(block: Block, change: Change) -> Block:
    if isinstance(block, Paragraph):
        return Paragraph(inlines_of(change(runs_of(block.inlines))))
    if isinstance(block, CodeBlock):
        return block
    if isinstance(block, Quote):
        return Quote(_blocks(block.blocks, change))
    return replace(block, items=tuple(_blocks(item, change) for item in block.items))


def _emoji_runs(runs: Iterable[Run]) -> Iterator[Run]:
    for run in runs:
        if not isinstance(run.leaf, Text) or any(isinstance(wrap, Anchor) for wrap in run.around):
            yield run
            continue
        position = 0
        for match in _SHORTCODE.finditer(run.leaf.text):
            if emoji := of_shortcode(match.group()):
                yield run._replace(leaf=Text(run.leaf.text[position : match.start()]))
                yield run._replace(leaf=Emoji(emoji, match.group().strip(":")))
                position = match.end()
        yield run._replace(leaf=Text(run.leaf.text[position:]))


def _linked_runs(runs: Iterable[Run]) -> Iterator[Run]:
    numbers = count(-1, -1)  # those of the links that were there before are not negative
    for run in runs:
        if not isinstance(run.leaf, Text) or any(isinstance(wrap, Anchor) for wrap in run.around):
            yield run
            continue
        for inline in plain.inlines(run.leaf.text):
            if isinstance(inline, Link):
                yield Run((*run.around, Anchor(address(inline.url), next(numbers))), Text(inline.url))
            else:
                yield run._replace(leaf=inline)
