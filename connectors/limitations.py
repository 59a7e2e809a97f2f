"""What a service cannot do, and what happens in its place: sentences for the people who use it. No I/O.

Made of the capabilities that a connector claims, as docs/connectors.md is; the help page shows them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.base import Capabilities, Reading, Support


@dataclass(frozen=True, slots=True)
class Limitation:
    """One thing that a service cannot, or only up to a limit."""

    subject: str
    text: str


Told = tuple[str, Callable[[Capabilities], str]]  # a subject, and its sentence: "" where nothing is missing


def _duration(seconds: float) -> str:
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        number = seconds / length
        if number >= 1 and number == int(number):
            return f"{number:.0f} {unit}{'' if number == 1 else 's'}"
    return f"{seconds:g} second{'' if seconds == 1 else 's'}"


def _names(can: Capabilities) -> str:
    before = "the linked account posts, with the author’s name before the text"
    if can.sender_override is Support.NATIVE:
        return (
            f"Messages stand under their authors’ own names only where the login may do that; else {before}."
        )
    return f"{before[0].upper()}{before[1:]}."


def _length(can: Capabilities) -> str:
    if can.one_line:
        return (
            f"A post is one line of {can.max_text_length} characters at the most. A text of several lines "
            "comes as several posts, each with the author’s name; a longer line is cut between words."
        )
    return f"A post has {can.max_text_length:,} characters at the most; a longer text comes in parts."


def _formatting(can: Capabilities) -> str:
    return "" if can.rich else "Posts are plain text: what was bold or in italics arrives as bare words."


def _edits(can: Capabilities) -> str:
    if can.edits is Support.NATIVE:
        long = "" if math.isinf(can.edit_age) else _duration(can.edit_age)
        return (
            long and f"A post can be changed for {long}; after that the new text is posted below, marked ✎."
        )
    if can.edits is Support.IMITATED:
        return "A post cannot be changed: the new text is posted below, marked ✎."
    return "What somebody changes afterwards does not arrive."


def _deletions(can: Capabilities) -> str:
    if can.deletes is Support.IMITATED:
        return "A post cannot be taken back: a line tells that its author deleted it. The text stays."
    return "" if can.deletes is Support.NATIVE else "What its author deletes stays, and nobody is told."


def _replies(can: Capabilities) -> str:
    if can.replies is Support.IMITATED:
        return "An answer quotes the first words of what it answers."
    return "" if can.replies is Support.NATIVE else "An answer arrives like any other message."


def _reactions(can: Capabilities) -> str:
    if can.reactions is Support.IMITATED:
        return "A line tells who reacted, how, and to what."
    return "" if can.reactions is Support.NATIVE else "Reactions do not arrive."


def _files(can: Capabilities) -> str:
    if can.files is Support.NATIVE:
        is_unnamed = can.sender_override is Support.NATIVE and not can.names_files
        under = " It stands under the linked account’s name, with the author’s before its text."
        return (
            f"A file is posted as one up to {can.max_file_size / 1024**2:g} MiB, or less where the server "
            f"allows less. Of a larger one the name is told, with its address or size.{under * is_unnamed}"
        )
    if can.files is Support.IMITATED:
        return "No file is posted: a line tells its name, with its size or an address that works for a day."
    return "Files do not arrive."


def _absence(can: Capabilities) -> str:
    return "" if can.history else "What is said there while our connection is away is not read afterwards."


def _certainty(can: Capabilities) -> str:
    if can.idempotency_life or (can.history and can.message_ids):
        return ""
    return (
        "Where a connection breaks while something is posted, nobody can look whether it arrived. It is "
        "shown as “unknown” then, and not posted twice."
    )


def _speed(can: Capabilities) -> str:
    if can.limit is None:
        return ""
    often = f"{can.limit.requests:,} requests in {_duration(can.limit.seconds)}"
    return f"One login may make {often}. Sameroom stays below that; what is more waits, in order."


def _notice(can: Capabilities) -> str:
    if can.reading is not Reading.POLL:
        return ""
    faster = " Where the login may set up webhooks, within a second." if can.hooks else ""
    return f"Sameroom has to look for new messages, which takes a few seconds, more with many rooms.{faster}"


def _rooms(can: Capabilities) -> str:
    unlisted = "" if can.lists_all else "Not every room that a login may enter is listed. "
    if can.addresses and can.creates_rooms:
        return unlisted and f"{unlisted}Type the address of one that is missing."
    if can.addresses:
        return f"{unlisted}A room that is not listed is entered by its address; none can be made from here."
    if can.creates_rooms:
        return f"{unlisted}Rooms cannot be entered by an address: add the account to them at the service."
    return f"{unlisted}Rooms are made at the service, and the account is added to them there."


def _people(can: Capabilities) -> str:
    return (
        ""
        if can.names_are_owned
        else "Anybody can take somebody else’s name, so nobody can be listed for commands."
    )


ABOUT: Final[Sequence[Told]] = (
    ("Names", _names),
    ("Length", _length),
    ("Formatting", _formatting),
    ("Edits", _edits),
    ("Deletions", _deletions),
    ("Answers", _replies),
    ("Reactions", _reactions),
    ("Files", _files),
    ("How fast", _notice),
    ("How much", _speed),
    ("Absence", _absence),
    ("Certainty", _certainty),
    ("Rooms", _rooms),
    ("Who is who", _people),
)

# Of these a service that has no sentence does them in its own way.
_ABILITIES: Final = frozenset({"Formatting", "Edits", "Deletions", "Answers", "Reactions"})


def limitations(can: Capabilities) -> list[Limitation]:
    """Everything that is missing or limited at a service with these capabilities."""
    told = [Limitation(subject, tell(can)) for subject, tell in ABOUT]
    return [one for one in told if one.text]


def unlimited(can: Capabilities) -> list[str]:
    """The subjects of which nothing is missing there, in lower case: "edits", "deletions"."""
    return [subject.lower() for subject, tell in ABOUT if not tell(can) and subject in _ABILITIES]
