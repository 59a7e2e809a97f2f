"""Emoticons `(name)` that Unicode has too. Any other stays as it was written, as smileys do. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from connectors.markup.tree import Emoji, Inline, Text

# HipChat knows hundreds, its groups add their own, and all are pictures of its server.
UNICODE: Final = {
    "beer": "🍺",
    "boom": "💥",
    "bunny": "🐰",
    "cake": "🍰",
    "coffee": "☕",
    "disapproval": "ಠ_ಠ",
    "doge": "🐶",
    "embarrassed": "😳",
    "facepalm": "🤦",
    "ghost": "👻",
    "greenbeer": "🍺",
    "heart": "❤️",
    "lol": "😆",
    "okay": "👌",
    "omg": "😮",
    "pingpong": "🏓",
    "poo": "💩",
    "present": "🎁",
    "pumpkin": "🎃",
    "santa": "🎅",
    "shamrock": "☘️",
    "shrug": "¯\\_(ツ)_/¯",
    "success": "💪",
    "tableflip": "(╯°□°）╯︵ ┻━┻",
    "tea": "🍵",
    "thumbsdown": "👎",
    "thumbsup": "👍",
    "tree": "🎄",
    "turkey": "🦃",
    "zzz": "💤",
}

# Before an emoticon that we post: HipChat shows its picture all the same, and we read back what we sent.
MARK: Final = "\u200b"
_EMOTICON: Final = re.compile(rf"(?<!{MARK})\(({'|'.join(UNICODE)})\)", re.IGNORECASE | re.ASCII)


def inlines(text: str) -> Iterator[Inline]:
    """`text` with an Emoji for each emoticon that is known and carries no mark."""
    position = 0
    for match in _EMOTICON.finditer(text):
        if match.start() > position:
            yield Text(text[position : match.start()])
        name = match[1].lower()
        yield Emoji(UNICODE[name], name)
        position = match.end()
    if position < len(text):
        yield Text(text[position:])


def marked(text: str) -> str:
    """`text` with the mark before each emoticon that reading would translate."""
    return _EMOTICON.sub(rf"{MARK}\g<0>", text)
