"""Files behind links: fetched when somebody first opens one, kept on this disk while the link lives.

`<VAR_DIR>/files/<owner>/<event>-<number>`. An owner's shelf has a limit: what was put there first goes
first, and is fetched again when it is asked for.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

from django.conf import settings

from connectors.base import Attachment, Connector
from connectors.errors import RetryLater
from tubes.links import LIFE
from tubes.relay.destinations import Destinations

DEADLINE: Final = 60.0  # seconds
MOST: Final = 100 * 1024 * 1024  # bytes of one file
BUSY: Final = 5.0  # seconds until a file is asked for again whose service too many wait for

origins = Destinations(settings.WEB_THREADS)


def open_file(owner: int, event: int, number: int, file: Attachment, origin: Connector) -> BinaryIO:
    """The file, at its beginning. Network I/O where it is not on the shelf; may be repeated.

    Raises FileGone and RetryLater, as `Connector.fetch`.
    """
    place = _shelf(owner) / f"{event}-{number}"
    try:
        return place.open("rb")
    except FileNotFoundError:
        return _fetched(place, file, origin)


def forget(events: Iterable[int]) -> None:
    """Take the files of these events off all shelves of this disk."""
    gone = {str(event) for event in events}
    for place in _root().glob("*/[0-9]*"):
        if place.name.partition("-")[0] in gone:
            place.unlink(missing_ok=True)


def clear(owner: int) -> None:
    """Take all files off somebody's shelf of this disk."""
    for place in _shelf(owner).glob("*"):
        place.unlink(missing_ok=True)


def tidy() -> int:
    """Take away what is older than a link lives; how many files."""
    before = time.time() - LIFE.total_seconds()
    old = [place for place in _root().glob("*/*") if _age(place) < before]
    for place in old:
        place.unlink(missing_ok=True)
    return len(old)


def _fetched(place: Path, file: Attachment, origin: Connector) -> BinaryIO:
    at = origin.kind, origin.login.server
    if not origins.enter(*at):
        raise RetryLater("Too many files of this service are waited for.", seconds=BUSY)
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        half = place.with_name(f".{place.name}-{secrets.token_hex(4)}")
        try:
            with origins.calling(*at), half.open("wb") as content:
                origin.fetch(file, content, most=MOST, deadline=DEADLINE)
            found = half.open("rb")  # before others see it, who may have to make room
            half.replace(place)  # whole or not at all
        finally:
            half.unlink(missing_ok=True)
    finally:
        origins.leave(*at)
    _make_room(place.parent)
    tidy()  # the disk may be nobody else's
    return found


def _make_room(shelf: Path) -> None:
    """What is open now stays readable, also where it is the one that has to go."""
    places = sorted(shelf.glob("[0-9]*"), key=_age)
    room = settings.FILE_QUOTA_MB * 1024 * 1024 - sum(map(_size, places))
    for place in places:
        if room >= 0:
            return
        room += _size(place)
        place.unlink(missing_ok=True)


def _root() -> Path:
    return Path(settings.VAR_DIR) / "files"


def _shelf(owner: int) -> Path:
    return _root() / str(owner)


def _age(place: Path) -> float:
    """When it was put there (Unix time)."""
    try:
        return place.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(place: Path) -> int:
    try:
        return place.stat().st_size
    except FileNotFoundError:
        return 0
