"""Pictures of people, which no message carries: asked for all at once, and kept in the cache.

Reading looks only into the cache. A picture that is not there yet, or any more, is left out.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from django.core.cache import cache

from connectors.base import Page

log = logging.getLogger(__name__)

KEPT: Final = 2 * 86_400  # seconds
LONGEST: Final = 500  # characters of an address


def keep(space: str, people: Iterable[Mapping[str, Any]]) -> None:
    """Remember the pictures of these people of a group, as HipChat describes them. Cache I/O."""
    found = {_key(space, str(person.get("id"))): _address(person.get("photo_url")) for person in people}
    try:
        cache.set_many(found, KEPT)
    except Exception as error:  # noqa: BLE001 - whatever a client library raises
        log.warning("The cache fails (%s); messages go without pictures", type(error).__name__)


def pictured(space: str, page: Page) -> Page:
    """The page with the pictures of its authors, as far as they are known. Cache I/O."""
    keys = {event.author.id: _key(space, event.author.id) for event in page.events if event.author.id}
    if not keys:
        return page
    try:
        known = cache.get_many(keys.values())
    except Exception as error:  # noqa: BLE001 - whatever a client library raises
        log.warning("The cache fails (%s); messages go without pictures", type(error).__name__)
        return page
    events = [
        replace(event, author=replace(event.author, avatar_url=known.get(keys.get(event.author.id), "")))
        for event in page.events
    ]
    return replace(page, events=events)


def _key(space: str, user: str) -> str:
    return f"hipchat:picture:{hashlib.sha256(f'{space} {user}'.encode()).hexdigest()[:32]}"


def _address(url: object) -> str:
    is_fine = isinstance(url, str) and url.startswith(("https://", "http://")) and len(url) <= LONGEST
    return str(url) if is_fine else ""
