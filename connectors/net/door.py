"""The request itself."""

import json as json_module
import re
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, Final
from urllib.parse import urljoin

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError, IncompleteRead
from urllib3.response import HTTPResponse
from urllib3.util import parse_url

from connectors.net import pools
from connectors.net.deadline import Call, TooLong, running
from connectors.net.errors import AddressRefused, Cut, NetError, NotJson, NotSent, TooLarge, redact

MEBIBYTE: Final = 1024 * 1024
_HEADER_ALLOWANCE: Final = 256 * 1024  # bytes besides the body: status line, headers, chunk sizes
_PIECE: Final = 64 * 1024
_MOST_REDIRECTS: Final = 3
_REDIRECTS: Final = (301, 302, 303, 307, 308)
# By these, readers of addresses disagree which part is the host: one takes it for a trusted one, and another
# calls a stranger, with a token. RFC 3986 allows none of them there.
_ODD_AUTHORITY: Final = re.compile(r"[^/?#]*//[^/?#]*[\\\s\x00-\x20\x7f]")
HEADERS: Final = {"User-Agent": "Sameroom", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service answered, whatever the status, redirects included. Holds no connection."""

    status: int
    headers: Mapping[str, str] = field(repr=False)  # names compare case-insensitively
    body: bytes = field(repr=False)  # decoded from gzip or deflate
    host: str = ""

    @property
    def text(self) -> str:
        """The body as UTF-8, with U+FFFD for what is not."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises NotJson where it is something else: what was done is not known then."""
        try:
            return json_module.loads(self.body)
        except (ValueError, RecursionError):
            pass
        # Outside of `except`: the JSON error carries the whole body along.
        raise NotJson(f"{self.host} answered with something that is not JSON (status {self.status})")


def request(
    method: str,
    url: str,
    *,
    deadline: float,
    max_bytes: int = 2 * MEBIBYTE,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str | int] | None = None,
    json: object = None,
    data: bytes | str | Mapping[str, str] | Iterable[bytes] | None = None,
    ca_certificate: str | None = None,
    secrets: Sequence[str] = (),
) -> Answer:
    """Ask once and return the answer. Network I/O, blocking, no retry, no redirect, thread-safe.

    `deadline` is in seconds and total: name lookup, connecting, TLS, sending, headers and body.
    `max_bytes` bounds the decoded body. `ca_certificate` is PEM text that is trusted instead of
    the public CAs. `secrets` never appear in what is raised. `data` that is read piece by piece
    has to come with its Content-Length.

    Raises NotSent where surely nothing was sent, and Cut where the request began to be written.
    """
    body = bytearray()
    call = Call(deadline, max_bytes + _HEADER_ALLOWANCE)
    parts = {"headers": {**HEADERS, **(headers or {})}, "params": params, "json": json, "data": data}
    outcome = _attempt(method, url, body.extend, call, max_bytes, ca_certificate, parts)
    if isinstance(outcome, Answer):
        return replace(outcome, body=bytes(body))
    # A fresh error, raised outside of every `except`: the causes hold the URL, its query and the
    # headers in their texts, and would be logged with it.
    raise type(outcome)(redact(str(outcome), secrets))


def download(
    url: str,
    into: BinaryIO,
    *,
    deadline: float,
    max_bytes: int,
    headers: Mapping[str, str] | None = None,
    ca_certificate: str | None = None,
    secrets: Sequence[str] = (),
) -> Answer:
    """GET a file piece by piece into `into`; the answer, without its body. Network I/O, blocking.

    Follows a few redirects, each to an address that is checked anew; to those nothing but the address is
    sent, so a token among the `headers` goes to the first one only. `deadline`, the errors and the rest as
    for `request`. Whatever the status, the body is written; repeat it with a fresh `into`.
    """
    call = Call(deadline, max_bytes + _HEADER_ALLOWANCE)
    sent = {**HEADERS, **(headers or {})}
    for _ in range(_MOST_REDIRECTS + 1):
        into.seek(0)
        into.truncate()
        outcome = _attempt("GET", url, into.write, call, max_bytes, ca_certificate, {"headers": sent})
        if not isinstance(outcome, Answer):
            raise type(outcome)(redact(str(outcome), secrets))
        if outcome.status not in _REDIRECTS or not outcome.headers.get("Location"):
            return outcome
        url, sent = urljoin(url, outcome.headers["Location"]), {**HEADERS}
    raise Cut(f"{checked_host(url)} sends from one address to the next")


def check_certificate(ca_certificate: str) -> None:
    """For forms, no I/O. Raises CertificateUnreadable if the PEM text holds no certificate."""
    pools.context_for(ca_certificate or "none")


def _attempt(
    method: str,
    url: str,
    write: Callable[[bytes], object],
    call: Call,
    max_bytes: int,
    ca_certificate: str | None,
    parts: dict[str, Any],
) -> Answer | NetError:
    """One request, its decoded body handed to `write`; or what went wrong with it."""
    host = "the address"
    try:
        host = checked_host(url)
        prepared = requests.Request(method, url, **parts).prepare()
        with running(call):
            call.remaining()
            raw = pools.adapter_for(ca_certificate).start(prepared, call.seconds)
            try:
                _read(raw, write, max_bytes, call)
            except BaseException:
                raw.close()  # a half-read connection is of no further use
                raise
            raw.release_conn()
        return Answer(raw.status, CaseInsensitiveDict(raw.headers), b"", host)
    except NetError as error:
        return error
    except (TooLong, OSError, HTTPError, ValueError) as error:  # requests' errors are OSErrors
        return _explained(error, host, call, max_bytes)


def checked_host(url: str) -> str:
    """The host of an http or https address. AddressRefused for anything else. No I/O."""
    try:
        parsed = None if _ODD_AUTHORITY.match(url) else parse_url(url)
    except ValueError:  # urllib3's LocationParseError, which quotes the URL
        parsed = None
    if parsed is None or parsed.scheme not in ("http", "https") or not parsed.host:
        raise AddressRefused("the address is not a http or https address")
    if parsed.auth is not None:
        raise AddressRefused(f"the address of {parsed.host} must not hold a user name or password")
    return parsed.host


def _read(raw: HTTPResponse, write: Callable[[bytes], object], max_bytes: int, call: Call) -> None:
    """The decoded body. Raises TooLong as soon as it is over, so that a gzip bomb does not unfold."""
    length = 0
    for piece in raw.stream(_PIECE, decode_content=True):
        length += len(piece)
        if length > max_bytes:
            raise TooLong
        write(piece)
        call.remaining()  # decoding needs no socket, and takes time too


def _explained(error: Exception, host: str, call: Call, max_bytes: int) -> NetError:
    if not call.written:
        if call.is_over():
            return NotSent(f"{host} did not answer within {call.seconds:g} seconds")
        return NotSent(f"the request to {host} could not be put together")
    if isinstance(error, TooLong):
        return TooLarge(f"{host} answered with more than {max_bytes / MEBIBYTE:.3g} MiB")
    if call.is_over():
        return Cut(f"{host} did not answer within {call.seconds:g} seconds")
    if _is_broken_off(error):
        return Cut(f"{host} broke the connection off before it had answered")
    return Cut(f"{host} sent an answer that cannot be read")


def _is_broken_off(error: BaseException | None) -> bool:
    """Looks through what urllib3 and requests have wrapped around the first error."""
    while error is not None:
        if isinstance(error, ConnectionError | ssl.SSLError | IncompleteRead):
            return True
        error = error.__cause__ or error.__context__
    return False
