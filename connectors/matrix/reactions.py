"""Our reactions at a homeserver: each is an event of its own, and is taken back by its id. Blocking.

Matrix specification v1.16, Client-Server API, "Event annotations and reactions".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from connectors.base import MessageId, RoomId
from connectors.errors import MessageRejected
from connectors.matrix import content
from connectors.matrix.client import MatrixClient
from connectors.matrix.memory import known_of
from connectors.matrix.shapes import rows, text

_MOST_PAGES: Final = 10  # of 100 reactions
_STANDS_ALREADY: Final = "M_DUPLICATE_ANNOTATION"
_AS_EMOJI: Final = "\ufe0f"  # some clients write it behind an emoji, others do not


def add(client: MatrixClient, room: RoomId, target: MessageId, emoji: str, *, deadline: float) -> None:
    """React to a message; one that stands already is what is wanted."""
    try:
        client.send(room, "m.reaction", content.reaction(target, emoji), key="", deadline=deadline)
    except MessageRejected as error:
        if _STANDS_ALREADY not in str(error):
            raise


def remove(
    client: MatrixClient, room: RoomId, target: MessageId, emoji: str, user: str, *, deadline: float
) -> None:
    """Take our reaction back, however often it stands there; none is what is wanted.

    `deadline` is for all of it.
    """
    client = client.within(deadline)
    for event in list(_ours(client, room, target, emoji, user)):
        client.redact(room, event, deadline=deadline)


def _ours(client: MatrixClient, room: RoomId, target: MessageId, emoji: str, user: str) -> Iterator[str]:
    start = ""
    for _ in range(_MOST_PAGES):
        told = client.reactions(room, target, start)
        for raw in rows(told.get("chunk")):
            known = known_of(raw)
            if known.sender == user and _bare(known.emoji) == _bare(emoji):
                yield text(raw.get("event_id"))
        start = text(told.get("next_batch"))
        if not start:
            return


def _bare(emoji: str) -> str:
    return emoji.replace(_AS_EMOJI, "")
