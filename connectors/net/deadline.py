"""Sockets that keep one total deadline, however slowly the other side drips.

A time-out of the standard library starts anew with every byte. Here each call to the operating
system gets what is left of the running request, which the thread carries while it runs.
"""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sameroom import clock


class TooLong(Exception):
    """More came in than the request allows, before any decoding."""


class Call:
    """One running request: how long it may still take, whether it wrote, how much it read."""

    def __init__(self, seconds: float, allowance: int) -> None:
        self.seconds = seconds
        self.written = False  # from here on nobody can say that nothing was sent
        self._ends = clock.monotonic() + seconds
        self._allowance = allowance

    def remaining(self) -> float:
        """Seconds left, more than zero. Raises TimeoutError when none are."""
        left = self._ends - clock.monotonic()
        if left <= 0:
            raise TimeoutError("The total deadline has passed.")
        return left

    def is_over(self) -> bool:
        return clock.monotonic() >= self._ends

    def count(self, received: int) -> None:
        """Bounds headers and chunk lines as well, which no limit on the body sees."""
        self._allowance -= received
        if self._allowance < 0:
            raise TooLong


_thread = threading.local()


@contextmanager
def running(call: Call) -> Iterator[None]:
    """Everything this thread sends and receives inside belongs to `call`."""
    _thread.call = call
    try:
        yield
    finally:
        _thread.call = None


def current() -> Call:
    """The running request. Raises RuntimeError where there is none: nothing may use these sockets then."""
    call: Call | None = getattr(_thread, "call", None)
    if call is None:
        raise RuntimeError("A socket of connectors.net was used outside of a request.")
    return call


class DeadlineSocket(socket.socket):
    """http.client reads with recv_into and writes with sendall, so these two are enough."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        call = current()
        self.settimeout(call.remaining())
        received = super().recv_into(*args, **kwargs)
        call.count(received)
        return received

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        call = current()
        self.settimeout(call.remaining())  # for the whole of sendall, since Python 3.5
        call.written = True
        super().sendall(*args, **kwargs)


class DeadlineSSLSocket(ssl.SSLSocket):
    """The same through TLS. The handshake passes neither method, so `written` stays False in it."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        call = current()
        self.settimeout(call.remaining())
        received = super().recv_into(*args, **kwargs)
        call.count(received)
        return received

    def send(self, *args: Any, **kwargs: Any) -> int:
        call = current()
        self.settimeout(call.remaining())
        call.written = True
        return super().send(*args, **kwargs)  # SSLSocket.sendall is a loop around send
