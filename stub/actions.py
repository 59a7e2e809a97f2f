"""The control API: what tests do to the service that no client could. `stub.control` is its client."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from stub.faults import Fault
from stub.service import Service, vars_of
from stub.wire import user_of

Json = dict[str, Any]


class Actions:
    """One method for each action; arguments come as JSON, and so does what is returned."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def run(self, action: str, body: bytes) -> tuple[int, Json]:
        """Do it: the status and the answer. No I/O but pushes that begin."""
        method = None if action.startswith("_") or action == "run" else getattr(self, action, None)
        if method is None:
            return 404, {"error": f"There is no action {action}."}
        try:
            return 200, {"result": method(**json.loads(body or b"{}"))}
        except (LookupError, ValueError, TypeError, PermissionError) as error:
            return 400, {"error": f"{type(error).__name__}: {error}"}

    def add_rooms(self, names: list[str]) -> None:
        for name in names:
            self._service.store.add_room(name)

    def say_many(self, lines: list[tuple[str, str, str]]) -> list[str]:
        store, ids = self._service.store, []
        for name, who, text in lines:
            room = store.add_room(name)
            ids.append(store.post(room, who, text).id)
            self._service.happened(room)
        return ids

    def edit(self, room: str, id: str, text: str) -> None:
        self._service.store.edit(self._service.store.room(room), id, text)
        self._service.happened(self._service.store.room(room))

    def delete(self, room: str, id: str) -> None:
        self._service.store.delete(self._service.store.room(room), id)
        self._service.happened(self._service.store.room(room))

    def react(self, room: str, id: str, name: str, emoji: str, add: bool) -> None:
        self._service.store.react(self._service.store.room(room), id, name, emoji, add=add)
        self._service.happened(self._service.store.room(room))

    def history(self, room: str) -> list[Json]:
        return [asdict(item) for item in self._service.store.room(room).items.values()]

    def fault(self, **values: Any) -> None:
        self._service.faults.add(Fault(**values))
        self._service.wake_waiting()

    def clear_faults(self) -> None:
        self._service.faults.clear()

    def switch(self, **flags: Any) -> None:
        unknown = flags.keys() - vars_of(self._service.switches).keys()
        if unknown:
            raise ValueError(f"no such switch: {', '.join(sorted(unknown))}")
        for name, value in flags.items():
            setattr(self._service.switches, name, value)
        self._service.pushes.wake_all()

    def hook(self, token: str, url: str, secret: str, rooms: list[str]) -> None:
        self._service.pushes.hook(user_of(token), url, secret, rooms)

    def counts(self) -> Json:
        return self._service.counts()

    def forget(self) -> None:
        self._service.forget()
