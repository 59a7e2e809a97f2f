"""The help page and the code say the same: every sentence that a user may meet stands there, and no other."""

import re

import pytest

from connectors import slack
from connectors.slack import oauth, slash
from tests.connectors.helping import Sayings, assert_each_names_what_to_do, assert_said, page, said_by

# Whoever calls without a signature is no user; and what the doctor says is for operators: docs/operating.md.
UNSEEN = (
    r"This call is not signed with the app's signing secret\.",
    r"This Slack account has no app-level token any more\.",
    r"Try again later\.",
)
OWN = said_by(slack, but=UNSEEN, without=["operating.py"])


@pytest.fixture
def explained(client, db):
    return Sayings(page(client, "slack")).found


def test_sentences_are_found():
    assert len(OWN) > 35
    assert [one for one in OWN if re.fullmatch(one, oauth.DENIED)]
    assert [one for one in OWN if re.fullmatch(one, slash.ANSWER)]
    assert [one for one in OWN if re.fullmatch(one, "anything")] == []


@pytest.mark.parametrize("sentence", OWN)
def test_every_sentence_is_explained(explained, sentence):
    assert [said for said in explained if re.fullmatch(sentence, said)]


def test_page_explains_no_sentence_that_nobody_says(explained):
    assert_said(explained, OWN)


def test_each_sentence_names_what_to_do(client, db):
    assert_each_names_what_to_do(page(client, "slack"))
