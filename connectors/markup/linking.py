"""Addresses in text, where a service makes links of them by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count

from connectors.markup import plain
from connectors.markup.runs import Anchor, Run, inlines_of, runs_of
from connectors.markup.tree import Block, CodeBlock, Document, Link, Paragraph, Quote, Text, normal_form


def linked(document: Document) -> Document:
    """`document`, of which normal form is made, with links where http(s) addresses stand in its text."""
    return normal_form(Document(_blocks(normal_form(document).blocks)))


def _blocks(blocks: Iterable[Block]) -> tuple[Block, ...]:
    return tuple(_block(block) for block in blocks)


def _block(block: Block) -> Block:
    if isinstance(block, Paragraph):
        return Paragraph(inlines_of(_runs(runs_of(block.inlines))))
    if isinstance(block, CodeBlock):
        return block
    if isinstance(block, Quote):
        return Quote(_blocks(block.blocks))
    return replace(block, items=tuple(_blocks(item) for item in block.items))


def _runs(runs: Iterable[Run]) -> Iterator[Run]:
    numbers = count(-1, -1)  # those of the links that were there before are not negative
    for run in runs:
        if not isinstance(run.leaf, Text) or any(isinstance(wrap, Anchor) for wrap in run.around):
            yield run
            continue
        for inline in plain.inlines(run.leaf.text):
            if isinstance(inline, Link):
                yield Run((*run.around, Anchor(inline.url, next(numbers))), Text(inline.url))
            else:
                yield run._replace(leaf=inline)
