"""The stub service on the wire: requests out, checked JSON in, errors of our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

from connectors import net
from connectors.errors import (
    DeliveryUnknown,
    LoginRejected,
    MessageRejected,
    RetryLater,
    RoomGone,
    UnsupportedAction,
)

Json = dict[str, Any]
READ_DEADLINE = 10.0


class StubClient:
    """One token at one stub. Every method is one request."""

    def __init__(self, server: str, token: str) -> None:
        self._server, self._token = server, token

    def get(self, *path: str, **params: str) -> Json:
        """Read. RetryLater, LoginRejected, RoomGone."""
        return self._call("GET", path, params=params, deadline=READ_DEADLINE)

    def write(self, method: str, *path: str, body: Json | None = None, deadline: float) -> Json:
        """Change something. As `get`, and DeliveryUnknown, MessageRejected, UnsupportedAction."""
        return self._call(method, path, body=body, deadline=deadline)

    def _call(
        self,
        method: str,
        path: tuple[str, ...],
        *,
        params: Mapping[str, str] | None = None,
        body: Json | None = None,
        deadline: float,
    ) -> Json:
        try:
            answer = net.request(
                method,
                "/".join([self._server, *(quote(part, safe="") for part in path)]),
                deadline=deadline,
                max_bytes=16 * 1024 * 1024,
                headers={"Authorization": f"Bearer {self._token}"},
                params=params,
                json=body,
                secrets=[self._token],
            )
            if not 200 <= answer.status < 300:
                refused(answer, writes=method != "GET")
            told = answer.json()
        except net.NotSent as error:
            raise RetryLater(f"{self._host} could not be reached: {error}.") from None
        except net.Cut as error:
            problem = RetryLater if method == "GET" else DeliveryUnknown
            raise problem(f"{self._host} broke off: {error}.") from None
        return told if isinstance(told, dict) else {}

    @property
    def _host(self) -> str:
        return urlsplit(self._server).netloc


def refused(answer: net.Answer, *, writes: bool) -> NoReturn:
    """Raise what an answer that is no success means."""
    match answer.status:
        case 401:
            raise LoginRejected("The stub does not know this token. Use any “name:secret”.")
        case 404 if _error(answer) == "message":
            raise MessageRejected("The stub has this message no more.")
        case 404:
            raise RoomGone("The stub has no such room.")
        case 405:
            raise UnsupportedAction("The stub has this ability switched off.")
        case 429:
            raise RetryLater("The stub wants fewer requests.", seconds=_seconds(answer))
        case 400 | 403 | 413 if writes:
            raise MessageRejected(f"The stub refused the message (status {answer.status}).")
        case status if writes and status >= 500:
            raise DeliveryUnknown(f"The stub answered a message with an error (status {status}).")
        case status:
            raise RetryLater(f"The stub answered with an error (status {status}).")


def _error(answer: net.Answer) -> str:
    try:
        return str(answer.json().get("error"))
    except (ValueError, AttributeError):
        return ""


def _seconds(answer: net.Answer) -> float | None:
    text = answer.headers.get("Retry-After") or ""
    return float(text) if text.isdecimal() else None
