"""The HTML flavour: what integrations post at HipChat, and Matrix's `org.matrix.custom.html`.

Read are the tags that HipChat's notifications may hold and those of Matrix (client-server API 1.11, section
11.2.1.1, "m.room.message msgtypes"); of any other tag only the words stay. Scripts, styles, fallbacks of
replies and all attributes but the few that say something are dropped. `render` is in `html_render`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final, TypeAlias

from connectors.markup.addresses import is_address
from connectors.markup.html_line import Line
from connectors.markup.html_render import expressible, render, verbatim
from connectors.markup.runs import Style
from connectors.markup.sanitize import clean_document, clean_text
from connectors.markup.tree import (
    Block,
    Bold,
    Code,
    CodeBlock,
    Document,
    Emoji,
    Italic,
    List,
    Mention,
    Paragraph,
    Quote,
    Strike,
    Text,
    normal_form,
)

__all__ = ["MentionOf", "expressible", "is_address", "parse", "render"]

# Whom the address of a link stands for, if it is a person's; without a name the link's words are it.
MentionOf: TypeAlias = Callable[[str], Mention | None]
Attributes: TypeAlias = dict[str, str | None]

_BLANK: Final = re.compile(r"[ \t\n\f]+")
_NUMBER: Final = re.compile(r"\s*(\d{1,9})\s*\Z", re.ASCII)
_STYLES: Final[dict[str, Style]] = {
    "b": Bold,
    "strong": Bold,
    "i": Italic,
    "em": Italic,
    "del": Strike,
    "s": Strike,
    "strike": Strike,
}
_HEADINGS: Final = frozenset(f"h{level}" for level in range(1, 7))
_PARTING: Final = frozenset({"p", "div", "table", "details", "summary", "hr", *_HEADINGS})
_LISTS: Final = frozenset({"ul", "ol"})
_UNSEEN: Final = frozenset({"script", "style", "template", "title", "mx-reply"})
_RULE: Final = "---"


def parse(text: str, *, mention_of: MentionOf | None = None) -> Document:
    """The document, cleaned and in normal form, that a reader sees. Any text is taken. Linear time.

    Character references are resolved once. What a tag without an end swallows is not seen, as in browsers.
    What is hidden until it is clicked (Matrix: `data-mx-spoiler`) is seen, behind a word of warning.
    """
    reader = _Reader(mention_of)
    # A blank behind the last character: no text is kept back as the beginning of a character reference.
    reader.feed(f"{text} ")
    return clean_document(normal_form(Document(reader.finish())))


@dataclass(slots=True)
class _Frame:
    """What blocks are gathered for: the document, a quote, or the open item of a list."""

    tag: str = ""
    start: int = 1
    blocks: list[Block] = field(default_factory=list)
    items: list[tuple[Block, ...]] = field(default_factory=list)  # finished ones

    def end_item(self) -> None:
        if self.blocks:
            self.items.append(tuple(self.blocks))
            self.blocks = []

    def block(self) -> Block:
        if self.tag == "blockquote":
            return Quote(tuple(self.blocks))
        self.end_item()
        return List(tuple(self.items), self.tag == "ol", self.start)


class _Reader(HTMLParser):
    """Builds blocks while the library finds the tags.

    The library's `close()` is not called: where CVE-2025-6069 is not mended it tries an unfinished tag again
    from each `<` inside, in quadratic time, and what is unfinished is not shown anyway.
    """

    def __init__(self, mention_of: MentionOf | None) -> None:
        super().__init__(convert_charrefs=True)
        self._mention_of = mention_of
        self._frames = [_Frame()]
        self._framed: Counter[str] = Counter()  # how many lists and quotes are open
        self._line = Line()  # of the paragraph that is open
        self._verbatim: list[str] | None = None  # inside of <pre>
        self._language = ""
        self._codes = 0  # how many <code> are open
        self._unseen = 0

    def finish(self) -> tuple[Block, ...]:
        """All blocks, with whatever is still open closed."""
        self._end_verbatim()
        self._end_line()
        while len(self._frames) > 1:
            self._end_frame()
        return tuple(self._frames[0].blocks)

    # ------------------------------------------------------------------ what the library finds

    def parse_html_declaration(self, i: int) -> int:
        """Of `<!…>` nothing is seen. The library raises for a `<![…` that it does not know."""
        return self.parse_bogus_comment(i)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if self._unseen or tag in _UNSEEN:
            self._unseen += tag in _UNSEEN
            return
        values = dict(attrs)
        if tag in _PARTING:
            self._end_line()
        if tag in _STYLES:
            self._line.open(_STYLES[tag])
        elif tag in _HEADINGS:
            self._line.open(Bold)
        elif tag in _LISTS or tag == "blockquote":
            self._begin_frame(tag, values)
        elif tag == "pre":
            self._begin_verbatim()
        else:
            self._start_inside(tag, values)

    def _start_inside(self, tag: str, values: Attributes) -> None:
        """What stands inside of a line, an item or a row."""
        match tag:
            case "a":
                self._begin_link(values.get("href") or "")
            case "br":
                self._break()
            case "hr" if self._verbatim is None:
                self._frames[-1].blocks.append(Paragraph((Text(_RULE),)))
            case "img":
                self._image(values)
            case "code":
                self._begin_code(values.get("class") or "")
            case "span" if "data-mx-spoiler" in values:
                reason = (values["data-mx-spoiler"] or "").strip()
                self.handle_data(f"(spoiler: {reason}) " if reason else "(spoiler) ")
            case "li":
                self._end_item()
            case "tr" if not self._line.is_empty:
                self._break()
            case "td" | "th" if not self._line.is_at_start:
                self.handle_data(" | ")

    def handle_endtag(self, tag: str) -> None:
        if self._unseen:
            self._unseen -= tag in _UNSEEN
            return
        if tag in _PARTING:
            self._end_line()
        if tag in _STYLES:
            self._line.close(_STYLES[tag])
        elif tag in _HEADINGS:
            self._line.close(Bold)
        elif tag in _LISTS:
            self._end_frames(_LISTS)
        match tag:
            case "blockquote":
                self._end_frames(frozenset({tag}))
            case "a":
                self._line.end_link()
            case "code":
                self._codes = max(self._codes - 1, 0)
            case "pre":
                self._end_verbatim()
            case "li":
                self._end_item()

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        data = clean_text(data)
        if self._verbatim is not None:
            self._verbatim.append(data)
        else:
            self._line.say(_BLANK.sub(" ", data), Code if self._codes else Text)

    # ------------------------------------------------------------------ inside of a line

    def _break(self) -> None:
        if self._verbatim is not None:
            self._verbatim.append("\n")
        else:
            self._line.end()

    def _image(self, values: Attributes) -> None:
        """Its description; an image without one is a link. Custom emoji are images too (MSC2545)."""
        alt, source = (values.get("alt") or "").strip(), values.get("src") or ""
        if alt and "data-mx-emoticon" in values and self._verbatim is None:
            self._line.add(Emoji(alt, alt.strip(":")))
        elif alt:
            self.handle_data(alt)
        elif is_address(source) and self._verbatim is None:
            self._line.add_link(source)

    def _begin_link(self, address: str) -> None:
        self._line.end_link()
        if self._verbatim is None:
            mention = self._mention_of(address) if self._mention_of else None
            if mention or is_address(address):
                self._line.begin_link(address, mention)

    def _begin_code(self, classes: str) -> None:
        """Inline code, or the language of a block of code."""
        self._codes += 1
        if self._verbatim is not None:
            names = (name for name in classes.split() if name.startswith("language-"))
            self._language = self._language or next(names, "").removeprefix("language-")

    # ------------------------------------------------------------------ blocks

    def _end_line(self) -> None:
        inlines = self._line.take()
        if inlines:
            self._frames[-1].blocks.append(Paragraph(inlines))

    def _begin_verbatim(self) -> None:
        self._end_line()
        self._end_verbatim()
        self._verbatim, self._language = [], ""

    def _end_verbatim(self) -> None:
        if self._verbatim is None:
            return
        text = verbatim("".join(self._verbatim))
        if text:
            self._frames[-1].blocks.append(CodeBlock(text, self._language))
        self._verbatim = None

    def _begin_frame(self, tag: str, values: Attributes) -> None:
        self._end_line()
        start = _NUMBER.match(values.get("start") or "")
        self._frames.append(_Frame(tag, int(start[1]) if start else 1))
        self._framed[tag] += 1

    def _end_item(self) -> None:
        self._end_line()
        if self._frames[-1].tag in _LISTS:
            self._frames[-1].end_item()

    def _end_frames(self, tags: frozenset[str]) -> None:
        """Closes the innermost of these, and whatever is open inside of it."""
        self._end_line()
        if not any(self._framed[tag] for tag in tags):
            return
        while self._end_frame() not in tags:
            pass

    def _end_frame(self) -> str:
        frame = self._frames.pop()
        self._framed[frame.tag] -= 1
        self._frames[-1].blocks.append(frame.block())
        return frame.tag
