"""The same door for asyncio: answers that are long in coming, waited for by the thousand in one event loop.

The package does not import it: only who streams needs aiohttp in memory. For what may be repeated only:
whether a request was sent, which matters for other writes, is not told apart as finely here.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from requests.structures import CaseInsensitiveDict
from yarl import URL

from connectors.net.addresses import Found, callable_ones
from connectors.net.deadline import TooLong
from connectors.net.door import HEADERS, MEBIBYTE, Answer, checked_host
from connectors.net.errors import AddressRefused, CertificateRefused, Cut, NetError, NotSent, TooLarge, redact
from connectors.net.lookup import found_at
from connectors.net.pools import IDLE_SECONDS, context_for

_PIECE: Final = 64 * 1024
_FAREWELL: Final = 1.0  # seconds that the other end of a WebSocket has to say goodbye
_open: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Connections]] = WeakKeyDictionary()


@asynccontextmanager
async def connections(ca_certificate: str | None = None) -> AsyncIterator[Connections]:
    """The running event loop's, shared by all who trust the same certificates; the last one closes them.

    `ca_certificate` is PEM text that is trusted instead of the public CAs; raises CertificateUnreadable.
    """
    opened = _open.setdefault(asyncio.get_running_loop(), {})
    key = ca_certificate or ""
    shared = opened.get(key)
    if shared is None:
        shared = opened[key] = Connections(ca_certificate)
    shared.users += 1
    try:
        yield shared
    finally:
        shared.users -= 1
        if not shared.users:
            opened.pop(key, None)
            await shared.close()


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request."""

    method: str
    url: str
    headers: Mapping[str, str]
    json: Mapping[str, object] | None = None


class Connections:
    """Kept-alive connections, as many as are asked for at once. Made by `connections`."""

    def __init__(self, ca_certificate: str | None) -> None:
        self.users = 0
        self._context = context_for(ca_certificate)
        self._sessions: dict[bool, aiohttp.ClientSession] = {}  # by whether they are encrypted

    async def get(
        self,
        url: str,
        *,
        deadline: float,
        max_bytes: int = 2 * MEBIBYTE,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
        secrets: Sequence[str] = (),
    ) -> Answer:
        """Ask once and return the answer. asyncio; network I/O, no retry, no redirect.

        `deadline` (seconds, total), `max_bytes` and `secrets` as for `net.request`. Raises NotSent where no
        connection came about, and Cut for whatever broke off afterwards.
        """
        asked = _Asked("GET", f"{url}?{urlencode(params)}" if params else url, headers or {})
        return await self._answered(asked, deadline, max_bytes, secrets)

    async def post(
        self,
        url: str,
        *,
        json: Mapping[str, object],
        deadline: float,
        max_bytes: int = 2 * MEBIBYTE,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
        secrets: Sequence[str] = (),
    ) -> Answer:
        """As `get`, with a JSON object in the body."""
        asked = _Asked("POST", f"{url}?{urlencode(params)}" if params else url, headers or {}, json)
        return await self._answered(asked, deadline, max_bytes, secrets)

    async def _answered(
        self, asked: _Asked, deadline: float, max_bytes: int, secrets: Sequence[str]
    ) -> Answer:
        outcome = await self._attempt(asked, deadline, max_bytes)
        if isinstance(outcome, Answer):
            return outcome
        # A fresh error, raised outside of every `except`: the causes hold the address and its query.
        raise type(outcome)(redact(str(outcome), secrets))

    async def websocket(
        self, url: str, *, deadline: float, heartbeat: float, max_bytes: int, secrets: Sequence[str] = ()
    ) -> WebSocket:
        """Open a WebSocket by its wss:// (or ws://) address, by the same rules; the caller closes it.

        `heartbeat`: seconds after which it is asked whether it is still there, and half of that to answer;
        `max_bytes` of one message. Raises NotSent, Cut.
        """
        http = f"http{url[2:]}" if url[:2].lower() == "ws" else url
        outcome = await self._opened(http, deadline, heartbeat, max_bytes)
        if isinstance(outcome, WebSocket):
            return outcome
        raise type(outcome)(redact(str(outcome), secrets))

    async def _opened(
        self, url: str, deadline: float, heartbeat: float, max_bytes: int
    ) -> WebSocket | NetError:
        host = "the address"
        try:
            host = checked_host(url)
            async with asyncio.timeout(deadline):
                session = self._session(encrypted=url[:6].lower() == "https:")
                opened = await session.ws_connect(
                    URL(url, encoded=True),
                    headers=HEADERS,
                    heartbeat=heartbeat,
                    max_msg_size=max_bytes,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_FAREWELL),
                )
            return WebSocket(opened, host)
        except NetError as error:
            return error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _explained(error, host, deadline)

    async def close(self) -> None:
        """End all connections. asyncio."""
        for session in self._sessions.values():
            await session.close()

    async def _attempt(self, asked: _Asked, deadline: float, max_bytes: int) -> Answer | NetError:
        host = "the address"
        try:
            host = checked_host(asked.url)
            async with asyncio.timeout(deadline):
                session = self._session(encrypted=asked.url[:6].lower() == "https:")
                # Encoded already: what the library would do anew changes ids with a colon or a slash.
                url, headers = URL(asked.url, encoded=True), {**HEADERS, **asked.headers}
                call = session.request(
                    asked.method, url, headers=headers, json=asked.json, allow_redirects=False
                )
                async with call as response:
                    body = await _read(response, max_bytes)
            return Answer(response.status, CaseInsensitiveDict(response.headers), body, host)
        except NetError as error:
            return error
        except TooLong:
            return TooLarge(f"{host} answered with more than {max_bytes / MEBIBYTE:.3g} MiB")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _explained(error, host, deadline)

    def _session(self, *, encrypted: bool) -> aiohttp.ClientSession:
        if encrypted not in self._sessions:
            connector = aiohttp.TCPConnector(
                limit=0,
                ssl=self._context,
                resolver=_Resolver(encrypted=encrypted),
                socket_factory=_only_callable if encrypted else _only_allowed,
                keepalive_timeout=IDLE_SECONDS,
            )
            self._sessions[encrypted] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),  # ours is around the whole
            )
        return self._sessions[encrypted]


class WebSocket:
    """An open WebSocket. Made by `Connections.websocket`; asyncio."""

    def __init__(self, opened: aiohttp.ClientWebSocketResponse, host: str) -> None:
        self._opened, self._host = opened, host

    async def receive(self) -> str:
        """The next text message, waited for as long as the heart beats. Raises Cut where it has ended."""
        while True:
            message = await self._opened.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                return str(message.data)
            if message.type is not aiohttp.WSMsgType.BINARY:
                break
        raise Cut(f"{self._host} ended the connection")

    async def send(self, text: str, *, deadline: float) -> None:
        """Send a text message. Raises Cut."""
        try:
            async with asyncio.timeout(deadline):
                await self._opened.send_str(text)
            return
        except (aiohttp.ClientError, OSError):
            pass
        raise Cut(f"{self._host} ended the connection")

    async def close(self) -> None:
        """End it, within a second."""
        await self._opened.close()


class _Resolver(AbstractResolver):
    """Gives only addresses that may be called."""

    def __init__(self, *, encrypted: bool) -> None:
        self._encrypted = encrypted

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await found_at(host, port)
        if not found:
            raise _Refused(NotSent(f"{host} is not known to the name service"))
        try:
            usable = callable_ones(host, found, encrypted=self._encrypted)
        except AddressRefused as refusal:
            raise _Refused(refusal) from None
        return [_result(host, one) for one in usable]

    async def close(self) -> None:
        """Nothing is kept."""


class _Refused(OSError):
    """Carries our own error through the library, which knows errors of the system."""

    def __init__(self, error: NetError) -> None:
        super().__init__(str(error))
        self.error = error


def _result(host: str, found: Found) -> ResolveResult:
    family, address = found
    return ResolveResult(
        hostname=host,
        host=str(address[0]),
        port=int(address[1]),
        family=family,
        proto=0,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


def _only_callable(info: Any) -> socket.socket:
    return _socket(info, encrypted=True)


def _only_allowed(info: Any) -> socket.socket:
    return _socket(info, encrypted=False)


def _socket(info: Any, *, encrypted: bool) -> socket.socket:
    """For exactly the address that is checked here: what looks like one is never looked up (`127.1`)."""
    family, kind, protocol, _, address = info
    try:
        ipaddress.ip_address(address[0])
        callable_ones(str(address[0]), [(family, address)], encrypted=encrypted)
    except ValueError:
        raise _Refused(AddressRefused("the address is not a http or https address")) from None
    except AddressRefused as refusal:
        raise _Refused(refusal) from None
    return socket.socket(family, kind, protocol)


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """The decoded body. TooLong as soon as it is over."""
    body = bytearray()
    async for piece in response.content.iter_chunked(_PIECE):
        body += piece
        if len(body) > max_bytes:
            raise TooLong
    return bytes(body)


def _explained(error: Exception, host: str, seconds: float) -> NetError:
    match error:
        case aiohttp.InvalidURL():
            return AddressRefused("the address is not a http or https address")
        case aiohttp.ClientConnectorCertificateError():
            reason = getattr(error.certificate_error, "verify_message", "") or "it cannot be trusted"
            return CertificateRefused(
                f"the certificate of {host} could not be verified: {reason.rstrip('.')}"
            )
        case aiohttp.ClientConnectorError(os_error=_Refused() as refused):
            return refused.error
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return NotSent(f"{host} refused the connection")
        case aiohttp.ClientConnectorError():
            return NotSent(f"{host} cannot be reached")
        case TimeoutError():
            return Cut(f"{host} did not answer within {seconds:g} seconds")
        case aiohttp.ClientPayloadError() | aiohttp.ServerDisconnectedError() | OSError():
            return Cut(f"{host} broke the connection off before it had answered")
        case _:
            return Cut(f"{host} sent an answer that cannot be read")
