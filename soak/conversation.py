"""Says things of every kind in one room of a service where messages are edited, answered and reacted to."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from chaos.generator import PIECES, Generator, Said, text_of
from soak.reading import EMOJI
from soak.texts import texts

LATEST = 20  # messages among which people choose what they answer
LATER = 6  # messages that may be said before an edit, at the most
REACTS, TAKES_BACK = 0.2, 0.3

Post = TypeVar("Post")


class Deleting(Protocol):
    """A service that knows which of its messages are, or will be, taken back."""

    deleted: set[int]


class Conversation(Generator, Generic[Post]):
    """The suite's generator for one room. A service says how its posts are made, changed and found."""

    shift: ClassVar[int] = 0  # among the emoji, so that rooms of two services have different ones

    def __init__(self, side: Deleting, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        [self._room] = self._origins
        self._deleting = side
        self._texts = iter(texts(options["seed"], options["total"]))
        self._later: list[tuple[int, Callable[[], None]]] = []  # things to do, and after how many messages
        self.files: set[int] = set()
        self.answers: dict[int, int] = {}  # what answers what
        self.reactions: dict[int, bool] = {}  # to which messages, and whether the reaction stands
        self._kinds: list[Callable[[Said], Post]] = [
            *(self._message,) * 6,
            *(*self._ways(), self._long),
            *(self._edited, self._edited, self._deleted, self._file, self._file_alone),
            *(self._answer,) * 3,
        ]

    @property
    def emoji(self) -> str:
        """One for each room of a network, so that it tells whose reaction it is."""
        return EMOJI[(int(self._room.name.rpartition("-")[2]) + self.shift) % len(EMOJI)]

    # ------------------------------------------------------------------ what a service has

    @abstractmethod
    def _ways(self) -> Sequence[Callable[[Said], Post]]:
        """Emotes, markup, code, and what else it has besides plain words."""

    @abstractmethod
    def _post(self, said: Said, text: str) -> Post: ...

    @abstractmethod
    def _share(self, said: Said, words: str) -> Post:
        """A file that holds its number, with words or without any."""

    @abstractmethod
    def _answer_to(self, post: Post, said: Said, words: str) -> Post: ...

    @abstractmethod
    def _edit(self, post: Post, said: Said, words: str) -> None: ...

    @abstractmethod
    def _withdraw(self, post: Post, said: Said) -> None: ...

    @abstractmethod
    def _set_reaction(self, post: Post, author: str) -> Callable[[], None]:
        """React with `emoji`; what takes it back."""

    @abstractmethod
    def _id(self, post: Post) -> str: ...

    @abstractmethod
    def _last(self, author: str, *, to_answer: bool) -> Sequence[tuple[int, Post]]:
        """The messages that were said last and will stay, by whomever, each of one thing: with its number."""

    # ------------------------------------------------------------------ when

    def _generate(self) -> None:
        super()._generate()
        self._change_what_is_due(0.0, everything=True)

    def _say(self, count: int, now: float) -> None:
        for _ in range(min(count, 4)):
            author = f"P{self._random.randint(1, 5)}"
            said = Said(next(self._numbers), self._room, author, 1, time.time())
            said.id = self._id(self._random.choice(self._kinds)(said))
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

    # ------------------------------------------------------------------ what

    def _words(self, said: Said) -> str:
        return f"{text_of(said).split(' ')[0]} {next(self._texts, '')}"

    def _message(self, said: Said) -> Post:
        return self._post(said, self._words(said))

    def _long(self, said: Said) -> Post:
        said.pieces = PIECES
        return self._post(said, text_of(said))

    def _file(self, said: Said) -> Post:
        self.files.add(said.number)
        return self._share(said, self._words(said))

    def _file_alone(self, said: Said) -> Post:
        """It says nothing: a message says which one it was."""
        self.files.add(said.number)
        self._share(said, "")
        return self._message(said)

    def _edited(self, said: Said) -> Post:
        post = self._message(said)

        def edit() -> None:
            said.version += 1
            self._edit(post, said, f"{text_of(said).split(' ')[0]} and better so")

        for _ in range(self._random.randint(1, 2)):
            self._soon(edit)
        return post

    def _deleted(self, said: Said) -> Post:
        said.author = f"D{said.number:06d}"  # a notice of its end names nobody else
        self._deleting.deleted.add(said.number)
        post = self._message(said)

        def delete() -> None:
            said.is_deleted = True
            self._withdraw(post, said)

        self._soon(delete)
        return post

    def _answer(self, said: Said) -> Post:
        words, found = self._words(said), self._last(said.author, to_answer=True)
        if not found:
            return self._post(said, words)
        self.answers[said.number], post = self._random.choice(found)
        return self._answer_to(post, said, words)

    def _react(self, author: str) -> None:
        found = self._last(author, to_answer=False)
        number, post = self._random.choice(found) if found else (0, None)
        if post is None or number in self.reactions:
            return
        taken_back = self._set_reaction(post, author)
        self.reactions[number] = True
        if self._random.random() < TAKES_BACK:

            def take_back() -> None:
                self.reactions[number] = False
                taken_back()

            self._soon(take_back)
