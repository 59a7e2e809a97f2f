"""People in a Slack workspace, and what stands in its channels."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from chaos.network import Room
from chaos.services import Line
from connectors.markup.emoji import of_shortcode
from soak.reading import numbers_in, without_told
from soak.standing import Standing
from tests.fakeslack import FakeSlack, running
from tests.fakeslack.deliveries import RETRIES
from tests.fakeslack.text import unescape
from tests.fakeslack.world import Channel, Message, User

TOLD = ("", "bot_message", "file_share", "me_message", "thread_broadcast")  # what somebody said


class SlackSide:
    """The workspace as the suite uses it. Our account is told by Socket Mode. Any thread may call."""

    kind = "slack"

    def __init__(self, slack: FakeSlack) -> None:
        self.slack = slack
        self.environment: Mapping[str, str] = {"SLACK_API_URL": slack.api.rstrip("/")}
        self.app = slack.app(socket_mode=True)
        self._token = slack.install(self.app)
        self._app_token = slack.app_token(self.app)
        self._rooms: dict[Room, Channel] = {}
        self._people: dict[str, User] = {}
        self.deleted: set[int] = set()  # numbers of messages that are, or will be, taken back

    def has_told_all(self) -> bool:
        """What was not acknowledged is told again after a minute, and after five more."""
        return self.slack.has_told_all()

    def add_rooms(self, rooms: Iterable[Room]) -> None:
        """Make them, with our app in each."""
        for room in rooms:
            assert self._token.bot
            self._rooms[room] = self.slack.channel(room.name, self._person("Host"), self._token.bot)

    def login(self, owner: str, profile: str) -> dict[str, str]:
        """What the one owner types into the form."""
        return {"kind": self.kind, "token": self._token.value, "app_token": self._app_token.value}

    # ------------------------------------------------------------------ what people do

    def say(self, room: Room, author: str, text: str, subtype: str = "") -> Message:
        return self.slack.say(self._rooms[room], self._person(author), text, subtype=subtype)

    def answer(self, to: Message, author: str, text: str, *, broadcast: bool) -> Message:
        """An answer in the thread of a message."""
        return self.slack.reply(to, self._person(author), text, broadcast=broadcast)

    def upload(self, room: Room, author: str, number: int, comment: str) -> Message:
        """A file that holds its number."""
        content = json.dumps({"number": number}).encode()
        who = self._person(author)
        return self.slack.upload(self._rooms[room], who, f"{number}.json", content, comment)

    def react(self, message: Message, author: str, name: str, *, is_set: bool) -> None:
        act = self.slack.react if is_set else self.slack.unreact
        act(message, self._person(author), name)

    def latest(self, room: Room, count: int) -> list[Message]:
        """The newest messages, oldest first."""
        return [one for one in self.slack.history(self._rooms[room]) if one.subtype in TOLD][-count:]

    def _person(self, name: str) -> User:
        if name not in self._people:
            self._people[name] = self.slack.person(name.lower(), display_name=name)
        return self._people[name]

    # ------------------------------------------------------------------ what stands there

    def standing(self, room: Room) -> Standing:
        """Every message with its last text, and what is tied to it: an answer stands in a thread."""
        posts = [one for one in self.slack.history(self._rooms[room]) if one.subtype in TOLD]
        threads = _threads(posts)
        found = Standing()
        for post in posts:
            name = post.username or (post.user.name if post.user else "")
            file = next((json.loads(file.content)["number"] for file in post.files), None)
            by_relay = self._is_ours(post)
            found.add(Line(post.ts, by_relay, name, unescape(post.text), float(post.ts)), file)
            numbers = numbers_of(post)
            if by_relay and post.is_reply:
                for number in numbers:
                    found.answers.setdefault(number, set()).update(threads[post.thread_ts] - {number})
            for emoji in self._reactions(post):
                found.reactions.update((number, emoji) for number in numbers)
        return found

    def _is_ours(self, post: Message) -> bool:
        return post.bot is self._token.bot

    def _reactions(self, post: Message) -> Iterator[str]:
        assert self._token.bot
        for name, people in post.reactions.items():
            if self._token.bot.user in people:
                yield of_shortcode(name) or name


def _threads(posts: Sequence[Message]) -> dict[str, set[int]]:
    """The numbers in each thread: Slack cannot say which of its messages is answered."""
    found: dict[str, set[int]] = {}
    for post in posts:
        found.setdefault(post.thread_ts or post.ts, set()).update(numbers_of(post))
    return found


def numbers_of(message: Message) -> set[int]:
    """The messages that a post holds, without those it quotes."""
    return numbers_in(without_told(unescape(message.text)))


@contextmanager
def workspace(retries: tuple[float, float, float] = RETRIES) -> Iterator[SlackSide]:
    """The side, until the block ends. `retries`: seconds after which it tells again what nobody took."""
    with running() as slack:
        slack.core.deliveries.retries = retries
        yield SlackSide(slack)


def cut_off(side: SlackSide, seconds: float) -> None:
    """No connection of ours stands for a while."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        side.slack.cut_sockets(side.app)
        time.sleep(0.2)
