"""Webhooks: whom to call when something happens in a room."""

import contextlib
import dataclasses
import ipaddress
import json
import logging
import queue
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from .records import Invalid, Missing, SandboxError, Webhook
from .store import Store

logger = logging.getLogger(__name__)

EVENTS = frozenset(
    {
        "room_archived",
        "room_created",
        "room_deleted",
        "room_enter",
        "room_exit",
        "room_file_upload",
        "room_message",
        "room_notification",
        "room_topic_change",
        "room_unarchived",
    }
)
TIMEOUT = (2, 5)
LONGEST_QUEUE = 1000
LONGEST_ANSWER = 100_000
Answered = Callable[[Webhook, dict[str, Any]], None]


def check_webhook_url(url: str) -> str:
    """The URL, if it leads to this machine: a sandbox shall not be used to call others."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback or parts.scheme not in ("http", "https"):
        raise Invalid("url", "http or https on 127.0.0.1, ::1 or localhost", "another address")
    return url


class Webhooks:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: queue.Queue[tuple[Webhook, dict[str, Any], Answered] | None] = queue.Queue(LONGEST_QUEUE)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def create(
        self,
        room_id: int,
        *,
        client_id: str,
        url: str,
        event: str,
        pattern: str = "",
        name: str = "",
        key: str = "",
    ) -> Webhook:
        if event not in EVENTS:
            raise Invalid("event", f"one of {', '.join(sorted(EVENTS))}", event)
        try:
            re.compile(pattern)
        except re.error as error:
            raise Invalid("pattern", "a regular expression", pattern) from error
        with self._store.transaction():
            hook = Webhook(
                self._store.next_id(), room_id, client_id, check_webhook_url(url), event, pattern, name, key
            )
            self._store.insert("webhooks", **dataclasses.asdict(hook))
        return hook

    def of_room(self, room_id: int) -> list[Webhook]:
        rows = self._store.rows("SELECT * FROM webhooks WHERE room_id = ? ORDER BY id", room_id)
        return [Webhook(**row) for row in rows]

    def get(self, room_id: int, hook_id: int) -> Webhook:
        for hook in self.of_room(room_id):
            if hook.id == hook_id:
                return hook
        raise Missing(f"Webhook {hook_id} not found")

    def delete(self, room_id: int, hook_id: int) -> None:
        self.get(room_id, hook_id)
        self._store.write("DELETE FROM webhooks WHERE id = ?", hook_id)

    def all(self) -> list[Webhook]:
        return [Webhook(**row) for row in self._store.rows("SELECT * FROM webhooks ORDER BY id")]

    def fire(
        self,
        hooks: Iterable[Webhook],
        event: str,
        item: dict[str, Any],
        *,
        text: str | None,
        answered: Answered,
    ) -> None:
        """Queue a call to every one of these hooks that wants the event.

        `text` is that of a message, which a hook's pattern has to match; other events have none.
        Each hook is called once. `answered` is told, in another thread, what object it answers with.
        """
        for hook in hooks:
            if hook.event != event or not _matches(hook, text):
                continue
            payload = {"event": event, "item": item, "webhook_id": hook.id}
            if hook.client_id:  # HipChat API v2: absent where a user made the hook
                payload["oauth_client_id"] = hook.client_id
            self._start()
            try:
                self._queue.put_nowait((hook, payload, answered))
            except queue.Full:
                logger.warning("The webhook queue is full; a call was dropped.")

    def forget(self) -> None:
        """Drop what waits to be told; the call that is under way is finished."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._queue.get_nowait()

    def close(self) -> None:
        if self._thread:
            self._queue.put(None)
            self._thread.join(timeout=1)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._deliver, name="sandbox-webhooks", daemon=True)
                self._thread.start()

    def _deliver(self) -> None:
        while (call := self._queue.get()) is not None:
            hook, payload, answered = call
            try:
                with requests.post(
                    hook.url, json=payload, timeout=TIMEOUT, allow_redirects=False, stream=True
                ) as response:
                    body = response.raw.read(LONGEST_ANSWER, decode_content=True) if response.ok else b""
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                logger.info("A webhook call failed: %s", type(error).__name__)
                continue
            try:
                told = json.loads(body)
                if isinstance(told, dict):
                    answered(hook, told)
            except (
                ValueError,
                SandboxError,
                sqlite3.ProgrammingError,
            ) as error:  # the last: closed meanwhile
                logger.info("A webhook's answer was not posted: %s", type(error).__name__)


def _matches(hook: Webhook, text: str | None) -> bool:
    return text is None or not hook.pattern or re.search(hook.pattern, text) is not None
