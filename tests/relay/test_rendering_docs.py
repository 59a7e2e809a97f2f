"""docs/imitations.md says what the code does."""

import re
from datetime import timedelta
from pathlib import Path

from tests.relay.renderings import LATE, NATIVE, NONE, connector, copy, event, messages, steps
from tubes.models import Seat
from tubes.relay.rendering import joined, reactions

PAGE = Path(__file__).parents[2] / "docs" / "imitations.md"
MENU = [{"name": "menu.pdf", "url": "https://example.org/menu.pdf"}]


def documented() -> dict[str, str]:
    rows = re.findall(r"^\| ([^`|]+) \| (`.+`) \|$", PAGE.read_text(), re.MULTILINE)
    return {name: "\n".join(re.findall("`([^`]+)`", lines)) for name, lines in rows}


def test_each_imitation_looks_as_documented():
    say = "I am in."
    erased, original = copy("7", text=""), copy("7")
    both = [steps(event(), say), steps(event(author_name="Bob"), "So am I.")]
    shared = joined(both, connector()) or (0, None)
    cheers = event("reaction", author_name="Bob", emoji="🎉")
    several = reactions(
        [event("reaction", emoji="👍"), cheers], Seat(), connector(), original, timedelta(0)
    ) or (0, None)
    edits_only = connector(edits=NATIVE, deletes=NONE)
    rendered = {
        "a message": steps(event(), say),
        "a message, posted more than five minutes late": steps(event(), say, late=LATE),
        "a message, posted on a later day": steps(event(), say, late=timedelta(hours=13)),
        "a late message, under its author's own name": steps(
            event(), say, late=LATE, by=connector(sender_override=NATIVE)
        ),
        "a message, said by the owner of the account that posts it, who wants no name": steps(
            event(), say, is_own=True
        ),
        "the same, with lines that look like a command and a prefix": steps(
            event(), "/topic Lunch\n[Bob, Acme] I pay.", is_own=True
        ),
        "a message with a file": steps(event(attachments=MENU), "The menu:"),
        "a message with a file, where files are off": steps(
            event(attachments=[{**MENU[0], "size": 12_300}]), "The menu:", seat=Seat(takes_files=False)
        ),
        "somebody joins, where that is told": steps(event("notice", is_presence=True), "has joined"),
        "a message with a line that looks like a prefix": steps(event(), "Done so far:\n[x] table booked"),
        "a reply": steps(event(), say, original),
        "a reply to what was erased": steps(event(), say, erased),
        "an edit": steps(event("edit"), "I am out.", original),
        "an edit that leaves no words for a post": steps(event("edit"), "", original, by=edits_only),
        "a delete": steps(event("delete"), None, original),
        "a reaction": steps(event("reaction", emoji="👍"), None, original),
        "reactions that wait one behind the other": several[1:],
        "a reaction to what was erased": steps(event("reaction", emoji="👍"), None, erased),
        "a reaction taken back": steps(event("unreaction", emoji="👍"), None, original),
        "a notice of ours": steps(event("notice", room_id=None), "Bob's room is back."),
        "two messages in one post, while a limit holds the lane": shared[1:],
    }

    assert documented() == {
        name: "\n".join(message.text for message in messages(found)) for name, found in rendered.items()
    }
