"""Lists without the indentation of their templates, which would be half of a long page."""

from __future__ import annotations

import re
from typing import Any

from django import template
from django.template.base import NodeList, Parser, Token

register = template.Library()

INDENTED = re.compile(r"\s*\n\s*")
BETWEEN = re.compile(r">\n<(?=/?(?:li|ul|div|p|form|section)\b)")


class Lean(template.Node):
    """What stands inside, with one line break for each run of blanks that holds one.

    Blanks that count (in `<pre>` and `<textarea>`) must not stand inside.
    """

    def __init__(self, nodes: NodeList) -> None:
        self.nodes = nodes

    def render(self, context: Any) -> str:
        return BETWEEN.sub("><", INDENTED.sub("\n", self.nodes.render(context)))


@register.tag
def lean(parser: Parser, token: Token) -> Lean:
    """`{% lean %} … {% endlean %}`."""
    nodes = parser.parse(("endlean",))
    parser.delete_first_token()
    return Lean(nodes)
