"""An answer with `ok: false`."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """The error's name as Slack documents it, and what else stands in the answer."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error, self.more = error, more

    def body(self) -> dict[str, Any]:
        return {"ok": False, "error": self.error, **self.more}


class Limited(Refused):
    """Too many calls: HTTP 429, and after how many seconds the next one is welcome."""

    def __init__(self, seconds: int) -> None:
        super().__init__("ratelimited")
        self.seconds = seconds
