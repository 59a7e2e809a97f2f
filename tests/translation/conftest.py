from collections.abc import Iterator

import pytest

from connectors.irc import ticking
from tests.ircservers import Flood, Ircd, inspircd
from tests.relay.conftest import rings

__all__ = ["rings"]


@pytest.fixture
def ircd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ircd]:
    """An IRC server that brakes nobody, and sessions that look around more often than each second."""
    monkeypatch.setattr(ticking, "EVERY", 0.05)
    with inspircd(Flood.NONE) as server:
        yield server
