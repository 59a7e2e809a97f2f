"""Slack's mrkdwn, for writing: text that is not our own markup neither pings nor is styled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Final, NamedTuple, TypeAlias

from connectors.markup.addresses import address
from connectors.markup.linking import linked, with_emoji
from connectors.markup.runs import (
    Anchor,
    Run,
    Wrap,
    inlines_of,
    lines_of,
    runs_of,
    trimmed,
    with_joined_code,
)
from connectors.markup.tree import (
    Block,
    Bold,
    Code,
    CodeBlock,
    Document,
    Emoji,
    Inline,
    Italic,
    LineBreak,
    Link,
    List,
    Mention,
    Paragraph,
    Quote,
    Strike,
    Text,
)

Row: TypeAlias = list[Run]

# Not seen: a blank that keeps a sign from being one, and what stands between the two where it is one.
BREAK: Final = "\u200b"
JOINER: Final = "\u2060"
SIGNS: Final[dict[Wrap, str]] = {Bold: "*", Italic: "_", Strike: "~"}
PERSON: Final = re.compile(r"[UW][A-Z0-9]+")
_UNSEEN: Final = re.compile(f"[{BREAK}{JOINER}]")
# A sign inside of a word is none (`snake_case`).
_SIGN_IN_TEXT: Final = re.compile(r"(?<![^\W_])[*_~]|[*_~](?![^\W_])")
_BACKTICK, _NO_BACKTICK = "`", "\u02cb"  # Slack has no way to show one: a letter that looks like it
_FENCE: Final = "```"
_BULLET: Final = "• "
_INDENT: Final = " " * 4
# Slack's clients show no ordinary blanks at the beginning of a line. Those of other kinds they do: libraries
# that imitate lists there (jsx-slack) use such, and so does our HTML.
NO_BREAK_SPACE: Final = "\u00a0"


def render(document: Document) -> str:
    """Text that says what `expressible` leaves of a cleaned document in normal form. Linear time.

    Only a Mention whose `remote_id` is a Slack user's pings; nothing pings a channel.
    """
    blocks = linked(_reduced(document)).blocks
    said: list[str] = []
    for before, block in zip((None, *blocks), blocks, strict=False):
        if before is not None:
            is_one_kind = type(before) is type(block) and not isinstance(block, CodeBlock)
            said.append("\n\n" if is_one_kind else "\n")
        said.append(_source(block))
    return "".join(said)


def expressible(document: Document) -> Document:
    """What mrkdwn can say of a cleaned document in normal form: `parse(render(it))` gives just this back.

    There are paragraphs, blocks of code without a language, and quotes of paragraphs; lists are lines with
    signs before them. Styles end with the line and stand around a whole link, blanks at their edges and at
    the end of a line are lost, and so is what is not seen. At its beginning they stay, a tab as four: code
    is pasted without signs around it, too. A backtick is a letter that looks like one.
    """
    return with_emoji(linked(_reduced(document)))


# ------------------------------------------------------------------------------ what can be said
def _reduced(document: Document) -> Document:
    return Document(tuple(_flat(document.blocks, "", "")))


def _flat(blocks: Iterable[Block], first: str, later: str) -> Iterator[Block]:
    """Blocks behind the sign of the item that they are in, which only the first line of it carries."""
    for block in blocks:
        if isinstance(block, CodeBlock):
            yield CodeBlock(_UNSEEN.sub("", block.text).replace(_FENCE, _NO_BACKTICK * 3))
        elif isinstance(block, Paragraph):
            yield from _paragraphs(block, first, later)
        elif isinstance(block, Quote):
            yield from _quotes(_flat(block.blocks, "", ""))
        else:
            yield from _items(block, later)
        first = later


def _items(block: List, indent: str) -> Iterator[Block]:
    """An item's paragraphs stand under its sign; the lines of a list are one paragraph."""
    lines: list[Inline] = []
    for number, item in enumerate(block.items, start=block.start):
        sign = f"{number}. " if block.ordered else _BULLET
        for flat in _flat(item, indent + sign, indent + _INDENT):
            if isinstance(flat, Paragraph):
                lines += [LineBreak(), *flat.inlines] if lines else flat.inlines
                continue
            if lines:
                yield Paragraph(tuple(lines))
            lines = []
            yield flat
    if lines:
        yield Paragraph(tuple(lines))


def _quotes(blocks: Iterable[Block]) -> Iterator[Block]:
    """A quote holds paragraphs only: those of quotes inside are its own, code is lines of code."""
    paragraphs: list[Block] = []
    for block in blocks:
        if isinstance(block, Quote):
            paragraphs.extend(block.blocks)
        elif isinstance(block, CodeBlock):
            lines = tuple(inline for row in block.text.split("\n") for inline in (Code(row), LineBreak()))
            paragraphs.extend(_paragraphs(Paragraph(lines[:-1]), "", ""))
        else:
            paragraphs.append(block)
    if paragraphs:
        yield Quote(tuple(paragraphs))


def _paragraphs(block: Paragraph, first: str, later: str) -> Iterator[Block]:
    lines = [_line(line) for line in lines_of(runs_of(block.inlines))]
    for is_said, rows in groupby(lines, lambda line: bool(line[1])):
        if is_said:
            runs: Row = []
            for indent, row in rows:
                begin = first or indent
                prefix = [Run((), Text(begin))] if begin else []
                runs += [*([Run((), LineBreak())] if runs else []), *prefix, *row]
                first = later
            yield Paragraph(inlines_of(runs))


def _line(line: Iterable[Run]) -> tuple[str, Row]:
    """The blanks that a line begins with, and what stands behind them."""
    row = list(with_joined_code(_worded(line)))
    words = (run.leaf.text if isinstance(run.leaf, Text) else "." for run in row)
    text = "".join(words)
    indent = text[: len(text) - len(text.lstrip())]
    return "".join(_INDENT if char == "\t" else " " for char in indent), trimmed(row)


def _worded(line: Iterable[Run]) -> Iterator[Run]:
    """Links with their styles around them, and words for what is not said otherwise."""
    for anchor, group in groupby(
        line, lambda run: next((w for w in run.around if isinstance(w, Anchor)), None)
    ):
        runs = [_said(run) for run in group]
        url = address(anchor.url) if anchor else ""
        if anchor is None or not url:
            yield from (Run(tuple(w for w in run.around if w != anchor), run.leaf) for run in runs)
            continue
        styles = [
            wrap for wrap in runs[0].around if all(wrap in run.around for run in runs) and wrap != anchor
        ]
        for is_person, part in groupby(runs, lambda run: isinstance(run.leaf, Mention)):
            if is_person:  # a ping in a link is none
                yield from (Run(tuple(styles), run.leaf) for run in part)
            else:
                words = "".join(getattr(run.leaf, "text", "") for run in part)
                yield Run((*styles, replace(anchor, url=url)) if words else (), Text(words))


def _said(run: Run) -> Run:
    leaf = run.leaf
    if isinstance(leaf, Mention):
        return run if PERSON.fullmatch(leaf.remote_id) else run._replace(leaf=Text(_shown(f"@{leaf.name}")))
    if isinstance(leaf, Code):
        code = _shown(leaf.text.replace("\n", " ")).strip()
        return run._replace(leaf=Code(code) if code else Text(" "))
    return run._replace(leaf=Text(_shown(leaf.text) if isinstance(leaf, Text | Emoji) else ""))


def _shown(text: str) -> str:
    return _UNSEEN.sub("", text).replace(_BACKTICK, _NO_BACKTICK)


# ------------------------------------------------------------------------------ writing it
class _Mark(NamedTuple):
    sign: str
    opens: bool


def _source(block: Block) -> str:
    if isinstance(block, CodeBlock):
        return f"{_FENCE}\n{_escaped(block.text)}\n{_FENCE}"
    if isinstance(block, Quote):
        text = "\n\n".join(_source(inner) for inner in block.blocks)
        return "\n".join(f"&gt; {line}" if line else "&gt;" for line in text.split("\n"))
    assert isinstance(block, Paragraph)
    lines = ("".join(_safe(_pieces(inlines_of(line)))) for line in lines_of(runs_of(block.inlines)))
    return "\n".join(BREAK + line if line.startswith("&gt;") else _indented(line) for line in lines)


def _indented(line: str) -> str:
    words = line.lstrip(" ")
    return NO_BREAK_SPACE * (len(line) - len(words)) + words


def _pieces(inlines: Iterable[Inline]) -> Iterator[str | _Mark]:
    for inline in inlines:
        if isinstance(inline, Bold | Italic | Strike):
            sign = SIGNS[type(inline)]
            yield _Mark(sign, True)
            yield from _pieces(inline.inlines)
            yield _Mark(sign, False)
        elif isinstance(inline, Link):
            words = "".join(getattr(word, "text", "") for word in inline.inlines)
            url = _escaped(inline.url)
            is_bare = words.replace(_NO_BACKTICK, "%60") == inline.url  # as addresses have it
            yield f"<{url}>" if is_bare else f"<{url}|{_escaped(words)}>"
        elif isinstance(inline, Mention):
            yield f"<@{inline.remote_id}>"
        elif isinstance(inline, Code):
            yield f"`{_escaped(inline.text)}`"
        elif isinstance(inline, Text):
            yield _SIGN_IN_TEXT.sub(f"{BREAK}\\g<0>{BREAK}", _escaped(inline.text))


def _safe(pieces: Iterable[str | _Mark]) -> Iterator[str]:
    """Every sign of a style stands beside no word outside, and beside something to be seen inside."""
    before: str | _Mark = ""
    last = "\n"
    for piece in pieces:
        text = piece if isinstance(piece, str) else piece.sign
        opens, closes = (isinstance(piece, _Mark) and piece.opens is way for way in (True, False))
        opened, closed = (isinstance(before, _Mark) and before.opens is way for way in (True, False))
        if (opened and text[0] == BREAK) or (closes and last == BREAK):
            yield JOINER
        elif (opens and last.isalnum()) or (closed and text[0].isalnum()):
            yield BREAK
        yield text
        before, last = piece, text[-1]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
