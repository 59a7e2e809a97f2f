"""What a page of help explains and what the code says, to be compared: sentences, and their patterns."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

from django.test import Client

NOT_FOR_USERS = {"ValueError", "Malformed"}
FILLED = re.compile(r"\\\{\w+\\\}")  # what `format` fills in


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


def page(client: Client, kind: str) -> str:
    """The page of help about a service."""
    return client.get(f"/getting-started/en/accounts/{kind}").text


def assert_each_names_what_to_do(text: str) -> None:
    """Behind every sentence that a page explains stands an explanation."""
    assert text.count("<dt>") == text.count("<dd>")
    assert not re.search(r"<dd>\s*</dd>", text)


def assert_said(explained: Sequence[str], patterns: Sequence[str]) -> None:
    """A page explains no sentence twice, and none that nobody says."""
    known = re.compile("|".join(patterns))

    assert [said for said in explained if not known.fullmatch(said)] == []
    assert len(explained) == len(set(explained))


def constants(tree: ast.Module) -> dict[str, str]:
    """The strings that a module gives names to."""
    found = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                found[name] = text
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(text))):
                found[name] = text
    return found


def pattern(node: ast.expr, names: Mapping[str, str]) -> str | None:
    """An expression for the sentences that a string, an f-string or a named string may read as."""
    match node:
        case ast.Constant(value=str(text)):
            return re.escape(text).replace(r"\ ", " ")  # still fit to be read
        case ast.Name(id=name) if name in names:
            return pattern(ast.Constant(value=names[name]), names)
        case ast.JoinedStr(values=values):
            return "".join(pattern(value, names) or ".+?" for value in values)
        case ast.FormattedValue(value=value):
            return pattern(value, names)
    return None


def said_by(package: ModuleType, *, but: Sequence[str] = (), without: Sequence[str] = ()) -> list[str]:
    """The patterns of all that ends like a sentence in a package's modules but those named `without`.

    Whatever a pattern of `but` matches stands only behind other sentences, or is for no user.
    """
    files = [file for file in sorted(Path(package.__path__[0]).glob("*.py")) if file.name not in without]
    found = dict.fromkeys(text for file in files for text in _sentences(ast.parse(file.read_text())))
    return [text for text in found if not any(re.fullmatch(part, text.replace("\\", "")) for part in but)]


def _sentences(tree: ast.Module) -> Iterator[str]:
    quiet, names = _silent(tree), constants(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and node not in quiet:
            text = pattern(node, names)
            if text and re.search(r"[A-Za-z)}?-]\\\.$", text) and " " in text:
                yield FILLED.sub(".+", text)


def _silent(tree: ast.Module) -> set[ast.AST]:
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
