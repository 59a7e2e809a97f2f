"""Kept-alive connections, one set per CA certificate, built on the adapter of `requests`.

The adapter is used without a Session: a Session would keep cookies, read the environment for
proxies and passwords, and follow redirects.
"""

import hashlib
import logging
import os
import queue
import ssl
import threading
from collections import OrderedDict
from typing import Any, Final
from weakref import WeakSet

import certifi
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager
from urllib3.response import HTTPResponse

from connectors.net.addresses import open_socket
from connectors.net.deadline import DeadlineSocket, DeadlineSSLSocket, current
from connectors.net.errors import CertificateRefused, CertificateUnreadable, NotSent
from sameroom import clock

# Shorter than what servers keep (nginx 75 s), as a request written into a connection that the
# server just closed is one nobody can say was not taken.
IDLE_SECONDS: Final = 30.0
_MOST_HOSTS: Final = 100  # per CA certificate
_MOST_PER_HOST: Final = 64  # kept idle; more may be in use
_MOST_CERTIFICATES: Final = 256

# On odd headers urllib3 warns with the whole URL, and a token may be part of it.
logging.getLogger("urllib3.connection").addFilter(lambda record: "url=" not in str(record.msg))


class _Kept:
    """What a connection knows about its own idleness."""

    idle_since = 0.0
    idle_limit = IDLE_SECONDS

    def is_stale(self) -> bool:
        return clock.monotonic() - self.idle_since > self.idle_limit

    def heed(self, response: Any) -> None:
        """`Keep-Alive: timeout=5` is the server's own word on when it will close (Apache, Node)."""
        for part in (response.headers.get("Keep-Alive") or "").split(","):
            name, _, value = part.strip().partition("=")
            if name.lower() == "timeout" and value.isascii() and value.isdigit():
                self.idle_limit = min(IDLE_SECONDS, int(value[:9]) - 1.0)


class _PlainConnection(_Kept, HTTPConnection):
    def _new_conn(self) -> DeadlineSocket:
        return open_socket(self._dns_host, self.port, encrypted=False)

    def getresponse(self) -> Any:
        response = super().getresponse()
        self.heed(response)
        return response


class _TLSConnection(_Kept, HTTPSConnection):
    def _new_conn(self) -> DeadlineSocket:
        return open_socket(self._dns_host, self.port, encrypted=True)

    def connect(self) -> None:
        """Connects and shakes hands. Raises NotSent."""
        try:
            super().connect()
        except ssl.SSLCertVerificationError as error:
            raise CertificateRefused(
                f"the certificate of {self.host} could not be verified: {error.verify_message.rstrip('.')}"
            ) from error
        except OSError as error:  # ssl.SSLError and TimeoutError are of this kind
            if current().is_over() or isinstance(error, TimeoutError):
                raise NotSent(f"{self.host} did not answer within {current().seconds:g} seconds") from error
            raise NotSent(f"no secure connection to {self.host} could be made") from error

    def getresponse(self) -> Any:
        response = super().getresponse()
        self.heed(response)
        return response


_pools: "WeakSet[_KeepingPool]" = WeakSet()


class _KeepingPool(HTTPConnectionPool):
    """Reuses no connection that was idle for too long."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _pools.add(self)

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        if connection.is_stale():
            connection.close()  # urllib3 connects again
        connection.idle_limit = IDLE_SECONDS
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = clock.monotonic()
        super()._put_conn(conn)

    def close_stale(self) -> None:
        """Frees the sockets of a host that nobody calls any more."""
        kept: list[Any] = []
        try:
            while self.pool is not None:
                kept.append(self.pool.get_nowait())
        except queue.Empty:
            pass
        for connection in reversed(kept):  # the pool is a stack: oldest back in first
            if connection is not None and connection.is_stale():
                connection.close()
            super()._put_conn(connection)


class _PlainPool(_KeepingPool):
    ConnectionCls = _PlainConnection


class _TLSPool(_KeepingPool, HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class Adapter(HTTPAdapter):
    """Pools for one set of trusted certificates; safe to share between threads."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_connections=_MOST_HOSTS, pool_maxsize=_MOST_PER_HOST, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **_: Any) -> None:
        self.poolmanager = PoolManager(
            num_pools=connections, maxsize=maxsize, block=block, ssl_context=self._context
        )
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TLSPool}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing: the context says whom to trust, and requests would add the public CAs to it."""

    def start(self, prepared: Any, seconds: float) -> HTTPResponse:
        """Sends, and reads the headers of the answer. The body waits in what is returned."""
        response = self.send(prepared, stream=True, timeout=seconds)
        raw: HTTPResponse = response.raw
        return raw


_lock = threading.Lock()
_adapters: OrderedDict[str, Adapter] = OrderedDict()
_next_cleaning = 0.0


def adapter_for(ca_certificate: str | None) -> Adapter:
    """The pools for this CA certificate (PEM text), or for the public CAs. Raises CertificateUnreadable."""
    key = hashlib.sha256(ca_certificate.encode("utf-8", "replace")).hexdigest() if ca_certificate else ""
    with _lock:
        adapter = _adapters.get(key)
        if adapter is None:
            adapter = _adapters[key] = Adapter(context_for(ca_certificate))
            while len(_adapters) > _MOST_CERTIFICATES:
                _adapters.popitem(last=False)[1].close()
        _adapters.move_to_end(key)
    _close_stale_now_and_then()
    return adapter


def context_for(ca_certificate: str | None) -> ssl.SSLContext:
    """Verifies always: against the given certificate alone, else against the public CAs."""
    try:
        if ca_certificate:
            context = ssl.create_default_context(cadata=ca_certificate)
            context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN  # it need not be a root
        else:
            context = ssl.create_default_context(cafile=certifi.where())
    except (ssl.SSLError, ValueError, TypeError):
        raise CertificateUnreadable("the CA certificate is not a certificate in PEM form") from None
    context.sslsocket_class = DeadlineSSLSocket
    return context


def _close_stale_now_and_then() -> None:
    global _next_cleaning
    now = clock.monotonic()
    if now < _next_cleaning:
        return
    _next_cleaning = now + IDLE_SECONDS
    for pool in list(_pools):
        pool.close_stale()


def forget() -> None:
    """Starts with no connections, and closes none of the old ones here."""
    global _lock, _next_cleaning
    _lock = threading.Lock()
    _next_cleaning = 0.0
    _adapters.clear()
    _pools.clear()


# Two processes that write into one connection would mix their requests.
os.register_at_fork(after_in_child=forget)
