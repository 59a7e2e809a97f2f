"""Search in the help pages: an index in memory, built from the pages as they are rendered. No database.

What is found is a passage: what stands under one heading of a page. Each word looked for has to begin a
word of the passage, or of its page's title and keywords. Where no passage has them all, those that have most
of them are shown, and said to be that.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
from typing import Final

from django.template.loader import render_to_string

from guides import book
from guides.passages import passages_of

MOST_FOUND: Final = 20
MOST_OF_A_PAGE: Final = 3  # so that one long page does not hide the others
MOST_WORDS: Final = 12  # of a query, its first ones: enough of an error message that somebody pastes
EXCERPT: Final = 190  # characters
_BEFORE: Final = 60  # of them, before the first word that was looked for
_IN_HEADING, _IN_TITLE, _IN_KEYWORDS = 8, 6, 4
_OFTEN: Final = 5  # more than so many times in a text counts no more
_SHORT: Final = 120  # words: in a longer text each counts less
_TOGETHER: Final = 3  # words apart at the most, and what that adds
_AT_THE_TOP: Final = 6  # for a page's beginning, which is where its title leads
_ALIKE: Final = 0.72  # how much a word has to be like another one to be offered in its place
_WORD: Final = re.compile(r"[^\W_]+")
_ENDINGS: Final = ("ings", "ing", "ies", "ied", "es", "ed", "s", "y", "e")
_SHORTEST_STEM: Final = 3
# Words that say nothing of what is looked for.
_COMMON: Final = frozenset(
    _WORD.findall(
        "a about am an and any are as at be by can cannot could did do does for from get has have how i "
        "if in into is it me my not of on or our so that the their them then there they this to us was we "
        "were what when where which who why will with you your"
    )
)


@dataclass(frozen=True, slots=True)
class Passage:
    """What stands under one heading. `heading` and `anchor` are "" for what stands before the first one."""

    page: book.Page
    heading: str
    anchor: str
    text: str
    stems: Sequence[str]  # of the text, in its order
    in_text: Counter[str]
    in_heading: frozenset[str]
    in_title: frozenset[str]
    in_keywords: frozenset[str]

    @property
    def share(self) -> float:
        """How much a word of the text counts: less where it stands among very many."""
        return _SHORT / max(_SHORT, self.in_text.total())

    def weigh(self, meant: frozenset[str]) -> float:
        """How prominently a word stands here, by the stems that it may mean; 0: not at all."""
        weight = (
            _IN_HEADING * bool(meant & self.in_heading)
            + _IN_TITLE * bool(meant & self.in_title)
            + _IN_KEYWORDS * bool(meant & self.in_keywords)
            + min(_OFTEN, sum(self.in_text[one] for one in meant & self.in_text.keys())) * self.share
        )
        return weight + (_AT_THE_TOP if weight and not self.anchor else 0)

    def has_together(self, first: frozenset[str], second: frozenset[str]) -> bool:
        """Whether the one word follows close behind the other one somewhere in the text."""
        at = None
        for place, stem in enumerate(self.stems):
            if at is not None and stem in second and place - at <= _TOGETHER:
                return True
            if stem in first:
                at = place
        return False


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found, and a piece of its text: pairs of words and whether they were looked for."""

    page: book.Page
    heading: str
    url: str
    excerpt: Sequence[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Found:
    """The best passages, best first. `is_partial`: none has all the words. `instead`: a query to try."""

    hits: Sequence[Hit] = ()
    is_partial: bool = False
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """Every passage of every page, all stems in them, and the words that another one can be offered from."""

    passages: Sequence[Passage]
    stems: frozenset[str]
    words: Sequence[str]

    def meant(self, stem: str) -> frozenset[str]:
        """The stems that begin so; one letter has to be all of it."""
        if len(stem) == 1:
            return self.stems & {stem}
        return frozenset(one for one in self.stems if one.startswith(stem))


@cache
def index(language: str) -> Index:
    """The index. Renders all pages, once for each process."""
    passages = [passage for page in book.pages(language) for passage in _of_page(page)]
    stems = {stem for passage in passages for stem in (*passage.in_text, *passage.in_heading)}
    stems |= {stem for passage in passages for stem in passage.in_title | passage.in_keywords}
    words = {word for passage in passages for word in _words(f"{passage.heading} {passage.text}")}
    return Index(passages, frozenset(stems), sorted(word for word in words if len(word) > _SHORTEST_STEM))


def search(query: str, language: str) -> Found:
    """Where the words of `query` stand. `language` is one of `book.LANGUAGES`."""
    words = _words(query)
    words = [word for word in words if word not in _COMMON and len(word) > 1] or words
    wanted = list(dict.fromkeys(map(_stem, words)))[:MOST_WORDS]
    known = index(language)
    meant = [known.meant(stem) for stem in wanted]
    scored = []
    for passage in known.passages:
        weights = [weight for weight in map(passage.weigh, meant) if weight]
        if weights:
            pairs = sum(passage.has_together(*pair) for pair in pairwise(meant))
            scored.append((len(weights), sum(weights) + _TOGETHER * pairs, passage))
    most = max((number for number, _, _ in scored), default=0)
    least = most if most == len(wanted) else (len(wanted) + 1) // 2
    best = sorted((one for one in scored if one[0] >= least), key=lambda one: one[:2], reverse=True)
    hits = tuple(_hit(passage, frozenset().union(*meant)) for passage in _spread(one[2] for one in best))
    return Found(hits, most < len(wanted), "" if most == len(wanted) else _instead(words[:MOST_WORDS], known))


def _of_page(page: book.Page) -> Iterator[Passage]:
    title, keywords = frozenset(map(_stem, _words(page.title))), frozenset(map(_stem, _words(page.keywords)))
    for heading, anchor, text in passages_of(render_to_string(page.template, book.context(page))):
        stems, headed = tuple(map(_stem, _words(text))), frozenset(map(_stem, _words(heading)))
        yield Passage(page, heading, anchor, text, stems, Counter(stems), headed, title, keywords)


def _stem(word: str) -> str:
    """A word without its English ending, roughly: it only has to be the same for "pause" and "pausing"."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word.removesuffix(ending)
    return word


def _words(text: str) -> list[str]:
    """The words of a text, in lower case and without accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(sign for sign in apart if not unicodedata.combining(sign)))


def _spread(passages: Iterable[Passage]) -> Iterator[Passage]:
    """The first MOST_FOUND of them, of one page MOST_OF_A_PAGE."""
    shown: Counter[str] = Counter()
    for passage in passages:
        if shown.total() == MOST_FOUND:
            return
        if shown[passage.page.template] < MOST_OF_A_PAGE:
            shown[passage.page.template] += 1
            yield passage


def _hit(passage: Passage, meant: frozenset[str]) -> Hit:
    url = f"{passage.page.url}#{passage.anchor}" if passage.anchor else passage.page.url
    return Hit(passage.page, passage.heading, url, _excerpt(passage.text, meant))


def _excerpt(text: str, meant: frozenset[str]) -> list[tuple[str, bool]]:
    """The piece of the text around the first word that was looked for, cut between words."""
    spans = [word.span() for word in _WORD.finditer(text) if meant.intersection(map(_stem, _words(word[0])))]
    start = max(0, spans[0][0] - _BEFORE) if spans else 0
    if start:
        start = text.find(" ", start, spans[0][0]) + 1 or spans[0][0]
    end = len(text)
    if end > start + EXCERPT:
        end = max(text.rfind(" ", start, start + EXCERPT), start + EXCERPT // 2)
    parts, at = [("… " if start else "", False)], start
    for first, last in spans:
        if at <= first and last <= end:
            parts += [(text[at:first], False), (text[first:last], True)]
            at = last
    parts.append((text[at:end] + (" …" if end < len(text) else ""), False))
    return [part for part in parts if part[0]]


def _instead(words: Sequence[str], known: Index) -> str:
    """The words, each that stands nowhere replaced by the one that is most like it; "" where none is."""
    corrected: list[str] = []
    for word in words:
        is_known = word in _COMMON or known.meant(_stem(word))
        corrected += [word] if is_known else get_close_matches(word, known.words, n=1, cutoff=_ALIKE)
    return "" if corrected == list(words) else " ".join(corrected)
