"""The HTML flavour, for reading: what integrations post, as a tree. Nothing of it is ever passed on as HTML.

Known are `a b strong i em br img pre code ul ol li`, tables as lines, and that paragraphs part; any other
tag is passed over, its words stay. Scripts, styles and all attributes but addresses and `alt` are dropped.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Final, TypeAlias

from connectors.markup.sanitize import clean_document, clean_text
from connectors.markup.tree import (
    Block,
    Bold,
    Code,
    CodeBlock,
    Document,
    Inline,
    Italic,
    LineBreak,
    Link,
    List,
    Paragraph,
    Text,
    normal_form,
)

Style: TypeAlias = type[Bold] | type[Italic]

_BLANK: Final = re.compile(r"[ \t\n\f]+")
_STYLES: Final[dict[str, Style]] = {"b": Bold, "strong": Bold, "i": Italic, "em": Italic}
_PARTING: Final = frozenset(
    {"p", "div", "table", "blockquote", "hr", *(f"h{level}" for level in range(1, 7))}
)
_UNSEEN: Final = frozenset({"script", "style", "template", "title"})
_SCHEMES: Final = ("https://", "http://", "mailto:")


def parse(text: str) -> Document:
    """The document, cleaned and in normal form, that a reader sees. Any text is taken. Linear time.

    Character references are resolved once. What a tag without an end swallows is not seen, as in browsers.
    """
    reader = _Reader()
    # A blank behind the last character: no text is kept back as the beginning of a character reference.
    reader.feed(f"{text} ")
    return clean_document(normal_form(Document(reader.finish())))


def is_address(url: str) -> bool:
    """Whether a link may lead there: to a page, or to somebody's mail."""
    return url.strip().lower().startswith(_SCHEMES)


class _Reader(HTMLParser):
    """Builds blocks while the library finds the tags.

    The library's `close()` is not called: where CVE-2025-6069 is not mended it tries an unfinished tag again
    from each `<` inside, in quadratic time, and what is unfinished is not shown anyway.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._rows: list[list[Block]] = [[]]  # blocks of the document, then of the item open in each list
        self._lists: list[tuple[bool, list[tuple[Block, ...]]]] = []  # is ordered, finished items
        self._line: list[Inline] = []  # of the paragraph that is open
        self._opened: Counter[Style] = Counter()
        self._blank: frozenset[Style] | None = None  # one is due, in these styles
        self._link: tuple[str, int] | None = None  # its address, and where in the line its words begin
        self._verbatim: list[str] | None = None  # inside of <pre>
        self._codes = 0
        self._unseen = 0

    def finish(self) -> tuple[Block, ...]:
        """All blocks, with whatever is still open closed."""
        self._end_verbatim()
        self._end_line()
        while self._lists:
            self._end_list()
        return tuple(self._rows[0])

    # ------------------------------------------------------------------ what the library finds

    def parse_html_declaration(self, i: int) -> int:
        """Of `<!…>` nothing is seen. The library raises for a `<![…` that it does not know."""
        return self.parse_bogus_comment(i)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag in _STYLES:
            self._opened[_STYLES[tag]] += 1
        elif tag in _PARTING:
            self._end_line()
        elif tag in _UNSEEN:
            self._unseen += 1
        match tag:
            case "a":
                self._end_link()
                self._begin_link(dict(attrs).get("href") or "")
            case "br":
                self._break()
            case "img":
                self._image(dict(attrs))
            case "code":
                self._codes += 1
            case "pre":
                self._end_line()
                self._end_verbatim()
                self._verbatim = []
            case "ul" | "ol":
                self._begin_list(is_ordered=tag == "ol")
            case "li":
                self._end_item()
            case "tr" if self._line:
                self._break()
            case "td" | "th" if not self._is_at_start():
                self._say(" | ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _STYLES:
            self._opened[_STYLES[tag]] = max(self._opened[_STYLES[tag]] - 1, 0)
        elif tag in _PARTING:
            self._end_line()
        elif tag in _UNSEEN:
            self._unseen = max(self._unseen - 1, 0)
        match tag:
            case "a":
                self._end_link()
            case "code":
                self._codes = max(self._codes - 1, 0)
            case "pre":
                self._end_verbatim()
            case "ul" | "ol" if self._lists:
                self._end_list()
            case "li":
                self._end_item()

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        data = clean_text(data)
        if self._verbatim is not None:
            self._verbatim.append(data)
        else:
            self._say(_BLANK.sub(" ", data))

    # ------------------------------------------------------------------ inside of a line

    def _say(self, text: str) -> None:
        """Words; the blank before them is said now, the one behind them once more words follow."""
        words, styles = text.strip(" "), frozenset(+self._opened)
        if text.startswith(" ") and self._blank is None:
            self._blank = styles
        if not words:
            return
        self._say_blank()
        self._line.append(_styled(Code(words) if self._codes else Text(words), styles))
        self._blank = styles if text.endswith(" ") else None

    def _say_blank(self) -> None:
        if self._blank is not None and not self._is_at_start():
            self._line.append(_styled(Text(" "), self._blank & frozenset(+self._opened)))
        self._blank = None

    def _is_at_start(self) -> bool:
        return not self._line or isinstance(self._line[-1], LineBreak)

    def _break(self) -> None:
        if self._verbatim is not None:
            self._verbatim.append("\n")
        else:
            self._line.append(LineBreak())
            self._blank = None

    def _image(self, attrs: dict[str, str | None]) -> None:
        """Its description; an image without one is a link."""
        alt, source = (attrs.get("alt") or "").strip(), attrs.get("src") or ""
        if alt:
            self.handle_data(alt)
        elif is_address(source) and self._verbatim is None and not self._unseen:
            self._say_blank()
            self._line.append(Link(source, (Text(source),)))

    def _begin_link(self, address: str) -> None:
        if is_address(address) and self._verbatim is None:
            self._say_blank()
            self._link = (address, len(self._line))

    def _end_link(self) -> None:
        if self._link is None:
            return
        address, start = self._link
        words = tuple(self._line[start:])
        if words:
            self._line[start:] = [Link(address, words)]
        self._link = None

    # ------------------------------------------------------------------ blocks

    def _end_line(self) -> None:
        """A paragraph ends; a link that goes on begins anew in the next one."""
        address = self._link[0] if self._link else ""
        self._end_link()
        while self._line and isinstance(self._line[-1], LineBreak):
            self._line.pop()
        if self._line:
            self._rows[-1].append(Paragraph(tuple(self._line)))
        self._line, self._blank = [], None
        self._link = (address, 0) if address else None

    def _end_verbatim(self) -> None:
        if self._verbatim is None:
            return
        text = "".join(self._verbatim).strip("\n").rstrip()
        if text:
            self._rows[-1].append(CodeBlock(text))
        self._verbatim = None

    def _begin_list(self, *, is_ordered: bool) -> None:
        self._end_line()
        self._lists.append((is_ordered, []))
        self._rows.append([])

    def _end_item(self) -> None:
        self._end_line()
        if self._lists and self._rows[-1]:
            self._lists[-1][1].append(tuple(self._rows[-1]))
            self._rows[-1] = []

    def _end_list(self) -> None:
        self._end_item()
        is_ordered, items = self._lists.pop()
        self._rows.pop()
        if items:
            self._rows[-1].append(List(tuple(items), is_ordered))


def _styled(inline: Inline, styles: frozenset[Style]) -> Inline:
    for style in (Italic, Bold):  # always in one order, so that neighbours can become one
        if style in styles:
            inline = style((inline,))
    return inline
