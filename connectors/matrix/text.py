"""Matrix's two ways of writing one message, as a tree, and a tree as both. No I/O.

`body` is plain text, `formatted_body` the HTML of `org.matrix.custom.html` (Matrix specification v1.16,
Client-Server API, "m.room.message msgtypes"). Answers from before v1.13 begin with a quotation of what they
answer, in `<mx-reply>` and behind `> `: it is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, unquote

from connectors.base import OutgoingMessage
from connectors.markup import html, plain
from connectors.markup.tree import Document, Mention, Text
from connectors.matrix.shapes import Json, table, text

FORMAT: Final = "org.matrix.custom.html"
EVERYBODY: Final = re.compile(r"(?<!\w)@room\b")
_INNER: Final = ("blocks", "items", "inlines")  # where a node keeps others
_TO_USER: Final = "https://matrix.to/#/"


def mention_url(mention: Mention) -> str | None:
    """The address by which clients show a person (Appendices, "matrix.to navigation")."""
    return f"{_TO_USER}{quote(mention.remote_id, safe='@:')}" if is_user(mention.remote_id) else None


def mention_of(url: str) -> Mention | None:
    """The person that an address leads to; None where it leads elsewhere."""
    if not url.startswith(_TO_USER):
        return None
    user = unquote(url[len(_TO_USER) :].partition("?")[0])
    return Mention(user, "") if is_user(user) else None


def is_user(user: str) -> bool:
    """Whether this is the form of a user's id: `@local:server`."""
    return user.startswith("@") and ":" in user and not {"/", " "} & set(user)


def parse(content: Json, *, is_reply: bool) -> Document:
    """The document, cleaned and in normal form, that clients show for a message's text."""
    formatted = text(content.get("formatted_body"))
    if content.get("format") == FORMAT and formatted:
        said = html.parse(formatted, mention_of=mention_of)
    else:
        body = text(content.get("body"))
        said = plain.parse(_without_quotation(body) if is_reply else body)
    rings = table(content.get("m.mentions")).get("room") is True
    return Document(_with_everybody(said.blocks)) if rings else said


def _with_everybody(nodes: tuple[Any, ...]) -> tuple[Any, ...]:
    """The nodes with a mention of everybody in place of each `@room`."""
    found: list[Any] = []
    for node in nodes:
        if isinstance(node, tuple):
            found.append(_with_everybody(node))
        elif isinstance(node, Text):
            for number, words in enumerate(EVERYBODY.split(node.text)):
                found += [*([Mention("", "all")] if number else []), *([Text(words)] if words else [])]
        else:
            inner = {name: getattr(node, name) for name in _INNER if hasattr(node, name)}
            changed = {name: _with_everybody(nodes) for name, nodes in inner.items()}
            found.append(replace(node, **changed) if changed else node)
    return tuple(found)


def _without_quotation(body: str) -> str:
    """Clients that wrote one put it before an empty line, each of its lines after `> `."""
    lines = body.split("\n")
    quoted = next((number for number, line in enumerate(lines) if not line.startswith("> ")), len(lines))
    return "\n".join(lines[quoted + 1 :]) if 0 < quoted < len(lines) and not lines[quoted] else body


def formatted(outgoing: OutgoingMessage) -> str:
    """The HTML of a post; "" where its plain text says it all."""
    if outgoing.body is None or outgoing.body == plain.parse(outgoing.text):
        return ""
    return html.render(outgoing.body, mention_url=mention_url)


def mentioned(document: Document | None) -> list[str]:
    """The ids of the people whom a document mentions, each once."""
    ids = (one.remote_id for one in _mentions(document)) if document else ()
    return list(dict.fromkeys(filter(is_user, ids)))


def calls_everybody(document: Document | None) -> bool:
    """Whether a document mentions everybody in the room."""
    names = (one.name.casefold() for one in _mentions(document) if not one.remote_id)
    return any(name in ("all", "here") for name in names)


def _mentions(node: object) -> Iterator[Mention]:
    if isinstance(node, Mention):
        yield node
    elif isinstance(node, tuple):
        for one in node:
            yield from _mentions(one)
    else:
        for inner in _INNER:
            yield from _mentions(getattr(node, inner, ()))
