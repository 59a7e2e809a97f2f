"""Cuts a text into parts that a service takes, without breaking what a reader sees as one character."""

import unicodedata
from collections.abc import Callable, Iterator

_JOINER = "\u200d"
# The longest emoji sequences have about 15 code points. Without a cap, one run of marks as long as
# the text would be walked again for every part.
_LONGEST_CLUSTER = 64


def split_text(text: str, limit: int, *, measure: Callable[[str], int] = len) -> list[str]:
    """Parts of `text`, each with `measure(part) <= limit`; none is empty, and "" has none.

    Cuts at a newline in the second half of a part, else at a space there, else at an earlier
    newline or space, else between two characters. A cut at a newline or space drops that one
    newline or space and nothing else; a cut elsewhere drops nothing. Combining marks, emoji
    sequences and flags stay whole unless one alone is over the limit (or over 64 code points).

    `measure` counts in the service's unit (default: code points) and has to be additive:
    `measure(a + b) == measure(a) + measure(b)`. Raises ValueError if one code point is over the limit.
    """
    if limit < 1:
        raise ValueError("The limit has to be at least 1.")
    if not text:
        return []
    if measure(text) <= limit:
        return [text]
    parts: list[str] = []
    start = 0
    while start < len(text):
        end, following = _cut(text, start, limit, measure)
        parts.append(text[start:end])
        start = following
    return parts


def _cut(text: str, start: int, limit: int, measure: Callable[[str], int]) -> tuple[int, int]:
    """Where the part that begins at `start` ends, and where the next begins.

    A part is scanned again at most twice (after the last newline, after the last space of a window
    there is no other), so the whole stays linear.
    """
    used = 0
    half = limit // 2
    newline: tuple[int, int] | None = None  # position, and how much of the limit is used before it
    space: tuple[int, int] | None = None
    for begin, end in clusters(text, start):
        cluster = text[begin:end]
        if begin > start and cluster == "\n":
            newline = (begin, used)
        elif begin > start and cluster == " ":
            space = (begin, used)
        used += measure(cluster)
        if used > limit:
            best = next((at for at in (newline, space) if at and at[1] > half), newline or space)
            if best:
                return best[0], best[0] + 1
            hard = begin if begin > start else _hard_cut(text, start, limit, measure)
            return hard, hard
    return len(text), len(text)


def _hard_cut(text: str, start: int, limit: int, measure: Callable[[str], int]) -> int:
    """Inside a cluster that alone is over the limit."""
    used = 0
    for position in range(start, len(text)):
        used += measure(text[position])
        if used > limit:
            if position == start:
                raise ValueError("A single character is over the limit.")
            return position
    raise AssertionError("the caller found the cluster to be over the limit")


def clusters(text: str, start: int = 0) -> Iterator[tuple[int, int]]:
    """(begin, end) of each user-perceived character from `start` on.

    The rules of Unicode annex 29 that chat needs: marks, joiners, variation selectors, skin tones,
    tags, pairs of regional indicators, Hangul syllables written in parts.
    """
    begin, length = start, len(text)
    while begin < length:
        end = begin + 1
        if _is_flag_half(text[begin]) and end < length and _is_flag_half(text[end]):
            end += 1
        stop = min(length, begin + _LONGEST_CLUSTER)
        while end < stop and (_extends(text[end]) or text[end - 1] == _JOINER):
            end += 1
        yield begin, end
        begin = end


def _is_flag_half(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _extends(char: str) -> bool:
    if char < "\u0300":  # nothing below does, and most text is below
        return False
    return (
        char in "\u200c\u200d"
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= char <= "\U000e007f"  # tags, in the flags of England, Scotland, Wales
        or "\u1160" <= char <= "\u11ff"  # Hangul vowels and finals
        or "\ud7b0" <= char <= "\ud7ff"
        or unicodedata.category(char) in ("Mn", "Mc", "Me")
    )
