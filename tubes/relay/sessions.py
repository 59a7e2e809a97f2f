"""The connections of this process by which posts leave, at services that take them by no other.

A listener keeps them (`listening.hearing`), and lanes ask for them. Whoever holds none of an account's posts
nothing for it, and hands the rings for its lanes on (`bell.ring_speakers`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Lock

from connectors.base import Connector

_standing: dict[int, Connector] = {}
_in_use: Counter[int] = Counter()  # accounts → lanes that are at work
_lock = Lock()


def stand(account_id: int, connector: Connector) -> None:
    """This connector's stream stands: posts of the account leave by it. No I/O."""
    _standing[account_id] = connector


def fall(account_id: int, connector: Connector) -> None:
    """It stands no more. A newer one of the same account stays. No I/O."""
    if _standing.get(account_id) is connector:
        del _standing[account_id]


def of(account_id: int) -> Connector | None:
    """The connector by which posts of this account leave, where it is held here. No I/O."""
    return _standing.get(account_id)


@contextmanager
def use(account_id: int) -> Iterator[None]:
    """Around what a lane does with the connection: so long it is not closed, if that can wait. No I/O."""
    with _lock:
        _in_use[account_id] += 1
    try:
        yield
    finally:
        with _lock:
            _in_use[account_id] -= 1
            if not _in_use[account_id]:
                del _in_use[account_id]


def is_in_use(account_id: int) -> bool:
    """Whether a lane is at work with the connection of this account. No I/O."""
    return account_id in _in_use


def accounts() -> Collection[int]:
    """The accounts whose connections are held here. No I/O."""
    return list(_standing)
