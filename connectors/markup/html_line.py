"""One paragraph of HTML while it is read: white space is one blank, and styles may overlap."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from connectors.markup.runs import BLANK, Anchor, Leaf, Run, Style, Wrap, inlines_of, shared
from connectors.markup.tree import Code, Inline, LineBreak, Mention, Text


class _OpenLink(NamedTuple):
    anchor: Anchor
    mention: Mention | None  # whom it stands for, where it is no link at all
    start: int  # where among the runs its words begin


class Line:
    """The runs of a paragraph. A blank belongs to what is around it and both its neighbours."""

    def __init__(self) -> None:
        self.around: tuple[Wrap, ...] = ()  # what is around the words that come next
        self._runs: list[Run] = []
        self._opened: Counter[Style] = Counter()
        self._blank: tuple[Wrap, ...] | None = None  # one is due, once more words follow: what is around it
        self._link: _OpenLink | None = None
        self._links = 0

    @property
    def is_empty(self) -> bool:
        return not self._runs

    @property
    def is_at_start(self) -> bool:
        return not self._runs or isinstance(self._runs[-1].leaf, LineBreak)

    @property
    def swallows_blanks(self) -> bool:
        """Whether one more would not be seen."""
        return self._blank is not None or self.is_at_start

    def say(self, text: str, kind: type[Text] | type[Code] = Text) -> None:
        """Words, in which white space is blanks already."""
        words = text.strip(" ")
        if text.startswith(" ") and self._blank is None:
            self._blank = self.around
        if words:
            self.add(kind(words))
            self._blank = self.around if text.endswith(" ") else None

    def add(self, leaf: Leaf) -> None:
        """Something to be seen."""
        if self._blank is not None and not self.is_at_start:
            around = shared(shared(self._runs[-1].around, self._blank), self.around)
            self._runs.append(Run(around, BLANK))
        self._blank = None
        self._runs.append(Run(self.around, leaf))

    def end(self) -> None:
        """The line ends, the paragraph goes on."""
        self._runs.append(Run(self.around, LineBreak()))
        self._blank = None

    def open(self, style: Style) -> None:
        self._opened[style] += 1
        if self._opened[style] == 1:
            self.around = (*self.around, style)

    def close(self, style: Style) -> None:
        """Also if others were opened later: they go on."""
        self._opened[style] = max(self._opened[style] - 1, 0)
        if not self._opened[style]:
            self._without(style)

    def _without(self, gone: Wrap) -> None:
        self.around = tuple(wrap for wrap in self.around if wrap != gone)

    def begin_link(self, url: str, mention: Mention | None = None) -> None:
        """Only where none is open."""
        self._links += 1
        anchor = Anchor(url, self._links)
        self._link = _OpenLink(anchor, mention, len(self._runs))
        self.around = (*self.around, anchor)

    def end_link(self) -> None:
        if self._link is None:
            return
        anchor, mention, start = self._link
        self._link = None
        self._without(anchor)
        if mention:
            self._mention(mention, [run for run in self._runs[start:] if anchor in run.around])

    def _mention(self, mention: Mention, words: list[Run]) -> None:
        """In the place of the last runs, which are the words of a link to somebody."""
        name = mention.name or "".join(getattr(run.leaf, "text", " ") for run in words).removeprefix("@")
        if words:
            del self._runs[-len(words) :]
            self._runs.append(Run(self.around, Mention(mention.remote_id, name)))
        elif name:
            self.add(Mention(mention.remote_id, name))

    def add_link(self, url: str) -> None:
        """A link that shows its address. One that is open already shows it, too."""
        if self._link:
            self.add(Text(url))
        else:
            self.begin_link(url)
            self.add(Text(url))
            self.end_link()

    def take(self) -> tuple[Inline, ...]:
        """The paragraph; styles and a link that are open go on in the next one."""
        link = self._link
        self.end_link()
        while self._runs and isinstance(self._runs[-1].leaf, LineBreak):
            self._runs.pop()
        inlines = inlines_of(self._runs)
        self._runs, self._blank = [], None
        if link and not link.mention:
            self.begin_link(link.anchor.url)
        return inlines
