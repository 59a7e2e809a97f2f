import pytest

from tubes.relay import wordfilter


@pytest.mark.parametrize(
    ("filtered", "text"),
    [
        ("pizza", "PIZZA!"),
        ("pizza", "(pizza)"),
        ("Straße", "an der STRASSE"),
        ("café", "cafe\u0301 au lait"),
        ("hot dog", "a hot\n  dog, please"),
        ("first\nsecond", "the second"),
        ("c++", "I like C++."),
        ("pizza", "pizzas and pizza"),
        ("pi\u200bzza", "piz\u200bza"),
        ("🍕", "yes🍕🍕please"),
        ("寿司", "昨日寿司を食べた"),
        ("pizza", "\uff30\uff49\uff5a\uff5a\uff41"),
    ],
)
def test_whole_words_are_found_however_they_are_written(filtered, text):
    assert wordfilter.holds(filtered, text)


@pytest.mark.parametrize(
    ("filtered", "text"),
    [
        ("pizza", "pizzas"),
        ("pizza", "pizza_oven"),
        ("hot dog", "hot dogs"),
        ("dog", "hotdog"),
        ("cafe", "cafe\u0301"),
        ("काम", "कामा"),
        ("p.zza", "pizza"),
        ("", "anything"),
        ("pizza", ""),
    ],
)
def test_parts_of_words_are_not(filtered, text):
    assert not wordfilter.holds(filtered, text)


def test_a_word_is_listed_once():
    assert wordfilter.listed(" Pizza\nPIZZA \n\nhot \t dog\n\u200b") == ["PIZZA", "hot dog"]


@pytest.mark.parametrize(("phrase", "is_word"), [("a", True), ("7", True), ("🍕", True), ("...", False)])
def test_a_word_has_something_to_be_known_by(phrase, is_word):
    assert wordfilter.is_word(phrase) is is_word
