"""What people say in a Slack channel: in threads they answer, some of it shown in the channel as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chaos.generator import Said
from connectors.markup.emoji import shortcode_of
from soak.conversation import LATEST, Conversation
from soak.slack import SlackSide, numbers_of
from tests.fakeslack.world import Message

BROADCASTS = 0.3


class SlackTalk(Conversation[Message]):
    """Conversation in one channel."""

    shift = 1

    def __init__(self, slack: SlackSide, *args: Any, **options: Any) -> None:
        super().__init__(slack, *args, **options)
        self._slack = slack

    def _ways(self) -> Sequence[Callable[[Said], Message]]:
        return (self._emote, self._formatted, self._code)

    def _post(self, said: Said, text: str, subtype: str = "") -> Message:
        return self._slack.say(said.room, said.author, text, subtype)

    def _emote(self, said: Said) -> Message:
        return self._post(said, self._words(said), "me_message")

    def _formatted(self, said: Said) -> Message:
        number, _, rest = self._words(said).partition(" ")
        return self._post(said, f"*{number}* _{rest}_\n• one\n• two")

    def _code(self, said: Said) -> Message:
        number, _, rest = self._words(said).partition(" ")
        return self._post(said, f"{number}\n```{rest}\n    return```")

    def _share(self, said: Said, words: str) -> Message:
        return self._slack.upload(said.room, said.author, said.number, words)

    def _answer_to(self, post: Message, said: Said, words: str) -> Message:
        """In its thread. What it answers elsewhere is the thread's first."""
        broadcast = self._random.random() < BROADCASTS
        return self._slack.answer(post, said.author, words, broadcast=broadcast)

    def _edit(self, post: Message, said: Said, words: str) -> None:
        self._slack.slack.edit(post, words)

    def _withdraw(self, post: Message, said: Said) -> None:
        self._slack.slack.delete(post)

    def _set_reaction(self, post: Message, author: str) -> Callable[[], None]:
        name = (shortcode_of(self.emoji) or self.emoji).strip(":")
        self._slack.react(post, author, name, is_set=True)
        return lambda: self._slack.react(post, author, name, is_set=False)

    def _id(self, post: Message) -> str:
        return post.ts

    def _last(self, author: str, *, to_answer: bool) -> Sequence[tuple[int, Message]]:
        found = []
        for message in self._slack.latest(self._room, LATEST):
            numbers = numbers_of(message)
            is_meant = not (to_answer and message.is_reply)
            if is_meant and len(numbers) == 1 and not numbers & self._slack.deleted:
                found.append((min(numbers), message))
        return found
