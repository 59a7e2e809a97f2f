"""Files on their way from one service to another."""

from __future__ import annotations

from typing import BinaryIO

from connectors import net
from connectors.errors import FileGone, RetryLater

MEBIBYTE = 1024 * 1024


def fetch_public(
    url: str, into: BinaryIO, *, most: int, deadline: float, ca_certificate: str | None = None
) -> None:
    """Write what is at a public address into `into`, at most `most` bytes. Network I/O; may be repeated.

    No token goes along: the address may be on anybody's host. Raises FileGone and RetryLater.
    """
    if not url:
        raise FileGone("The file has no address.")
    try:
        answer = net.download(url, into, deadline=deadline, max_bytes=most, ca_certificate=ca_certificate)
    except net.AddressRefused:
        raise FileGone("The file's address is not a public one.") from None
    except net.TooLarge:
        raise FileGone(f"The file is larger than {most / MEBIBYTE:.3g} MiB.", why="too large") from None
    except net.NetError as error:
        raise RetryLater(f"The file could not be fetched: {error}.") from None
    if answer.status == 429 or answer.status >= 500:
        raise RetryLater(f"{answer.host} does not give the file out now (status {answer.status}).")
    if answer.status != 200:
        raise FileGone(f"{answer.host} does not give the file out (status {answer.status}).")
