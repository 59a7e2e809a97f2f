"""From the row of a command to its answer: claimed, done, answered; again where that was cut off."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction

from sameroom import clock
from tubes.models import Command, Seat
from tubes.relay import bell, commands, guard, notices
from tubes.relay.rendering.stamps import moment
from tubes.services.commanding import allowed
from tubes.services.commanding.asked import Answer, Asked, Word
from tubes.services.commanding.table import WORDS

log = logging.getLogger(__name__)

STALE = timedelta(minutes=10)  # what was typed longer ago may not be wanted any more
MOST_ATTEMPTS = 3
EARLY = 0.1  # seconds that the clock of whoever rings may be ahead
FAULT = "That did not work, by a fault of ours. Try it again later."
TOO_MANY = (
    f"Too many commands: {commands.MOST} a minute are answered, so some are passed over without a word now."
)


def carry_out(command_id: int) -> None:
    """Do what a command asks for and answer it, unless somebody else does.

    May be repeated, and cut off anywhere: what it changes commits together with its answer, and what
    calls services finds out what a former attempt has done.
    """
    if guard.is_stopped():
        return
    command = commands.claim(command_id)
    if command is None:
        return
    try:
        _carry_out(command)
    except Exception:
        log.exception("A command met an unexpected error")
        if command.attempts >= MOST_ATTEMPTS:
            seat, _ = _addressed(command)
            with transaction.atomic():
                _end(command, seat, Answer(FAULT))


def _carry_out(command: Command) -> None:
    seat, rest = _addressed(command)
    if seat is None or allowed.is_silent(seat):
        with transaction.atomic():
            _end(command, None, Answer())
        return
    asked = Asked(command, seat, rest)
    word = WORDS.get(command.word)
    refusal = _refusal(asked, word)
    if refusal or word is None:
        with transaction.atomic():
            _end(command, seat, Answer(refusal))
    elif word.calls:
        answer = word.do(asked)
        with transaction.atomic():
            _end(command, seat, answer)
    else:
        with transaction.atomic():
            if _is_mine(command):
                _end(command, seat, _done(asked, word))


def _done(asked: Asked, word: Word) -> Answer:
    if asked.command.status == Command.Status.BEGUN and word.finish is not None:
        return word.finish(asked)
    return word.do(asked)


def _refusal(asked: Asked, word: Word | None) -> str:
    """Why it is not done, a sentence; "" where it is."""
    command = asked.command
    if command.status == Command.Status.BEGUN:
        return ""
    if command.word == commands.TOO_MANY:
        return TOO_MANY
    if word is None:
        changes, unknown = False, f"There is no command “{command.word}”. Type “-sameroom help” for a list."
    else:
        changes, unknown = word.changes(asked.rest), ""
    if refusal := allowed.why_not(asked.seat, command, changes=changes):
        return refusal
    said_at = command.event.said_at
    if clock.now() - said_at > STALE:
        return (
            f"“{command.word}” was typed at {moment(said_at, clock.now())} and could only be read now. "
            "Type it again if it is still wanted."
        )
    return unknown


def _addressed(command: Command) -> tuple[Seat | None, str]:
    """The Seat that a command is for, and the rest of it: `status for Helper Bot` names one by its login."""
    if command.status == Command.Status.BEGUN:
        return _seat_of(command), command.rest
    seats = commands.seats_of(command.room)
    if command.word == "" and seats:
        command.word = "help"
    before, found, name = command.rest.rpartition("for ")
    if found and (not before or before.endswith(" ")):
        named = [seat for seat in seats if seat.account.remote_user_name.casefold() == name.casefold()]
        if named:
            return named[0], before.strip()
    return (seats[0] if seats else None), command.rest


def _seat_of(command: Command) -> Seat | None:
    """The Seat that a command was begun for."""
    seats = Seat.objects.select_related("account", "owner", "room")
    return seats.filter(pk=command.memo.get("seat", 0)).first()


def _is_mine(command: Command) -> bool:
    """Whether the claim still stands; the row is locked until the transaction ends."""
    rows = Command.objects.select_for_update(no_key=True)
    return rows.filter(pk=command.pk, attempts=command.attempts, status=command.status).exists()


def _end(command: Command, seat: Seat | None, answer: Answer) -> None:
    """Note what was done, and say it in the room. Inside a transaction."""
    if not _is_mine(command):
        return
    if answer.text and seat is not None:
        notices.post(seat, f"command-{command.pk}-{command.attempts}", answer.text)
    if answer.again is None or seat is None:
        changes: dict[str, Any] = {
            "status": Command.Status.DONE,
            "due_at": None,
            "rest": "",
            "memo": answer.memo,
        }
    else:
        due_at = clock.now() + timedelta(seconds=answer.again)
        memo = answer.memo | {"seat": seat.pk}
        changes = {"status": Command.Status.BEGUN, "due_at": due_at, "memo": memo, "attempts": 0}
        transaction.on_commit(partial(bell.ring_command, command.pk, answer.again + EARLY))
    Command.objects.filter(pk=command.pk).update(
        word=command.word, is_wrong_guess=answer.is_wrong_guess, **changes
    )
