"""Commands that change how messages arrive in the room: format, mute, unmute."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from connectors.base import Kind
from tubes.models import Event, Mute, NameStyle, Seat
from tubes.relay.rendering import author_name
from tubes.services.commanding.asked import Answer, Asked
from tubes.services.muting import MuteRefused, mute_add, mute_remove
from tubes.services.networks import network_of
from tubes.services.options import format_set, offers_own_voice, options_preview

ROOMS: Final = 50  # looked through for somebody's name
LOOKED_AT: Final = 200  # newest events of each
STYLES: Final = {"display": NameStyle.DISPLAY, "username": NameStyle.USERNAME, "both": NameStyle.BOTH}
SWITCHES: Final = {"team": "shows_team", "notices": "takes_notices"}
USAGE: Final = (
    "Change it with “-sameroom format display”, “username” or “both” for names, "
    "“team on” or “team off”, “notices on” or “notices off”."
)


def format_room(asked: Asked) -> Answer:
    """Show how messages arrive here, or change it."""
    option = asked.rest.casefold()
    if not option:
        return Answer(f"{_as_it_is(asked.seat)}\n{USAGE}")
    if not _set(asked.seat, option):
        return Answer(f"There is no format “{asked.rest}”. {USAGE}")
    format_set(seat=asked.seat)
    return Answer(f"From now on: {_as_it_is(asked.seat)}")


def _set(seat: Seat, option: str) -> bool:
    """Give the Seat the option, unsaved; False where there is no such."""
    name, _, value = option.partition(" ")
    if option in STYLES:
        seat.name_style = STYLES[option]
    elif name in SWITCHES and value in ("on", "off"):
        setattr(seat, SWITCHES[name], value == "on")
    else:
        return False
    return True


def _as_it_is(seat: Seat) -> str:
    posts = options_preview(seat=seat)
    example = f"{posts[0].sender_name}: {posts[0].text}" if posts and posts[0].sender_name else ""
    example = example or (posts[0].text if posts else "")
    shown = f" A message looks like this: {example}" if example else ""
    team = "with the team" if seat.shows_team else "without the team"
    told = "posted" if seat.takes_notices else "not posted"
    style = NameStyle(seat.name_style).label
    is_own = seat.posts_as_owner and offers_own_voice(seat)
    own = "; what this connection’s owner says elsewhere carries no name" if is_own else ""
    return f"authors are shown by {style}, {team}{own}; notices are {told} here.{shown}"


def mute(asked: Asked) -> Answer:
    """Keep out of this room what somebody says in others."""
    if not asked.rest:
        return Answer(_muted_here(asked.seat))
    found = _authors(asked)
    if not found:
        return Answer(
            f"Nobody called “{asked.rest}” has said anything lately in the rooms joined to this one."
        )
    if len(found) > 1:
        people = "; ".join(f"“{_handle(event)}” in {_place(event)}" for event in found[:8])
        return Answer(f"There are several people of that name. Name one by user name: {people}.")
    name = author_name(found[0], NameStyle.BOTH)
    try:
        if not mute_add(seat=asked.seat, author=found[0], typed_by=asked.by):
            return Answer(f"{name} is muted here already.")
    except MuteRefused as error:
        return Answer(str(error))
    return Answer(
        f"What {name} says does not arrive in this room any more. Other rooms are not affected; "
        f"“-sameroom unmute {_handle(found[0])}” ends it."
    )


def unmute(asked: Asked) -> Answer:
    """Let somebody be heard here again."""
    wanted = _plain(asked.rest)
    mutes = [
        one for one in Mute.objects.filter(seat=asked.seat) if wanted in map(_plain, _names_of_mute(one))
    ]
    if not mutes:
        return Answer(f"Nobody called “{asked.rest}” is muted here. {_muted_here(asked.seat)}")
    for one in mutes:
        mute_remove(mute=one)
    return Answer(f"{mutes[0].name} is heard in this room again.")


def _names_of_mute(one: Mute) -> Iterable[str]:
    return filter(None, (one.author_name, one.author_username, one.author_id))


def _muted_here(seat: Seat) -> str:
    names = sorted((mute.name for mute in Mute.objects.filter(seat=seat)), key=str.casefold)
    return f"Muted here: {', '.join(names)}." if names else "Nobody is muted here."


def _authors(asked: Asked) -> list[Event]:
    """The newest event of each author of other rooms whom the words name. A query for each room."""
    wanted, found = _plain(asked.rest), dict[tuple[str, ...], Event]()
    for place in [*network_of(asked.command.room).places.values()][: ROOMS + 1]:
        if place.distance == 0:
            continue
        room = place.room
        events = Event.objects.filter(room=room, number__gte=room.next_event_number - LOOKED_AT)
        events = events.filter(kind=Kind.MESSAGE.value, held=Event.Held.NO).order_by("number")
        for event in events.select_related("room").defer("body", "attachments"):
            if wanted in map(_plain, _names(event)):
                found[room.kind, room.space, event.author_id or event.author_name] = event
    exact = [event for event in found.values() if wanted == _plain(_handle(event))]
    return exact if len(exact) == 1 else list(found.values())


def _names(event: Event) -> set[str]:
    """By what somebody may be named: as shown in any style, or by their id."""
    shown = {author_name(event, style) for style in NameStyle.values}
    return {*shown, event.author_name, event.author_username, event.author_id} - {""}


def _handle(event: Event) -> str:
    return event.author_username or event.author_id or event.author_name


def _place(event: Event) -> str:
    return event.room.name if event.room else ""


def _plain(name: str) -> str:
    return " ".join(name.split()).removeprefix("@").casefold()
