"""What a homeserver's refusal means, as one of our own errors. No I/O.

Statuses and codes: Matrix specification v1.16, Client-Server API, "Standard error response" and
"Common error codes"; `soft_logout`: section "Soft logout".
"""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from connectors import net
from connectors.errors import (
    ConnectorError,
    DeliveryUnknown,
    LoginRejected,
    MessageRejected,
    RetryLater,
    RoomGone,
)

CHECK: Final = "Check the address, or try again later."
OWN_AUTHORITY: Final = (
    "If the server has a certificate of its own making, "
    "enter the CA certificate when you link or renew the account."
)
SESSION_ENDED: Final = (
    "Matrix does not take this login any more: the session was signed out, or its access token has ended. "
    "Log in again."
)
SOFTLY_ENDED: Final = (
    "The homeserver has ended this session for now (a soft logout) and wants the login again. Log in again."
)
USER_CLOSED: Final = "This Matrix user is deactivated, locked or suspended. Ask whoever runs the homeserver."
NOT_IN_ROOM: Final = (
    "Matrix does not let the linked user do this in the room: it left, was removed, or may not speak there. "
    "Have the user invited again or allowed to speak, or close the Tube."
)
BANNED: Final = "The linked user was banned from this room at Matrix. Have the ban lifted, or close the Tube."
REMOVED: Final = (
    "The linked user was removed from this room at Matrix. Have it invited again, or close the Tube."
)
ENCRYPTED: Final = (
    "This room is encrypted, and Sameroom cannot read encrypted rooms. Encryption cannot be switched off in "
    "Matrix: choose another room, or make a new one without encryption."
)
WAIT: Final = 5.0  # seconds, where a server that wants fewer requests does not say how long
_TOKEN_ENDED: Final = frozenset({"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN"})
USER_CLOSED_CODES: Final = frozenset({"M_USER_DEACTIVATED", "M_USER_LOCKED", "M_USER_SUSPENDED"})


def refused(answer: net.Answer, *, writes: bool = False, in_room: bool = False) -> NoReturn:
    """Raise what an answer other than 2xx means; `in_room`: it was about a room we were in."""
    told = _told(answer)
    code = str(told.get("errcode") or "")
    match answer.status:
        case _ if code in _TOKEN_ENDED:
            raise LoginRejected(SOFTLY_ENDED if told.get("soft_logout") is True else SESSION_ENDED)
        case _ if code in USER_CLOSED_CODES:
            raise LoginRejected(USER_CLOSED)
        case 429:
            raise RetryLater("The homeserver wants fewer requests for now.", seconds=_wait(answer, told))
        case 413:
            raise MessageRejected("Matrix refused the message: it is too large for this homeserver.")
        case 403 | 404 if code in ("M_FORBIDDEN", "M_NOT_FOUND", "M_GUEST_ACCESS_FORBIDDEN") and in_room:
            raise RoomGone(NOT_IN_ROOM)
        case status if writes and 400 <= status < 500 and code:
            raise MessageRejected(f"Matrix refused the message ({shown(code)}).")
        case status if writes and (status >= 500 or status == 408):
            raise DeliveryUnknown(f"The homeserver answered a message with an error (status {status}).")
        case status:
            raise RetryLater(f"{answer.host} answered with an error (status {status}).")


def broken(error: net.NetError, server: str, *, writes: bool = False) -> ConnectorError:
    """What a failure on the way to the server means."""
    host = urlsplit(server).netloc
    match error:
        case net.CertificateRefused():
            return RetryLater(f"{host} could not be reached: {error}. {OWN_AUTHORITY}")
        case net.NotSent():
            return RetryLater(f"{host} could not be reached: {error}. {CHECK}")
        case _ if writes:
            return DeliveryUnknown(f"{host} broke off: {error}.")
        case _:
            return RetryLater(f"{host} broke off: {error}.")


def answered(answer: net.Answer, *, writes: bool = False) -> dict[str, Any]:
    """The JSON object of a good answer. What else came is no homeserver's."""
    try:
        value = answer.json()
    except ValueError:
        value = None
    if isinstance(value, dict):
        return value
    problem: type[ConnectorError] = DeliveryUnknown if writes else RetryLater
    raise problem(f"{answer.host} did not answer like a Matrix homeserver. {CHECK}")


def code_of(answer: net.Answer) -> str:
    """The `errcode` of a refusal, "" where there is none."""
    return str(_told(answer).get("errcode") or "")


def shown(code: str) -> str:
    """A server's word that may stand in a sentence of ours."""
    return code if re.fullmatch(r"[A-Za-z0-9_.]{1,64}", code) else "no reason given"


def _told(answer: net.Answer) -> dict[str, Any]:
    try:
        value = answer.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _wait(answer: net.Answer, told: dict[str, Any]) -> float:
    """`Retry-After` goes before `retry_after_ms`, which is deprecated since v1.10."""
    header = (answer.headers.get("Retry-After") or "").strip()
    if header.isascii() and header.isdigit() and len(header) < 9:
        return float(header)
    named = told.get("retry_after_ms")
    is_number = isinstance(named, int | float) and not isinstance(named, bool)
    return max(named / 1000, 0.1) if is_number and named is not None else WAIT
