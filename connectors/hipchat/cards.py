"""Cards, which integrations send beside a message: what they tell, in lines. No I/O.

HipChat's clients show the card in place of the message; others have only the message. So both often say
the same, and what one of them says is not said again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors.markup import html, plain
from connectors.markup.sanitize import clean_text
from connectors.markup.tree import (
    Block,
    Bold,
    Document,
    Inline,
    LineBreak,
    Link,
    Paragraph,
    Text,
    normal_form,
    plain_text,
)

_WORD: Final = re.compile(r"\w+")
_ADDRESS: Final = re.compile(r"https?://[^\s()]+")


def with_card(said: Document, told: object) -> Document:
    """A message with what its card adds; `told` is the card's JSON, as a string. Any other is no card."""
    pieces = [piece for piece in _pieces(_card(told)) if plain_text(piece).strip()]
    if not pieces:
        return said
    added = [piece for piece in pieces if not _says(said, piece)]
    is_repeated = any(_says(piece, said) for piece in added)
    blocks = [*(() if is_repeated else said.blocks), *_joined(added)]
    return normal_form(Document(tuple(blocks)))


def _card(told: object) -> Mapping[str, Any]:
    if isinstance(told, str):
        try:
            told = json.loads(told)
        except (ValueError, RecursionError):
            return {}
    return told if isinstance(told, Mapping) else {}


def _pieces(card: Mapping[str, Any]) -> Iterator[Document]:
    """What happened, title, description and attributes, each of which may be known already."""
    activity = card.get("activity")
    if isinstance(activity, Mapping):
        yield html.parse(_string(activity.get("html")))
    title = _string(card.get("title"))
    yield _line(_linked(title, card.get("url")) if card.get("url") else Bold((Text(title),)))
    yield _description(card.get("description"))
    attributes = card.get("attributes")
    for attribute in attributes if isinstance(attributes, list) else ():
        if isinstance(attribute, Mapping):
            yield _attribute(attribute)


def _description(told: object) -> Document:
    if not isinstance(told, Mapping):
        return plain.parse(_string(told))
    parse = html.parse if told.get("format") == "html" else plain.parse
    return parse(_string(told.get("value")))


def _attribute(told: Mapping[str, Any]) -> Document:
    """`label: value`; the value may be an object with an address of its own."""
    label, value = _string(told.get("label")), told.get("value")
    if isinstance(value, Mapping):
        shown = _linked(_string(value.get("label")), value.get("url"))
    else:
        shown = Text(_string(value))
    return _line(Text(f"{label}: "), shown) if label else _line(shown)


def _linked(words: str, address: object) -> Inline:
    url = _string(address)
    return Link(url, (Text(words),)) if html.is_address(url) else Text(words)


def _line(*inlines: Inline) -> Document:
    return normal_form(Document((Paragraph(inlines),)))


def _string(value: object) -> str:
    """Text on the wire; a number where a server wrote one. Anything else says nothing."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return clean_text(str(value)).strip() if isinstance(value, str) or is_number else ""


def _joined(pieces: list[Document]) -> Iterator[Block]:
    """The pieces' blocks; single lines stand one below the other in one paragraph."""
    lines: list[Inline] = []
    for piece in pieces:
        match piece.blocks:
            case (Paragraph(inlines),):
                lines += [LineBreak(), *inlines] if lines else inlines
            case blocks:
                yield Paragraph(tuple(lines))
                yield from blocks
                lines = []
    yield Paragraph(tuple(lines))


def _says(whole: Document, part: Document) -> bool:
    """Whether all words of `part` stand in `whole`, in this order, and its addresses too."""
    rendered = plain.render(whole)
    if not all(address in rendered for address in _ADDRESS.findall(plain.render(part))):
        return False
    words = _words(plain_text(part))
    return words in _words(plain_text(whole)) if words.strip() else plain_text(part).strip() in rendered


def _words(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "
