"""A command about to be carried out, and the answer to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from connectors.markup.sanitize import clean_name
from tubes.models import Command, Seat


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants of us, and the Seat that it is for."""

    command: Command
    seat: Seat
    rest: str  # what stood behind the word

    @property
    def by(self) -> str:
        """Who typed it and where, for whoever has to know."""
        name, username = clean_name(self.command.author_name), self.command.author_username
        who = f"{name} ({clean_name(username)})" if username and clean_name(username) != name else name
        return f"{who} in {self.seat.room.name}"[:255]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the room is told; and where there is a second half, after how many seconds."""

    text: str = ""
    again: float | None = None
    memo: dict[str, Any] = field(default_factory=dict)
    is_wrong_guess: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """A command: what it does, and what help says of it."""

    do: Callable[[Asked], Answer]
    usage: str
    help: str
    changes: Callable[[str], bool] = lambda rest: False  # whether it changes something, said with this
    calls: bool = False  # it calls services: not inside a transaction, and repeatable by itself
    finish: Callable[[Asked], Answer] | None = None  # its second half


def always(rest: str) -> bool:
    """For a command that changes something in any case."""
    return True
