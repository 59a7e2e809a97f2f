"""The help page and the code say the same: every sentence that a user may meet stands there, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.helping import (
    Sayings,
    assert_each_names_what_to_do,
    assert_said,
    constants,
    page,
    pattern,
)

ROOT = Path(__file__).parents[3]
# Where sentences about a HipChat account come from, beside its connector.
SHARED = (
    "accounts/secrets.py",
    "accounts/services.py",
    "accounts/views.py",
    "connectors/addresses.py",
    "connectors/forms.py",
    "tubes/relay/access.py",
)
# What the connector says around what `connectors.net` says of the way to a server.
NET = ("connectors/net/addresses.py", "connectors/net/pools.py", "connectors/net/door.py")
AROUND = (r"could not be reached: {}\. .+", r"broke off: {}\.")
NOT_FOR_USERS = {"ValueError", "Http404"}
# Clauses that no HipChat address can lead to: the form refuses it before, or only a download asks.
ELSEWHERE = (
    "the address is not a http or https address",
    "must not hold a user name or password",
    "sends from one address to the next",
    "is not JSON",
    "the CA certificate is not a certificate",
    "could not be put together",
)


def told(tree: ast.Module) -> Iterator[ast.expr]:
    """What is raised, added to a form, handed to a Seat as its failure, or returned as the why of one."""
    for node in ast.walk(tree):
        match node:
            case ast.Raise(exc=ast.Call(func=func, args=[text, *_])) if name_of(func) not in NOT_FOR_USERS:
                yield text
            case ast.Call(func=ast.Attribute(attr="add_error" | "seat_failed"), args=[_, text]):
                yield text
            case ast.FunctionDef(name="_why_gone"):
                yield from (one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value)
            case ast.Return(value=ast.Call(func=ast.Name(id="Cut" | "NotSent" | "TooLarge"), args=[text])):
                yield text


def name_of(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def sentences(*files: Path) -> list[str]:
    """The patterns of all that these modules may tell a user."""
    found = []
    for file in files:
        tree = ast.parse(file.read_text())
        names = constants(tree)
        found += [one for text in told(tree) if (one := pattern(text, names))]
    return list(dict.fromkeys(found))


OWN = sentences(*sorted((ROOT / "connectors/hipchat").glob("*.py")))
FROM_SHARED = sentences(*(ROOT / name for name in SHARED))
CLAUSES = [
    clause
    for clause in sentences(*(ROOT / name for name in NET))
    if not any(elsewhere in clause for elsewhere in ELSEWHERE)
]


@pytest.fixture
def explained(client, db) -> list[str]:
    return Sayings(page(client, "hipchat")).found


def test_sentences_are_found():
    assert [one for one in OWN if "end after a year" in one]  # a constant's
    assert [one for one in OWN if "archived at HipChat" in one]  # a returned one
    assert [one for one in OWN if one.startswith(".+?")]  # an f-string's
    assert [one for one in FROM_SHARED if "another user than" in one]  # a form's
    assert len(CLAUSES) > 8
    assert [one for one in OWN + FROM_SHARED + CLAUSES if re.fullmatch(one, "anything")] == []


@pytest.mark.parametrize("sentence", OWN + FROM_SHARED)
def test_every_sentence_is_explained(explained, sentence):
    assert [said for said in explained if re.fullmatch(sentence, said)]


@pytest.mark.parametrize("clause", CLAUSES)
def test_every_trouble_on_the_way_is_explained(explained, clause):
    around = "|".join(words.format(clause) for words in AROUND)

    assert [said for said in explained if re.search(around, said)]


def test_page_explains_no_sentence_that_nobody_says(explained):
    assert_said(explained, OWN + FROM_SHARED)


def test_each_sentence_names_what_to_do(client, db):
    assert_each_names_what_to_do(page(client, "hipchat"))
