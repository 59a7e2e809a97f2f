"""The help page and the code say the same: every sentence that a user may meet stands there, and no other."""

import re

import pytest

from connectors import irc
from tests.connectors.helping import Sayings, assert_each_names_what_to_do, assert_said, page, said_by

# What is said behind a sentence, or goes by IRC itself.
PARTS = (
    r"Check (how|the port|address and port).+",
    r"(Perhaps (no TLS|it takes)|If the server has a certificate).+",
    r"Sameroom asks whether messages have ids here\.",
)
OWN = said_by(irc, but=PARTS)


@pytest.fixture
def explained(client, db):
    return Sayings(page(client, "irc")).found


def test_sentences_are_found():
    assert len(OWN) > 40
    assert [one for one in OWN if "has banned our nick" in one]  # a dictionary's
    assert [one for one in OWN if "put out of the channel by" in one]  # one that is filled in
    assert [one for one in OWN if re.fullmatch(one, "anything")] == []


@pytest.mark.parametrize("sentence", OWN)
def test_every_sentence_is_explained(explained, sentence):
    assert [said for said in explained if re.fullmatch(sentence, said)]


def test_page_explains_no_sentence_that_nobody_says(explained):
    assert_said(explained, OWN)


def test_each_sentence_names_what_to_do(client, db):
    assert_each_names_what_to_do(page(client, "irc"))


def test_page_shows_the_form_of_three_networks(client, db):
    text = page(client, "irc")

    assert [text.count(name) > 0 for name in ("Libera.Chat", "OFTC", "irc.example.org")] == [True] * 3
    assert text.count("<svg") >= 4
