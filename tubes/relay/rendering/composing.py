"""Puts our own words around what an author wrote, as a tree: prefixes, quotations, lines below."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.markup.tree import Block, Document, Inline, LineBreak, Paragraph, Quote, Text


def paragraph(*inlines: Inline) -> Document:
    """A document of one paragraph."""
    return Document((Paragraph(inlines),))


def begun(document: Document, inlines: Sequence[Inline]) -> Document:
    """The document with `inlines` at its very beginning: on its first line, where that is one of words."""
    match document.blocks:
        case (Paragraph(inlines=first), *rest):
            return Document((Paragraph((*inlines, *first)), *rest))
    return Document((Paragraph(tuple(inlines)), *document.blocks)) if inlines else document


def below(document: Document, lines: Sequence[str]) -> Document:
    """The document with lines of text at its end."""
    if not lines:
        return document
    added: list[Inline] = []
    for line in lines:
        added += [LineBreak(), Text(line)]
    match document.blocks:
        case (*before, Paragraph(inlines=last)):
            return Document((*before, Paragraph((*last, *added))))
    return Document((*document.blocks, Paragraph(tuple(added[1:]))))


def above(document: Document, line: str) -> Document:
    """The document with a line of text above it."""
    return begun(document, (Text(line), *([LineBreak()] if _begins_with_words(document) else [])))


def quoted(document: Document, words: str) -> Document:
    """The document as an answer to `words`."""
    quote: Block = Quote((Paragraph((Text(words),)),))
    return Document((quote, *document.blocks))


def _begins_with_words(document: Document) -> bool:
    return bool(document.blocks) and isinstance(document.blocks[0], Paragraph)
