"""The names that Slack gives emoji, where they are others than those of `connectors.markup.emoji`. No I/O.

Slack's are the short names of emoji-data (github.com/iamcal/emoji-data): with hyphens between the parts of
what is joined, `flag-` and a country's letters, and names of their own for some. Of the others either what
people type elsewhere or Unicode's name is Slack's too; which, only Slack tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from emoji import EMOJI_DATA

from connectors.markup.emoji import of_shortcode, shortcode_of

_OWN: Final = {
    "face_palm": "🤦",
    "face_with_cowboy_hat": "🤠",
    "face_with_rolling_eyes": "🙄",
    "female-doctor": "👩‍⚕️",
    "first_place_medal": "🥇",
    "i_love_you_hand_sign": "🤟",
    "knife_fork_plate": "🍽️",
    "male-doctor": "👨‍⚕️",
    "second_place_medal": "🥈",
    "shrug": "🤷",
    "smiling_face_with_3_hearts": "🥰",
    "spock-hand": "🖖",
    "the_horns": "🤘",
    "thinking_face": "🤔",
    "third_place_medal": "🥉",
}
_NAMED: Final = {emoji: name for name, emoji in _OWN.items()}
_FLAG: Final = re.compile(r"flag-([a-z]{2})")
_LARGE: Final = re.compile(r"large_([a-z]+_(?:circle|square))")
_TONE: Final = re.compile(r"(.+?)(::skin-tone-[2-6])?")
_FIRST_LETTER: Final = 0x1F1E6  # of those that flags are written with
_MOST: Final = 4  # names that are tried


def of_name(name: str) -> str | None:
    """The emoji that a name without colons stands for, perhaps with a skin tone behind; None if unknown."""
    match = _TONE.fullmatch(name)
    if not match:
        return None
    plain, tone = match[1], match[2] or ""
    if flag := _FLAG.fullmatch(plain):
        letters = "".join(chr(_FIRST_LETTER + ord(letter) - ord("a")) for letter in flag[1])
        return letters if letters in EMOJI_DATA else None
    own = shortcode_of(_OWN[plain]) if plain in _OWN else None
    spelled = (own.strip(":") if own else "", plain, *_elsewhere(plain))
    return next((found for one in spelled if one and (found := of_shortcode(f":{one}{tone}:"))), None)


def _elsewhere(name: str) -> Iterator[str]:
    """What a name of Slack's may be elsewhere."""
    joined = name.replace("-", "_")
    yield joined
    yield re.sub(r"^(fe)?male_", lambda match: "woman_" if match[1] else "man_", joined)
    if large := _LARGE.fullmatch(name):
        yield large[1]


def names_of(emoji: str) -> list[str]:
    """Names, without colons, under which Slack may know an emoji, the likeliest first; none for no emoji."""
    known = shortcode_of(emoji)
    if known is None:
        return []
    match = _TONE.fullmatch(known.strip(":"))
    assert match
    tone, bare = match[2] or "", of_shortcode(f":{match[1]}:") or emoji
    return list(dict.fromkeys(name + tone for name in _spelled(bare)))[:_MOST]


def _spelled(emoji: str) -> Iterator[str]:
    if emoji in _NAMED:
        yield _NAMED[emoji]
    if len(emoji) == 2 and all(0 <= ord(char) - _FIRST_LETTER < 26 for char in emoji):
        yield "flag-" + "".join(chr(ord(char) - _FIRST_LETTER + ord("a")) for char in emoji)
    data = EMOJI_DATA.get(emoji, {})
    unicode = str(data.get("en", "")).strip(":")
    if re.match(r"(wo)?man_", unicode):  # somebody joined with what they do
        yield unicode.replace("_", "-")
        yield re.sub(r"^(wo)?man_", lambda match: "female-" if match[1] else "male-", unicode).replace(
            "_", "-"
        )
    is_late = data.get("E", 0) > 2  # of 2016 or later: those Slack has named as Unicode does
    if is_late and re.fullmatch(r"[a-z]+_(circle|square)", unicode):
        yield f"large_{unicode}"
    typed = [str(name).strip(":") for name in data.get("alias", ())]
    yield from (unicode, *typed) if is_late else (*typed, unicode)
    yield unicode.replace("_", "-")
