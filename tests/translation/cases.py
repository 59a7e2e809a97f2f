"""What people do, and what it takes: each case is one row of the table for each service it can be done at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.translation.services import Service


@dataclass(frozen=True, slots=True)
class Case:
    """Actions in order; each is read and relayed before the next.

    An action is a name and arguments: `...` for what the first one made, None for the last.
    """

    title: str
    actions: tuple[tuple[Any, ...], ...]

    def can_be_done_at(self, service: Service) -> bool:
        return all(name in service.actions for name, *_ in self.actions)


SAY = ("say", "helo")
CASES = [
    Case("words", (("say", "Hello & <welcome>, *all* of you"),)),
    Case("2 200 characters", (("say", "Lorem ipsum dolor sit " * 100),)),
    Case("some lines", (("say", "one\n  two, indented\n\nthree"),)),
    Case("a link", (("say", "see https://example.org/a_b?c=*d*&e=f."),)),
    Case("formatted words", (("say formatted",),)),
    Case("lines of code", (("say code",),)),
    Case("an emoji", (("smile",),)),
    Case("something done", (("do",),)),
    Case("a notice", (("notify",),)),
    Case("a mention of somebody who is not known there", (("mention",),)),
    Case("a call of everybody", (("call all",),)),
    Case("an edit", (SAY, ("edit", ...))),
    Case("a deletion", (SAY, ("delete", ...))),
    Case("a reply", (SAY, ("reply", ...))),
    Case("a reaction", (SAY, ("react", ...))),
    Case("a reaction taken back", (SAY, ("react", ...), ("take back", None))),
    Case("a file", (("share", "plan.pdf", b"%PDF-1.7", "the plan"),)),
    Case("a file without a word", (("share", "plan.pdf", b"%PDF-1.7", ""),)),
]
