"""Events by HTTP: signed, repeated until they are taken, as the Events API does.

docs.slack.dev, "Events API" (what counts as a failure, retries, X-Slack-No-Retry), "Request URL verification"
and "Verifying requests from Slack" (v0 signatures).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from tests.fakeslack.world import App, Json

if TYPE_CHECKING:
    from tests.fakeslack.slack import Slack

WITHIN = 3.0  # seconds in which an answer has to come
RETRIES = (0.0, 60.0, 300.0)  # seconds after a failure: almost at once, a minute, five minutes
MOST_REDIRECTS = 2


@dataclass(frozen=True)
class Attempt:
    """One request that was made, and what came of it."""

    envelope: Json
    number: int  # 0: the first one
    reason: str  # why it is made again
    status: int | None
    failure: str  # "" where it was taken
    seconds: float


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """`X-Slack-Signature` of a request."""
    signed = b":".join((b"v0", timestamp.encode(), body))
    return f"v0={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def signed(app: App, body: bytes, content_type: str = "application/json") -> dict[str, str]:
    """The headers of a request of Slack's."""
    timestamp = str(int(time.time()))
    return {
        "Content-Type": content_type,
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature(app.signing_secret, timestamp, body),
    }


class Deliveries:
    """Brings envelopes to the request URLs of apps. For the event loop."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack
        self.within, self.retries = WITHIN, RETRIES
        self.attempts: list[Attempt] = []
        self.lost: list[Json] = []  # envelopes that were given up
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    async def bring(self, app: App, envelope: Json) -> None:
        """Try until it is taken, or the retries are used up."""
        reason = ""
        for number in range(len(self.retries) + 1):
            if number:
                await asyncio.sleep(self.retries[number - 1])
            failure, is_final = await self._post(app, envelope, number, reason)
            if not failure:
                return
            if is_final:
                break
            reason = failure
        self.lost.append(envelope)

    async def _post(self, app: App, envelope: Json, number: int, reason: str) -> tuple[str, bool]:
        body = json.dumps(envelope).encode()
        headers = signed(app, body)
        if number:
            headers |= {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason}
        began, status, failure, is_final = time.monotonic(), None, "", False
        try:
            answer = await self.request(app.request_url, body, headers)
            status, is_final = answer.status, answer.headers.get("X-Slack-No-Retry") == "1"
            failure = "" if 200 <= answer.status < 300 else "http_error"
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is a reason that Slack names
            failure = reason_of(error)
        seconds = time.monotonic() - began
        self.attempts.append(Attempt(envelope, number, reason, status, failure, seconds))
        return failure, is_final

    async def request(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """One POST and its answer, whole. Raises what aiohttp does; TimeoutError after `within` seconds."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        async with asyncio.timeout(self.within):
            async with self._session.post(
                url, data=body, headers=headers, max_redirects=MOST_REDIRECTS
            ) as answer:
                return Answer(answer.status, dict(answer.headers), await answer.read())

    async def verify(self, app: App, url: str) -> str:
        """Ask a request URL for its challenge; "" where it was given back, else what is wrong."""
        challenge = secrets.token_hex(26)
        asked = {"token": app.verification_token, "challenge": challenge, "type": "url_verification"}
        body = json.dumps(asked).encode()
        try:
            answer = await self.request(url, body, signed(app, body))
        except Exception as error:  # noqa: BLE001
            return reason_of(error)
        if answer.status != 200:
            return f"HTTP {answer.status}"
        return "" if answer.challenge() == challenge else "the challenge was not given back"


@dataclass(frozen=True)
class Answer:
    """What a receiver answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Json | None:
        """The object in it, if it is one."""
        try:
            told = json.loads(self.body)
        except ValueError:
            return None
        return told if isinstance(told, dict) else None

    def challenge(self) -> str:
        """As plain text, as JSON or as a form: Slack takes each."""
        told = self.json()
        return str(told.get("challenge")) if told else self.body.decode().strip().removeprefix("challenge=")


def reason_of(error: Exception) -> str:
    """The failure as `X-Slack-Retry-Reason` names it."""
    match error:
        case TimeoutError():
            return "http_timeout"
        case aiohttp.TooManyRedirects():
            return "too_many_redirects"
        case aiohttp.ClientSSLError():
            return "ssl_error"
        case aiohttp.ClientConnectionError() | OSError():
            return "connection_failed"
    return "unknown_error"
