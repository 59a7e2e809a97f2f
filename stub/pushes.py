"""Pushes: whatever happens in a room is posted to each hook, signed, in order, until it is taken."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Collection, Coroutine
from typing import Any

from stub.faults import Faults
from stub.link import Links
from stub.store import Entry, Room, Store
from stub.switches import Switches

PATIENCE = 15.0  # seconds for one push
PAUSES = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0)  # seconds after the first, second, … refused push
SIGNATURE = "x-stub-signature"
NO_IDS = ("id", "target", "reply_to")


def signature(secret: str, body: bytes) -> str:
    """What the header `x-stub-signature` has to say."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Hook:
    """Where one account wants things pushed to. `rooms` empty: everything."""

    def __init__(self, url: str, secret: str, rooms: Collection[str]) -> None:
        self.links, self.secret, self.rooms = Links(url), secret, frozenset(rooms)
        self.session = secrets.token_hex(4)  # of the sequence numbers, for whom ids are not told
        self.taken: dict[str, int] = {}  # by room: how much of its log was pushed
        self.busy: set[str] = set()

    def wants(self, room: str) -> bool:
        return not self.rooms or room in self.rooms


class Pushes:
    """All hooks. One push of a room is under way at a time, unless a fault says otherwise."""

    def __init__(self, store: Store, faults: Faults, switches: Switches) -> None:
        self._store, self._faults, self._switches = store, faults, switches
        self._hooks: dict[tuple[str, str], Hook] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(switches.push_connections)
        self.acknowledged = self.refused = self.events = 0

    def hook(self, user: str, url: str, secret: str, rooms: Collection[str]) -> None:
        """Push from now on. The same user and address again: secret and rooms change, nothing is skipped."""
        hook = self._hooks.get((user, url))
        if hook is None:
            hook = self._hooks[user, url] = Hook(url, secret, rooms)
            hook.taken = {name: len(room.log) for name, room in self._store.rooms.items()}
        hook.secret, hook.rooms = secret, frozenset(rooms)

    def clear(self) -> None:
        """Forget the hooks and what was still to be pushed."""
        for task in self._tasks:
            task.cancel()
        for hook in self._hooks.values():
            hook.links.close()
        self._hooks.clear()
        self._places = asyncio.Semaphore(self._switches.push_connections)
        self.acknowledged = self.refused = self.events = 0

    def wake(self, room: Room) -> None:
        """Something happened there."""
        if self._switches.push:
            for hook in self._hooks.values():
                if room.name not in hook.busy and hook.wants(room.name):
                    hook.busy.add(room.name)
                    self._start(self._drain(hook, room))

    def wake_all(self) -> None:
        """Go on where pushing stood still."""
        for room in self._store.rooms.values():
            self.wake(room)

    def waiting(self) -> int:
        """How many things are still to be pushed."""
        return sum(
            len(room.log) - hook.taken.get(room.name, 0)
            for hook in self._hooks.values()
            for room in self._store.rooms.values()
            if hook.wants(room.name)
        )

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, hook: Hook, room: Room) -> None:
        try:
            while self._switches.push:
                start = hook.taken.get(room.name, 0)
                batch = room.log[start : start + self._switches.push_size]
                if not batch:
                    return
                await self._push(hook, room, batch)
                hook.taken[room.name] = start + len(batch)
        finally:
            hook.busy.discard(room.name)

    async def _push(self, hook: Hook, room: Room, batch: list[Entry]) -> None:
        """One batch, as the faults of the moment have it."""
        events = batch if self._switches.ids else [_without_ids(e) for e in batch if e["kind"] == "message"]
        if not events:
            return
        body = json.dumps({"session": hook.session, "room": room.name, "events": events}).encode()
        # Messages only: an edit that overtakes another one would be the wrong one in the end.
        is_plain = all(entry["kind"] == "message" for entry in batch)
        late = self._faults.push("push_late", room.name) if is_plain else None
        if late:
            for entry in batch:
                room.items[entry["id"]].is_late = True
            self._start(self._deliver_late(hook, room.name, body, late.delay))
        else:
            await self._deliver(hook, room.name, body)
        self.events += len(events)

    async def _deliver_late(self, hook: Hook, room: str, body: bytes, delay: float) -> None:
        await asyncio.sleep(delay)
        await self._deliver(hook, room, body)

    async def _deliver(self, hook: Hook, room: str, body: bytes) -> None:
        """Push until it is taken; then perhaps once more."""
        headers = {SIGNATURE: signature(hook.secret, body)}
        tries = 0
        while not await self._is_taken(hook, headers, body) or self._faults.push("push_drop_answer", room):
            await asyncio.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
            tries += 1
        self.acknowledged += 1
        if self._faults.push("push_duplicate", room):
            self._start(self._again(hook, headers, body))

    async def _again(self, hook: Hook, headers: dict[str, str], body: bytes) -> None:
        await self._is_taken(hook, headers, body)

    async def _is_taken(self, hook: Hook, headers: dict[str, str], body: bytes) -> bool:
        async with self._places:
            try:
                status = await hook.links.post(headers, body, PATIENCE)
            except (OSError, TimeoutError):
                status = 0
        is_taken = 200 <= status < 300
        self.refused += not is_taken
        return is_taken


def _without_ids(entry: Entry) -> Entry:
    return {name: value for name, value in entry.items() if name not in NO_IDS}
