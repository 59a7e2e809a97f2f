"""`python -m bench.bare`: the same sends by the same HTTP client, one thread per lane, and no database.

What is left of it is what the relay's own work costs.
"""

from __future__ import annotations

import threading
import time

import django

from bench.pairs import text
from bench.peer import serve


def send(server: str, rooms: list[str], begins: float, seconds: float) -> dict[str, int]:
    """Post in every room, one message after the other, from `begins` on; how many in each. Network I/O."""
    from connectors.base import Login, OutgoingMessage, RoomId
    from stub.connector.connector import StubConnector

    credentials = {"token": "bare:pass", "features": "push,history,ids"}
    connector = StubConnector(Login(server=server, credentials=credentials))
    counts = [0] * len(rooms)

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


if __name__ == "__main__":
    django.setup()
    serve({"send": send})
