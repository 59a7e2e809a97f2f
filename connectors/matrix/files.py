"""Files both ways: uploaded as they are read from the disk, fetched with the login. Blocking.

Matrix specification v1.16, Client-Server API, "Content repository"; media are given to who is logged in only
since v1.11, and were given to everybody before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from connectors import net
from connectors.base import Attachment, OutgoingFile
from connectors.errors import FileGone, LoginRejected, RetryLater
from connectors.matrix.client import MEBIBYTE, MatrixClient
from connectors.matrix.refusals import refused

_PIECE: Final = 64 * 1024  # bytes
_ADDRESS: Final = re.compile(r"mxc://([A-Za-z0-9.:\[\]-]{1,255})/([A-Za-z0-9_=~.-]{1,255})")


def upload(client: MatrixClient, file: OutgoingFile, *, deadline: float) -> str:
    """The `mxc://` address under which the homeserver keeps a file. May be repeated."""
    return client.upload(
        Pieces(file.content, file.size),
        name=file.name,
        content_type=file.content_type,
        deadline=deadline,
    )


def fetch(client: MatrixClient, file: Attachment, into: BinaryIO, *, most: int, deadline: float) -> None:
    """As `Connector.fetch`."""
    found = _ADDRESS.fullmatch(file.reference)
    if found is None:
        raise FileGone("The file has no address at a homeserver.")
    try:
        answer = client.download(found.groups(), into, most=most, deadline=deadline)
    except net.TooLarge:
        raise FileGone(f"The file is larger than {most / MEBIBYTE:.3g} MiB.", why="too large") from None
    if answer.status == 200:
        return
    if answer.status in (401, 429) or answer.status >= 500:
        _refused(answer)
    raise FileGone(f"The homeserver does not give the file out (status {answer.status}).")


def _refused(answer: net.Answer) -> None:
    """A token that has ended is for the account's next call to find out."""
    try:
        refused(answer)
    except LoginRejected as error:
        raise RetryLater(str(error)) from None


@dataclass(frozen=True, slots=True)
class Pieces:
    """A file as the body of a request. It has a length, without which it would be sent in chunks."""

    content: BinaryIO
    size: int

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        self.content.seek(0)
        while piece := self.content.read(_PIECE):
            yield piece
