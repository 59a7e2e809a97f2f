"""What a text says about other messages, where a service cannot say it by itself. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from chaos.judge import TOKEN

EMOJI = ("👍", "🎉", "🚀")
_PREFIX = r"^(?:\[[^\]\n]*\])?[ \u200b]*"
QUOTED = re.compile(_PREFIX + r"> .*$", re.MULTILINE)
_DEED = re.compile(_PREFIX + r"(reacted|took back) (.+?) (?:to|from) “.*$", re.MULTILINE)


@dataclass(slots=True)
class Told:
    """What is told in the words of a post, or of all posts of a room."""

    answers: dict[int, set[int]] = field(default_factory=dict)  # the numbers that a message answers
    reactions: list[tuple[int, str, bool]] = field(default_factory=list)  # number, emoji, set or taken back


def numbers_in(text: str) -> set[int]:
    """The messages that a text holds."""
    return {int(match[1]) for match in TOKEN.finditer(text)}


def without_told(text: str) -> str:
    """A text without the lines that quote or name other messages."""
    return QUOTED.sub("", _DEED.sub("", text))


def told_in(text: str) -> Told:
    """What these lines say."""
    told = Told()
    for deed in _DEED.finditer(text):
        for number in numbers_in(deed[0]):  # those that waited together are told in one line
            is_set = deed[1] == "reacted"
            told.reactions += [
                (number, emoji, is_set) for emoji in EMOJI for _ in range(deed[2].count(emoji))
            ]
    for quoted in QUOTED.finditer(text):
        answer = TOKEN.search(text, quoted.end())
        if answer:
            told.answers.setdefault(int(answer[1]), set()).update(numbers_in(quoted[0]))
    return told
