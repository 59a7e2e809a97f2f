"""Who is mentioned in a text."""

import re
from collections.abc import Iterable

from .records import User


def mentioned(
    text: str, *, group: Iterable[User], addressed: Iterable[User], author_id: int | None
) -> list[int]:
    """Ids of the users a text mentions.

    HipChat API v2, mentions: the server resolves them, and expands @all and @here to every
    addressed user (@here: to those online).
    """
    if "@" not in text:
        return []
    words = {word.lower() for word in re.findall(r"(?<!\w)@(\w+)", text)}
    found = [user.id for user in group if user.mention_name.lower() in words]
    if words & {"all", "here"}:
        found += [
            user.id for user in addressed if user.id != author_id and ("all" in words or user.is_online)
        ]
    return list(dict.fromkeys(found))
