"""Slack's Web API: calls out by slack-sdk, checked JSON in, errors of our own. Blocking.

The facts about the wire stand in README.md beside this file. Knows no model and no relay.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from connectors import net
from connectors.budget import Use
from connectors.errors import ConnectorError, DeliveryUnknown, FileGone, RetryLater, UnsupportedAction
from connectors.slack.pace import Pace
from connectors.slack.refusals import DELETED, NO_FILES, TOO_MANY, Refused, refusal
from connectors.slack.shapes import Json, as_ts, rows, table, text
from connectors.slack.wire import Unreadable, Wire
from sameroom import clock

READ_DEADLINE: Final = 10.0
MEBIBYTE: Final = 1024 * 1024
PAGE_BYTES: Final = 32 * MEBIBYTE  # 200 messages of 40 000 characters each, with their blocks
LISTED: Final = 900  # channels or people of one page: below 1 000
MOST_PAGES: Final = 100  # of a listing: a service that never ends is not followed for ever
FUTURE: Final = timedelta(days=1)  # further than clocks differ
SCOPES: Final = "x-oauth-scopes"
CHECK: Final = "Try again later."
ROTATING: Final = "This login is just being renewed."
_NO_EMOJI: Final = "invalid_name"
SOON: Final = 20.0  # seconds until it is tried again


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `writes`: it changes what people see; `posts_to`: the channel whose own limit counts it.

    `knows` are error words that whoever asks has a use for: they are raised as Refused.
    """

    method: str
    use: Use = Use.OTHER
    writes: bool = False
    posts_to: str = ""
    knows: Sequence[str] = ()
    deadline: float = READ_DEADLINE
    max_bytes: int = 8 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class Told:
    """A good answer and its headers, by small letters."""

    body: Json
    headers: Mapping[str, str] = field(repr=False)


class SlackClient:
    """One token at one API. Every method is one request, but for those that give an iterator: pages."""

    def __init__(
        self, server: str, token: str, pace: Pace, ends: float = math.inf, *, rotates: bool = False
    ) -> None:
        self.server = server
        self._token = token
        self._pace = pace
        self._ends = ends
        self._rotates = rotates  # the token is traded for a new one before it ends

    def within(self, seconds: float) -> SlackClient:
        """The same for requests that all end within so many seconds."""
        ends = clock.monotonic() + seconds
        return SlackClient(self.server, self._token, self._pace, ends, rotates=self._rotates)

    # ------------------------------------------------------------------ who

    def auth_test(self) -> Told:
        """`team`, `team_id`, `user`, `user_id`, `bot_id`, `enterprise_id`; the scopes are in the headers."""
        return self._ask(Call("auth.test"), lambda web: web.auth_test())

    def user(self, user: str) -> Json:
        """One person (`users.info`)."""
        call = Call("users.info", knows=("user_not_found", "user_not_visible"))
        return table(self._ask(call, lambda web: web.users_info(user=user)).body.get("user"))

    def users(self, cursor: str = "") -> tuple[list[Json], str]:
        """One page of everybody (`users.list`), and the cursor of the next one, "" behind the last."""
        told = self._ask(
            Call("users.list"), lambda web: web.users_list(limit=LISTED, cursor=cursor or None)
        ).body
        return rows(told.get("members")), next_cursor_of(told)

    def bot(self, bot: str) -> Json:
        """One app's bot (`bots.info`): `user_id`, `name`, `icons`."""
        call = Call("bots.info", knows=("bot_not_found",))
        return table(self._ask(call, lambda web: web.bots_info(bot=bot)).body.get("bot"))

    def emoji(self) -> Json:
        """The workspace's own emoji: name → address, or `alias:` and another name."""
        return table(self._ask(Call("emoji.list"), lambda web: web.emoji_list()).body.get("emoji"))

    def socket_address(self) -> str:
        """Where a connection of Socket Mode may be opened once; the token is an app-level one."""
        call = Call("apps.connections.open")
        return text(
            self._ask(call, lambda web: web.apps_connections_open(app_token=self._token)).body.get("url")
        )

    # ------------------------------------------------------------------ channels

    def channels(self) -> Iterator[list[Json]]:
        """Public channels and the private ones that the app is in, page by page (`conversations.list`)."""
        call = Call("conversations.list")

        def page(web: WebClient, at: str | None) -> SlackResponse:
            return web.conversations_list(
                types="public_channel,private_channel", exclude_archived=True, limit=LISTED, cursor=at
            )

        return self._pages(call, "channels", page)

    def channel(self, channel: str) -> Json:
        """One channel (`conversations.info`). RoomGone."""
        call = Call("conversations.info")
        return table(self._ask(call, lambda web: web.conversations_info(channel=channel)).body.get("channel"))

    def join(self, channel: str) -> Json:
        """Enter a public channel; one that the app is in stays so. RoomGone where it may not."""
        call = Call("conversations.join")
        return table(self._ask(call, lambda web: web.conversations_join(channel=channel)).body.get("channel"))

    def history(
        self,
        channel: str,
        *,
        count: int,
        oldest: str = "",
        latest: str = "",
        cursor: str = "",
        use: Use = Use.POLL,
    ) -> Json:
        """One page of `messages`, newest first, said after the `ts` `oldest` and not after `latest`."""
        call = Call("conversations.history", use, max_bytes=PAGE_BYTES)
        bounds: Json = {"latest": latest, "inclusive": True} if latest else {}
        if oldest:  # alone the first page may be the oldest one
            bounds = {"oldest": oldest, "latest": latest or as_ts(clock.now() + FUTURE)}

        def page(web: WebClient) -> SlackResponse:
            return web.conversations_history(channel=channel, cursor=cursor or None, limit=count, **bounds)

        return self._ask(call, page).body

    def replies(
        self,
        channel: str,
        ts: str,
        *,
        count: int,
        oldest: str = "",
        cursor: str = "",
        use: Use = Use.POLL,
    ) -> Json:
        """One page of a message's thread: its root always first, then oldest first. Refused."""
        gone = ("thread_not_found", "message_not_found")
        call = Call("conversations.replies", use, knows=gone, max_bytes=PAGE_BYTES)

        def page(web: WebClient) -> SlackResponse:
            return web.conversations_replies(
                channel=channel, ts=ts, oldest=oldest or None, cursor=cursor or None, limit=count
            )

        return self._ask(call, page).body

    # ------------------------------------------------------------------ writing

    def post(
        self, channel: str, posted: Mapping[str, Any], *, deadline: float, knows: Sequence[str] = ()
    ) -> str:
        """`chat.postMessage` with these arguments; the `ts` of the message. Refused by a word of `knows`."""
        call = Call("chat.postMessage", Use.SEND, True, posts_to=channel, knows=knows, deadline=deadline)
        sent = text(
            self._ask(call, lambda web: web.chat_postMessage(channel=channel, **posted)).body.get("ts")
        )
        if not sent:
            raise DeliveryUnknown("Slack took a message without saying under which id.")
        return sent

    def update(self, channel: str, ts: str, posted: Mapping[str, Any], *, deadline: float) -> None:
        """Replace the text of a post of ours (`chat.update`). UnsupportedAction where somebody deleted it."""
        gone = ("message_not_found",)
        call = Call("chat.update", Use.SEND, writes=True, knows=gone, deadline=deadline)
        try:
            self._ask(call, lambda web: web.chat_update(channel=channel, ts=ts, **posted))
        except Refused:
            raise UnsupportedAction(DELETED) from None

    def delete(self, channel: str, ts: str, *, deadline: float) -> None:
        """Take a post of ours back; one that is gone is gone."""
        fine = ("message_not_found",)
        call = Call("chat.delete", Use.SEND, writes=True, knows=fine, deadline=deadline)
        self._unless_known(call, lambda web: web.chat_delete(channel=channel, ts=ts))

    def react(self, channel: str, ts: str, name: str, *, deadline: float) -> None:
        """Set a reaction; one that stands is set, and one to what is gone is gone with it.

        UnsupportedAction where the workspace has no such emoji.
        """
        fine = ("already_reacted", "message_not_found")
        self._react(
            Call("reactions.add", Use.SEND, writes=True, knows=(*fine, _NO_EMOJI), deadline=deadline),
            lambda web: web.reactions_add(channel=channel, timestamp=ts, name=name),
        )

    def unreact(self, channel: str, ts: str, name: str, *, deadline: float) -> None:
        """Take a reaction away; one that does not stand is away. UnsupportedAction as `react`."""
        fine = ("no_reaction", "message_not_found")
        self._react(
            Call("reactions.remove", Use.SEND, writes=True, knows=(*fine, _NO_EMOJI), deadline=deadline),
            lambda web: web.reactions_remove(channel=channel, timestamp=ts, name=name),
        )

    def _react(self, call: Call, ask: Callable[[WebClient], SlackResponse]) -> None:
        try:
            self._ask(call, ask)
        except Refused as refused:
            if refused.word == _NO_EMOJI:
                raise UnsupportedAction("This Slack workspace has no such emoji.") from None

    # ------------------------------------------------------------------ files

    def file(self, file: str) -> Json:
        """One file (`files.info`); nothing where it is gone, or not for us. FileGone without files:read."""
        gone = ("file_not_found", "file_deleted", "access_denied", "missing_scope")
        call = Call("files.info", knows=gone)
        try:
            return table(self._ask(call, lambda web: web.files_info(file=file)).body.get("file"))
        except Refused as refused:
            if refused.word == "missing_scope":
                raise FileGone(NO_FILES) from None
            return {}

    def upload_address(self, name: str, size: int, *, deadline: float) -> tuple[str, str]:
        """Where the bytes of a file are to be posted, and the file's id. Nothing is shown by it."""
        call = Call("files.getUploadURLExternal", deadline=deadline)
        told = self._ask(call, lambda web: web.files_getUploadURLExternal(filename=name, length=size)).body
        url, file = text(told.get("upload_url")), text(told.get("file_id"))
        if not url or not file:
            raise RetryLater("Slack does not say where a file may be uploaded.")
        return url, file

    def share(self, file: Mapping[str, str], shared: Mapping[str, Any], *, deadline: float) -> None:
        """Show an uploaded file (`id`, `title`) in a channel, with these arguments."""
        call = Call("files.completeUploadExternal", Use.SEND, writes=True, deadline=deadline)
        self._ask(call, lambda web: web.files_completeUploadExternal(files=[dict(file)], **shared))

    # ------------------------------------------------------------------ below

    def _pages(
        self, call: Call, name: str, page: Callable[[WebClient, str | None], SlackResponse]
    ) -> Iterator[list[Json]]:
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            told = self._ask(call, lambda web, at=cursor: page(web, at)).body  # type: ignore[misc]
            yield rows(told.get(name))
            cursor = next_cursor_of(told) or None
            if cursor is None:
                return

    def _unless_known(self, call: Call, ask: Callable[[WebClient], SlackResponse]) -> None:
        """Ask; what is refused by a word that the call knows is as was wanted."""
        with suppress(Refused):
            self._ask(call, ask)

    def _ask(self, call: Call, ask: Callable[[WebClient], SlackResponse]) -> Told:
        """One request. The errors of the service, each as its next step."""
        deadline = min(call.deadline, self._ends - clock.monotonic())
        if deadline <= 0:
            raise RetryLater("There was no time left to ask Slack.")
        self._pace.spend(call.method, call.use, call.posts_to)
        web = Wire(self.server, self._token, deadline=deadline, max_bytes=call.max_bytes)
        # Raised outside of `except`: slack-sdk's own errors carry the whole answer along.
        problem: Exception
        try:
            answer = ask(web)
            return Told(table(answer.data), {name.lower(): value for name, value in answer.headers.items()})
        except SlackApiError as error:
            problem = self._refused(call, error.response)
        except Unreadable as error:
            problem = self._unreadable(call, error.answer)
        except net.NotSent as error:
            problem = RetryLater(f"{self._host} could not be reached: {error}. {CHECK}")
        except net.Cut as error:
            problem = (DeliveryUnknown if call.writes else RetryLater)(f"{self._host} broke off: {error}.")
        raise problem

    def _refused(self, call: Call, answer: SlackResponse) -> ConnectorError | Refused:
        told, status = table(answer.data), answer.status_code
        word = "ratelimited" if status == 429 else text(told.get("error"))
        wait = wait_of(answer.headers)
        if word == "ratelimited":
            wait = self._pace.refused(call.method, call.use, call.posts_to, wait)
        if word in call.knows:
            return Refused(word)
        if word == "token_expired" and self._rotates:
            return RetryLater(ROTATING, seconds=SOON)
        if status >= 500:
            return self._in_trouble(call, status)
        return refusal(word, told, writes=call.writes, wait=wait)

    def _unreadable(self, call: Call, answer: net.Answer) -> ConnectorError:
        if answer.status == 429:
            wait = self._pace.refused(call.method, call.use, call.posts_to, wait_of(answer.headers))
            return RetryLater(TOO_MANY, seconds=wait)
        if answer.status == 200:
            problem = DeliveryUnknown if call.writes else RetryLater
            return problem(f"{self._host} did not answer like Slack. {CHECK}")
        return self._in_trouble(call, answer.status)

    def _in_trouble(self, call: Call, status: int) -> ConnectorError:
        if call.writes:
            return DeliveryUnknown(f"Slack answered a message with an error (status {status}).")
        return RetryLater(f"{self._host} answered with an error (status {status}).")

    @property
    def _host(self) -> str:
        return urlsplit(self.server).netloc


def next_cursor_of(page: Json) -> str:
    """The cursor of the next page, "" behind the last one."""
    return text(table(page.get("response_metadata")).get("next_cursor"))


def wait_of(headers: Mapping[str, str]) -> float | None:
    """The seconds of `Retry-After`."""
    named = {name.lower(): value for name, value in headers.items()}
    told = str(named.get("retry-after") or "").strip()
    return float(told) if told.isascii() and told.isdigit() and len(told) < 9 else None
