"""What stands in a room afterwards, as its service shows it to anybody who looks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import requests

from chaos.network import Room
from chaos.services import SECONDS, Line, SandboxSide
from soak.matrix import Json, MatrixSide
from soak.reading import numbers_in, told_in, without_told

A_MOMENT = 1e-5  # seconds; what a float of today's time can tell apart
RELAY = "Relay of "  # how the names of our users in the sandbox begin
LINK = re.compile(r"https?://\S+/\d+\.json")  # to a file that could not be fetched in time


@dataclass(slots=True)
class Standing:
    """One room. Of answers, reactions and files those that the relay brought."""

    lines: list[Line] = field(default_factory=list)  # oldest first, without what they quote
    answers: dict[int, set[int]] = field(default_factory=dict)  # what a message answers, by number
    reactions: Counter[tuple[int, str]] = field(default_factory=Counter)  # message and emoji
    files: Counter[int] = field(default_factory=Counter)  # by the number they hold
    linked: int = 0  # how many of them are links of ours

    def add(self, line: Line, file: int | None = None, *, opens: bool = True) -> None:
        """One post as it stands. `opens`: a file behind a link is fetched."""
        self.lines.append(replace(line, text=without_told(line.text)))
        if not line.by_relay:
            return
        link = LINK.search(line.text) if opens else None
        if link:
            self.linked += 1
            file = _opened(link[0])
        self.files.update([] if file is None else [file])
        told = told_in(line.text)
        for number, answered in told.answers.items():
            self.answers.setdefault(number, set()).update(answered)
        for number, emoji, is_set in told.reactions:
            self.reactions[number, emoji] += 1 if is_set else -1


def _opened(link: str) -> int:
    """What whoever follows the link is given."""
    answer = requests.get(link, timeout=SECONDS)
    answer.raise_for_status()
    return int(answer.json()["number"])


# ----------------------------------------------------------------- Matrix


@dataclass(slots=True)
class _Post:
    sender: str
    at: float
    content: Json  # with its last edit; empty where it was taken back
    answered: str | None


def in_matrix(matrix: MatrixSide, room: Room) -> Standing:
    """A Matrix room: every message with its last edit, and what is tied to it."""
    found, posts, reactions = Standing(), *_told_of(matrix.history(room))
    numbers = {id: numbers_in(without_told(post.content.get("body", ""))) for id, post in posts.items()}
    ours = matrix.relay.id
    for id, post in posts.items():
        file = matrix.fetch(post.content["url"])["number"] if "url" in post.content else None
        text = post.content.get("body", "")
        found.add(Line(id, post.sender == ours, "", text, post.at, not post.content), file)
        if post.sender == ours and post.answered in numbers:
            for number in numbers[id]:
                found.answers.setdefault(number, set()).update(numbers[post.answered])
    for sender, target, emoji in reactions:
        if sender == ours:
            found.reactions.update((number, emoji) for number in numbers.get(target, ()))
    return found


def _told_of(history: Iterable[Json]) -> tuple[dict[str, _Post], list[tuple[str, str, str]]]:
    """Posts by id in their order, and reactions: whose, to what, which."""
    posts: dict[str, _Post] = {}
    reactions, at = [], 0.0
    for event in history:
        sender, content = event["sender"], event["content"]
        relation = content.get("m.relates_to", {})
        about, way = relation.get("event_id", ""), relation.get("rel_type")
        if event["type"] == "m.reaction" and about:
            reactions.append((sender, about, relation["key"]))
        elif event["type"] != "m.room.message":
            continue
        elif way == "m.replace":
            if about in posts and posts[about].sender == sender and posts[about].content:
                posts[about].content = content["m.new_content"]
        else:
            at = max(event["origin_server_ts"] / 1000, at + A_MOMENT)  # this is their order
            answered = relation.get("m.in_reply_to", {}).get("event_id")
            posts[event["event_id"]] = _Post(sender, at, content, answered)
    return posts, reactions


# ----------------------------------------------------------------- HipChat


def in_sandbox(sandbox: SandboxSide, rooms: Iterable[Room]) -> dict[Room, Standing]:
    """Several rooms of the sandbox at once."""
    told = sandbox.act("dump")
    names = {user["id"]: user["name"] for user in told["users"]}
    messages = {room["name"]: room["messages"] for room in told["rooms"]}
    found = {room: Standing() for room in rooms}
    with requests.Session() as http:
        for room, standing in found.items():
            for message in messages[room.name]:
                name = names.get(message["user_id"], "")
                text, at = message["text"], message["stamp"] / 1_000_000
                line = Line(message["id"], name.startswith(RELAY), name, text or "", at, text is None)
                standing.add(line, next(_files(http, sandbox.url, message), None))
    return found


def _files(http: requests.Session, url: str, message: dict[str, Any]) -> Iterator[int]:
    upload = message["extra"].get("upload")
    if upload:
        answer = http.get(f"{url}/files/{upload['id']}/{upload['name']}", timeout=SECONDS)
        answer.raise_for_status()
        yield answer.json()["number"]
