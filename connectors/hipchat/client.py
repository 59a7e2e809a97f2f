"""HipChat's REST API v2 on the wire: requests out, checked JSON in, errors of our own.

The facts about the wire stand in README.md beside this file. Knows no model and no relay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlsplit

from connectors import net
from connectors.budget import Budget, Use
from connectors.errors import (
    ConnectorError,
    DeliveryUnknown,
    LoginRejected,
    MessageRejected,
    RetryLater,
    RoomGone,
)
from connectors.hipchat.headers import Told, named_wait, told
from connectors.hipchat.uploads import ShareBody

Json = dict[str, Any]

# 250 messages of 32 768 characters, each written as \\uXXXX, come to 49 MB: the most that one page can be.
HISTORY_BYTES = 64 * 1024 * 1024
READ_DEADLINE = 10.0
CHECK = "Check the address, or try again later."
REFUSED = (
    "HipChat refused this token: it is mistyped, revoked or expired (tokens end after a year). "
    "Create a new one under Account → API access."
)
OWN_AUTHORITY = (
    "If the server has a certificate of its own making, "
    "enter the CA certificate when you link or renew the account."
)
SCOPE = re.compile(r"u?'([a-z_]+)'")


@dataclass(frozen=True, slots=True)
class Call:
    """One request: what it is for decides which share of the budget pays, and what an error means."""

    method: str
    path: str
    use: Use
    params: Mapping[str, str] | None = None
    body: Json | None = None
    upload: ShareBody | None = None
    writes: bool = False
    sends_to: str = ""  # the room whose flood control counts this call
    max_bytes: int = 2 * 1024 * 1024
    deadline: float | None = None  # seconds; None: READ_DEADLINE


class HipChatClient:
    """One token at one server. Every method is one request, but for a 401, which is checked once.

    `budget` counts the token's requests, `flood_of` gives the budget of its sends into one room: flood
    control is a limit of its own, and what it refuses leaves the polls alone.
    """

    def __init__(
        self,
        server: str,
        token: str,
        budget: Budget,
        flood_of: Callable[[str], Budget],
        ca_certificate: str | None = None,
    ) -> None:
        self.server = server
        self._token = token
        self._budget = budget
        self._flood_of = flood_of
        self._ca_certificate = ca_certificate

    # ------------------------------------------------------------------ calls

    def require_hipchat(self) -> None:
        """Raise unless a HipChat server answers at this address, asked without the token.

        A mistyped address must not hand the token to a stranger. Some servers want a login even
        here; their refusal is in HipChat's own form.
        """
        answer = self._request(Call("GET", "/capabilities", Use.OTHER), authenticated=False)
        told = self._json(answer)
        if "capabilities" not in told and not _error_text(answer):
            raise RetryLater(f"{self._host} did not answer like a HipChat server. {CHECK}")

    def session(self) -> Json:
        """Owner, scopes and seconds left of the token."""
        call = Call("GET", f"/oauth/token/{self._token}", Use.OTHER)
        answer = self._request(call)
        if answer.status in (401, 403, 404):
            if _error_text(answer):
                raise LoginRejected(REFUSED)
            raise RetryLater(f"{self._host} answered with an error (status {answer.status}).")
        return self._checked(answer, call)

    def rooms(self, start: int, count: int) -> Json:
        """One page of rooms, in full."""
        params = {"start-index": str(start), "max-results": str(count), "expand": "items"}
        return self._get("/room", Use.OTHER, params, max_bytes=8 * 1024 * 1024)

    def room(self, room: str) -> Json:
        """One room in full."""
        return self._get(f"/room/{room}", Use.OTHER)

    def user(self, user: str) -> Json:
        """One person, with the name of the group. Needs the scope view_group."""
        return self._get(f"/user/{user}", Use.OTHER)

    def users(self, start: int, count: int) -> list[Json]:
        """One page of the group's people, in full. Needs the scope view_group."""
        params = {"start-index": str(start), "max-results": str(count), "expand": "items"}
        return self._items(self._get("/user", Use.OTHER, params, max_bytes=8 * 1024 * 1024))

    def latest(
        self, room: str, *, count: int, not_before: str | None, use: Use, deadline: float | None = None
    ) -> list[Json]:
        """The newest `count` items of a room, oldest first, from `not_before` (inclusive) on."""
        params = {"max-results": str(count)}
        if not_before:
            params["not-before"] = not_before
        path = f"/room/{room}/history/latest"
        call = Call("GET", path, use, params, max_bytes=HISTORY_BYTES, deadline=deadline)
        return self._items(self._checked(self._request(call), call))

    def history(self, room: str, *, until: str, count: int) -> list[Json]:
        """The newest `count` items not later than `until` (ISO 8601), oldest first.

        No `timezone` and no `end-date`: together they are answered with a 401.
        """
        params = {"date": until, "max-results": str(count)}
        return self._items(self._get(f"/room/{room}/history", Use.POLL, params, max_bytes=HISTORY_BYTES))

    def send_message(self, room: str, text: str, *, deadline: float) -> str:
        """Post as the token's owner; the id under which history shows it."""
        call = Call(
            "POST",
            f"/room/{room}/message",
            Use.SEND,
            body={"message": text},
            writes=True,
            sends_to=room,
            deadline=deadline,
        )
        answer = self._checked(self._request(call), call)
        sent = answer.get("id")
        if not isinstance(sent, str) or not sent:
            raise DeliveryUnknown("HipChat took a message without saying under which id.")
        return sent

    def notify(self, room: str, text: str, *, label: str, deadline: float) -> None:
        """Post text as a notification of the token's owner, with a label beside the name. No id is told."""
        body = {"message": text, "message_format": "text", "color": "gray", "from": label}
        path = f"/room/{room}/notification"
        call = Call("POST", path, Use.SEND, body=body, writes=True, sends_to=room, deadline=deadline)
        self._checked(self._request(call), call)

    def share_file(self, room: str, upload: ShareBody, *, deadline: float) -> None:
        """Post a file as the token's owner. No id is told."""
        path = f"/room/{room}/share/file"
        call = Call("POST", path, Use.SEND, upload=upload, writes=True, sends_to=room, deadline=deadline)
        self._checked(self._request(call), call)

    def file(self, file: str) -> str:
        """Where a file that needs a login may be fetched without one, for a while."""
        answer = self._get(f"/file/{file}", Use.OTHER)
        return str(answer.get("temp_download_url") or answer.get("temp_url") or "")

    def hooks(self, room: str) -> list[Json]:
        """The webhooks of a room. Needs the scope admin_room, like the next two."""
        return self._items(self._get(f"/room/{room}/webhook", Use.OTHER, {"max-results": "1000"}))

    def hook_create(self, room: str, *, url: str, event: str) -> Json:
        """Have HipChat push an event of a room to `url`."""
        body = {"url": url, "event": event, "name": "Sameroom"}
        call = Call("POST", f"/room/{room}/webhook", Use.OTHER, body=body)
        return self._checked(self._request(call), call)

    def hook_delete(self, room: str, hook: str) -> None:
        """End a webhook; one that is not there any more is ended."""
        call = Call("DELETE", f"/room/{room}/webhook/{hook}", Use.OTHER)
        answer = self._request(call)
        if answer.status != 404:
            self._checked(answer, call)

    # ------------------------------------------------------------------ below

    def _get(
        self, path: str, use: Use, params: Mapping[str, str] | None = None, max_bytes: int = 2 * 1024 * 1024
    ) -> Json:
        call = Call("GET", path, use, params, max_bytes=max_bytes)
        return self._checked(self._request(call), call)

    def _request(self, call: Call, *, authenticated: bool = True) -> net.Answer:
        if authenticated:
            self._spend(call)
        try:
            answer = net.request(
                call.method,
                f"{self.server}/v2{call.path}",
                deadline=READ_DEADLINE if call.deadline is None else call.deadline,
                max_bytes=call.max_bytes,
                headers=self._headers(call, authenticated=authenticated),
                params=call.params,
                json=call.body,
                data=call.upload,
                ca_certificate=self._ca_certificate,
                secrets=[self._token],
            )
        except net.CertificateRefused as error:
            raise RetryLater(f"{self._host} could not be reached: {error}. {OWN_AUTHORITY}") from None
        except net.NotSent as error:
            raise RetryLater(f"{self._host} could not be reached: {error}. {CHECK}") from None
        except net.Cut as error:
            problem = DeliveryUnknown if call.writes else RetryLater
            raise problem(f"{self._host} broke off: {error}.") from None
        if authenticated:
            self._learn(answer, call)
        return answer

    def _headers(self, call: Call, *, authenticated: bool) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self._token}"} if authenticated else {}
        if call.upload is not None:
            headers["Content-Type"] = call.upload.content_type
        return headers

    def _spend(self, call: Call) -> None:
        """Count a request that is about to be made, where there is room for it."""
        if call.sends_to and (wait := self._flood_of(call.sends_to).take(call.use)) > 0:
            raise RetryLater("HipChat's limit of messages a minute is reached.", seconds=wait)
        if (wait := self._budget.take(call.use)) > 0:
            raise RetryLater("HipChat's request limit for this token is used up for now.", seconds=wait)

    def _learn(self, answer: net.Answer, call: Call) -> None:
        """Feed the budgets from the headers of any answer, whatever its status."""
        _teach(self._budget, told(answer.headers, "Ratelimit"))
        if call.sends_to:
            _teach(self._flood_of(call.sends_to), told(answer.headers, "FloodControl"))
        if answer.status != 429 and (wait := named_wait(answer.headers)) is not None:
            self._budget.pause(wait)  # a busy server, also beside an answer that stands

    def _checked(self, answer: net.Answer, call: Call) -> Json:
        """The JSON of a good answer; what a bad one means, raised."""
        if not 200 <= answer.status < 300:
            self._refused(answer, call)
        return self._json(answer, writes=call.writes) if answer.body else {}

    def _refused(self, answer: net.Answer, call: Call) -> NoReturn:
        message = _error_text(answer)
        match answer.status:
            case 401:
                # Some calls answer 401 although the token is fine: the session endpoint decides.
                self.session()
                raise RetryLater("HipChat refused one request although the token is fine.")
            case 403 if "scope" in message:
                needed = ", ".join(SCOPE.findall(message)) or "another scope"
                raise LoginRejected(f"The HipChat token lacks a permission: it needs one of {needed}.")
            case 403 | 404 if message:  # in HipChat's own words; a proxy's page says nothing of the room
                raise RoomGone(_why_gone(answer.status, message))
            case 429:
                self._too_many(answer, call)
            case 400 | 413 | 422 if call.writes:
                raise MessageRejected(f"HipChat refused the message (status {answer.status}).")
            case status if call.writes and (status >= 500 or status == 408):
                raise DeliveryUnknown(f"HipChat answered a message with an error (status {status}).")
            case status:
                raise RetryLater(f"{self._host} answered with an error (status {status}).")

    def _too_many(self, answer: net.Answer, call: Call) -> NoReturn:
        rate, flood = told(answer.headers, "Ratelimit"), told(answer.headers, "FloodControl")
        named = named_wait(answer.headers)
        if call.sends_to and _is_flood(rate, flood):
            # Flood control binds one room's sends, not the token: polls may go on.
            limits = self._flood_of(call.sends_to)
            wait = limits.refused(retry_after=named or flood.reset_in, use=call.use)
            raise RetryLater("HipChat's limit of messages a minute is reached.", seconds=wait)
        wait = self._budget.refused(retry_after=named or rate.reset_in, use=call.use)
        raise RetryLater("HipChat's request limit for this token is reached.", seconds=wait)

    def _json(self, answer: net.Answer, *, writes: bool = False) -> Json:
        try:
            value = answer.json()
        except ValueError:
            value = None
        if isinstance(value, dict):
            return value
        problem: type[ConnectorError] = DeliveryUnknown if writes else RetryLater
        raise problem(f"{self._host} did not answer like a HipChat server. {CHECK}")

    def _items(self, answer: Json) -> list[Json]:
        items = answer.get("items")
        if not isinstance(items, list):
            raise RetryLater(f"{self._host} did not answer like a HipChat server. {CHECK}")
        return [item for item in items if isinstance(item, dict)]

    @property
    def _host(self) -> str:
        return urlsplit(self.server).netloc


def _teach(budget: Budget, said: Told) -> None:
    budget.learn(limit=said.limit, remaining=said.remaining, reset_in=said.reset_in)


def _is_flood(rate: Told, flood: Told) -> bool:
    """Which of the two limits a refused send has met: HipChat says 429 and the same words for both."""
    if rate.remaining == 0:
        return False
    return flood.remaining == 0 or rate.remaining is not None


def _why_gone(status: int, message: str) -> str:
    """What has become of a room, and what to do. HipChat's texts changed over time; 403 and 404 did not."""
    if "archived" in message.lower():
        return "This room is archived at HipChat. Unarchive it there, or close the Tube."
    if status == 403:
        return "HipChat no longer lets the linked user into this room. Have the user added to it there."
    return (
        "HipChat shows no such room any more: it was deleted, or it is private and the linked user was "
        "removed. If it still exists, have the user added to it there; if not, close the Tube."
    )


def _error_text(answer: net.Answer) -> str:
    """HipChat's own error message, where the answer is one."""
    try:
        error = answer.json().get("error")
        return str(error.get("message", "")) if isinstance(error, dict) else ""
    except (ValueError, AttributeError):
        return ""
