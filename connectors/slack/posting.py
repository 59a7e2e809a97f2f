"""What we post, as the arguments of Slack's methods. Blocking where a thread has to be looked up."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any, Final

from django.core.cache import cache

from connectors.base import MessageId, OutgoingMessage, RoomId
from connectors.budget import Use
from connectors.errors import MessageRejected, UnsupportedAction
from connectors.slack import text as texts
from connectors.slack.client import SlackClient
from connectors.slack.emoji import names_of
from connectors.slack.people import Directory
from connectors.slack.refusals import Refused
from connectors.slack.shapes import Json, rows, ts_of

LONGEST_NAME: Final = 80  # characters of `username`
_KEPT: Final = 7 * 86_400  # seconds for which it is known to which thread a message belongs
# By which an answer is refused that may stand in the channel: its thread is gone, closed, or can be none.
NO_ANSWERS: Final = (
    "cannot_reply_to_message",
    "invalid_thread_ts",
    "restricted_action_non_threadable_channel",
    "restricted_action_thread_locked",
    "thread_not_found",
)
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
    posted = {**changed_to(message, named=named), "unfurl_links": False, "unfurl_media": False}
    posted["mrkdwn"] = message.body is not None
    return posted


def changed_to(message: OutgoingMessage, *, named: bool) -> Json:
    """The arguments of `chat.update`. Without a name it stood under the app's own from then on."""
    posted = text_of(message)
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


def reactions_of(emoji: str) -> list[str]:
    """The names, without colons, under which an emoji may be known there. UnsupportedAction if under none."""
    is_own = emoji.startswith(":") and emoji.endswith(":")  # a name: the workspace's own, or any
    names = [emoji.strip(":")] if is_own else names_of(emoji)
    if not any(names):
        raise UnsupportedAction("Slack has no such emoji.")
    return names


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
            page = self._client.replies(room, message, count=1, use=Use.SEND)
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
