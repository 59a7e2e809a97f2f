"""The help page and the code say the same: every sentence that a user may meet stands there, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import matrix
from tests.connectors.hipchat.test_help import Sayings, pattern

PAGE = "/getting-started/en/accounts/matrix"
CODE = sorted(Path(matrix.__path__[0]).glob("*.py"))
NOT_FOR_USERS = {"ValueError", "Malformed"}


def silent(tree: ast.Module) -> set[ast.AST]:
    """What is no sentence for users: docstrings, hints in forms, logs, and errors that are logged."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant() as text):
                found.add(text)
            case ast.keyword(arg="help_text", value=text):
                found |= set(ast.walk(text))
            case ast.Call(func=ast.Name(id=name)) if name in NOT_FOR_USERS:
                found |= set(ast.walk(node))
            case ast.JoinedStr(values=parts):
                found |= set(parts)
    return found


def sentences() -> Iterator[str]:
    """The patterns of all that ends like a sentence."""
    for file in CODE:
        tree = ast.parse(file.read_text())
        quiet, names = silent(tree), constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant | ast.JoinedStr) and node not in quiet:
                text = pattern(node, names) if not _is_number(node) else None
                if text and re.search(r"[A-Za-z)}?]\\\.$", text) and " " in text:
                    yield text


def constants(tree: ast.Module) -> dict[str, str]:
    """The strings that a module gives names to."""
    return {
        node.target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not isinstance(node.value, str)


# What stands at the end of other sentences only.
PARTS = (r"Check the address, or try again later\.", r"If the server has a certificate of its own making, .+")
OWN = [
    text
    for text in dict.fromkeys(sentences())
    if not any(re.fullmatch(part, text.replace("\\", "")) for part in PARTS)
]


@pytest.fixture
def explained(client, db):
    return Sayings(client.get(PAGE).text).found


def test_sentences_are_found():
    assert len(OWN) > 25
    assert [one for one in OWN if "is encrypted" in one]  # a constant's
    assert [one for one in OWN if "goes on as" in one]  # a returned one
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


def test_setup_guide_stands_beside_the_form(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("ann@example.org", "a long enough password"))

    text = client.get("/accounts/add/matrix/").text

    assert "Which login to use" in text
    assert "Encrypted rooms cannot be relayed" in text
