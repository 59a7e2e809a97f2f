"""The help page and the code say the same: every sentence that a user may meet stands there, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import irc
from tests.connectors.hipchat.test_help import Sayings, pattern
from tests.connectors.matrix.test_help import _is_number, constants, silent

PAGE = "/getting-started/en/accounts/irc"
CODE = sorted(Path(irc.__path__[0]).glob("*.py"))
# What is said behind a sentence, or goes by IRC itself.
PARTS = (
    r"Check (how|the port|address and port).+",
    r"(Perhaps (no TLS|it takes)|If the server has a certificate).+",
    r"Sameroom asks whether messages have ids here\.",
)
FILLED = re.compile(r"\\\{\w+\\\}")  # what `format` fills in


def sentences() -> Iterator[str]:
    """The patterns of all that ends like a sentence."""
    for file in CODE:
        tree = ast.parse(file.read_text())
        quiet, names = silent(tree), constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant | ast.JoinedStr) and node not in quiet:
                text = pattern(node, names) if not _is_number(node) else None
                if text and re.search(r"[A-Za-z)}?]\\\.$", text) and " " in text:
                    yield FILLED.sub(".+", text)


OWN = [
    text
    for text in dict.fromkeys(sentences())
    if not any(re.fullmatch(part, text.replace("\\", "")) for part in PARTS)
]


@pytest.fixture
def explained(client, db):
    return Sayings(client.get(PAGE).text).found


def test_sentences_are_found():
    assert len(OWN) > 40
    assert [one for one in OWN if "has banned our nick" in one]  # a dictionary's
    assert [one for one in OWN if "put out of the channel by" in one]  # one that is filled in
    assert [one for one in OWN if re.fullmatch(one, "anything")] == []


@pytest.mark.parametrize("sentence", OWN)
def test_every_sentence_is_explained(explained, sentence):
    assert [said for said in explained if re.fullmatch(sentence, said)]


def test_page_explains_no_sentence_that_nobody_says(explained):
    known = re.compile("|".join(OWN))

    assert [said for said in explained if not known.fullmatch(said)] == []
    assert len(explained) == len(set(explained))


def test_each_sentence_names_what_to_do(client, db):
    text = client.get(PAGE).text

    assert text.count("<dt>") == text.count("<dd>")
    assert not re.search(r"<dd>\s*</dd>", text)


def test_page_shows_the_form_of_three_networks(client, db):
    text = client.get(PAGE).text

    assert [text.count(name) > 0 for name in ("Libera.Chat", "OFTC", "irc.example.org")] == [True] * 3
    assert text.count("<svg") >= 4
