"""The attendants of this process: who drains lanes and polls accounts, or listens to streams, if anybody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


class Drains(Protocol):
    """Whoever drains lanes here."""

    def wake(self, number: int) -> None: ...


class Polls(Protocol):
    """Whoever polls accounts here."""

    def ring(self, account_id: int, fence: int, after: float) -> None: ...


class Listens(Protocol):
    """Whoever listens to streams here."""

    def ring(self) -> None: ...


@dataclass(slots=True)
class _Here:
    drains: Drains | None = None
    speaks: Drains | None = None
    polls: Polls | None = None
    listens: Listens | None = None


_here = _Here()


def lanes_are_drained_by(attendants: Drains | None) -> None:
    """Say who drains lanes in this process; None when nobody does any more."""
    _here.drains = attendants


def sessions_are_spoken_by(attendants: Drains | None) -> None:
    """Say who drains the lanes of connections that are held here; None when nobody does any more."""
    _here.speaks = attendants


def accounts_are_polled_by(attendants: Polls | None) -> None:
    """Say who polls accounts in this process; None when nobody does any more."""
    _here.polls = attendants


def streams_are_heard_by(attendants: Listens | None) -> None:
    """Say who listens to streams in this process; None when nobody does any more."""
    _here.listens = attendants


def look_for_streams() -> None:
    """Have whoever listens in this process look for changes at once."""
    if _here.listens is not None:
        _here.listens.ring()


def wake(seat_ids: Iterable[int]) -> bool:
    """Hand rings for lanes to the threads of this process; False where there are none."""
    if _here.drains is None:
        return False
    for seat_id in seat_ids:
        _here.drains.wake(seat_id)
    return True


def speak(seat_ids: Iterable[int]) -> None:
    """Hand rings for lanes to whoever holds connections here, if anybody does."""
    if _here.speaks is not None:
        for seat_id in seat_ids:
            _here.speaks.wake(seat_id)


def poll(account_id: int, *, fence: int, after: float = 0.0) -> bool:
    """Hand the ring for an account to the threads of this process; False where there are none."""
    if _here.polls is None:
        return False
    _here.polls.ring(account_id, fence, after)
    return True
