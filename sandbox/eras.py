"""Answers and webhook calls as servers of other years wrote them.

HipChat API v2: early servers dated in whole seconds, some without an offset; early payloads had
ids as strings; and what a room or a user is described by grew over the years.
"""

import re
from typing import Any

from .switches import Switches

DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?([+-]\d\d:\d\d)")
DATES = frozenset({"date", "created", "last_active", "timestamp"})
LATER = frozenset({"is_archived", "privacy", "version"})
LATER_LINKS = frozenset({"members", "participants"})


def is_usual(switches: Switches) -> bool:
    """Whether nothing has to be rewritten."""
    now = (switches.dates, switches.ids, switches.stubs, switches.public_members)
    return now == ("microseconds", "numbers", "full", "404")


def rewritten(data: Any, switches: Switches) -> Any:
    """The same JSON value as the server of that year would have written it."""
    if isinstance(data, list):
        return [rewritten(item, switches) for item in data]
    if not isinstance(data, dict):
        return data
    entity = {key: _field(key, rewritten(value, switches), switches) for key, value in data.items()}
    if "webhooks" in entity.get("links", ()):
        entity["links"] = _room_links(entity["links"], switches)
    if switches.stubs == "bare" and "id" in entity:
        entity = {key: value for key, value in entity.items() if key not in LATER}
    return entity


def _field(key: str, value: Any, switches: Switches) -> Any:
    if key == "id" and type(value) is int and switches.ids == "strings":
        return str(value)
    if key in DATES and isinstance(value, str) and switches.dates != "microseconds":
        return DATE.sub(r"\1\2" if switches.dates == "seconds" else r"\1", value)
    return value


def _room_links(links: dict[str, str], switches: Switches) -> dict[str, str]:
    if switches.stubs == "bare":
        return {name: url for name, url in links.items() if name not in LATER_LINKS}
    if switches.public_members == "list":
        return {"members": f"{links['self']}/member"} | links
    return links
