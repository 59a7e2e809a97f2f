"""`python -m bench.bare`: the same sends by the same HTTP client, one thread per lane, and no database.

What is left of it is what the relay's own work costs.
"""

from __future__ import annotations

import threading
import time

import django

from bench.pairs import text
from bench.peer import serve
from connectors.base import Connector, Login, OutgoingMessage, RoomId


def send(server: str, rooms: list[str], begins: float, seconds: float) -> dict[str, int]:
    """Post in every room, one message after the other, from `begins` on; how many in each. Network I/O."""
    connector, counts = _connector(server), [0] * len(rooms)

    def work(number: int) -> None:
        room = RoomId(rooms[number])
        time.sleep(max(0.0, begins - time.time()))
        while time.time() < begins + seconds:
            said = text(room, "bare", counts[number])
            connector.send(room, OutgoingMessage(text=f"[Ann Example, Stub] {said}"))
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(rooms))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return dict(zip(rooms, counts, strict=True))


def poll(server: str, room: str, count: int, pause: float = 0.0) -> float:
    """Read a room so often, with so many seconds between; CPU seconds for once. Network I/O.

    Without pauses the processor's caches are warm, and a poll costs a fraction of what it does now and then.
    """
    connector = _connector(server)
    connector.read_after(RoomId(room), None)
    began = time.process_time()
    for _ in range(count):
        time.sleep(pause)
        connector.read_after(RoomId(room), None)
    return (time.process_time() - began) / count


def _connector(server: str) -> Connector:
    from stub.connector.connector import StubConnector  # which needs the settings

    credentials = {"token": "bare:pass", "features": "push,history,ids"}
    return StubConnector(Login(server=server, credentials=credentials))


if __name__ == "__main__":
    django.setup()
    serve({"send": send, "poll": poll})
