"""All commands by their word, and `help`, which lists them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from django.conf import settings

from tubes.models import Seat
from tubes.services.commanding.asked import Answer, Asked, Word, always
from tubes.services.commanding.asking import show_map, status, who
from tubes.services.commanding.changing import format_room, mute, unmute
from tubes.services.commanding.ending import disable, disabled
from tubes.services.commanding.joining import connect, open_code
from tubes.services.commanding.pinging import ping, pong
from tubes.services.commanding.portals import portal

GUIDE: Final = "/getting-started/en/commands"


def show_help(asked: Asked) -> Answer:
    """What can be typed here."""
    lines = [f"• {word.usage} – {word.help}" for word in WORDS.values()]
    listed = asked.seat.commanders == Seat.Commanders.ASKING
    who_may = "What changes something is for people whom the owner has listed. " if listed else ""
    more = f"A message that begins with ^^^ stays in this room. {who_may}More: {settings.PUBLIC_URL}{GUIDE}"
    return Answer("\n".join(["Type “-sameroom” and one of these:", *lines, more]))


WORDS: Final[Mapping[str, Word]] = MappingProxyType(
    {
        "help": Word(show_help, "help", "this list"),
        "who": Word(who, "who", "the rooms and people joined to this room"),
        "status": Word(status, "status", "how the Tubes of this room stand"),
        "ping": Word(ping, "ping", "has every joined room answer", finish=pong),
        "map": Word(show_map, "map", "a link to a picture of all joined rooms"),
        "open": Word(open_code, "open", "a code to join another room to this one", changes=always),
        "connect": Word(
            connect,
            "connect CODE",
            "joins this room to the one the code, or a Portal’s address, is from",
            changes=always,
            calls=True,
        ),
        "portal": Word(
            portal, "portal", "the address by which others join a room to this one", changes=always
        ),
        "format": Word(format_room, "format", "how messages look here, and how to change it", changes=bool),
        "mute": Word(mute, "mute NAME", "keeps out of this room what somebody says elsewhere", changes=bool),
        "unmute": Word(unmute, "unmute NAME", "lets them be heard again", changes=always),
        "disable": Word(disable, "disable", "ends the Tubes of this room", changes=always, finish=disabled),
    }
)
