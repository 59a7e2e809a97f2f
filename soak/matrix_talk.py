"""Says things of every kind that Matrix has, in one room, and answers and reacts to whatever stands there."""

from __future__ import annotations

import html
import json
import time
from collections.abc import Callable
from typing import Any

from chaos.generator import PIECES, Generator, Said, text_of
from soak.matrix import Json, MatrixSide
from soak.reading import EMOJI, numbers_in, without_told
from soak.texts import texts

LATEST = 20  # events among which people choose what they answer
LATER = 6  # messages that may be said before an edit, at the most
REACTS, TAKES_BACK = 0.2, 0.3
HTML = "org.matrix.custom.html"


class MatrixTalk(Generator):
    """The suite's generator for one Matrix room."""

    def __init__(self, matrix: MatrixSide, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        [self._room] = self._origins
        self._matrix = matrix
        self._texts = iter(texts(options["seed"], options["total"]))
        self._later: list[tuple[int, Callable[[], None]]] = []  # things to do, and after how many messages
        self.files: set[int] = set()
        self.answers: dict[int, int] = {}  # what answers what
        self.reactions: dict[int, bool] = {}  # to which messages, and whether the reaction stands
        self._kinds: list[Callable[[Said], str]] = [
            *(self._message,) * 6,
            *(self._emote, self._notice, self._formatted, self._code, self._long),
            *(self._edited, self._edited, self._deleted, self._file, self._file_alone),
            *(self._answer,) * 3,
        ]

    @property
    def emoji(self) -> str:
        """One for each room, so that it tells whose reaction it is."""
        return EMOJI[int(self._room.name.rpartition("-")[2]) % len(EMOJI)]

    def _generate(self) -> None:
        super()._generate()
        self._change_what_is_due(0.0, everything=True)

    def _say(self, count: int, now: float) -> None:
        for _ in range(min(count, 4)):
            author = f"P{self._random.randint(1, 5)}"
            said = Said(next(self._numbers), self._room, author, 1, time.time())
            said.id = self._random.choice(self._kinds)(said)
            self.said.append(said)
            self.done += 1
            if self._random.random() < REACTS:
                self._react(author)
            self._change_what_is_due(now, everything=False)

    def _change_what_is_due(self, now: float, *, everything: bool) -> None:
        due = [change for change in self._later if everything or change[0] <= self.done]
        self._later = [change for change in self._later if change not in due]
        for _, change in due:
            change()

    def _soon(self, change: Callable[[], None]) -> None:
        """At once, or a little later: then other things stand between."""
        self._later.append((self.done + self._random.randint(0, LATER), change))

    def _words(self, said: Said) -> str:
        return f"{text_of(said).split(' ')[0]} {next(self._texts, '')}"

    # ------------------------------------------------------------------ messages

    def _post(self, said: Said, content: Json) -> str:
        return self._matrix.send(said.room, said.author, content)

    def _message(self, said: Said) -> str:
        return self._post(said, _text(self._words(said)))

    def _emote(self, said: Said) -> str:
        return self._post(said, _text(self._words(said), "m.emote"))

    def _notice(self, said: Said) -> str:
        return self._post(said, _text(self._words(said), "m.notice"))

    def _formatted(self, said: Said) -> str:
        words = self._words(said)
        number, _, rest = words.partition(" ")
        marked = f"<strong>{number}</strong> <em>{html.escape(rest)}</em><ul><li>one</li><li>two</li></ul>"
        return self._post(said, _text(words) | {"format": HTML, "formatted_body": marked})

    def _code(self, said: Said) -> str:
        words = self._words(said)
        number, _, rest = words.partition(" ")
        marked = f"<p>{number}</p><pre><code>{html.escape(rest)}\n    return</code></pre>"
        return self._post(said, _text(words) | {"format": HTML, "formatted_body": marked})

    def _long(self, said: Said) -> str:
        said.pieces = PIECES
        return self._post(said, _text(text_of(said)))

    def _file(self, said: Said) -> str:
        return self._share(said, f"{said.number}.json", self._words(said))

    def _file_alone(self, said: Said) -> str:
        """It says nothing: a message says which one it was."""
        name = f"{said.number}.json"
        self._share(said, name, name)
        return self._message(said)

    def _share(self, said: Said, name: str, body: str) -> str:
        self.files.add(said.number)
        content = json.dumps({"number": said.number}).encode()
        address = self._matrix.upload(said.author, content, name)
        info = {"size": len(content), "mimetype": "application/json"}
        told = {"msgtype": "m.file", "body": body, "filename": name, "url": address, "info": info}
        return self._post(said, told)

    # ------------------------------------------------------------------ what is about messages

    def _edited(self, said: Said) -> str:
        id_ = self._message(said)

        def edit() -> None:
            said.version += 1
            words = f"{text_of(said).split(' ')[0]} and better so"
            relation = {"rel_type": "m.replace", "event_id": id_}
            self._post(said, _text(f"* {words}") | {"m.new_content": _text(words), "m.relates_to": relation})

        for _ in range(self._random.randint(1, 2)):
            self._soon(edit)
        return id_

    def _deleted(self, said: Said) -> str:
        said.author = f"D{said.number:06d}"  # a notice of its end names nobody else
        self._matrix.deleted.add(said.number)
        id_ = self._message(said)

        def delete() -> None:
            said.is_deleted = True
            self._matrix.redact(said.room, said.author, id_)

        self._soon(delete)
        return id_

    def _answer(self, said: Said) -> str:
        content, target = _text(self._words(said)), self._choose(said.author)
        if target:
            number, event = target
            self.answers[said.number] = number
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": event}}
        return self._post(said, content)

    def _react(self, author: str) -> None:
        target = self._choose(author)
        if target is None or target[0] in self.reactions:
            return
        number, event = target
        relation = {"rel_type": "m.annotation", "event_id": event, "key": self.emoji}
        reaction = self._matrix.send(self._room, author, {"m.relates_to": relation}, "m.reaction")
        self.reactions[number] = True
        if self._random.random() < TAKES_BACK:

            def take_back() -> None:
                self.reactions[number] = False
                self._matrix.redact(self._room, author, reaction)

            self._soon(take_back)

    def _choose(self, author: str) -> tuple[int, str] | None:
        """One of the messages that were said last and will stay, by whomever: its number and its event."""
        found = []
        for event in self._matrix.latest(self._room, author, LATEST):
            content = event["content"]
            numbers = numbers_in(without_told(content.get("body", "")))
            is_edit = content.get("m.relates_to", {}).get("rel_type") == "m.replace"
            if len(numbers) == 1 and not is_edit and not numbers & self._matrix.deleted:
                found.append((min(numbers), event["event_id"]))
        return self._random.choice(found) if found else None


def _text(body: str, kind: str = "m.text") -> Json:
    return {"msgtype": kind, "body": body}
