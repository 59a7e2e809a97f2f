"""The same door for protocols of text lines: one TCP or TLS connection that stays open, in an event loop.

Thousands of them are silent for hours, so each is small: no task, no timer, and TLS by memory buffers of its
own (asyncio's takes 256 KiB for each connection). What comes is handed on line by line, at once.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from connectors.net.addresses import Found, callable_ones
from connectors.net.errors import CertificateRefused, CertificateUnreadable, Cut, NetError, NotSent
from connectors.net.lookup import found_at
from connectors.net.pools import context_for

LONGEST: Final = 16 * 1024  # bytes of one line
UNSENT: Final = 64 * 1024  # bytes that may wait for a server that does not read
_PIECE: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where to connect. `certificate` is PEM of a client certificate with its key."""

    host: str
    port: int
    encrypted: bool
    ca_certificate: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)


async def open_lines(
    place: Place, *, deadline: float, heard: Callable[[bytes], None], ended: Callable[[NetError], None]
) -> LineConnection:
    """Connect, and hand each line that comes to `heard`, without its end; when it breaks, why to `ended`.

    asyncio; network I/O, `deadline` seconds in total: name lookup, connecting and TLS. Public and allowed
    addresses only; where the connection is not `encrypted`, whoever typed the address chose that. Raises
    NotSent.
    """
    context = _context(place) if place.encrypted else None
    try:
        async with asyncio.timeout(deadline):
            found = await found_at(place.host, place.port)
            if not found:
                raise NotSent(f"{place.host} is not known to the name service")
            opened = await _connected(place.host, callable_ones(place.host, found, encrypted=True), deadline)
            connection = LineConnection(place.host, context, heard, ended)
            await asyncio.get_running_loop().create_connection(lambda: connection, sock=opened)
            try:
                await connection.secured
            except BaseException:
                connection.close()
                raise
            return connection
    except TimeoutError:
        raise NotSent(f"{place.host} did not answer within {deadline:g} seconds") from None


async def _connected(host: str, usable: Sequence[Found], deadline: float) -> socket.socket:
    """A socket to the first address that answers; a silent one may use only its share of the time."""
    loop, failure = asyncio.get_running_loop(), f"{host} cannot be reached"
    for family, address in usable:
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.setblocking(False)
        try:
            async with asyncio.timeout(deadline / (len(usable) + 1)):
                await loop.sock_connect(opened, address)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return opened
        except BaseException as error:
            opened.close()
            if not isinstance(error, OSError):  # TimeoutError is one
                raise
            if isinstance(error, ConnectionRefusedError):
                failure = f"{host} refused the connection"
            elif isinstance(error, TimeoutError):
                failure = f"{host} did not answer within {deadline:g} seconds"
    raise NotSent(failure)


def _context(place: Place) -> ssl.SSLContext:
    if not place.certificate:
        return _shared(place.ca_certificate)
    context = context_for(place.ca_certificate or None)
    # The library loads certificates from files alone.
    handle, path = tempfile.mkstemp(suffix=".pem")
    try:
        with open(handle, "w") as file:
            file.write(place.certificate)
        context.load_cert_chain(path, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError):
        raise CertificateUnreadable("the client certificate and its key cannot be read") from None
    finally:
        os.unlink(path)
    return context


@lru_cache(maxsize=64)
def _shared(ca_certificate: str) -> ssl.SSLContext:
    """One for all connections that trust the same: the public CAs take more than a MiB."""
    return context_for(ca_certificate or None)


class LineConnection(asyncio.Protocol):
    """An open connection. Made by `open_lines`; for its event loop alone."""

    __slots__ = (
        "_context",
        "_ended",
        "_heard",
        "_host",
        "_in",
        "_is_over",
        "_out",
        "_rest",
        "_tls",
        "_wire",
        "secured",
    )

    def __init__(
        self,
        host: str,
        context: ssl.SSLContext | None,
        heard: Callable[[bytes], None],
        ended: Callable[[NetError], None],
    ) -> None:
        self._host, self._context, self._heard, self._ended = host, context, heard, ended
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._wire: asyncio.Transport | None = None
        self._rest = b""
        self._is_over = False
        self.secured: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # ------------------------------------------------------------------ for who holds it

    def write(self, data: bytes) -> None:
        """Send, or nothing where it is over. Whoever does not read what we send is left."""
        if self._is_over or self._wire is None:
            return
        if self._tls is not None:
            with suppress(ssl.SSLError):  # closed by the other side: told by what is read
                self._tls.write(data)
            self._flush()
        else:
            self._wire.write(data)
        if self._wire.get_write_buffer_size() > UNSENT:
            self._end(Cut(f"{self._host} does not take what is sent to it"))

    def pause(self, *, reading: bool) -> None:
        """Take nothing more from the other side for now, or go on."""
        if self._wire is None or self._wire.is_closing():
            return
        if reading:
            self._wire.resume_reading()
        else:
            self._wire.pause_reading()

    def close(self) -> None:
        """End it; what was written is still sent. Nothing is told."""
        self._is_over = True
        if self._wire is not None:
            self._wire.close()

    def abort(self) -> None:
        """End it at once."""
        self._is_over = True
        if self._wire is not None:
            self._wire.abort()

    # ------------------------------------------------------------------ for the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = transport  # type: ignore[assignment]
        if self._context is None:
            self._is_secured()
            return
        self._tls = self._context.wrap_bio(self._in, self._out, server_hostname=self._host)
        self._shake_hands()

    def data_received(self, data: bytes) -> None:
        if self._is_over:
            return
        if self._tls is None:
            self._take(data)
            return
        self._in.write(data)
        if not self.secured.done():
            self._shake_hands()
        if self.secured.done() and not self._is_over:
            self._decrypt()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(Cut(f"{self._host} broke the connection off"))

    def _shake_hands(self) -> None:
        assert self._tls is not None
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLCertVerificationError as error:
            self._flush()
            reason = error.verify_message.rstrip(".")
            self._end(CertificateRefused(f"the certificate of {self._host} could not be verified: {reason}"))
        except OSError:
            self._end(NotSent(f"no secure connection to {self._host} could be made"))
        else:
            self._flush()
            self._is_secured()

    def _decrypt(self) -> None:
        assert self._tls is not None
        try:
            while not self._is_over and (data := self._tls.read(_PIECE)):
                self._take(data)
        except ssl.SSLWantReadError:
            self._flush()  # keys may have been renewed
            return
        except OSError:
            pass
        self._end(Cut(f"{self._host} broke the connection off"))

    def _flush(self) -> None:
        if self._out.pending and self._wire is not None:
            self._wire.write(self._out.read())

    def _take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line := line.strip(b"\r"):
                self._heard(line)
            if self._is_over:
                return
        if len(self._rest) > LONGEST:
            self._end(Cut(f"{self._host} sent a line that is too long"))

    def _is_secured(self) -> None:
        if not self.secured.done():
            self.secured.set_result(None)

    def _end(self, error: NetError) -> None:
        if self._is_over:
            return
        self.abort()
        if not self.secured.done():
            self.secured.set_exception(error if isinstance(error, NotSent) else NotSent(str(error)))
        else:
            self._ended(error)
