"""A help page, rendered, as the passages that search looks through. No I/O."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

_HEADINGS: Final = frozenset({"h1", "h2", "h3"})
_WITHIN: Final = frozenset({"header", "article"})  # of the classes below
_CLASSES: Final = frozenset({"guide-head", "guide-text"})
_SILENT: Final = frozenset({"svg", "nav", "form", "script", "thead", "figcaption"})
_INLINE: Final = frozenset(
    {"a", "b", "code", "em", "i", "kbd", "mark", "span", "strong", "sub", "sup", "var"}
)
_LEADING: Final = frozenset({"dt", "th", *_HEADINGS})  # what stands after them belongs to them
_BLANKS: Final = re.compile(r"\s+")
_BEFORE_SIGN: Final = re.compile(r" +([.,:;)])")
_UNCLOSED: Final = frozenset({"br", "hr", "img", "input", "link", "meta", "wbr"})


class _Reader(HTMLParser):
    """Collects what stands in the head and in the text of a guide, heading by heading."""

    def __init__(self) -> None:
        super().__init__()
        self.passages: list[tuple[str, str, str]] = []
        self._heading, self._anchor = "", ""
        self._text: list[str] = []
        self._open: list[tuple[str, bool]] = []  # elements, and whether they are one of _CLASSES
        self._in_heading: list[str] | None = None

    @property
    def _is_heard(self) -> bool:
        names = {name for name, _ in self._open}
        return any(is_guide for _, is_guide in self._open) and not names & _SILENT

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in _UNCLOSED:
            classes = set((values.get("class") or "").split())
            self._open.append((tag, tag in _WITHIN and bool(classes & _CLASSES)))
        if tag not in _INLINE:
            self._text.append(" ")
        # A heading that no link can lead to stands in the text like everything else.
        if tag in _HEADINGS and self._is_heard and (tag == "h1" or values.get("id")):
            if tag == "h1":  # what stands above it leads to other pages
                self._text = []
            self.end_passage()
            self._anchor, self._in_heading = values.get("id") or "", []

    def handle_endtag(self, tag: str) -> None:
        if tag in _HEADINGS and self._in_heading is not None:
            self._heading, self._in_heading = _tidy("".join(self._in_heading)), None
        elif self._is_heard and tag in _LEADING:
            self._text.append(": ")
        elif tag not in _INLINE:
            self._text.append(" ")
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._in_heading is not None:
            self._in_heading.append(data)
        elif self._is_heard:
            self._text.append(data)

    def end_passage(self) -> None:
        """Keep what was read since the last heading, unless that is nothing."""
        text = _tidy("".join(self._text))
        if text or self._anchor:
            self.passages.append((self._heading if self._anchor else "", self._anchor, text))
        self._text = []


def _tidy(text: str) -> str:
    text = _BEFORE_SIGN.sub(r"\1", _BLANKS.sub(" ", text).strip())
    return text.replace(".:", ".").replace("?:", "?")


def passages_of(html: str) -> list[tuple[str, str, str]]:
    """Headings, their ids and the text below each; what stands before the first has neither."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.end_passage()
    return reader.passages
