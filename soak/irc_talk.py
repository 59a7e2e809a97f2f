"""Says things of every kind that IRC has, in one channel. Each line is a message of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from chaos.generator import Generator, Said, text_of
from soak.irc import IrcSide
from soak.texts import texts

LONGEST = 300  # bytes: what is more is not one line beside everybody's address
PASTE = 10  # lines


class IrcTalk(Generator):
    """The suite's generator for one channel."""

    def __init__(self, irc: IrcSide, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        [self._room] = self._origins
        self._irc = irc
        self._texts = iter(texts(options["seed"], options["total"]))
        self.unheard: set[int] = set()  # said while our session was away: nobody's loss
        self.files: set[int] = set()
        self.answers: dict[int, int] = {}
        self.reactions: dict[int, bool] = {}
        self.emoji = ""
        self._kinds: list[Callable[[str], list[str]]] = [
            *(self._message,) * 6,
            *(self._emote, self._formatted, self._notice),
        ]

    def _say(self, count: int, now: float) -> None:
        author = f"P{self._random.randint(1, 5)}"
        if self._random.random() < 0.1:
            lines = min(PASTE, self._total - self.done)
            return self._speak(author, [self._next_of(author) for _ in range(lines)], self._message)
        for _ in range(min(count, 4, self._total - self.done)):
            self._speak(author, [self._next_of(author)], self._random.choice(self._kinds))
        return None

    def _next_of(self, author: str) -> Said:
        return Said(next(self._numbers), self._room, author, 1, time.time())

    def _speak(self, author: str, all_said: list[Said], kind: Callable[[str], list[str]]) -> None:
        made = [kind(self._words(said)) for said in all_said]
        command = made[0][0]
        stood = self._irc.say(self._room, author, [line for _, line in made], command)
        now = time.time()
        for said in all_said:
            said.id = f"irc-{said.number}"
            said.at = now
        if not stood:
            self.unheard |= {said.number for said in all_said}
        self.said += all_said
        self.done += len(all_said)

    def missed(self) -> set[int]:
        """What our session may not have stored, for it was away or about to go."""
        return self.unheard | {one.number for one in self.said if self._irc.may_have_missed(one.at)}

    def _words(self, said: Said) -> str:
        words = f"{text_of(said).split(' ')[0]} {next(self._texts, '')}".replace("\n", " ")
        return words.encode()[:LONGEST].decode("utf-8", "ignore").rstrip()

    # ------------------------------------------------------------------ kinds: the command, and its text

    def _message(self, words: str) -> list[str]:
        return ["PRIVMSG", words]

    def _emote(self, words: str) -> list[str]:
        return ["PRIVMSG", f"\x01ACTION {words}\x01"]

    def _notice(self, words: str) -> list[str]:
        return ["NOTICE", words]

    def _formatted(self, words: str) -> list[str]:
        number, _, rest = words.partition(" ")
        return ["PRIVMSG", f"\x02{number}\x02 \x1d{rest}\x0f \x0304red\x03"]
