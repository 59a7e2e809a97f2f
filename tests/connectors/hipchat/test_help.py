"""The help page and the code say the same: every sentence that a user may meet stands there, and no other."""

import ast
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = "/getting-started/en/accounts/hipchat"
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


class Sayings(HTMLParser):
    """The sentences that the page explains, each the text of a `dt` in a list of the class `sayings`."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_list = self._in_term = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "dl":
            self._in_list = dict(attrs).get("class") == "sayings"
        elif tag == "dt" and self._in_list:
            self._in_term = True
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_term = self._in_term and tag != "dt"

    def handle_data(self, data: str) -> None:
        if self._in_term:
            self.found[-1] += data


def constants(tree: ast.Module) -> dict[str, str]:
    """The strings that a module gives names to."""
    named = [
        node for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    ]
    return {
        target.id: node.value.value
        for node in named
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }


def escaped(text: str) -> str:
    """`text` for an expression, still fit to be read."""
    return re.escape(text).replace(r"\ ", " ")


def pattern(node: ast.expr, names: Mapping[str, str]) -> str | None:
    """An expression for the sentences that a string, an f-string or a named string may read as."""
    match node:
        case ast.Constant(value=str(text)):
            return escaped(text)
        case ast.Name(id=name) if name in names:
            return escaped(names[name])
        case ast.JoinedStr(values=values):
            return "".join(pattern(value, names) or ".+?" for value in values)
        case ast.FormattedValue(value=value):
            return pattern(value, names)
    return None


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
    return Sayings(client.get(PAGE).text).found


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
    known = re.compile("|".join(OWN + FROM_SHARED))

    assert [said for said in explained if not known.fullmatch(said)] == []
    assert len(explained) == len(set(explained))


def test_each_sentence_names_what_to_do(client, db):
    text = client.get(PAGE).text

    assert text.count("<dt>") == text.count("<dd>")
    assert not re.search(r"<dd>\s*</dd>", text)
