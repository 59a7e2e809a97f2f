"""Slack's mrkdwn, both ways ("Formatting text for app surfaces", docs.slack.dev/messaging).

Only `&`, `<` and `>` are escaped there: a name, a link or a ping is `<…>` and nothing else, so text that was
escaped never pings. A sign of a style is one only at the edge of a word. The renderer is in `mrkdwn_render`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import count, groupby
from typing import Final, TypeAlias

from connectors.markup.addresses import is_address
from connectors.markup.linking import linked, with_emoji
from connectors.markup.mrkdwn_render import BREAK, JOINER, NO_BREAK_SPACE, SIGNS, expressible, render
from connectors.markup.runs import Anchor, Run, Wrap, inlines_of
from connectors.markup.sanitize import clean_document, clean_text
from connectors.markup.tree import (
    Block,
    Code,
    CodeBlock,
    Document,
    LineBreak,
    Mention,
    Paragraph,
    Quote,
    Text,
    normal_form,
)

__all__ = ["NameOf", "expressible", "parse", "render", "unindented"]

# The name of a user, a group or a channel by its id, "" if unknown: Slack's clients look it up, too.
NameOf: TypeAlias = Callable[[str], str]

_FENCE: Final = "```"
_QUOTED: Final = re.compile(r"(?:&gt;|>) ?")
_QUOTED_TO_THE_END: Final = re.compile(r"(?:&gt;|>){3} ?")
_TOKEN: Final = re.compile(r"<(?P<control>[^<>]*)>|`(?P<code>[^`]+)`|(?P<sign>[*_~])|[^<`*_~]+|[<`]")
_CONTROL: Final = re.compile(r"<([^<>]*)>")
_UNSEEN: Final = re.compile(f"[{BREAK}{JOINER}]")
_STYLES: Final[dict[str, Wrap]] = {sign: style for style, sign in SIGNS.items()}


def nameless(remote_id: str) -> str:
    """Nobody is known."""
    return ""


def parse(text: str, *, name_of: NameOf = nameless) -> Document:
    """The document, cleaned and in normal form, that a reader sees. Any text is taken. Linear time.

    `name_of` names who is mentioned by id alone; of who is not known the id is the name. `<!here>` and its
    like are mentions without an id, channels are text.
    """
    blocks: list[Block] = []
    parts = clean_text(text).split(_FENCE)
    if len(parts) % 2 == 0:  # the last one is not closed
        parts[-2:] = [_FENCE.join(parts[-2:])]
    for number, part in enumerate(parts):
        if number % 2:
            code = part.removeprefix("\n").removesuffix("\n")
            blocks.append(CodeBlock(_verbatim(code)))
        else:
            blocks.extend(_blocks(part, name_of))
    return with_emoji(linked(clean_document(normal_form(Document(tuple(blocks))))))


# ------------------------------------------------------------------------------ lines
def _blocks(text: str, name_of: NameOf) -> Iterator[Block]:
    for is_quoted, group in groupby(_lines(text), lambda line: line[0]):
        paragraphs = tuple(_paragraphs((line for _, line in group), name_of))
        if is_quoted and paragraphs:
            yield Quote(paragraphs)
        else:
            yield from paragraphs


def _lines(text: str) -> Iterator[tuple[bool, str]]:
    """Every line, and whether it is quoted."""
    to_the_end = False
    for line in text.split("\n"):
        begin = None if to_the_end else _QUOTED_TO_THE_END.match(line)
        to_the_end = to_the_end or begin is not None
        begin = begin or _QUOTED.match(line)
        yield to_the_end or begin is not None, unindented(line[begin.end() :] if begin else line)


def unindented(line: str) -> str:
    """The line, beginning with ordinary blanks where `render` has written others."""
    words = line.lstrip(NO_BREAK_SPACE)
    return " " * (len(line) - len(words)) + words


def _paragraphs(lines: Iterable[str], name_of: NameOf) -> Iterator[Block]:
    numbers = count()
    for is_said, group in groupby(lines, lambda line: bool(line.strip())):
        if is_said:
            rows = ([*_runs(line, name_of, numbers), Run((), LineBreak())] for line in group)
            yield Paragraph(inlines_of([run for row in rows for run in row][:-1]))


# ------------------------------------------------------------------------------ inside of a line
def _runs(line: str, name_of: NameOf, numbers: Iterator[int]) -> Iterator[Run]:
    tokens = list(_TOKEN.finditer(line))
    pairs = _pairs(line, tokens)
    around: tuple[Wrap, ...] = ()
    for at, token in enumerate(tokens):
        sign, control, code = token["sign"], token["control"], token["code"]
        if at in pairs:
            style = _STYLES[sign]
            around = around[:-1] if pairs[at] < at else (*around, style)
        elif control is not None:
            yield _control(control, around, name_of, numbers)
        elif code is not None:
            yield Run(around, Code(_verbatim(code)))
        else:
            yield Run(around, Text(_unescaped(token.group())))


def _pairs(line: str, tokens: list[re.Match[str]]) -> dict[int, int]:
    """Which signs begin and end a style: token → its partner. What is open between two is no sign."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for at, token in enumerate(tokens):
        sign = token["sign"]
        if not sign:
            continue
        before, after = line[token.start() - 1 : token.start()], line[token.end() : token.end() + 1]
        same = [place for place in opened if tokens[place]["sign"] == sign]
        if same and same[0] < at - 1 and not _is_blank(before) and not after.isalnum():
            pairs |= {same[0]: at, at: same[0]}
            opened = opened[: opened.index(same[0])]
        elif not same and not before.isalnum() and not _is_blank(after):
            opened.append(at)
    return pairs


def _is_blank(char: str) -> bool:
    return not char or char.isspace() or char == BREAK


def _control(control: str, around: tuple[Wrap, ...], name_of: NameOf, numbers: Iterator[int]) -> Run:
    """What stands in `<…>`: somebody, a channel, everybody, a date, or an address."""
    subject, _, label = control.partition("|")
    words = _unescaped(label)
    if subject.startswith("@"):
        name = words or name_of(subject[1:]) or subject[1:]
        return Run(around, Mention(subject[1:], name.removeprefix("@")))
    if subject.startswith("!subteam^"):
        group = subject.removeprefix("!subteam^")
        return Run(around, Mention(group, (words or name_of(group) or "group").removeprefix("@")))
    if subject in ("!here", "!channel", "!everyone"):
        return Run(around, Mention("", subject[1:]))
    url = _unescaped(subject)
    if is_address(url):
        return Run((*around, Anchor(url, next(numbers))), Text(words or url))
    if subject.startswith("#"):
        return Run(around, Text(f"#{words or name_of(subject[1:]) or subject[1:]}"))
    return Run(around, Text(words or url))


def _verbatim(code: str) -> str:
    """Code as it was typed: what looks like an address in it Slack has made a link."""
    return _unescaped(_CONTROL.sub(lambda match: match[1].split("|")[-1], code))


def _unescaped(text: str) -> str:
    text = _UNSEEN.sub("", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
