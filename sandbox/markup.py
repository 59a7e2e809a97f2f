"""What HipChat let through of the HTML in notifications and cards; the rest is stripped."""

from typing import Any

import nh3

# HipChat API v2, notifications: the whitelist of "sending messages".
ATTRIBUTES = {
    "a": {"href", "rel", "data-target", "data-target-options"},
    "img": {"src", "alt", "width", "height", "align", "style"},
    "span": {"style"},
    "td": {"colspan", "rowspan", "valign"},
    "th": {"colspan", "rowspan", "valign"},
    "tr": {"valign"},
}
TAGS = {
    "a", "b", "i", "strong", "em", "br", "img", "pre", "code", "ul", "ol", "li", "span",
    "table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "th", "td",
}  # fmt: skip
STYLES = {"font-weight", "color", "text-decoration", "height", "width"}
TAGS_IN_CARDS = {"a", "b", "i", "strong", "span"}


def allowed(html: str) -> str:
    """The text with nothing in it that HipChat took out."""
    return nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, link_rel=None, filter_style_properties=STYLES)


def allowed_in_card(card: dict[str, Any]) -> dict[str, Any]:
    """The card with the HTML of its description and activity reduced to what cards may have."""
    changed = dict(card)
    description, activity = card.get("description"), card.get("activity")
    if isinstance(description, dict) and description.get("format") == "html":
        changed["description"] = description | {"value": _in_card(description.get("value"))}
    if isinstance(activity, dict):
        changed["activity"] = activity | {"html": _in_card(activity.get("html"))}
    return changed


def _in_card(html: object) -> str:
    kept = {tag: names for tag, names in ATTRIBUTES.items() if tag in TAGS_IN_CARDS}
    return nh3.clean(
        str(html or ""), tags=TAGS_IN_CARDS, attributes=kept, link_rel=None, filter_style_properties=STYLES
    )
