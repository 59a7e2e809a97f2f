"""Files on their way: fetched onto this machine's disk before their post is begun.

What is on the wire to a destination has to end within its deadline, so nothing of the origin's may hold
it up; and no file is ever whole in memory. A file that cannot be fetched is told of by name and size.
"""

from __future__ import annotations

import io
import logging
import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import BinaryIO

from django.conf import settings

from connectors.base import Attachment, Connector, OutgoingFile
from connectors.errors import ConnectorError, FileGone, RetryLater
from tubes.models import Delivery, Room
from tubes.relay import sql
from tubes.relay.destinations import Destinations
from tubes.relay.moves import Lane
from tubes.relay.rendering import SendFile, Step, untold

log = logging.getLogger(__name__)

FETCH_DEADLINE = 45.0  # seconds
TRIES = 5
PAUSES = (1.0, 2.0, 5.0, 10.0)  # seconds after the first, second, … try
FULL = 1.0  # seconds until a file is tried for whose service too many threads wait
LATER = "cannot be fetched now"
NOT_GIVEN = "not given out"

origins = Destinations(settings.LANE_THREADS)


class NotFetched(Exception):
    """The file may be had later. The delivery waits so many seconds; `attempts` counts the tries."""

    def __init__(self, seconds: float, attempts: int) -> None:
        super().__init__("A file could not be fetched yet.")
        self.seconds, self.attempts = seconds, attempts


@contextmanager
def at_hand(lane: Lane, delivery: Delivery, step: Step) -> Iterator[tuple[Step, OutgoingFile | None]]:
    """The step, and its file if it has one; or a line in its place, where the file is not to be had.

    Network I/O to the origin, outside of any transaction, with what arrived last stored; may be
    repeated. Raises NotFetched.
    """
    if not isinstance(step, SendFile):
        yield step, None
        return
    with TemporaryFile(dir=settings.VAR_DIR) as content:  # /tmp may be memory
        why = _fill(lane, delivery, step, content)
        if why:
            yield untold(step, why, lane.connector, is_gone=why == NOT_GIVEN), None
        else:
            size = content.seek(0, io.SEEK_END)
            content.seek(0)
            kind = mimetypes.guess_type(step.file.name)[0] or "application/octet-stream"
            yield step, OutgoingFile(step.file.name, kind, size, content, step.message)


def _fill(lane: Lane, delivery: Delivery, step: SendFile, content: BinaryIO) -> str:
    """Have the file in `content`; "" or why it will never be."""
    if step.text:
        content.write(step.text.encode())
        return ""
    lane.flush()
    if not lane.lease.lasts(FETCH_DEADLINE + 5):
        raise NotFetched(FULL, delivery.attempts)
    try:
        _fetch(_origin(delivery), step.file, content, lane.connector.capabilities.max_file_size)
    except RetryLater as error:
        tries = delivery.attempts + 1
        if tries < TRIES:
            raise NotFetched(error.seconds or PAUSES[delivery.attempts], tries) from None
        return LATER
    except ConnectorError as error:
        log.info("A file is told of, not posted: %s", error, extra={"delivery": delivery.pk})
        return error.why if isinstance(error, FileGone) else NOT_GIVEN
    return ""


def _origin(delivery: Delivery) -> Connector:
    """The login that reads the room the file was said in. One query. Raises FileGone."""
    rooms = Room.objects.select_related("reader__account").filter(events=delivery.event_id)
    for room in rooms:
        if room.reader is not None:
            return room.reader.account.connector()
    raise FileGone("Nobody reads the room that the file is from.")


def _fetch(origin: Connector, file: Attachment, content: BinaryIO, most: int) -> None:
    place = origin.kind, origin.login.server
    if not origins.enter(*place):
        raise RetryLater("Too many files of this service are waited for.", seconds=FULL)
    sql.give_back()
    try:
        with origins.calling(*place):
            origin.fetch(file, content, most=most, deadline=FETCH_DEADLINE)
    finally:
        origins.leave(*place)
