"""Emoji have names, and names have emoji."""

import pytest
from emoji import EMOJI_DATA, STATUS

from connectors.markup.emoji import of_shortcode, shortcode_of


@pytest.mark.parametrize(
    ("shortcode", "emoji"),
    [
        (":tada:", "🎉"),
        ("tada", "🎉"),
        (":TADA:", "🎉"),
        (":party_popper:", "🎉"),
        (":+1:", "👍"),
        (":thumbsup:", "👍"),
        (":+1::skin-tone-4:", "👍🏽"),
        (":point_up::skin-tone-2:", "☝🏻"),
        (":heart:", "❤️"),
        (":tada::skin-tone-4:", "🎉"),
        (":thumbs_up_medium_skin_tone:", "👍🏽"),
        (":no such thing:", None),
        (":nosuchthing:", None),
        (":tada::skin-tone-9:", None),
        ("", None),
        (":", None),
        ("::", None),
        ("🎉", None),
    ],
)
def test_a_shortcode_names_an_emoji(shortcode, emoji):
    assert of_shortcode(shortcode) == emoji


@pytest.mark.parametrize(
    ("emoji", "shortcode"),
    [
        ("🎉", ":tada:"),
        ("❤️", ":heart:"),
        ("❤", ":heart:"),
        ("👍", ":thumbsup:"),
        ("👍🏽", ":thumbsup::skin-tone-4:"),
        ("☝🏻", ":point_up::skin-tone-2:"),
        ("👩🏽\u200d🤝\u200d👨🏿", ":woman_and_man_holding_hands_medium_skin_tone_dark_skin_tone:"),
        ("a", None),
        ("", None),
        ("🎉🎉", None),
        (":tada:", None),
    ],
)
def test_an_emoji_has_a_shortcode(emoji, shortcode):
    assert shortcode_of(emoji) == shortcode


def test_every_emoji_is_found_by_its_own_shortcode():
    emoji = [one for one, known in EMOJI_DATA.items() if known["status"] == STATUS["fully_qualified"]]
    named = [one for one in emoji if shortcode_of(one)]

    assert [of_shortcode(shortcode_of(one)) for one in named] == named
    assert len(emoji) - len(named) < len(emoji) / 100
