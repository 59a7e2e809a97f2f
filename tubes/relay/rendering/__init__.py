"""Turns an Event into what one Seat posts. Pure: rows are read as they were loaded, nothing else.

steps.py         what a rendering is made of, and what stands of an original in the room
occasion.py      who says it, where, how late: what every rendering below needs to know
names.py         `[Display Name, team] `, which no name and no text can imitate
stamps.py        times as they are said in a room
composing.py     our own words around what an author wrote
people.py        mentions of people who are known where the message is posted
cutting.py       text in parts that the service takes and that do no harm
files.py         files posted as files, or told by a line
message.py       a message, its reply and its files
imitating.py     how a message is referred to where nothing native can point at it
changes.py       an edit, a delete, a reaction
planning.py      which of these an event is
shared.py        several messages in one post
fingerprints.py  one text known again behind other bridges

`rendering.steps` is the function; what the module of that name holds is imported from it.
"""

from tubes.relay.rendering.changes import reactions
from tubes.relay.rendering.files import untold
from tubes.relay.rendering.fingerprints import content_fingerprint, echo_fingerprint, fingerprint
from tubes.relay.rendering.message import parts, stand_in
from tubes.relay.rendering.names import author_name, prefix
from tubes.relay.rendering.people import People, mentioned
from tubes.relay.rendering.planning import steps
from tubes.relay.rendering.shared import joined
from tubes.relay.rendering.steps import (
    Copy,
    Delete,
    Edit,
    Posting,
    React,
    Send,
    SendFile,
    Step,
    parts_from_json,
    parts_to_json,
)

__all__ = [
    "Copy",
    "Delete",
    "Edit",
    "People",
    "Posting",
    "React",
    "Send",
    "SendFile",
    "Step",
    "author_name",
    "content_fingerprint",
    "echo_fingerprint",
    "fingerprint",
    "joined",
    "mentioned",
    "parts",
    "parts_from_json",
    "parts_to_json",
    "prefix",
    "reactions",
    "stand_in",
    "steps",
    "untold",
]
