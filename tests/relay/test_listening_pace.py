"""How soon streams are opened anew: jittered, capped, as the service asked, and by turns per host."""

import asyncio
import time as time_module

import pytest

from connectors.base import Batch
from connectors.errors import RetryLater
from stub.connector.connector import StubConnector
from tests import factories, loops
from tests.relay.conftest import Clock
from tests.relay.listening import STREAMED
from tubes.relay.listening import hearing, pacing
from tubes.relay.listening.hearing import Hearing
from tubes.relay.listening.pacing import Turns
from tubes.relay.listening.speakers import Speakers
from tubes.relay.listening.threads import Threads


def test_pauses_grow_to_a_cap_and_are_spread() -> None:
    for failures, longest in ((1, 1.0), (2, 2.0), (5, 16.0), (7, 60.0), (10_000, 60.0)):
        pauses = [pacing.pause(failures) for _ in range(200)]

        assert longest / 2 <= min(pauses)
        assert max(pauses) <= longest
        assert max(pauses) - min(pauses) > longest / 4


def test_what_the_service_asks_for_is_honoured() -> None:
    pauses = [pacing.pause(1, 300.0) for _ in range(200)]

    assert 300 <= min(pauses) < max(pauses) <= 330


def test_a_hosts_accounts_take_turns_and_other_hosts_do_not_wait(time: Clock) -> None:
    turns, here, there = Turns(), ("stub", "here"), ("stub", "there")

    waits = [turns.take(here) for _ in range(500)]

    assert sum(wait == 0 for wait in waits) <= pacing.BURST + 1
    for second in range(1, 18):
        assert sum(second <= wait < second + 1 for wait in waits) <= pacing.RATE + 1
    assert 18 < max(waits) < 21
    assert turns.take(there) == 0
    time.forward(30)
    assert [turns.take(here) for _ in range(pacing.BURST)] == pytest.approx([0.0] * pacing.BURST, abs=1e-6)


@pytest.mark.django_db(transaction=True)
def test_an_outage_of_a_host_is_not_followed_by_a_storm(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[float] = []

    async def stream(self: StubConnector, *args: object) -> object:
        tries.append(time_module.monotonic())
        raise RetryLater("The server is down.")
        yield Batch((), "")

    monkeypatch.setattr(StubConnector, "stream", stream)
    monkeypatch.setattr(hearing.Hearing, "_reload", lambda *args: asyncio.sleep(0))
    monkeypatch.setattr(pacing, "FIRST", 0.01)  # as impatient as can be: only the turns hold them back
    monkeypatch.setattr(pacing, "MOST", 0.01)
    accounts = [
        factories.account(kind="stub", credentials={"token": f"{n}:x", "features": STREAMED})
        for n in range(60)
    ]

    async def listen() -> None:
        turns, threads = Turns(), Threads()
        look = Speakers().look
        hearings = [Hearing(one, 1, (), threads=threads, turns=turns, has_stood_up=look) for one in accounts]
        tasks = [asyncio.create_task(one.live()) for one in hearings]
        await asyncio.sleep(3)
        for one in hearings:
            one.end()
        await asyncio.gather(*tasks)
        threads.close()

    loops.run(listen())

    lasted = tries[-1] - tries[0]
    assert pacing.RATE * 2 < len(tries) <= pacing.BURST + pacing.RATE * lasted + 2
