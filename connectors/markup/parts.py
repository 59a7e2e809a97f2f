"""Cuts a document into parts that a service takes, each of which is a document of its own."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count, groupby, takewhile
from typing import Final, NamedTuple, TypeAlias

from connectors.markup import plain
from connectors.markup.runs import Anchor, Run, inlines_of, runs_of
from connectors.markup.split import clusters
from connectors.markup.tree import (
    MAX_START,
    Block,
    Code,
    CodeBlock,
    Document,
    LineBreak,
    List,
    Paragraph,
    Quote,
    Text,
    normal_form,
    plain_text,
)

Fits: TypeAlias = Callable[[Document], bool]

_ATOM: Final = "\ufffc"  # stands for what cannot be cut: Unicode's object replacement character
_FIRST_GUESS: Final = 256  # characters of a part, before one was measured
_FIRST_STEP: Final = 16  # the next part is as long as the last one, or by one in so many characters not
_EXACT_UP_TO: Final = 64  # a part may be shorter than possible by one in so many characters


def split_document(document: Document, fits: Fits) -> list[Document]:
    """`document` as parts, in order, each in normal form and such that `fits(part)`; blank ones are left out.

    Cuts between blocks in the second half of what fits, else between lines there, else between words
    there, else at an earlier such place, else between two characters as a reader sees them. Nothing but
    the newline or the space at a cut is dropped. Quotes, lists, blocks of code, links and styles that are
    cut are opened again in the next part, and lists count on. Mentions, emoji and links that show their
    address stay whole. What alone does not fit is bare text, cut anywhere, and what even then does not
    fit is dropped.

    `fits` may take time linear in its document and has to refuse what begins with what it refuses. It is
    asked about parts of the length to be found, a few times each, so the whole takes O(n log n).
    """
    document = normal_form(document)
    if fits(document):
        return [document] if plain_text(document).strip() else []
    return list(_parts(document, fits))


def _parts(document: Document, fits: Fits) -> Iterator[Document]:
    flat = _Flat(document)
    start, guess = 0, _FIRST_GUESS
    while start < flat.end:
        farthest = flat.farthest(start, guess, fits)
        if farthest is None:
            following, guess = flat.end_of_atom(start), 1
            yield from _bare_parts(flat, start, following, fits)
        else:
            end, following = flat.cut(start, farthest)
            guess = farthest - start
            if flat.is_seen(start, end):
                yield flat.part(start, end)
        start = following


def _bare_parts(flat: _Flat, start: int, end: int, fits: Fits) -> Iterator[Document]:
    """What does not fit as it is: without styles and addresses, at last code point by code point."""
    if not flat.is_seen(start, end):
        return
    words = flat.words(start, end)
    if not flat.is_bare(start):
        yield from _parts(_bare(words), fits)
        return
    fitting = ""
    for char in words:
        if not fits(_bare(fitting + char)):
            if fitting:
                yield _bare(fitting)
            fitting = char if fits(_bare(char)) else ""
        else:
            fitting += char
    if fitting:
        yield _bare(fitting)


def _bare(text: str) -> Document:
    return normal_form(Document((Paragraph((Text(text),)),)))


# ------------------------------------------------------------------------------ a document as one long text
class _Frame(NamedTuple):
    """A quote or an item around a block."""

    number: int
    within: Quote | List
    item: int = 0


@dataclass(frozen=True, slots=True)
class _Piece:
    """A run of a paragraph, or a block of code. `text` is its stretch of the long text."""

    block: int  # the number of its block
    frames: tuple[_Frame, ...]  # outermost first
    content: Run | CodeBlock
    text: str

    def clipped(self, begin: int, end: int) -> _Piece:
        if begin == 0 and end == len(self.text):
            return self
        content, text = self.content, self.text[begin:end]
        if isinstance(content, CodeBlock):
            return replace(self, content=replace(content, text=text), text=text)
        kind = Code if isinstance(content.leaf, Code) else Text
        return replace(self, content=Run(content.around, kind(text)), text=text)


class _Flat:
    """A document in normal form as one text, blocks parted by newlines, and where that may be cut."""

    def __init__(self, document: Document) -> None:
        self._pieces: list[_Piece] = []
        self._begins: list[int] = []  # of the pieces, in the text
        self._blocks: list[int] = []  # where a newline parts two blocks
        self._newlines: list[int] = []
        self._spaces: list[int] = []
        self._cuts: list[int] = []  # all places between two characters as a reader sees them
        texts: list[str] = []
        length = 0
        for piece in _pieces(document.blocks, (), count(), count()):
            if self._pieces and self._pieces[-1].block != piece.block:
                self._blocks.append(length)
                texts.append("\n")
                length += 1
            self._pieces.append(piece)
            self._begins.append(length)
            texts.append(piece.text)
            length += len(piece.text)
        self._text = "".join(texts)
        self.end = length
        self._find_cuts()

    def _find_cuts(self) -> None:
        begin = 0
        for line in self._text.split("\n"):
            for at, end in clusters(line):
                self._cuts.append(begin + end)
                if end - at == 1 and line[at] == " ":
                    self._spaces.append(begin + at)
            begin += len(line)
            if not line:
                self._cuts.append(begin)
            self._newlines.append(begin)
            begin += 1

    def is_seen(self, start: int, end: int) -> bool:
        return bool(self._text[start:end].strip())

    def farthest(self, start: int, guess: int, fits: Fits) -> int | None:
        """The end of (nearly) the longest part that fits; None if not even one character does."""
        first, last = bisect_right(self._cuts, start), len(self._cuts) - 1
        most, least = first - 1, last + 1  # the last cut that is known to do, and the first that does not
        probe = min(max(bisect_right(self._cuts, start + guess) - 1, first), last)
        step = 1 + (probe - first) // _FIRST_STEP
        while least - most > 1 + ((most - first + 1) // _EXACT_UP_TO if least <= last else 0):
            if fits(self.part(start, self._cuts[probe])):
                most = probe
            else:
                least = probe
            if first <= most and least <= last:
                probe = (most + least) // 2
            else:  # on one side nothing is known yet
                probe = max(least - step, first) if most < first else min(most + step, last)
                step *= 2
        return self._cuts[most] if most >= first else None

    def cut(self, start: int, farthest: int) -> tuple[int, int]:
        """Where the part that may reach to `farthest` ends, and where the next one begins."""
        if farthest == self.end:
            return farthest, farthest
        places = (_last(places, farthest) for places in (self._blocks, self._newlines, self._spaces))
        later = [place for place in places if place > start]
        half = start + (farthest - start) // 2
        best = next((place for place in later if place > half), next(iter(later), None))
        return (farthest, farthest) if best is None else (best, best + 1)

    # -------------------------------------------------------------------------- back into documents
    def part(self, start: int, end: int) -> Document:
        rows: list[tuple[tuple[_Frame, ...], Block]] = []
        for _, group in groupby(self._between(start, end), lambda piece: piece.block):
            pieces = list(group)
            rows.append((pieces[0].frames, _block([piece.content for piece in pieces])))
        return Document(_nested(rows, 0))

    def _between(self, start: int, end: int) -> Iterator[_Piece]:
        for number in range(self._piece_at(start), len(self._pieces)):
            piece, begin = self._pieces[number], self._begins[number]
            if begin >= end:
                return
            if begin + len(piece.text) > start:
                yield piece.clipped(max(start - begin, 0), min(end - begin, len(piece.text)))

    def _piece_at(self, place: int) -> int:
        return bisect_right(self._begins, place) - 1

    # -------------------------------------------------------------------------- what does not fit
    def is_bare(self, place: int) -> bool:
        """Whether what stands there is text and nothing else."""
        piece = self._pieces[self._piece_at(place)]
        content = piece.content
        return isinstance(content, Run) and (*piece.frames, *content.around, type(content.leaf)) == (Text,)

    def end_of_atom(self, place: int) -> int:
        """Where that ends which cannot be said in one part: a character of bare text, else a run, a link."""
        if self._text[place] == "\n":
            return place + 1
        if self.is_bare(place):
            return self._cuts[bisect_right(self._cuts, place)]
        number = self._piece_at(place)
        first = self._pieces[number]
        rest = range(number + 1, len(self._pieces))
        last = max(takewhile(lambda other: _same_link(first, self._pieces[other]), rest), default=number)
        return self._begins[last] + len(self._pieces[last].text)

    def words(self, start: int, end: int) -> str:
        """What stands there in one block, as text."""
        return plain.render(Document((_block([piece.content for piece in self._between(start, end)]),)))


def _last(places: list[int], up_to: int) -> int:
    """The last place that is not behind `up_to`, -1 if there is none."""
    number = bisect_right(places, up_to)
    return places[number - 1] if number else -1


def _same_link(one: _Piece, other: _Piece) -> bool:
    return one.block == other.block and bool(_anchors(one) & _anchors(other))


def _anchors(piece: _Piece) -> set[Anchor]:
    around = piece.content.around if isinstance(piece.content, Run) else ()
    return {wrap for wrap in around if isinstance(wrap, Anchor)}


def _pieces(
    blocks: Iterable[Block], frames: tuple[_Frame, ...], numbers: Iterator[int], containers: Iterator[int]
) -> Iterator[_Piece]:
    for block in blocks:
        if isinstance(block, CodeBlock):
            yield _Piece(next(numbers), frames, block, block.text)
        elif isinstance(block, Paragraph):
            number = next(numbers)
            for run in runs_of(block.inlines):
                yield _Piece(number, frames, run, _stretch(run))
        elif isinstance(block, Quote):
            frame = _Frame(next(containers), block)
            yield from _pieces(block.blocks, (*frames, frame), numbers, containers)
        else:
            frame = _Frame(next(containers), block)
            for item, row in enumerate(block.items):
                yield from _pieces(row, (*frames, frame._replace(item=item)), numbers, containers)


def _stretch(run: Run) -> str:
    if isinstance(run.leaf, LineBreak):
        return "\n"
    if not isinstance(run.leaf, Text | Code):
        return _ATOM
    shows_address = any(isinstance(wrap, Anchor) and wrap.url == run.leaf.text for wrap in run.around)
    return _ATOM if shows_address else run.leaf.text


def _block(contents: list[Run | CodeBlock]) -> Block:
    for content in contents:
        if isinstance(content, CodeBlock):
            return content
    return Paragraph(inlines_of(content for content in contents if isinstance(content, Run)))


def _nested(rows: Iterable[tuple[tuple[_Frame, ...], Block]], depth: int) -> tuple[Block, ...]:
    """Blocks with their quotes and lists around them again."""
    blocks: list[Block] = []
    for frame, group in groupby(rows, lambda row: row[0][depth].number if len(row[0]) > depth else None):
        inside = list(group)
        if frame is None:
            blocks.extend(block for _, block in inside)
            continue
        first = inside[0][0][depth]
        if isinstance(first.within, Quote):
            blocks.append(Quote(_nested(inside, depth + 1)))
            continue
        items = groupby(inside, lambda row: row[0][depth].item)
        start = first.within.start + first.item if first.within.ordered else 1
        counted = start if start <= MAX_START else 1
        blocks.append(
            List(tuple(_nested(item, depth + 1) for _, item in items), first.within.ordered, counted)
        )
    return tuple(blocks)
