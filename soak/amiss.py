"""Compares what is tied to messages with what stands in the rooms: answers, reactions and files. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chaos.network import Link, Room, reached
from soak.conversation import Conversation
from soak.irc_talk import IrcTalk
from soak.standing import Standing
from soak.talk import Talk


def amiss(
    voices: Mapping[Room, Talk | Conversation[Any] | IrcTalk],
    plan: Sequence[Link],
    standing: Mapping[Room, Standing],
) -> list[str]:
    """A sentence for everything that is missing, doubled or tied to another message."""
    return [
        f"{what} from {origin.name} in {room.name}"
        for origin, voice in voices.items()
        for room in reached(plan, origin)
        for what in _amiss_in(voice, standing[room])
    ]


def _amiss_in(voice: Talk | Conversation[Any] | IrcTalk, found: Standing) -> Iterator[str]:
    for number in voice.files:
        if found.files[number] != 1:
            yield f"{found.files[number]} files instead of one: #{number:06d}"
    if isinstance(voice, Talk):
        return
    for number, answered in voice.answers.items():
        if answered not in found.answers.get(number, ()):
            yield f"no answer to #{answered:06d}: #{number:06d}"
    for number, stands in voice.reactions.items():
        times = found.reactions[number, voice.emoji]
        if times != int(stands):
            yield f"{times} reactions {voice.emoji} instead of {int(stands)}: to #{number:06d}"
