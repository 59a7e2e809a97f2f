"""What people say in a Matrix room."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Sequence
from typing import Any

from chaos.generator import Said
from soak.conversation import LATEST, Conversation
from soak.matrix import Json, MatrixSide
from soak.reading import numbers_in, without_told

HTML = "org.matrix.custom.html"


class MatrixTalk(Conversation[str]):
    """Conversation in one room; posts are ids of events."""

    def __init__(self, matrix: MatrixSide, *args: Any, **options: Any) -> None:
        super().__init__(matrix, *args, **options)
        self._matrix = matrix

    def _ways(self) -> Sequence[Callable[[Said], str]]:
        return (self._emote, self._notice, self._formatted, self._code)

    def _send(self, said: Said, content: Json) -> str:
        return self._matrix.send(said.room, said.author, content)

    def _post(self, said: Said, text: str) -> str:
        return self._send(said, _text(text))

    def _emote(self, said: Said) -> str:
        return self._send(said, _text(self._words(said), "m.emote"))

    def _notice(self, said: Said) -> str:
        return self._send(said, _text(self._words(said), "m.notice"))

    def _formatted(self, said: Said) -> str:
        words = self._words(said)
        number, _, rest = words.partition(" ")
        marked = f"<strong>{number}</strong> <em>{html.escape(rest)}</em><ul><li>one</li><li>two</li></ul>"
        return self._send(said, _text(words) | {"format": HTML, "formatted_body": marked})

    def _code(self, said: Said) -> str:
        words = self._words(said)
        number, _, rest = words.partition(" ")
        marked = f"<p>{number}</p><pre><code>{html.escape(rest)}\n    return</code></pre>"
        return self._send(said, _text(words) | {"format": HTML, "formatted_body": marked})

    def _share(self, said: Said, words: str) -> str:
        name, content = f"{said.number}.json", json.dumps({"number": said.number}).encode()
        address = self._matrix.upload(said.author, content, name)
        info = {"size": len(content), "mimetype": "application/json"}
        told = {"msgtype": "m.file", "body": words or name, "filename": name, "url": address, "info": info}
        return self._send(said, told)

    def _answer_to(self, post: str, said: Said, words: str) -> str:
        relation = {"m.in_reply_to": {"event_id": post}}
        return self._send(said, _text(words) | {"m.relates_to": relation})

    def _edit(self, post: str, said: Said, words: str) -> None:
        relation = {"rel_type": "m.replace", "event_id": post}
        self._send(said, _text(f"* {words}") | {"m.new_content": _text(words), "m.relates_to": relation})

    def _withdraw(self, post: str, said: Said) -> None:
        self._matrix.redact(said.room, said.author, post)

    def _set_reaction(self, post: str, author: str) -> Callable[[], None]:
        relation = {"rel_type": "m.annotation", "event_id": post, "key": self.emoji}
        reaction = self._matrix.send(self._room, author, {"m.relates_to": relation}, "m.reaction")
        return lambda: self._matrix.redact(self._room, author, reaction)

    def _id(self, post: str) -> str:
        return post

    def _last(self, author: str, *, to_answer: bool) -> Sequence[tuple[int, str]]:
        found = []
        for event in self._matrix.latest(self._room, author, LATEST):
            content = event["content"]
            numbers = numbers_in(without_told(content.get("body", "")))
            is_edit = content.get("m.relates_to", {}).get("rel_type") == "m.replace"
            if len(numbers) == 1 and not is_edit and not numbers & self._matrix.deleted:
                found.append((min(numbers), event["event_id"]))
        return found


def _text(body: str, kind: str = "m.text") -> Json:
    return {"msgtype": kind, "body": body}
