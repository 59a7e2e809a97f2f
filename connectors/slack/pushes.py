"""What Slack pushes to our address: signed calls of the Events API. Cache I/O at the most.

"The Events API" (docs.slack.dev/apis/events-api): a call is answered within 3 seconds and repeated otherwise,
at once, after a minute and after five; a repeated one has the same events, which are known by their keys.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from connectors.base import IncomingEvent, Push
from connectors.slack.events import Malformed, room_of
from connectors.slack.people import Names, person
from connectors.slack.shapes import Json, rows, table, text
from connectors.slack.signing import require_signed

if TYPE_CHECKING:
    from connectors.slack.connector import SlackConnector

log = logging.getLogger(__name__)

# What changes a channel for us: it is looked at.
CHANNELS: Final = frozenset(
    {"channel_archive", "channel_unarchive", "channel_deleted", "channel_left", "channel_rename"}
    | {
        "group_archive",
        "group_unarchive",
        "group_deleted",
        "group_left",
        "group_rename",
        "channel_id_changed",
    }
)
PEOPLE: Final = frozenset({"user_change", "team_join", "user_profile_changed"})


def receive(connector: SlackConnector, headers: Mapping[str, str], body: bytes) -> Push:
    """As `Connector.receive`."""
    require_signed(connector.login.credentials.get("signing_secret", ""), headers, body)
    try:
        told = json.loads(body)
    except RecursionError as error:
        raise ValueError("This is no call of Slack's Events API.") from error
    if not isinstance(told, dict):
        raise ValueError("This is no call of Slack's Events API.")
    if told.get("type") == "url_verification":
        return Push(answer=text(told.get("challenge")))
    if told.get("type") != "event_callback" or not is_ours(connector, told):
        return Push()
    return taken_in(connector, table(told.get("event")))


def is_ours(connector: SlackConnector, told: Json) -> bool:
    """Whether a call is about the workspace of this login: an app may be installed in several."""
    team = connector.login.team_id
    named = [told, *rows(told.get("authorizations"))]
    teams = {text(one.get(name)) for one in named for name in ("team_id", "enterprise_id")} - {""}
    return not team or not teams or team in teams


def taken_in(connector: SlackConnector, event: Json) -> Push:
    """What one event of the Events API or of Socket Mode says, as far as it is known who is in it.

    Where it is not known who says something, the channel is read instead: there is time for asking then.
    """
    kind, room = text(event.get("type")), room_of(event)
    if kind in PEOPLE:
        user = table(event.get("user"))
        connector.directory.keep({text(user.get("id")): person(user)} if text(user.get("id")) else {})
        return Push()
    if kind == "emoji_changed":
        connector.directory.change_emoji(event)
        return Push()
    if kind in CHANNELS:
        connector.rooms.look_again(room)
        return Push(rooms=[room] if room else [])
    try:
        found, is_known = event_of(connector, event)
    except Malformed as error:
        log.warning("A push of Slack cannot be read: %s", error)
        return Push()
    if not is_known:
        return Push(events=[(room, found)] if found and found.target else [], rooms=[room])
    return Push(events=[(room, found)] if found else [])


def event_of(
    connector: SlackConnector, event: Json, names: Names | None = None
) -> tuple[IncomingEvent | None, bool]:
    """An event in the project's own words, and whether everybody in it is known. Malformed."""
    reader = connector.reader
    wanted = reader.whom(event)
    names = connector.directory.known(wanted) if names is None else names
    return replace(reader, names=names).event_of(event), not names.missing(wanted)
