"""Who may command: the owner of each Seat says so.

Everybody in a room may ask what is going on, unless the owner says otherwise. What changes something
is for those whom the owner has listed: a room may be open to strangers, and a Tube lets everybody in it
read and write elsewhere.
"""

from __future__ import annotations

import re

from connectors.registry import connector_class
from tubes.models import Command, Seat

Commanders = Seat.Commanders


def why_not(seat: Seat, command: Command, *, changes: bool) -> str:
    """Why whoever typed this may not, a sentence; "" where they may. No query."""
    if seat.commanders == Commanders.EVERYONE or _is_listed(seat, command):
        return ""
    if seat.commanders == Commanders.ASKING and not changes:
        return ""
    if not names_are_owned(seat):
        return (
            f"Anybody can take a name at {seat.account.label}, so this is for nobody here unless it is for "
            "everyone: the owner of this connection decides that under Options on Manage."
        )
    name = command.author_username or command.author_id
    return (
        "Only people may do this whom the owner of this connection has listed. "
        f"The owner can add “{name}” under Options on Manage."
    )


def names_are_owned(seat: Seat) -> bool:
    """Whether who speaks in the Seat's room is known by id and user name. No query."""
    service = connector_class(seat.account.kind)
    return service is not None and service.capabilities.names_are_owned


def is_silent(seat: Seat) -> bool:
    """Whether commands for this Seat are passed over without a word."""
    return bool(seat.commanders == Commanders.NOBODY)


def _is_listed(seat: Seat, command: Command) -> bool:
    """By id or user name, never by the name that is shown: that one anybody can take.

    Whoever is logged in as the very account is its owner, or acts for them.
    """
    if not names_are_owned(seat):
        return False
    if command.author_id == seat.account.remote_user_id:
        return True
    people = {_plain(person) for person in re.split(r"[\s,;]+", seat.listed_people)} - {""}
    return not people.isdisjoint({_plain(command.author_id), _plain(command.author_username)} - {""})


def _plain(name: str) -> str:
    return name.strip().removeprefix("@").casefold()
