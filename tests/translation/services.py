"""Chat services with people in them, and what anybody who looks into a room sees there."""

from __future__ import annotations

import re
import secrets
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Protocol

from django.core.cache import cache

from connectors.base import Login, RoomId, UserId
from connectors.markup.emoji import of_shortcode
from connectors.slack.connector import SlackConnector
from sandbox.server import SandboxServer
from stub.control import Stub
from stub.server import running
from tests import fakeslack
from tests.connectors.hipchat.harness import SCOPES
from tests.connectors.irc.living import FAST, login
from tests.connectors.matrix.harness import shared
from tests.fakeslack import FakeSlack
from tests.fakeslack.receiver import Receiver, receiving
from tests.fakeslack.text import calls
from tests.fakeslack.world import Message
from tests.homeserver import Homeserver
from tests.irchuman import Crowd, people
from tests.ircservers import Ircd


@dataclass
class Post:
    """What stands in a room, as its service shows it."""

    text: str
    by: str = ""  # the author's name, where the service shows one that is not our login's
    files: list[str] = field(default_factory=list)  # `name (bytes)`
    reactions: list[str] = field(default_factory=list)
    answers: int | None = None  # the number of the post that it answers
    rings: list[str] = field(default_factory=list)


class Service(Protocol):
    """A service with a room to talk in, made anew for each case."""

    kind: ClassVar[str]
    title: str
    # What its people can do, by name. Each tells what it made: an id, or a list where it was several things.
    actions: Mapping[str, Callable[..., Any]]

    def enter(self) -> tuple[RoomId, Login]:
        """A new empty room, and a login that is in it."""

    def standing(self) -> list[Post]:
        """What stands in the room, oldest first."""

    def another(self) -> Service:
        """One more of this kind, with people of its own."""


class HipChat:
    """The sandbox: one group, in which Ann talks. Bob is another person there."""

    kind = "hipchat"
    title = "HipChat"

    def __init__(self, server: SandboxServer) -> None:
        self.server, self.world = server, server.world
        self.world.set_switches(authenticated_files=True)
        group = self.world.create_group(f"Group {secrets.token_hex(3)}")
        self.bot = self.world.create_user(group.id, "Sameroom Bot")
        self.ann = self.world.create_user(group.id, "Ann Lee", mention_name="annlee")
        self.bob = self.world.create_user(group.id, "Bob Ray", mention_name="bobray")
        self.token = self.world.create_token(self.bot.id, SCOPES).token
        self.actions = {
            "say": self.say,
            "say formatted": self.say_formatted,
            "say code": lambda: self.say("/code x = 1\nprint(x)"),
            "edit": lambda id: self.say("s/helo/hello/"),
            "delete": self.world.delete_message,
            "share": self.share,
            "mention": lambda: self.say("@bobray come"),
            "call all": lambda: self.say("@all lunch"),
            "do": lambda: self.say("/me waves"),
            "notify": lambda: self.notify("It is noon.", "text"),
            "smile": lambda: self.say("good (thumbsup)"),
        }

    def another(self) -> HipChat:
        return HipChat(self.server)

    def enter(self) -> tuple[RoomId, Login]:
        self.room = self.world.create_room(self.ann.id, f"Room {secrets.token_hex(3)}")
        credentials = {"token": self.token, "team_name": "Acme"}
        return RoomId(str(self.room.id)), Login(self.server.url, credentials, UserId(str(self.bot.id)))

    def say(self, text: str) -> str:
        return self.world.post_message(self.room.id, self.ann.id, text).id

    def say_formatted(self) -> str:
        html = '<b>bold</b>, <i>italic</i>, <code>code</code>, <a href="https://example.org/">link</a>'
        return self.notify(f"{html}<ul><li>one</li><li>two</li></ul>", "html")

    def notify(self, text: str, form: str) -> str:
        posted = self.world.post_notification(self.room.id, sender="Build", text=text, message_format=form)
        return posted.id

    def share(self, name: str, content: bytes, text: str) -> str:
        kind = "application/octet-stream"
        room, ann = self.room.id, self.ann.id
        return self.world.post_file(room, ann, name=name, content_type=kind, content=content, text=text).id

    def standing(self) -> list[Post]:
        posts = []
        for message in self.world.messages.all(self.room.chat):
            if message.text is None:
                continue
            upload = message.extra.get("upload")
            stored = self.world.uploads.get(upload["id"]) if upload else None
            files = [f"{stored.name} ({len(stored.content)} bytes)"] if stored else []
            rings = [self.world.directory.user(id).name for id in message.mentions]
            posts.append(Post(message.text, files=files, rings=rings))
        return posts


class Matrix:
    """Synapse: Ann and Bob are in a room with our user."""

    kind = "matrix"
    title = "Matrix"

    def __init__(self, server: Homeserver) -> None:
        self.server = server
        self.bot = server.person("bot", display_name="Sameroom Bot")
        self.ann, self.bob = (
            server.person(name, display_name=f"{name.title()} Lee") for name in ("ann", "bob")
        )
        self.actions = {
            "say": lambda text: self.ann.say(self.room, text),
            "say formatted": self.say_formatted,
            "say code": self.say_code,
            "edit": self.edit,
            "delete": lambda id: self.ann.redact(self.room, id),
            "reply": lambda id: self.ann.say(self.room, "yes", **related("m.in_reply_to", id)),
            "react": lambda id: self.ann.send(self.room, reaction(id), "m.reaction"),
            "take back": lambda id: self.ann.redact(self.room, id),
            "share": self.share,
            "mention": self.mention,
            "call all": lambda: self.ann.say(self.room, "@room lunch", **{"m.mentions": {"room": True}}),
            "do": lambda: self.ann.send(self.room, {"msgtype": "m.emote", "body": "waves"}),
            "notify": lambda: self.ann.send(self.room, {"msgtype": "m.notice", "body": "It is noon."}),
            "smile": lambda: self.ann.say(self.room, "good 👍"),
        }

    def another(self) -> Matrix:
        return Matrix(self.server)

    def enter(self) -> tuple[RoomId, Login]:
        self.room = self.ann.make_room(name="Translation")
        for person in (self.bot, self.bob):
            person.join(self.room)
        return RoomId(self.room), Login(self.server.url, {"token": self.bot.token}, UserId(self.bot.id))

    def say_formatted(self) -> str:
        html = (
            "<strong>bold</strong>, <em>italic</em>, <code>code</code>, "
            '<a href="https://example.org/">link</a><ul><li>one</li><li>two</li></ul>'
        )
        return self._html("**bold**, *italic*, `code`, link", html)

    def say_code(self) -> str:
        return self._html("x = 1", '<pre><code class="language-python">x = 1\nprint(x)</code></pre>')

    def mention(self) -> str:
        link = f'<a href="https://matrix.to/#/{self.bob.id}">Bob Ray</a> come'
        return self._html("Bob Ray come", link, **{"m.mentions": {"user_ids": [self.bob.id]}})

    def _html(self, body: str, html: str, **more: Any) -> str:
        return self.ann.say(self.room, body, format="org.matrix.custom.html", formatted_body=html, **more)

    def edit(self, id: str) -> str:
        new = {"msgtype": "m.text", "body": "hello"}
        relation = {"rel_type": "m.replace", "event_id": id}
        return self.ann.say(self.room, "* hello", **{"m.new_content": new, "m.relates_to": relation})

    def share(self, name: str, content: bytes, text: str) -> str:
        url = self.ann.upload(content, "application/octet-stream", name)
        told = {"msgtype": "m.file", "body": text or name, "filename": name, "url": url}
        return self.ann.send(self.room, told | {"info": {"size": len(content)}})

    def standing(self) -> list[Post]:
        return _matrix_posts(self.ann.history(self.room))


def related(name: str, id: str) -> dict[str, Any]:
    """The relation of a reply."""
    return {"m.relates_to": {name: {"event_id": id}}}


def reaction(id: str) -> dict[str, Any]:
    """The content of a reaction."""
    return {"m.relates_to": {"rel_type": "m.annotation", "event_id": id, "key": "👍"}}


def _matrix_posts(history: Iterable[dict[str, Any]]) -> list[Post]:
    """What clients show: messages with their last edit, their reactions and what they answer."""
    posts: dict[str, Post] = {}
    for event in history:
        content, relation = event["content"], event["content"].get("m.relates_to", {})
        about = posts.get(relation.get("event_id"))
        if event["type"] == "m.reaction" and about and content:
            about.reactions.append(relation["key"])
        elif event["type"] == "m.room.message" and relation.get("rel_type") == "m.replace" and about:
            about.text = _shown(content["m.new_content"])
        elif event["type"] == "m.room.message" and content:
            post = _matrix_post(content)
            answered = relation.get("m.in_reply_to", {}).get("event_id")
            post.answers = list(posts).index(answered) if answered in posts else None
            posts[event["event_id"]] = post
    return list(posts.values())


def _matrix_post(content: dict[str, Any]) -> Post:
    mentions = content.get("m.mentions", {})
    rings = [id[1:].partition("-")[0].title() for id in mentions.get("user_ids", ())]
    rings += ["everybody"] if mentions.get("room") else []
    if "url" not in content:
        return Post(_shown(content), rings=rings)
    name = content.get("filename", content["body"])
    caption = _shown(content) if content["body"] != name else ""
    return Post(caption, files=[f"{name} ({content['info']['size']} bytes)"], rings=rings)


def _shown(content: dict[str, Any]) -> str:
    return str(content.get("formatted_body") or content["body"])


LINE = 400  # bytes of one line, as clients break what is longer


class Irc:
    """InspIRCd: Ann talks in a channel, and Eve, who is in it too, hears what is said."""

    kind = "irc"
    title = "IRC"

    def __init__(self, server: Ircd, crowd: Crowd, names: tuple[str, str] = ("ann", "eve")) -> None:
        self.server, self.crowd, self.room = server, crowd, ""
        self.ann, self.eve = self.people = crowd.all(names)
        self.actions = {
            "say": self.say,
            "say formatted": lambda: self.say(
                "\x02bold\x02, \x1ditalic\x1d, \x11code\x11, \x0304red\x03, https://example.org/"
            ),
            "say code": lambda: self.say("\x11x = 1\x11\n\x11print(x)\x11"),
            "mention": lambda: self.say(f"{self.eve.nick}: come"),
            "do": lambda: self.ann.act(self.room, "waves"),
            "notify": lambda: self.ann.notice(self.room, "It is noon."),
            "smile": lambda: self.say("good 👍"),
        }

    def another(self) -> Irc:
        return self._second

    @cached_property
    def _second(self) -> Irc:
        return Irc(self.server, self.crowd, ("kim", "lou"))

    def enter(self) -> tuple[RoomId, Login]:
        before, self.room = self.room, f"#room-{secrets.token_hex(3)}"
        for human in self.people:
            if before:
                human.leave(before)
            human.join(self.room)
        return RoomId(self.room), login(self.server.url, f"relay-{self.ann.nick}", **FAST)

    def say(self, text: str) -> list[str]:
        """As clients do: line by line."""
        lines = [part for line in text.split("\n") for part in textwrap.wrap(line, LINE)]
        self.ann.paste(self.room, lines)
        return lines

    def standing(self) -> list[Post]:
        self.eve.people(self.room)  # which the server answers behind all that was said
        return [Post(text, rings=self._called(text)) for text in self.eve.texts(self.room)]

    def _called(self, text: str) -> list[str]:
        """Whose clients ring: those whose nick is a word of the line."""
        nicks = [human.nick for human in self.people]
        return [nick for nick in nicks if re.search(rf"\b{nick}\b", text, re.IGNORECASE)]


class Slack:
    """A Slack of our own: Ann and Bob are in a channel of their workspace with our app."""

    kind = "slack"
    title = "Slack"

    def __init__(self, slack: FakeSlack, receiver: Receiver, workspace: str = "Acme") -> None:
        self.slack, self.receiver, self.team = slack, receiver, slack.workspace(workspace)
        self.ann, self.bob = (
            slack.person(name, display_name=shown, team=self.team)
            for name, shown in (("ann", "Ann Lee"), ("bob", "Bob Ray"))
        )
        self.app = slack.app()
        self.token = slack.install(self.app, team=self.team, by=self.ann)
        slack.listen(self.app, receiver.url)
        self.actions = {
            "say": lambda text: slack.say(self.channel, self.ann, text),
            "say formatted": self.say_formatted,
            "say code": lambda: slack.post(self.channel, self.ann, "```x = 1\nprint(x)```"),
            "edit": lambda said: slack.edit(said, "hello"),
            "delete": slack.delete,
            "reply": lambda said: slack.reply(said, self.ann, "yes"),
            "react": lambda said: slack.react(said, self.ann, "thumbsup") or said,
            "take back": lambda said: slack.unreact(said, self.ann, "thumbsup"),
            "share": lambda name, content, text: slack.upload(self.channel, self.ann, name, content, text),
            "mention": lambda: slack.post(self.channel, self.ann, f"<@{self.bob.id}> come"),
            "call all": lambda: slack.post(self.channel, self.ann, "<!channel> lunch"),
            "do": lambda: slack.say(self.channel, self.ann, "waves", subtype="me_message"),
            "smile": lambda: slack.say(self.channel, self.ann, "good :+1:"),
        }

    def another(self) -> Slack:
        return self._second

    @cached_property
    def _second(self) -> Slack:
        return Slack(self.slack, self.receiver, "Globex")

    def enter(self) -> tuple[RoomId, Login]:
        assert self.token.bot
        cache.clear()  # the budgets: a minute's calls are soon used up here
        name = f"room-{secrets.token_hex(3)}"
        self.channel = self.slack.channel(name, self.ann, self.bob, self.token.bot, team=self.team)
        known = {"token": self.token.value, "signing_secret": self.app.signing_secret}
        login = Login(self.slack.api.rstrip("/"), known, UserId(self.token.bot.user.id), self.team.id)
        SlackConnector(login).refresh_people()
        return RoomId(self.channel.id), login

    def pushed(self) -> list[tuple[Mapping[str, str], bytes]]:
        """The calls that told our app what has happened here since this was last asked."""
        self.slack.settle()
        taken, self.receiver.requests[:] = list(self.receiver.requests), []
        ours = [one for one in taken if one.json.get("api_app_id") == self.app.id]
        return [(one.headers, one.body) for one in ours]

    def say_formatted(self) -> Any:
        link = {"type": "link", "url": "https://example.org/", "text": "link"}
        words = [("bold", "bold"), ("italic", "italic"), ("code", "code")]
        said = [part for word, style in words for part in (_element(word, **{style: True}), _element(", "))]
        items = [_section(_element(word)) for word in ("one", "two")]
        elements = [_section(*said, link), {"type": "rich_text_list", "style": "bullet", "elements": items}]
        wire = "*bold*, _italic_, `code`, <https://example.org/|link>\n• one\n• two"
        blocks = [{"type": "rich_text", "elements": elements}]
        return self.slack.post(self.channel, self.ann, wire, blocks=blocks)

    def standing(self) -> list[Post]:
        said = self.slack.history(self.channel)
        ids = [message.ts for message in said]
        return [self._post(message, ids) for message in said]

    def _post(self, message: Message, ids: list[str]) -> Post:
        is_answer = message.thread_ts not in ("", message.ts)
        names = {f"@{person.id}": person.display_name for person in (self.ann, self.bob)}
        return Post(
            message.text,
            by=message.username,
            files=[f"{file.name} ({file.size} bytes)" for file in message.files],
            reactions=[of_shortcode(f":{name}:") or name for name in message.reactions],
            answers=ids.index(message.thread_ts) if is_answer and message.thread_ts in ids else None,
            rings=[names.get(one, "everybody") for one in calls(message.text)],
        )


def _element(word: str, **style: bool) -> dict[str, Any]:
    return {"type": "text", "text": word, **({"style": style} if style else {})}


def _section(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


class Stubbed:
    """The stub service with some abilities."""

    kind = "stub"

    def __init__(self, stub: Stub, title: str, features: str) -> None:
        self.stub, self.title, self.features = stub, title, features
        self.bot = f"bot-{secrets.token_hex(4)}"
        self.actions = {"say": lambda text: stub.say(self.room, "Ann", text)}
        if "edits" in features:
            self.actions |= {
                "edit": lambda id: stub.edit(self.room, id, "hello"),
                "delete": lambda id: stub.delete(self.room, id),
                "react": lambda id: stub.react(self.room, id, "Ann", "👍") or id,
                "take back": lambda id: stub.react(self.room, id, "Ann", "👍", add=False),
            }

    def another(self) -> Stubbed:
        return Stubbed(self.stub, self.title, self.features)

    def enter(self) -> tuple[RoomId, Login]:
        self.room = f"room-{secrets.token_hex(4)}"
        self.stub.add_rooms([self.room])
        credentials = {"token": f"{self.bot}:secret", "features": self.features, "hook_secret": "hush"}
        return RoomId(self.room), Login(self.stub.url, credentials, UserId(f"u-{self.bot}"))

    def standing(self) -> list[Post]:
        items = [item for item in self.stub.history(self.room) if not item.is_deleted]
        ids = [item.id for item in items]
        return [
            Post(
                item.now,
                by=item.sender_name,
                reactions=[emoji for emoji, users in item.reactions.items() if users],
                answers=ids.index(item.reply_to) if item.reply_to in ids else None,
            )
            for item in items
        ]


EVERYTHING = "history,ids,edits,deletes,reactions,replies,sender"
NOTHING = "history,ids"


@contextmanager
def all_services(ircd: Ircd) -> Iterator[list[Service]]:
    """Each service, running, twice where two of a kind talk to each other."""
    with ExitStack() as stack:
        crowd = stack.enter_context(people(ircd.url))
        sandbox = stack.enter_context(SandboxServer(request_limit=1_000_000, flood_limit=1_000_000))
        stub = stack.enter_context(running())
        slack = stack.enter_context(fakeslack.running())
        receiver = stack.enter_context(receiving())
        yield [
            HipChat(sandbox),
            Matrix(shared()),
            Irc(ircd, crowd),
            Slack(slack, receiver),
            Stubbed(stub, "a service that can all", EVERYTHING),
            Stubbed(stub, "a service with words only", NOTHING),
        ]


def without_ids(text: str) -> str:
    """A text without what differs from run to run."""
    text = re.sub(r"@(\w+)-[0-9a-f]{8}:localhost", r"@\1:localhost", text)
    text = re.sub(r"<@U[A-Z0-9]+>", "<@U…>", text)
    text = re.sub(r"\d\d:\d\d UTC", "14:03 UTC", text)
    return re.sub(r"http://127\.0\.0\.1:\d+/files/[^/\s\"]+/", "https://…/", text)
