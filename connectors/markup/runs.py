"""A row of inlines as runs: each leaf, and what is around it.

So styles that overlap can be read, and rows cut anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import count, groupby
from typing import Final, NamedTuple, TypeAlias

from connectors.markup.tree import (
    Bold,
    Code,
    Emoji,
    Inline,
    Italic,
    LineBreak,
    Link,
    Mention,
    Strike,
    Text,
)

Leaf: TypeAlias = Text | Code | Mention | Emoji | LineBreak
Style: TypeAlias = type[Bold] | type[Italic] | type[Strike]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link around a run. The number keeps two in a row to one address apart."""

    url: str
    number: int


Wrap: TypeAlias = Style | Anchor
BLANK: Final = Text(" ")


class Run(NamedTuple):
    around: tuple[Wrap, ...]  # outermost first
    leaf: Leaf


def runs_of(inlines: Iterable[Inline]) -> Iterator[Run]:
    """The leaves of `inlines` in order. Call it on normal form: deep trees recurse."""
    return _runs(inlines, (), count())


def _runs(inlines: Iterable[Inline], around: tuple[Wrap, ...], numbers: Iterator[int]) -> Iterator[Run]:
    for inline in inlines:
        if isinstance(inline, Link):
            yield from _runs(inline.inlines, (*around, Anchor(inline.url, next(numbers))), numbers)
        elif isinstance(inline, Bold | Italic | Strike):
            yield from _runs(inline.inlines, (*around, type(inline)), numbers)
        else:
            yield Run(around, inline)


def inlines_of(runs: Iterable[Run], depth: int = 0) -> tuple[Inline, ...]:
    """The row that `runs` stands for: neighbours share what is around both. Texts are not joined."""
    inlines: list[Inline] = []
    for wrap, group in groupby(runs, lambda run: run.around[depth] if len(run.around) > depth else None):
        if wrap is None:
            inlines.extend(run.leaf for run in group)
        elif isinstance(wrap, Anchor):
            inlines.append(Link(wrap.url, inlines_of(group, depth + 1)))
        else:
            inlines.append(wrap(inlines_of(group, depth + 1)))
    return tuple(inlines)


def shared(one: tuple[Wrap, ...], other: tuple[Wrap, ...]) -> tuple[Wrap, ...]:
    """What is around both of two neighbours."""
    for depth, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return one[:depth]
    return min(one, other, key=len)


def lines_of(runs: Iterable[Run]) -> list[list[Run]]:
    """What stands between line breaks."""
    lines: list[list[Run]] = [[]]
    for run in runs:
        if isinstance(run.leaf, LineBreak):
            lines.append([])
        else:
            lines[-1].append(run)
    return lines


def trimmed(line: Iterable[Run]) -> list[Run]:
    """A line without white space at its ends; what is at the edge of a style or a link stands outside."""
    kept: list[Run] = []
    blanks: list[Run] = []  # seen since the last word
    for around, leaf in line:
        text = leaf.text if isinstance(leaf, Text) else ""
        words = text.strip()
        before = text[: len(text) - len(text.lstrip())]
        if before:
            blanks.append(Run(around, Text(before)))
        if words or not isinstance(leaf, Text):
            for blank in blanks if kept else ():
                outside = shared(shared(kept[-1].around, blank.around), around)
                kept.append(blank._replace(around=outside))
            kept.append(Run(around, Text(words) if words else leaf))
            after = text[len(before) + len(words) :]
            blanks = [Run(around, Text(after))] if after else []
    return kept


def with_joined_code(line: Iterable[Run]) -> Iterator[Run]:
    """A line in which code beside code is one, in what is around all of it: signs cannot tell two apart."""
    for (is_code, _), group in groupby(line, lambda run: (isinstance(run.leaf, Code), _anchors(run))):
        if not is_code:
            yield from group
            continue
        codes = list(group)
        text = "".join(run.leaf.text for run in codes if isinstance(run.leaf, Code))
        yield Run(reduce(shared, (run.around for run in codes)), Code(text))


def _anchors(run: Run) -> list[Anchor]:
    return [wrap for wrap in run.around if isinstance(wrap, Anchor)]
