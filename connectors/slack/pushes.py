"""What Slack pushes to our address: signed calls of the Events API. Cache I/O at the most.

"The Events API" (docs.slack.dev/apis/events-api): a call is answered within 3 seconds and repeated otherwise,
at once, after a minute and after five; a repeated one has the same events, which are known by their keys.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from connectors.base import Addressee, IncomingEvent, Kind, Push, RoomId
from connectors.slack.events import Malformed, room_of, untold_files
from connectors.slack.people import Names
from connectors.slack.shapes import Json, rows, table, text
from connectors.slack.signing import OAUTH, VIA, require_signed, secret_of
from connectors.slack.slash import ANSWER, command_of

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
    }
)
LEFT: Final = frozenset({"channel_left", "group_left"})  # the app was taken out
ENDS: Final = frozenset({"tokens_revoked", "app_uninstalled"})  # Slack is asked whether this login has ended
FORM: Final = "application/x-www-form-urlencoded"
MOST_FIELDS: Final = 50
LONGEST: Final = 200  # characters of a challenge
PEOPLE: Final = frozenset({"user_change", "team_join", "user_profile_changed"})


def receive(connector: SlackConnector, headers: Mapping[str, str], body: bytes) -> Push:
    """As `Connector.receive`. The secret of the operator's app is known to the operator alone."""
    require_signed(secret_of(connector.login), headers, body)
    is_operators = connector.login.credentials.get(VIA) == OAUTH
    push = _received(connector, _read(headers, body), is_slacks=is_operators)
    if _is_late(headers):
        push = _to_be_read(push)
    return push if is_operators else replace(push, is_owners_word=True)


def _is_late(headers: Mapping[str, str]) -> bool:
    """Whether a call is repeated after a minute or more ("Events API", Retries)."""
    times = headers.get("x-slack-retry-num", "")
    return times.isascii() and times.isdigit() and int(times) > 1


def _to_be_read(push: Push) -> Push:
    """Without its messages, whose channels are read: by now they may be deleted, and are still told first."""
    late = [one for one in push.events if one[1].kind is Kind.MESSAGE and one[1].reply_to is None]
    kept = [one for one in push.events if one not in late]
    return replace(push, events=kept, rooms=[*push.rooms, *(room for room, _ in late)])


def _received(connector: SlackConnector, told: Json, *, is_slacks: bool) -> Push:
    if told.get("type") == "url_verification":
        return Push(answer=_challenge(told))
    if not is_ours(connector, told) and not is_shared(told):
        return Push()
    if "command" in told:
        return commanded(told)
    if told.get("type") != "event_callback":
        return Push()
    return taken_in(connector, table(told.get("event")), is_slacks=is_slacks)


def addressed(headers: Mapping[str, str], body: bytes) -> Addressee:
    """As `Connector.addressed`."""
    told = _read(headers, body)
    if told.get("type") == "url_verification":
        return Addressee(answer=_challenge(told))
    named = [*rows(told.get("authorizations")), told]
    teams = [text(one.get(name)) for one in named for name in ("team_id", "enterprise_id")]
    shared = room_of(table(told.get("event"))) if is_shared(told) else RoomId("")
    return Addressee(team_id=next(filter(None, teams), ""), shared_room=shared)


def heard(connector: SlackConnector, kind: str, told: Json, rooms: Collection[RoomId]) -> Push | None:
    """What an envelope of Socket Mode says; None where it is about another workspace of the same app.

    But what is said in one of these `rooms` that workspaces share is heard, as whichever of them Slack tells
    it: the other one may be linked by nobody. Network I/O where somebody in it is not known yet.
    """
    is_heard = is_shared(told) and room_of(table(told.get("event"))) in rooms
    if not is_ours(connector, told) and not is_heard:
        return None
    if kind == "slash_commands":
        return commanded(told)
    event = table(told.get("event"))
    connector.directory.looked_up(connector.reader.whom(event))
    return taken_in(connector, event, is_slacks=True) if kind == "events_api" else Push()


def commanded(told: Json) -> Push:
    """A slash command, as if it had been said in the channel."""
    return Push(events=[command_of(told)], answer=ANSWER)


def _read(headers: Mapping[str, str], body: bytes) -> Json:
    """The object that a call has in its body; of a slash command it is a form. ValueError."""
    try:
        if headers.get("content-type", "").startswith(FORM):
            return dict(parse_qsl(body.decode(), max_num_fields=MOST_FIELDS))
        told = json.loads(body)
    except RecursionError as error:
        raise ValueError("This is no call of Slack's.") from error
    if not isinstance(told, dict):
        raise ValueError("This is no call of Slack's.")
    return told


def _challenge(told: Json) -> str:
    """What Slack wants to have back from an address; nothing else is given back."""
    challenge = text(told.get("challenge"))
    return challenge if challenge.isascii() and challenge.isalnum() and len(challenge) <= LONGEST else ""


def is_ours(connector: SlackConnector, told: Json) -> bool:
    """Whether a call is about the workspace of this login: an app may be installed in several."""
    team = connector.login.team_id
    named = [told, *rows(told.get("authorizations"))]
    teams = {text(one.get(name)) for one in named for name in ("team_id", "enterprise_id")} - {""}
    return not team or not teams or team in teams


def is_shared(told: Json) -> bool:
    """Whether a call tells of a channel that workspaces share (Slack Connect).

    An app that several of them have is called once, as by one of them ("Events API", `authorizations`).
    """
    return told.get("is_ext_shared_channel") is True


def taken_in(connector: SlackConnector, event: Json, *, is_slacks: bool) -> Push:
    """What one event of the Events API or of Socket Mode says, as far as it is known who is in it.

    Where it is not known who says something, the channel is read instead: there is time for asking then.
    Unless it surely `is_slacks` word, it is not believed where a channel has gone, nor what somebody is
    called: whoever made the app could have signed it, and others sit in its channels, too.
    """
    kind, room = text(event.get("type")), room_of(event)
    if kind in ENDS:
        return Push(doubts_login=True)
    if kind in PEOPLE:
        connector.directory.follow(table(event.get("user")), is_sure=is_slacks)
        return Push()
    if kind == "emoji_changed":
        connector.directory.follow_emoji(event, is_sure=is_slacks)
        return Push()
    if kind == "channel_id_changed":
        room, new = RoomId(text(event.get("old_channel_id"))), RoomId(text(event.get("new_channel_id")))
        if is_slacks:
            connector.rooms.goes_on(room, new)
        return Push(rooms=[room])
    if kind in CHANNELS:
        connector.rooms.look_again(room)
        if kind in LEFT:
            connector.rooms.is_out(room)
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
    """An event in the project's own words, and whether everything in it is known. Malformed."""
    reader = connector.reader
    wanted = reader.whom(event)
    names = connector.directory.known(wanted) if names is None else names
    is_known = not names.missing(wanted) and not untold_files(event)
    return replace(reader, names=names).event_of(event), is_known
