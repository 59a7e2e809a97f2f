"""Whom people of one room are in another: by what name and id they are mentioned there, or post there."""

from __future__ import annotations

from connectors.base import Connector, Kind, Support
from connectors.markup.tree import Mention, from_json
from connectors.registry import connector_class
from tubes.models import Event, Seat
from tubes.relay import sql
from tubes.relay.rendering import People, mentioned

# People who linked the account that is mentioned, and sit in the room that is posted to with another one
# of theirs. They have shown both to be theirs, and are seen in that room anyway.
KNOWN = """
    SELECT m.remote_user_id, there.remote_user_id, there.remote_username, there.remote_user_name
    FROM tubes_room origin
    JOIN accounts_linkedaccount m ON m.kind = origin.kind AND m.space = origin.space AND NOT m.is_shared
    JOIN tubes_seat s ON s.room_id = %s AND s.owner_id = m.owner_id AND s.failure = ''
    JOIN accounts_linkedaccount there ON there.id = s.account_id AND NOT there.is_shared
    WHERE origin.id = %s AND m.remote_user_id IN {ids}
    AND EXISTS (
        SELECT 1 FROM tubes_tube t WHERE t.status <> 'closed' AND (t.side_a_id = s.id OR t.side_b_id = s.id)
    )
    ORDER BY s.id
"""
IN_ONE_SPACE = """
    SELECT 1 FROM tubes_room origin
    JOIN tubes_room there ON there.kind = origin.kind AND there.space = origin.space
    WHERE origin.id = %s AND there.id = %s
"""
# A personal account of a Seat's owner, by which they speak in the room of origin.
SPEAKING = """
    SELECT a.kind FROM tubes_room origin
    JOIN accounts_linkedaccount a ON a.kind = origin.kind AND a.space = origin.space AND NOT a.is_shared
    WHERE origin.id = %s AND a.owner_id = %s AND a.remote_user_id = %s
"""
MOST = 100  # people that one message mentions


def known_here(event: Event, seat: Seat, body: object) -> People:
    """Whom of those mentioned in `body` the Seat's service knows as well. Two queries where somebody is.

    Inside one space ids mean the same everywhere. An edit mentions nobody: it would ring a second time.
    """
    if event.kind != Kind.MESSAGE or event.room_id is None or not body:
        return {}
    mentions = mentioned(from_json(body))
    if not mentions:
        return {}
    if sql.rows(IN_ONE_SPACE, [event.room_id, seat.room_id]):
        return mentions
    ids = sorted(mentions)[:MOST]
    found = sql.rows(KNOWN.format(ids=sql.marks(ids)), [seat.room_id, event.room_id, *ids])
    people: dict[str, Mention] = {}
    for origin_id, remote_id, username, name in found:
        people.setdefault(origin_id, Mention(remote_id, username or name))
    return people


def is_own(event: Event, seat: Seat, connector: Connector) -> bool:
    """Whether the Seat's owner says it themselves, and wants it posted by their account without their name.

    One query, none where the Seat's option is off. Never where anybody can take the author's id, nor for what
    a service says of somebody ("has joined": here they have not).
    """
    if not seat.posts_as_owner or not may_post_as_owner(seat, connector):
        return False
    if event.room_id is None or event.kind == Kind.NOTICE or not event.author_id:
        return False
    # Somebody else's words, changed by the owner, are not the owner's.
    if event.kind == Kind.EDIT and event.about is not None and event.about.author_id != event.author_id:
        return False
    found = sql.rows(SPEAKING, [event.room_id, seat.owner_id, event.author_id])
    service = connector_class(found[0][0]) if found else None
    return service is not None and service.capabilities.names_are_owned


def may_post_as_owner(seat: Seat, connector: Connector) -> bool:
    """Whether posts stand there under the name of the Seat's owner, and of nobody else. No I/O."""
    return not seat.account.is_shared and connector.capabilities.sender_override is not Support.NATIVE
