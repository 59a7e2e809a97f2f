"""Emoji by the names that chat services give them: `:tada:` is 🎉. They are those of the package `emoji`."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from emoji import EMOJI_DATA, STATUS

# As Slack and the emoji pickers of others write it: 2 is the lightest of Fitzpatrick's tones, 6 the darkest.
_SHORTCODE: Final = re.compile(r":?([^:\s]+):?(?<=:)(?::skin-tone-([2-6]):)?|([^:\s]+)")
_TONES: Final = {str(number): chr(0x1F3FB + number - 2) for number in range(2, 7)}
_NUMBERS: Final = {tone: number for number, tone in _TONES.items()}
_TONE: Final = re.compile(f"[{''.join(_NUMBERS)}]")
_AS_PICTURE: Final = "\ufe0f"


def of_shortcode(shortcode: str) -> str | None:
    """The emoji that `:tada:` or `tada` names, perhaps with `:skin-tone-2:` to 6 behind; None if unknown."""
    match = _SHORTCODE.fullmatch(shortcode)
    emoji = _by_name().get((match[1] or match[3]).casefold()) if match else None
    return _with_tone(emoji, _TONES[match[2]]) if match and emoji and match[2] else emoji


def shortcode_of(emoji: str) -> str | None:
    """The name of an emoji, in colons, by which `of_shortcode` finds it; a skin tone stands behind it.

    None for what is no emoji, and for the few whose only name means another one.
    """
    tones = _TONE.findall(emoji)
    behind = f":skin-tone-{_NUMBERS[tones[0]]}:" if len(tones) == 1 else ""
    for one, suffix in ((_TONE.sub("", emoji), behind), (emoji, "")):
        for name in _names(one):
            if _same(of_shortcode(name + suffix), emoji):
                return name + suffix
    return None


def _same(one: str | None, other: str) -> bool:
    """Whether two are one emoji, written with the sign that asks for a picture or without."""
    return one is not None and one.replace(_AS_PICTURE, "") == other.replace(_AS_PICTURE, "")


def _with_tone(emoji: str, tone: str) -> str:
    """The person in `emoji` with this skin; the same emoji where there is nobody."""
    toned = emoji[0] + tone + emoji[1:].removeprefix(_AS_PICTURE)
    return toned if toned in EMOJI_DATA else emoji


def _names(emoji: str) -> tuple[str, ...]:
    """What people type, then Unicode's own name."""
    known = EMOJI_DATA.get(emoji)
    return (*known.get("alias", ()), known["en"]) if known else ()


@cache
def _by_name() -> dict[str, str]:
    """Name without colons, case folded → emoji. What people type comes before Unicode's names (`:cat:`)."""
    emoji = [one for one, known in EMOJI_DATA.items() if known["status"] == STATUS["fully_qualified"]]
    typed = [(name, one) for one in emoji for name in _names(one)[:-1]]
    names = [*typed, *((_names(one)[-1], one) for one in emoji)]
    return {name.strip(":").casefold(): one for name, one in reversed(names)}
