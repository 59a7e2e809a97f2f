"""Files both ways: uploaded to the address that Slack names, fetched with the login. Blocking.

"Working with files" (docs.slack.dev/messaging/working-with-files): `files.getUploadURLExternal`, the bytes by
POST, then `files.completeUploadExternal`, which shows the file. The message comes a moment later; its `ts`
stands among the file's `shares`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

from connectors import net
from connectors.base import Attachment, MessageId, OutgoingFile, RoomId
from connectors.errors import ConnectorError, FileGone, MessageRejected, RetryLater
from connectors.slack import posting
from connectors.slack.client import MEBIBYTE, SlackClient
from connectors.slack.refusals import NO_FILES
from connectors.slack.shapes import Json, rows, table, text, ts_of
from sameroom import clock

MOST: Final = 100 * MEBIBYTE  # Slack takes 1 GB; as much is read from the disk within the deadline
UPLOADING: Final = 0.8  # of a file's time: the rest is for showing it
_PIECE: Final = 64 * 1024  # bytes
_LOOKS, _PAUSE = 5, 0.5  # at a file that was just shared, and seconds between them


def send(client: SlackClient, room: RoomId, file: OutgoingFile, root: str, *, ends: float) -> MessageId:
    """As `Connector.send_file`. A file stands under the app's name: its author is named in the words."""
    comment = str(posting.text_of(file.message)["text"])
    deadline = (ends - clock.monotonic()) * UPLOADING
    url, id_ = client.upload_address(file.name, file.size, deadline=min(deadline, 10.0))
    _upload(client, url, file, ends=clock.monotonic() + deadline)
    shared: dict[str, Any] = {"channel_id": room, **({"thread_ts": root} if root else {})}
    if comment:
        shared["initial_comment"] = comment
    client.share({"id": id_, "title": file.name}, shared, deadline=max(0.1, ends - clock.monotonic()))
    return MessageId(_shown_as(client, room, id_, ends))


def _upload(client: SlackClient, url: str, file: OutgoingFile, *, ends: float) -> None:
    """The bytes. May be repeated with another address: what is not shown is nowhere."""
    require_slack(client, url)
    try:
        answer = net.request(
            "POST",
            url,
            deadline=max(0.1, ends - clock.monotonic()),
            headers={"Content-Type": file.content_type or "application/octet-stream"},
            data=Pieces(file.content, file.size),
            secrets=[url],
        )
    except net.NetError as error:
        raise RetryLater(f"The file could not be uploaded to Slack: {error}.") from None
    if answer.status == 413:
        raise MessageRejected("Slack refused the file: it is too large for this workspace.")
    if answer.status != 200:
        raise RetryLater(f"Slack did not take the file (status {answer.status}).")


def _shown_as(client: SlackClient, room: RoomId, file: str, ends: float) -> str:
    """The `ts` of the message that shows a file, "" where it is not told in time."""
    for look in range(_LOOKS):
        if look:
            time.sleep(_PAUSE)
        if ends - clock.monotonic() < _PAUSE:
            break
        try:
            told = client.within(ends - clock.monotonic()).file(file)
        except ConnectorError:
            continue
        if ts := _share_of(told, room):
            return ts
    return ""


def _share_of(told: Json, room: RoomId) -> str:
    shares = table(told.get("shares"))
    found = [
        ts_of(one.get("ts"))
        for kind in ("public", "private")
        for one in rows(table(shares.get(kind)).get(room))
    ]
    return next(filter(None, found), "")


def fetch(
    client: SlackClient, token: str, file: Attachment, into: BinaryIO, *, most: int, deadline: float
) -> None:
    """As `Connector.fetch`. The token goes to Slack's own hosts only."""
    ends = clock.monotonic() + deadline
    url = _address(client, file, deadline)
    try:
        answer = net.download(
            url,
            into,
            deadline=max(0.1, ends - clock.monotonic()),
            max_bytes=most,
            headers={"Authorization": f"Bearer {token}"},
            secrets=[token],
        )
    except net.TooLarge:
        raise FileGone(f"The file is larger than {most / MEBIBYTE:.3g} MiB.", why="too large") from None
    except net.NetError as error:
        raise RetryLater(f"The file could not be fetched from Slack: {error}.") from None
    if answer.status == 429 or answer.status >= 500:
        raise RetryLater(f"Slack does not give the file out now (status {answer.status}).")
    # A login that may not see a file gets the page for signing in.
    is_page = (answer.headers.get("Content-Type") or "").startswith("text/html")
    if answer.status != 200 or (is_page and not file.name.lower().endswith((".html", ".htm"))):
        raise FileGone(NO_FILES)


def _address(client: SlackClient, file: Attachment, deadline: float) -> str:
    told = client.within(deadline).file(file.reference) if file.reference else {}
    url = text(told.get("url_private_download")) or text(told.get("url_private"))
    if not url or told.get("is_external") is True:
        raise FileGone("The file is not at Slack.")
    require_slack(client, url)
    return url


def require_slack(client: SlackClient, url: str) -> None:
    """FileGone where an address is not on a host of Slack's: nothing of ours goes there."""
    host, home = urlsplit(url).netloc, urlsplit(client.server).netloc
    if host != home and not host.endswith(f".{home}"):
        raise FileGone("The file's address is not Slack's.")


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
