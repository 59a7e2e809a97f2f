"""The tree itself, its stored form and its normal form.

A parser may build any tree; `normal_form` makes two trees that look the same equal, and is what
intake stores with `to_json`. All functions are pure.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any, Final, TypeAlias, cast

VERSION: Final = 1
# Deeper than anybody writes by hand, shallow enough for recursive renderers. A document is depth 0.
MAX_DEPTH: Final = 20
# What CommonMark (section 5.3, list items) and every browser take for the number of an item.
MAX_START: Final = 999_999_999


@dataclass(frozen=True, slots=True)
class Text:
    """Words without markup. After `normal_form` it holds no newline."""

    text: str


@dataclass(frozen=True, slots=True)
class Bold:
    inlines: tuple["Inline", ...]


@dataclass(frozen=True, slots=True)
class Italic:
    inlines: tuple["Inline", ...]


@dataclass(frozen=True, slots=True)
class Strike:
    inlines: tuple["Inline", ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Verbatim words inside a line."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """`inlines` is what is shown. `url` is as the service gave it: a renderer checks the scheme."""

    url: str
    inlines: tuple["Inline", ...]


@dataclass(frozen=True, slots=True)
class Mention:
    """A person or a group (`all`). `remote_id` is the origin service's, perhaps empty; `name` has no @."""

    remote_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Emoji:
    """`text` is what to show where the emoji is unknown: the character, or the origin's own notation."""

    text: str
    shortcode: str = ""


@dataclass(frozen=True, slots=True)
class LineBreak:
    pass


@dataclass(frozen=True, slots=True)
class Paragraph:
    inlines: tuple["Inline", ...]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Verbatim lines, newlines inside; `language` may be empty."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    blocks: tuple["Block", ...]


@dataclass(frozen=True, slots=True)
class List:
    """Every item is a row of blocks. `start` is the number of the first one, where they are ordered."""

    items: tuple[tuple["Block", ...], ...]
    ordered: bool = False
    start: int = 1


@dataclass(frozen=True, slots=True)
class Document:
    blocks: tuple["Block", ...] = ()


Inline: TypeAlias = Text | Bold | Italic | Strike | Code | Link | Mention | Emoji | LineBreak
Block: TypeAlias = Paragraph | CodeBlock | Quote | List
Node: TypeAlias = Inline | Block

# ------------------------------------------------------------------------------ stored form
# The names are in the database: add some, never change one. Text is stored as a bare string.
_INLINES: Final[dict[str, type[Any]]] = {
    "bold": Bold,
    "italic": Italic,
    "strike": Strike,
    "code": Code,
    "link": Link,
    "mention": Mention,
    "emoji": Emoji,
    "break": LineBreak,
}
_BLOCKS: Final[dict[str, type[Any]]] = {
    "paragraph": Paragraph,
    "codeblock": CodeBlock,
    "quote": Quote,
    "list": List,
}
_NAMES: Final = {node: name for name, node in (_INLINES | _BLOCKS).items()}
_FIELDS: Final = {node: tuple(field.name for field in fields(node)) for node in _NAMES}
# Stored only where they say something else: so a field can be added, and what was stored before reads on.
_DEFAULTS: Final[dict[str, object]] = {"start": 1}


def to_json(document: Document) -> dict[str, Any]:
    """The stored form, made of dicts, lists, strings, numbers and booleans.

    Raises ValueError if the tree is deeper than MAX_DEPTH; that of `normal_form` never is.
    """
    return {"v": VERSION, "blocks": [_encode(block, 1) for block in document.blocks]}


def _encode(node: Node, depth: int) -> dict[str, Any] | str:
    if depth > MAX_DEPTH:
        raise ValueError("The document is nested too deeply.")
    if isinstance(node, Text):
        return node.text
    kind = type(node)
    stored: dict[str, Any] = {"type": _NAMES[kind]}
    for name in _FIELDS[kind]:
        value = getattr(node, name)
        if name in _DEFAULTS and value == _DEFAULTS[name]:
            continue
        if name in ("inlines", "blocks"):
            value = [_encode(child, depth + 1) for child in value]
        elif name == "items":
            value = [[_encode(child, depth + 1) for child in item] for item in value]
        stored[name] = value
    return stored


def from_json(stored: object) -> Document:
    """The document that `to_json` stored. Raises ValueError for anything it cannot have written."""
    if not isinstance(stored, Mapping) or set(stored) != {"v", "blocks"}:
        raise ValueError("A stored document is an object with 'v' and 'blocks'.")
    if type(stored["v"]) is not int or stored["v"] != VERSION:
        raise ValueError(f"The stored document's version is not {VERSION}.")
    return Document(_decode_all(stored["blocks"], _decode_block, 1))


def _decode_all(stored: object, decode: Callable[[object, int], Any], depth: int) -> tuple[Any, ...]:
    if not isinstance(stored, list):
        raise ValueError("A row of nodes has to be a list.")
    if stored and depth > MAX_DEPTH:
        raise ValueError("The stored document is nested too deeply.")
    return tuple(decode(child, depth) for child in stored)


def _decode_block(stored: object, depth: int) -> Block:
    block: Block = _decode(stored, _BLOCKS, depth)
    return block


def _decode_inline(stored: object, depth: int) -> Inline:
    if isinstance(stored, str):
        return Text(stored)
    inline: Inline = _decode(stored, _INLINES, depth)
    return inline


def _decode(stored: object, kinds: Mapping[str, type[Any]], depth: int) -> Any:
    if not isinstance(stored, Mapping):
        raise ValueError("A node has to be an object.")
    name = stored.get("type")
    if not isinstance(name, str) or name not in kinds:
        raise ValueError("The type of a node is unknown, or not allowed where it stands.")
    kind = kinds[name]
    expected = {"type", *_FIELDS[kind]}
    if not expected - set(_DEFAULTS) <= set(stored) <= expected:
        raise ValueError(f"The fields of a {name} are {', '.join(_FIELDS[kind]) or 'none'}.")
    found = (field for field in _FIELDS[kind] if field in stored)
    return kind(**{field: _decode_field(field, stored[field], depth + 1) for field in found})


def _decode_field(name: str, value: object, depth: int) -> object:
    if name == "inlines":
        return _decode_all(value, _decode_inline, depth)
    if name == "blocks":
        return _decode_all(value, _decode_block, depth)
    if name == "items":
        return _decode_all(value, lambda item, _: _decode_all(item, _decode_block, depth), depth)
    expected = {"ordered": bool, "start": int}.get(name, str)
    if type(value) is not expected:
        raise ValueError(f"'{name}' has to be of type {expected.__name__}.")
    return value


# ------------------------------------------------------------------------------ normal form
def normal_form(document: Document) -> Document:
    """The same text with one way to write it; applying it twice changes nothing.

    Adjacent texts and adjacent equal styles are one, a style inside itself is dropped, empty nodes
    are gone, a link without words shows its address, newlines in text are line breaks, only ordered
    lists count, from what every service takes as a number, and what lies deeper than MAX_DEPTH is plain
    text. Code points stay as they are (no NFC).
    """
    return Document(_normal_blocks(document.blocks, 1))


def _normal_blocks(blocks: Iterable[Block], depth: int) -> tuple[Block, ...]:
    normal = (_normal_block(block, depth) for block in blocks)
    return tuple(block for block in normal if block is not None)


def _normal_block(block: Block, depth: int) -> Block | None:
    if isinstance(block, CodeBlock):
        return block if block.text else None
    # Below this, the paragraphs inside would have no depth left for their words.
    if isinstance(block, Quote | List) and depth >= MAX_DEPTH - 1:
        block = Paragraph((Text(_flat(block)),))
    if isinstance(block, Paragraph):
        inlines = _merged(_pruned(block.inlines, depth + 1, frozenset()))
        return Paragraph(inlines) if inlines else None
    if isinstance(block, Quote):
        blocks = _normal_blocks(block.blocks, depth + 1)
        return Quote(blocks) if blocks else None
    items = tuple(item for item in (_normal_blocks(item, depth + 1) for item in block.items) if item)
    start = block.start if block.ordered and 0 <= block.start <= MAX_START else 1
    return List(items, block.ordered, start) if items else None


def _pruned(inlines: Iterable[Inline], depth: int, around: frozenset[type[Any]]) -> Iterator[Inline]:
    """Without empty nodes, repeated styles, newlines in text, and anything too deep.

    Pruning comes before merging: an empty node between two texts must not keep them apart.
    """
    for inline in inlines:
        if isinstance(inline, Bold | Italic | Strike | Link) and depth >= MAX_DEPTH:
            yield from _lines(_flat(inline))
        elif isinstance(inline, Bold | Italic | Strike | Link):
            kind = type(inline)
            inner = tuple(_pruned(inline.inlines, depth + 1, around | {kind}))
            if isinstance(inline, Link) and not inner:
                inner = tuple(_lines(inline.url))
            if kind in around or (isinstance(inline, Link) and not inline.url):
                yield from inner
            elif inner:
                yield Link(inline.url, inner) if isinstance(inline, Link) else type(inline)(inner)
        elif isinstance(inline, Text):
            yield from _lines(inline.text)
        elif isinstance(inline, LineBreak) or any(getattr(inline, name) for name in _FIELDS[type(inline)]):
            yield inline


def _lines(text: str) -> Iterator[Inline]:
    for number, line in enumerate(text.split("\n")):
        if number:
            yield LineBreak()
        if line:
            yield Text(line)


def _merged(inlines: Iterable[Inline]) -> tuple[Inline, ...]:
    """Neighbours of one kind become one, at every depth. Whole runs at once: two by two is quadratic."""
    merged: list[Inline] = []
    for kind, run in groupby(inlines, key=type):
        if kind is Text:
            merged.append(Text("".join(inline.text for inline in run if isinstance(inline, Text))))
        elif kind is Link:
            links = cast(Iterator[Link], run)
            merged.extend(Link(link.url, _merged(link.inlines)) for link in links)
        elif kind in (Bold, Italic, Strike):
            styled = cast(Iterator[Bold | Italic | Strike], run)
            inner = _merged(child for inline in styled for child in inline.inlines)
            merged.append(cast(Inline, kind(inner)))
        else:
            merged.extend(run)
    return tuple(merged)


# ------------------------------------------------------------------------------ words only
def plain_text(document: Document) -> str:
    """The words without any markup: blocks on lines of their own, links by their words. For previews."""
    return _flat(document)


def _flat(root: Node | Document) -> str:
    """A loop, not a recursion: `normal_form` calls it for what is nested too deeply."""
    parts: list[str] = []
    todo: list[Node | Document | str] = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, str):
            parts.append(node)
        elif isinstance(node, Document | Quote):
            todo.extend(_with_newlines(node.blocks))
        elif isinstance(node, List):
            todo.extend(_with_newlines([block for item in node.items for block in item]))
        elif isinstance(node, Paragraph | Bold | Italic | Strike | Link):
            todo.extend(reversed(node.inlines))
        elif isinstance(node, Mention):
            parts.append(f"@{node.name}")
        elif isinstance(node, LineBreak):
            parts.append("\n")
        else:
            parts.append(node.text)
    return "".join(parts)


def _with_newlines(blocks: Sequence[Block]) -> Iterator[Block | str]:
    """Last block first, as the caller's stack wants them."""
    for number, block in enumerate(reversed(blocks)):
        if number:
            yield "\n"
        yield block
