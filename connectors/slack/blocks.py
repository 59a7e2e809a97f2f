"""Slack's blocks as a tree: rich text as people type it, and the layout blocks of apps. No I/O.

Names: docs.slack.dev/reference/block-kit/blocks and .../rich-text-block. What is not known there is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from connectors.markup import mrkdwn
from connectors.markup.emoji import of_shortcode
from connectors.markup.mrkdwn import NameOf
from connectors.markup.plain import parse as plain
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
    plain_text,
)
from connectors.slack.shapes import Json, rows, table, text

_STYLES: Final = (("bold", Bold), ("italic", Italic), ("strike", Strike))
_EVERYBODY: Final = ("here", "channel", "everyone")
_LATEST: Final = 10**11  # seconds since 1970: the year 5138
DEEPEST: Final = 8  # of a list in a list: Slack's own editor ends there


def is_rich(blocks: Iterable[Json]) -> bool:
    """Whether these blocks are what somebody typed."""
    kinds = [block.get("type") for block in blocks]
    return bool(kinds) and set(kinds) == {"rich_text"}


def parse(blocks: Iterable[Json], name_of: NameOf) -> list[Block]:
    """What these blocks say, in their order."""
    return [said for block in blocks for said in _block(block, name_of)]


def mentioned(blocks: object) -> Iterator[str]:
    """The ids of people and channels that rich text names by nothing else."""
    if isinstance(blocks, list):
        for one in blocks:
            yield from mentioned(one)
    elif isinstance(blocks, dict):
        for name in ("user_id", "channel_id"):
            if found := text(blocks.get(name)):
                yield found
        yield from mentioned(blocks.get("elements"))


# ------------------------------------------------------------------------------ layout
def _block(block: Json, name_of: NameOf) -> Iterator[Block]:
    match block.get("type"):
        case "rich_text":
            yield from _rich(block, name_of)
        case "header":
            for said in _object(block.get("text"), name_of):
                yield Paragraph((Bold(said.inlines),)) if isinstance(said, Paragraph) else said
        case "section":
            yield from _object(block.get("text"), name_of)
            for field in rows(block.get("fields")):
                yield from _object(field, name_of)
        case "context":
            for element in rows(block.get("elements")):
                yield from _object(element, name_of)
        case "markdown":
            yield from plain(text(block.get("text"))).blocks
        case "image" | "video":
            yield from _picture(block, name_of)


def _object(told: object, name_of: NameOf) -> tuple[Block, ...]:
    """A text object."""
    held = table(told)
    if held.get("type") == "mrkdwn":
        return mrkdwn.parse(text(held.get("text")), name_of=name_of).blocks
    return plain(text(held.get("text"))).blocks if held.get("type") == "plain_text" else ()


def _picture(block: Json, name_of: NameOf) -> Iterator[Block]:
    title = plain_text(Document(_object(block.get("title"), name_of))) or text(block.get("alt_text"))
    url = text(block.get("image_url")) or text(block.get("title_url")) or text(block.get("video_url"))
    if url:
        yield Paragraph((Link(url, (Text(title or url),)),))
    elif title:
        yield Paragraph((Text(title),))


# ------------------------------------------------------------------------------ rich text
def _rich(block: Json, name_of: NameOf) -> Iterator[Block]:
    """Lists of one kind that follow each other with growing indents are one list inside another."""
    pending: list[tuple[int, List]] = []
    for element in rows(block.get("elements")):
        if element.get("type") == "rich_text_list":
            pending.append((_indent(element), _list(element, name_of)))
            continue
        yield from _nested(pending)
        pending = []
        yield from _element(element, name_of)
    yield from _nested(pending)


def _element(element: Json, name_of: NameOf) -> Iterator[Block]:
    inlines = rows(element.get("elements"))
    match element.get("type"):
        case "rich_text_section":
            yield from _sections(inlines, name_of)
        case "rich_text_quote":
            yield Quote(tuple(_sections(inlines, name_of)))
        case "rich_text_preformatted":
            yield CodeBlock("".join(_verbatim(one, name_of) for one in inlines).strip("\n"))


def _sections(inlines: Iterable[Json], name_of: NameOf) -> Iterator[Paragraph]:
    """Paragraphs: an empty line stands between two."""
    row: list[Inline] = []
    for inline in (said for one in inlines for said in _inline(one, name_of)):
        if isinstance(inline, LineBreak) and row and isinstance(row[-1], LineBreak):
            yield Paragraph(tuple(row[:-1]))
            row = []
        elif row or not isinstance(inline, LineBreak):
            row.append(inline)
    while row and isinstance(row[-1], LineBreak):
        row.pop()
    if row:
        yield Paragraph(tuple(row))


def _inline(one: Json, name_of: NameOf) -> Iterator[Inline]:
    style = table(one.get("style"))
    match one.get("type"):
        case "text":
            lines = map(mrkdwn.unindented, text(one.get("text")).split("\n"))
            for number, line in enumerate(lines):
                if number:
                    yield LineBreak()
                if line:
                    yield _styled(Code(line) if style.get("code") else Text(line), style)
        case "link":
            url = text(one.get("url"))
            words = text(one.get("text")) or url
            yield _styled(Link(url, (Text(words),)) if url else Text(words), style)
        case "emoji":
            yield _styled(_emoji(one), style)
        case _:
            if said := _named(one, name_of):
                yield _styled(said, style)


def _named(one: Json, name_of: NameOf) -> Inline | None:
    """Somebody, something or everybody by an id."""
    match one.get("type"):
        case "user":
            user = text(one.get("user_id"))
            return Mention(user, name_of(user) or user)
        case "usergroup":
            group = text(one.get("usergroup_id"))
            return Mention(group, name_of(group) or "group")
        case "channel":
            channel = text(one.get("channel_id"))
            return Text(f"#{name_of(channel) or channel}")
        case "broadcast" if one.get("range") in _EVERYBODY:
            return Mention("", text(one.get("range")))
        case "date":
            return Text(text(one.get("fallback")) or _time(one.get("timestamp")))
        case "color":
            return Text(text(one.get("value")))
    return None


def _time(stamp: object) -> str:
    """A moment whose words are left to clients, "" for none."""
    if not isinstance(stamp, int) or isinstance(stamp, bool) or not 0 <= stamp < _LATEST:
        return ""
    return f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%d %H:%M} UTC"


def _emoji(one: Json) -> Emoji:
    """`unicode` is told of those that have one: hexadecimal, with hyphens between."""
    name = f":{text(one.get('name'))}:"
    try:
        char = "".join(chr(int(part, 16)) for part in text(one.get("unicode")).split("-") if part)
    except (ValueError, OverflowError):
        char = ""
    found = char or of_shortcode(name)
    return Emoji(found, name) if found else Emoji(name, name)


def _styled(inline: Inline, style: Json) -> Inline:
    for name, wrap in _STYLES:
        if style.get(name):
            inline = wrap((inline,))
    return inline


def _verbatim(one: Json, name_of: NameOf) -> str:
    return "".join(
        "\n" if isinstance(said, LineBreak) else plain_text(Document((Paragraph((said,)),)))
        for said in _inline(one, name_of)
    )


# ------------------------------------------------------------------------------ lists
def _indent(element: Json) -> int:
    told = element.get("indent")
    return min(told, DEEPEST) if isinstance(told, int) and not isinstance(told, bool) and told > 0 else 0


def _list(element: Json, name_of: NameOf) -> List:
    sections = (one for one in rows(element.get("elements")) if one.get("type") == "rich_text_section")
    items = tuple(tuple(_sections(rows(one.get("elements")), name_of)) for one in sections)
    offset = element.get("offset")
    start = offset + 1 if isinstance(offset, int) and not isinstance(offset, bool) else 1
    return List(items, ordered=element.get("style") == "ordered", start=start)


def _nested(lists: list[tuple[int, List]]) -> Iterator[Block]:
    """What stands further in belongs to the item before it; what goes on at the same place is one list."""
    while lists:
        depth, outer = lists[0]
        items, lists = list(outer.items), lists[1:]
        while lists and _goes_on(depth, outer, lists[0]):
            deeper = next((at for at, (indent, _) in enumerate(lists) if indent <= depth), len(lists))
            if deeper == 0:
                items += lists[0][1].items
            elif items:
                items[-1] = (*items[-1], *_nested(lists[:deeper]))
            lists = lists[max(1, deeper) :]
        yield List(tuple(items), outer.ordered, outer.start)


def _goes_on(depth: int, outer: List, following: tuple[int, List]) -> bool:
    indent, inner = following
    return indent > depth or (indent == depth and inner.ordered == outer.ordered)
