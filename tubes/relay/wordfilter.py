"""Word filters: whether a text holds one of some words or phrases. No I/O."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

from connectors.markup.sanitize import fold

MOST: Final = 100  # words or phrases of one Seat
LONGEST: Final = 60  # characters of one of them


def listed(typed: str) -> list[str]:
    """The words and phrases of a text that has one to a line, each once, white space made single."""
    words = {fold(line): " ".join(line.split()) for line in typed.splitlines()}
    return [word for folded, word in words.items() if folded]


def is_word(phrase: str) -> bool:
    """Whether a phrase has something to be known by: a letter, a number or a sign, such as an emoji."""
    return any(unicodedata.category(char)[0] in "LNS" for char in phrase)


def holds(filtered: str, text: str) -> bool:
    """Whether one of the words of a filter, one to a line, stands in the text as a whole word.

    Upper and lower case are one, and so are the ways to write one character in Unicode.
    """
    return any(_stands_in(word, folded) for folded in [fold(text)] for word in _words(filtered))


@lru_cache(maxsize=1024)
def _words(filtered: str) -> tuple[str, ...]:
    return tuple(filter(None, map(fold, filtered.splitlines())))


def _stands_in(word: str, text: str) -> bool:
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        begins = at == 0 or not _are_joined(text[at - 1], word[0])
        if begins and (end == len(text) or not _are_joined(word[-1], text[end])):
            return True
        at = text.find(word, at + 1)
    return False


def _are_joined(left: str, right: str) -> bool:
    """Whether no word can end between these two characters."""
    return _is_of_a_word(left) and _is_of_a_word(right)


def _is_of_a_word(char: str) -> bool:
    # Wide characters (Chinese, Japanese, Korean) are written without spaces, or with endings right behind.
    return (char == "_" or unicodedata.category(char)[0] in "LNM") and (
        unicodedata.east_asian_width(char) not in "WF"
    )
