"""Messages of several lines at the fake IRC server.

Facts: https://ircv3.net/specs/extensions/multiline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tests.connectors.irc.lines import Line

if TYPE_CHECKING:
    from tests.connectors.irc.fake import Spoken
    from tests.connectors.irc.session import Session

NAME = "irc.fake.example"
CONCAT = "draft/multiline-concat"
LF = "\n"


def failure(lines: list[Line], most_lines: int, most_bytes: int) -> tuple[str, ...]:
    """Why a batch is not taken, as FAIL says; nothing where it is."""
    if not any(line.last for line in lines) or any(not line.last and CONCAT in line.tags for line in lines):
        return "MULTILINE_INVALID", "Invalid multiline batch"
    if len(lines) > most_lines:
        return "MULTILINE_MAX_LINES", str(most_lines), "Too many lines"
    if sum(len(line.last.encode()) + (CONCAT not in line.tags) for line in lines) - 1 > most_bytes:
        return "MULTILINE_MAX_BYTES", str(most_bytes), "Too many bytes"
    return ()


def tell(session: Session, spoken: Spoken, batch: str = "") -> None:
    """What was said, within a batch of history or by itself."""
    line, around = spoken.line, {"batch": batch} if batch else {}
    tags = spoken.tags() | around
    if not spoken.pieces:
        return session.send(Line(line.command, line.params, line.source, tags))
    if "draft/multiline" not in session.caps:
        return _one_by_one(session, spoken, tags)
    name = f"b{next(session.server.numbers)}"
    with session.lock:
        session.send(Line("BATCH", (f"+{name}", "draft/multiline", line.params[0]), line.source, tags))
        for said, goes_on in spoken.pieces:
            marks = {"batch": name} | ({CONCAT: ""} if goes_on else {})
            session.send(Line(line.command, (line.params[0], said), line.source, marks))
        session.send(Line("BATCH", (f"-{name}",), NAME, around))
    return None


def _one_by_one(session: Session, spoken: Spoken, tags: Mapping[str, str]) -> None:
    """For who does not know better: the id is the first one's."""
    for number, (said, _) in enumerate(spoken.pieces):
        mine = {key: value for key, value in tags.items() if key != "msgid" or not number}
        if said:
            params = (spoken.line.params[0], said)
            session.send(Line(spoken.line.command, params, spoken.line.source, mine))


def whole(
    command: str, channel: str, pieces: tuple[tuple[str, bool], ...], source: str, tags: Mapping[str, str]
) -> Line:
    """A multiline message as one line, with its breaks."""
    text = "".join(f"{'' if goes_on or not at else LF}{said}" for at, (said, goes_on) in enumerate(pieces))
    return Line(command, (channel, text), source, tags)
