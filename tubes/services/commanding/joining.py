"""Joining two rooms from inside them: `open` gives a code, `connect` takes it, or a Portal's address."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

from django.db.models import Q
from django.utils.crypto import salted_hmac

from sameroom import clock
from tubes.models import Command, JoinCode, Notice, Seat
from tubes.relay import notices
from tubes.services.commanding.asked import Answer, Asked
from tubes.services.commanding.portals import PORTAL, through_portal
from tubes.services.joining import tube_between, tube_join
from tubes.services.opening import TubeRefused

LIFE: Final = timedelta(minutes=2)
# Without what looks alike on a screen. Eight of them are 40 bits, for two minutes and few guesses.
LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 8
MOST_OPEN: Final = 5  # codes of one Seat that are valid at a time
MOST_WRONG: Final = 5  # codes that fit nothing, from one person in a room: nobody shuts the others out
MOST_WRONG_OF_ROOM: Final = 20  # … from everybody there, whatever they call themselves
MOST_WRONG_OF_OWNER: Final = 60  # … and from all rooms of one owner
WRONG_FOR: Final = timedelta(minutes=10)

FITS_NOTHING: Final = "No room waits for this code. Codes are valid for two minutes and for one room."
TOO_MANY_WRONG: Final = "Too many codes fitted no room. Try again in ten minutes."


def open_code(asked: Asked) -> Answer:
    """A code by which one other room can be joined to this one."""
    if (
        JoinCode.objects.filter(seat=asked.seat, used_by=None, expires_at__gt=clock.now()).count()
        >= MOST_OPEN
    ):
        return Answer(f"{MOST_OPEN} codes of this room are valid now. Use one of them, or wait two minutes.")
    letters = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    JoinCode.objects.create(
        digest=_digest(letters), seat=asked.seat, typed_by=asked.by, expires_at=clock.now() + LIFE
    )
    code = f"{letters[:4]}-{letters[4:]}"
    return Answer(
        f"The code is {code}. Within two minutes type “-sameroom connect {code}” in the room that is to be "
        "joined to this one. Who knows it can do so; it works once."
    )


def connect(asked: Asked) -> Answer:
    """Join this room to the one that a code or a Portal's address leads to. Network I/O, repeatable."""
    if not asked.rest:
        return Answer(
            "Type a code behind it, as “-sameroom open” in the other room gives one, or a Portal’s address."
        )
    if _has_guessed_much(asked):
        return Answer(TOO_MANY_WRONG)
    if address := PORTAL.search(asked.rest):
        return through_portal(asked, address["key"])
    found = _take(asked)
    if found is None:
        return Answer(FITS_NOTHING, is_wrong_guess=True)
    return _join(asked, found)


def _join(asked: Asked, code: JoinCode) -> Answer:
    there, here, name = code.seat, asked.seat, code.seat.room.name
    if tube_between(there, here) is None:
        try:
            tube_join(seat_a=there, seat_b=here, by=here.owner, typed_by=asked.by)
        except TubeRefused as error:
            JoinCode.objects.filter(pk=code.pk).update(used_by=None)  # nothing was made of it
            return Answer(str(error))
    elif asked.command.attempts == 1:
        JoinCode.objects.filter(pk=code.pk).update(used_by=None)
        return Answer(f"This room and {name} are joined already.")
    _tell(asked, code)
    return Answer(f"This room and {name} are one conversation now. “-sameroom who” shows who is there.")


def _tell(asked: Asked, code: JoinCode) -> None:
    """Both owners are told who did it."""
    told = (
        f"{asked.by} typed a code that {code.typed_by} had asked for: a Tube joins {code.seat.room.name} and "
    )
    told += f"{asked.seat.room.name}."
    for seat in (code.seat, asked.seat) if code.seat.owner_id != asked.seat.owner_id else (asked.seat,):
        notices.tell(seat, Notice.Kind.COMMAND, told, in_room=seat.pk == code.seat_id)


def _take(asked: Asked) -> JoinCode | None:
    """The code's row, used up by this command; None where there is none. One UPDATE decides."""
    command = asked.command
    letters = "".join(letter for letter in asked.rest.upper() if letter.isalnum())
    mine = Q(used_by=command) | Q(used_by=None, expires_at__gt=command.created_at)
    seats = Seat.objects.in_use().exclude(room=command.room)
    codes = JoinCode.objects.filter(mine, digest=_digest(letters), seat__in=seats.values("pk"))
    if not codes.update(used_by=command):
        return None
    paths = ("seat__room", "seat__account", "seat__owner")
    return JoinCode.objects.select_related(*paths).get(digest=_digest(letters))


def _has_guessed_much(asked: Asked) -> bool:
    since = clock.now() - WRONG_FOR
    wrong = Command.objects.filter(is_wrong_guess=True, created_at__gt=since)
    here = wrong.filter(room=asked.command.room)
    if here.filter(author_id=asked.command.author_id).count() >= MOST_WRONG:
        return True
    if here.count() >= MOST_WRONG_OF_ROOM:
        return True
    rooms = Seat.objects.filter(owner=asked.seat.owner_id).values("room")
    return wrong.filter(room__in=rooms).count() >= MOST_WRONG_OF_OWNER


def _digest(letters: str) -> str:
    return salted_hmac("tubes.join_code", letters, algorithm="sha256").hexdigest()
