"""What we post, as the arguments of Slack's methods. Blocking where a thread has to be looked up."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any, Final

from django.core.cache import cache

from connectors.base import MessageId, OutgoingMessage, RoomId
from connectors.errors import MessageRejected, UnsupportedAction
from connectors.markup.emoji import shortcode_of
from connectors.slack import text as texts
from connectors.slack.client import SlackClient
from connectors.slack.people import Directory
from connectors.slack.refusals import Refused
from connectors.slack.shapes import Json, rows, ts_of

LONGEST_NAME: Final = 80  # characters of `username`
_KEPT: Final = 7 * 86_400  # seconds for which it is known to which thread a message belongs
TOO_LONG: Final = "Slack refused the message: it takes more than 4 000 bytes."


def addressed(message: OutgoingMessage, directory: Directory) -> OutgoingMessage:
    """The message, calling only who is known in this workspace: others by their names. Network I/O.

    Channels of all workspaces are of one space, where a person of one means nothing in another.
    """
    people = texts.people_in(message)
    if not people:
        return message
    known = directory.looked_up(people)
    return texts.without(message, [one for one in people if not known.name_of(one)])


def post_of(message: OutgoingMessage, *, named: bool) -> Json:
    """The arguments of `chat.postMessage` but for the thread. `named`: under its author's name."""
    posted = {**text_of(message), "unfurl_links": False, "unfurl_media": False}
    posted["mrkdwn"] = message.body is not None
    if named and message.sender_name:
        posted["username"] = message.sender_name[:LONGEST_NAME]
        if message.sender_avatar_url.startswith("https://"):
            posted["icon_url"] = message.sender_avatar_url
    return posted


def text_of(message: OutgoingMessage) -> Json:
    """The arguments that hold a message's words. MessageRejected where it is too long."""
    written = texts.rendered(message)
    if texts.size(written) > texts.MAX_TEXT_LENGTH:
        raise MessageRejected(TOO_LONG)
    return {"text": written, "parse": "none", "link_names": False}


def reaction_of(emoji: str) -> str:
    """The name of an emoji there, without colons. UnsupportedAction where it has none."""
    name = emoji if emoji.startswith(":") and emoji.endswith(":") else shortcode_of(emoji)
    if not name:
        raise UnsupportedAction("Slack has no such emoji.")
    return name.strip(":")  # with a skin tone: `wave::skin-tone-2`


class Threads:
    """To which thread a message belongs: Slack wants the root of it, and takes an answer for none."""

    def __init__(self, client: SlackClient) -> None:
        self._client = client

    def root_of(self, room: RoomId, message: MessageId) -> str:
        """The `ts` of the root: the message's own where it is in no thread. Network I/O where not known.

        "" where the message is gone.
        """
        with suppress(Exception):
            if found := cache.get(self._key(room, message)):
                return str(found)
        try:
            page = self._client.replies(room, message, count=1)
        except Refused:
            return ""
        first = next(iter(rows(page.get("messages"))), {})
        root = ts_of(first.get("thread_ts")) or ts_of(first.get("ts"))
        self.keep(room, message, root)
        return root

    def keep(self, room: RoomId, message: str, root: str) -> None:
        """Remember it. Cache I/O."""
        if root:
            with suppress(Exception):
                cache.set(self._key(room, message), root, _KEPT)

    def _key(self, room: RoomId, message: str) -> str:
        named = f"{self._client.server} {room} {message}"
        return f"slack:thread:{hashlib.sha256(named.encode()).hexdigest()[:32]}"


def thread_of(root: str, *, quiet: bool) -> dict[str, Any]:
    """The arguments by which a post stands in a thread; unless `quiet`, in the channel as well."""
    return {"thread_ts": root, "reply_broadcast": not quiet} if root else {}
