"""Says things of every kind that HipChat has. Each begins with its number, by which the judge knows it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from chaos.generator import Generator, Said, text_of
from chaos.network import Room
from soak.texts import texts

LONG = 1500  # characters: two posts
TAKEN_BACK = 0.05  # of all plain messages


class Talk(Generator):
    """The suite's generator, with more to say and at HipChat only."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._texts = iter(texts(options["seed"], options["total"]))
        self.taken_back: set[int] = set()
        self.files: set[int] = set()  # numbers that came with a file
        self._kinds: list[Callable[[Said], str]] = [
            *(self._message,) * 8,
            *(self._emote, self._code, self._long, self._edited, self._edited),
            *(self._file, self._file_alone, self._notification, self._card),
        ]

    def _say(self, count: int, now: float) -> None:
        """A burst in one room, one after the other."""
        room = self._random.choice(self._origins)
        for _ in range(min(count, 4)):
            said = self._next(room, now)
            said.id = self._random.choice(self._kinds)(said)
            self.said.append(said)
            self.done += 1

    def _next(self, room: Room, now: float) -> Said:
        said = super()._next(room, now)
        said.pieces = 1
        return said

    def _words(self, said: Said) -> str:
        return f"{text_of(said).split(' ')[0]} {next(self._texts, '')}"

    def _message(self, said: Said) -> str:
        id_ = self._post(said, self._words(said))
        if self._random.random() < TAKEN_BACK:
            self._sandbox.act("delete_message", message_id=id_)
            self.taken_back.add(said.number)
        return id_

    def _emote(self, said: Said) -> str:
        return self._post(said, f"/me {self._words(said)}")

    def _code(self, said: Said) -> str:
        return self._post(said, f"/code {self._words(said)}\n    return")

    def _long(self, said: Said) -> str:
        return self._post(said, self._words(said) + " and so on" * (LONG // 10))

    def _edited(self, said: Said) -> str:
        """Corrected at once, as people do it there; sometimes twice."""
        id_ = self._post(said, self._words(said))
        for _ in range(self._random.randint(1, 2)):
            before = text_of(said).split(" ")[0]
            said.version += 1
            self._post(said, f"s/{before}/{text_of(said).split(' ')[0]}/")
        return id_

    def _file(self, said: Said) -> str:
        return self._share(said, text=self._words(said))

    def _file_alone(self, said: Said) -> str:
        """Its text is its name's and its content's, so a message says which one it was."""
        self._share(said, text="")
        return self._post(said, self._words(said))

    def _notification(self, said: Said) -> str:
        words = self._words(said)
        return self._notify(
            said, text=f"<b>{words.split(' ')[0]}</b> <a href='https://example.org'>built</a>"
        )

    def _card(self, said: Said) -> str:
        card = {"style": "application", "id": said.author, "title": "Build", "url": "https://example.org/1"}
        return self._notify(said, text=self._words(said), message_format="text", card=card)

    # ------------------------------------------------------------ what the sandbox is asked to do

    def _post(self, said: Said, text: str) -> str:
        [id_] = self._sandbox.say([(said.room, said.author, text)])
        return id_

    def _share(self, said: Said, text: str) -> str:
        self.files.add(said.number)
        content = json.dumps({"number": said.number}).encode()
        return self._sandbox.share(
            said.room,
            said.author,
            name=f"{said.number}.json",
            content=base64.b64encode(content).decode(),
            text=text,
        )

    def _notify(self, said: Said, **more: Any) -> str:
        return self._sandbox.notify(said.room, f"Build {said.author}", **more)
