"""Makes foreign text harmless before it is stored, shown or compared. All functions are pure."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from connectors.markup.split import clusters
from connectors.markup.tree import (
    Block,
    Code,
    CodeBlock,
    Document,
    Emoji,
    Inline,
    LineBreak,
    Link,
    List,
    Mention,
    Paragraph,
    Quote,
    Text,
)

MAX_NAME_LENGTH: Final = 64
MAX_HEAD_LENGTH: Final = 255
NOBODY: Final = "Someone"

_NEWLINES: Final = re.compile("\r\n?|[\x85\u2028\u2029]")
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_BIDI: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_LRE, _RLE, _PDF, _LRO, _RLO, _PDI = "\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2069"
# Invisible on their own: two names that differ only by these look alike. The joiners U+200C and
# U+200D are not here, Persian names and emoji need them.
_INVISIBLE_IN_NAMES: Final = re.compile(
    "[\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0]"
)
# Brackets and what looks like them: `[Name, team]` is how the relay says who wrote a message.
_BRACKETS: Final = str.maketrans("[]［］⁅⁆⟦⟧〚〛【】〔〕", "()" * 7)
_ZERO_WIDTH: Final = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_BLANK: Final = re.compile(r"\s+")
_LOOKALIKES: Final = str.maketrans("\u02cb", "`")  # which stand where a service cannot show the sign
_LONGEST_MARK_RUN: Final = 30
_CGJ: Final = "\u034f"


def clean_text(text: str) -> str:
    """Text that every store takes and no reader is fooled by; the same code points otherwise.

    Line ends become "\\n"; control characters other than "\\n" and "\\t" go; lone surrogates become
    U+FFFD (PostgreSQL and UTF-8 refuse them); bidirectional overrides go, and embeddings and isolates
    that are not closed on their own line, so that none can turn around what follows it.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _CONTROLS.sub("", _NEWLINES.sub("\n", text))
    if _SURROGATES.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if _BIDI.search(text):
        text = "\n".join(_balanced(line) if _BIDI.search(line) else line for line in text.split("\n"))
    return text


def head_line(text: str) -> str:
    """For the head of a mail: one line, as a second one would be a header of its own."""
    return _BLANK.sub(" ", clean_text(text)).strip()[:MAX_HEAD_LENGTH]


def _balanced(line: str) -> str:
    """`line` without overrides and without directional marks that lack their other half."""
    chars = list(line)
    opened: list[int] = []  # positions of the marks still open
    isolates = 0
    for match in _BIDI.finditer(line):
        at, char = match.start(), match.group()
        if char not in (_PDF, _PDI):
            opened.append(at)
            isolates += char >= "\u2066"
        elif char == _PDF:
            if opened and line[opened[-1]] < "\u2066":
                if line[opened.pop()] in (_LRO, _RLO):
                    chars[at] = ""
            else:
                chars[at] = ""
        elif isolates:
            while line[opened[-1]] < "\u2066":  # an isolate's end closes the embeddings inside it
                chars[opened.pop()] = ""
            opened.pop()
            isolates -= 1
        else:
            chars[at] = ""
    for at in opened:
        chars[at] = ""
    return "".join(char for char in chars if char not in (_LRO, _RLO))


def clean_name(name: str) -> str:
    """A display name on one line, at most 64 code points, that cannot pass for the relay's own words.

    Square brackets become round, invisible and directional characters go; "Someone" when nothing
    visible is left.
    """
    name = _INVISIBLE_IN_NAMES.sub("", clean_text(name)).translate(_BRACKETS)
    name = _capped(_BLANK.sub(" ", name).strip()).rstrip()
    visible = any(unicodedata.category(char)[0] not in "CMZ" for char in name)
    return name if visible else NOBODY


def _capped(name: str) -> str:
    if len(name) <= MAX_NAME_LENGTH:
        return name
    end = 0
    for _, cluster_end in clusters(name):
        if cluster_end > MAX_NAME_LENGTH:
            break
        end = cluster_end
    return name[: end or MAX_NAME_LENGTH]


def normalise_for_compare(text: str) -> str:
    """What two copies of one message have in common after a service stored one of them.

    White space is one space each, none at the ends; zero-width characters and variation selectors
    are gone; a letter, or an escape, that was put for a sign is that sign; NFC. Only for comparing: to
    recognise our own post in a destination's history.
    """
    text = _BLANK.sub(" ", _ZERO_WIDTH.sub("", clean_text(text))).strip().replace("%60", "`")
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _stream_safe(text.translate(_LOOKALIKES)))


def fold(text: str) -> str:
    """What texts have in common that people take for the same one: in capitals or not, however encoded.

    As `normalise_for_compare`, and with letters folded as Unicode says (5.18), in NFKC.
    """
    folded = unicodedata.normalize("NFKC", normalise_for_compare(text)).casefold()
    return unicodedata.normalize("NFKC", folded)


def _stream_safe(text: str) -> str:
    """A CGJ after each 30 marks in a row (Unicode annex 15): NFC sorts a run in quadratic time."""
    safe: list[str] = []
    run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run > _LONGEST_MARK_RUN:
            safe.append(_CGJ)
            run = 1
        safe.append(char)
    return "".join(safe)


def clean_document(document: Document) -> Document:
    """The document with every string in it cleaned. Call it on `normal_form`: deep trees recurse."""
    return Document(_clean_blocks(document.blocks))


def _clean_blocks(blocks: Iterable[Block]) -> tuple[Block, ...]:
    return tuple(_clean_block(block) for block in blocks)


def _clean_block(block: Block) -> Block:
    if isinstance(block, Paragraph):
        return Paragraph(_clean_inlines(block.inlines))
    if isinstance(block, Quote):
        return Quote(_clean_blocks(block.blocks))
    if isinstance(block, List):
        return replace(block, items=tuple(_clean_blocks(item) for item in block.items))
    return CodeBlock(clean_text(block.text), _one_line(block.language))


def _clean_inlines(inlines: Iterable[Inline]) -> tuple[Inline, ...]:
    return tuple(_clean_inline(inline) for inline in inlines)


def _clean_inline(inline: Inline) -> Inline:
    if isinstance(inline, Text | Code):
        return type(inline)(clean_text(inline.text))
    if isinstance(inline, Link):
        return Link(_one_line(inline.url), _clean_inlines(inline.inlines))
    if isinstance(inline, Mention):
        return Mention(_one_line(inline.remote_id), clean_name(inline.name))
    if isinstance(inline, Emoji):
        return Emoji(_one_line(inline.text), _one_line(inline.shortcode))
    if isinstance(inline, LineBreak):
        return inline
    return type(inline)(_clean_inlines(inline.inlines))


def _one_line(text: str) -> str:
    return clean_text(text).replace("\n", "").replace("\t", "")
