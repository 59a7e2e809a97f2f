"""Says things of every kind that Slack has, in one channel; answers and reacts to what stands there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from chaos.generator import PIECES, Generator, Said, text_of
from connectors.markup.emoji import shortcode_of
from soak.reading import EMOJI
from soak.slack import SlackSide, numbers_of
from soak.texts import texts
from tests.fakeslack.world import Message

LATEST = 20  # messages among which people choose what they answer
LATER = 6  # messages that may be said before an edit, at the most
REACTS, TAKES_BACK, BROADCASTS = 0.2, 0.3, 0.3


class SlackTalk(Generator):
    """The suite's generator for one channel."""

    def __init__(self, slack: SlackSide, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        [self._room] = self._origins
        self._slack = slack
        self._texts = iter(texts(options["seed"], options["total"]))
        self._later: list[tuple[int, Callable[[], None]]] = []  # things to do, and after how many messages
        self.files: set[int] = set()
        self.answers: dict[int, int] = {}  # what answers what
        self.reactions: dict[int, bool] = {}  # to which messages, and whether the reaction stands
        self._kinds: list[Callable[[Said], Message]] = [
            *(self._message,) * 6,
            *(self._emote, self._formatted, self._code, self._long),
            *(self._edited, self._edited, self._deleted, self._file, self._file_alone),
            *(self._answer,) * 3,
        ]

    @property
    def emoji(self) -> str:
        """One for each channel, so that it tells whose reaction it is."""
        return EMOJI[int(self._room.name.rpartition("-")[2]) % len(EMOJI)]

    def _generate(self) -> None:
        super()._generate()
        self._change_what_is_due(0.0, everything=True)

    def _say(self, count: int, now: float) -> None:
        for _ in range(min(count, 4)):
            author = f"P{self._random.randint(1, 5)}"
            said = Said(next(self._numbers), self._room, author, 1, time.time())
            said.id = self._random.choice(self._kinds)(said).ts
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

    def _post(self, said: Said, text: str, subtype: str = "") -> Message:
        return self._slack.say(said.room, said.author, text, subtype)

    # ------------------------------------------------------------------ messages

    def _message(self, said: Said) -> Message:
        return self._post(said, self._words(said))

    def _emote(self, said: Said) -> Message:
        return self._post(said, self._words(said), "me_message")

    def _formatted(self, said: Said) -> Message:
        number, _, rest = self._words(said).partition(" ")
        return self._post(said, f"*{number}* _{rest}_\n• one\n• two")

    def _code(self, said: Said) -> Message:
        number, _, rest = self._words(said).partition(" ")
        return self._post(said, f"{number}\n```{rest}\n    return```")

    def _long(self, said: Said) -> Message:
        said.pieces = PIECES
        return self._post(said, text_of(said))

    def _file(self, said: Said) -> Message:
        self.files.add(said.number)
        return self._slack.upload(said.room, said.author, said.number, self._words(said))

    def _file_alone(self, said: Said) -> Message:
        """It says nothing: a message says which one it was."""
        self.files.add(said.number)
        self._slack.upload(said.room, said.author, said.number, "")
        return self._message(said)

    # ------------------------------------------------------------------ what is about messages

    def _edited(self, said: Said) -> Message:
        message = self._message(said)

        def edit() -> None:
            said.version += 1
            self._slack.slack.edit(message, f"{text_of(said).split(' ')[0]} and better so")

        for _ in range(self._random.randint(1, 2)):
            self._soon(edit)
        return message

    def _deleted(self, said: Said) -> Message:
        said.author = f"D{said.number:06d}"  # a notice of its end names nobody else
        self._slack.deleted.add(said.number)
        message = self._message(said)

        def delete() -> None:
            said.is_deleted = True
            self._slack.slack.delete(message)

        self._soon(delete)
        return message

    def _answer(self, said: Said) -> Message:
        """In the thread of one of the last messages. What it answers elsewhere is the thread's first."""
        words = self._words(said)
        roots = [one for one in self._last() if not one.is_reply]
        if not roots:
            return self._post(said, words)
        root = self._random.choice(roots)
        self.answers[said.number] = min(numbers_of(root))
        broadcast = self._random.random() < BROADCASTS
        return self._slack.answer(root, said.author, words, broadcast=broadcast)

    def _react(self, author: str) -> None:
        found = self._last()
        if not found:
            return
        target = self._random.choice(found)
        number, name = min(numbers_of(target)), shortcode_of(self.emoji)
        if number in self.reactions or not name:
            return
        name = name.strip(":")
        self._slack.react(target, author, name, is_set=True)
        self.reactions[number] = True
        if self._random.random() < TAKES_BACK:

            def take_back() -> None:
                self.reactions[number] = False
                self._slack.react(target, author, name, is_set=False)

            self._soon(take_back)

    def _last(self) -> list[Message]:
        """The messages that were said last and will stay, by whomever: each of one thing that was said."""
        found = []
        for message in self._slack.latest(self._room, LATEST):
            numbers = numbers_of(message)
            if len(numbers) == 1 and not numbers & self._slack.deleted:
                found.append(message)
        return found
