"""Channels: listed, looked at, entered where somebody asks for one. Blocking."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from django.core.cache import cache

from connectors.base import RoomId, RoomInfo
from connectors.errors import RetryLater, RoomGone
from connectors.slack.client import SlackClient
from connectors.slack.people import Directory, channel
from connectors.slack.refusals import ARCHIVED, MOVED, NOT_IN_CHANNEL
from connectors.slack.shapes import Json, table, text

LOOK_WITHIN: Final = 3600  # seconds; afterwards the hourly look at each channel has been
PUT_OUT: Final = 30 * 86_400  # seconds for which it is known that the app was removed from a channel


class Rooms:
    """The channels of one account. `joins`: it may enter public ones by itself."""

    def __init__(self, client: SlackClient, directory: Directory, *, joins: bool) -> None:
        self._client, self._directory, self._joins = client, directory, joins

    def listed(self) -> Iterator[RoomInfo]:
        """As `Connector.list_rooms`; their names are known from then on."""
        for page in self._client.channels():
            self._directory.keep({text(one.get("id")): channel(one) for one in page if text(one.get("id"))})
            yield from (info(one) for one in page if self._is_open(one))

    def look_at(self, room: RoomId, *, joins: bool = True) -> RoomInfo:
        """As `Connector.room`: a public channel is entered where the app is not in it, since somebody asks.

        But not one that it was removed from: whoever did so has to let it in again. Nor where nobody asks:
        then `joins` is False. Where the channel has got another id, the one with that.
        """
        with suppress(Exception):
            room = RoomId(cache.get(self._key(room, "moved")) or room)
        told = self._client.channel(room)
        if told.get("is_member") is True or told.get("is_archived") is True:
            self.is_in(room)
            return info(told)
        if not joins or not self._is_open(told) or self._was_put_out(room):
            raise RoomGone(NOT_IN_CHANNEL)
        return info({**told, **self._client.join(room), "is_member": True})

    @contextmanager
    def noticing(self, room: RoomId) -> Iterator[None]:
        """Around what is done in a channel: that the app is out of it is remembered."""
        if self._take_look(room):
            found = self._looked_at(room)
            if found.is_archived or found.id != room:
                raise RoomGone(ARCHIVED if found.is_archived else MOVED)
        try:
            yield
        except RoomGone as error:
            if str(error) == NOT_IN_CHANNEL:
                self.is_out(room)
            raise

    def _looked_at(self, room: RoomId) -> RoomInfo:
        try:
            return self.look_at(room, joins=False)
        except RetryLater:
            self.look_again(room)
            raise

    def look_again(self, room: RoomId) -> None:
        """Something has changed a channel for us: it is looked at before it is next used. Cache I/O."""
        with suppress(Exception):
            cache.set(self._key(room, "look"), 1, LOOK_WITHIN)

    def goes_on(self, old: RoomId, new: RoomId) -> None:
        """A channel has another id from now on: it is found by the next look. Cache I/O."""
        with suppress(Exception):
            cache.set(self._key(old, "moved"), new, PUT_OUT)
        self.look_again(old)

    def _take_look(self, room: RoomId) -> bool:
        with suppress(Exception):
            return bool(cache.delete(self._key(room, "look")))
        return False

    def is_in(self, room: RoomId) -> None:
        """The app is in a channel, whatever was before. Cache I/O."""
        with suppress(Exception):
            cache.delete(self._key(room))

    def is_out(self, room: RoomId) -> None:
        """The app was removed from a channel. Cache I/O."""
        with suppress(Exception):
            cache.set(self._key(room), 1, PUT_OUT)

    def _was_put_out(self, room: RoomId) -> bool:
        with suppress(Exception):
            return bool(cache.get(self._key(room)))
        return False

    def _is_open(self, told: Json) -> bool:
        """Whether the app is in a channel, or can enter it."""
        return told.get("is_member") is True or (self._joins and told.get("is_private") is not True)

    def _key(self, room: RoomId, what: str = "out") -> str:
        return self._directory.key(what, room)


def info(told: Json) -> RoomInfo:
    """A conversation object."""
    id_ = text(told.get("id"))
    return RoomInfo(
        id=RoomId(id_),
        name=text(told.get("name_normalized")) or text(told.get("name")) or id_,
        topic=text(table(told.get("topic")).get("value")) or text(table(told.get("purpose")).get("value")),
        is_private=told.get("is_private") is True,
        is_archived=told.get("is_archived") is True,
    )
