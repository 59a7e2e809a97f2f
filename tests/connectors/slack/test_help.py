"""The help page and the code say the same: every sentence that a user may meet stands there, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import slack
from connectors.slack import oauth, slash
from tests.connectors.hipchat.test_help import Sayings, pattern

PAGE = "/getting-started/en/accounts/slack"
# What the doctor says is for operators: docs/operating.md.
CODE = [file for file in sorted(Path(slack.__path__[0]).glob("*.py")) if file.name != "operating.py"]
NOT_FOR_USERS = {"ValueError", "Malformed"}  # and whoever calls without a signature is no user
UNSEEN = (
    "This call is not signed with the app's signing secret.",
    "This Slack account has no app-level token any more.",
    "Try again later.",
)


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
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"))):
                found |= set(ast.walk(node))
            case ast.JoinedStr(values=parts):
                found |= set(parts)
    return found


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


def sentences() -> Iterator[str]:
    """The patterns of all that ends like a sentence."""
    for file in CODE:
        tree = ast.parse(file.read_text())
        quiet, names = silent(tree), constants(tree)
        for node in ast.walk(tree):
            is_text = isinstance(node, ast.JoinedStr) or (
                isinstance(node, ast.Constant) and isinstance(node.value, str)
            )
            if is_text and node not in quiet:
                text = pattern(node, names)
                if re.search(r"[A-Za-z)}?-]\\\.$", text) and " " in text:
                    yield text


OWN = [text for text in dict.fromkeys(sentences()) if text.replace("\\", "") not in UNSEEN]


@pytest.fixture
def explained(client, db):
    return Sayings(client.get(PAGE).text).found


def test_sentences_are_found():
    assert len(OWN) > 35
    assert [one for one in OWN if re.fullmatch(one, oauth.DENIED)]
    assert [one for one in OWN if re.fullmatch(one, slash.ANSWER)]
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
