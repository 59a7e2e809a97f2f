"""The help page and the code say the same: every sentence that a user may meet stands there, and no other."""

import re

import pytest

from connectors import matrix
from tests.connectors.helping import Sayings, assert_each_names_what_to_do, assert_said, page, said_by

# What stands at the end of other sentences only.
PARTS = (r"Check the address, or try again later\.", r"If the server has a certificate of its own making, .+")
OWN = said_by(matrix, but=PARTS)


@pytest.fixture
def explained(client, db):
    return Sayings(page(client, "matrix")).found


def test_sentences_are_found():
    assert len(OWN) > 25
    assert [one for one in OWN if "is encrypted" in one]  # a constant's
    assert [one for one in OWN if "goes on as" in one]  # a returned one
    assert [one for one in OWN if re.fullmatch(one, "anything")] == []


@pytest.mark.parametrize("sentence", OWN)
def test_every_sentence_is_explained(explained, sentence):
    assert [said for said in explained if re.fullmatch(sentence, said)]


def test_page_explains_no_sentence_that_nobody_says(explained):
    assert_said(explained, OWN)


def test_each_sentence_names_what_to_do(client, db):
    assert_each_names_what_to_do(page(client, "matrix"))


def test_setup_guide_stands_beside_the_form(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("ann@example.org", "a long enough password"))

    text = client.get("/accounts/add/matrix/").text

    assert "Which login to use" in text
    assert "Encrypted rooms cannot be relayed" in text
