"""Rich text as a small tree, with a parser and a renderer per flavour; `plain` is the flavour everybody has.

Nothing in this package does I/O, and the time of everything grows linearly with the text.
"""

from connectors.markup.irc import expressible as in_lines
from connectors.markup.parts import split_document
from connectors.markup.sanitize import (
    clean_document,
    clean_name,
    clean_text,
    normalise_for_compare,
)
from connectors.markup.split import split_text
from connectors.markup.tree import (
    Block,
    Bold,
    Code,
    CodeBlock,
    Document,
    Emoji,
    Inline,
    Italic,
    LineBreak,
    Link,
    List,
    Mention,
    Paragraph,
    Quote,
    Strike,
    Text,
    from_json,
    normal_form,
    plain_text,
    to_json,
)

__all__ = [
    "Block",
    "Bold",
    "Code",
    "CodeBlock",
    "Document",
    "Emoji",
    "Inline",
    "Italic",
    "LineBreak",
    "Link",
    "List",
    "Mention",
    "Paragraph",
    "Quote",
    "Strike",
    "Text",
    "clean_document",
    "clean_name",
    "clean_text",
    "from_json",
    "in_lines",
    "normal_form",
    "normalise_for_compare",
    "plain_text",
    "split_document",
    "split_text",
    "to_json",
]
