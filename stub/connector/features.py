"""What an account can do, as its credentials list it: `push,history,ids,keys=60,edits,deadline=3`."""

from __future__ import annotations

from dataclasses import replace

from connectors.base import Capabilities, Reading, Support

ABILITIES = ("push", "stream", "history", "ids", "keys", "edits", "deletes", "reactions", "replies", "sender")
WAYS = ("session", "lines")  # how posts leave: only beside a stream that stands; line by line
NUMBERS = ("keys", "deadline", "length", "edit_age", "poll")  # may, or have to, be given as `name=number`
ALL = ",".join(ABILITIES)


def parse(text: str) -> dict[str, float | None]:
    """The features by name; empty text means all abilities. Raises ValueError for one that is unknown."""
    features: dict[str, float | None] = {}
    for word in (text or ALL).split(","):
        name, mark, number = word.strip().partition("=")
        if name not in (NUMBERS if mark else (*ABILITIES, *WAYS)):
            raise ValueError(f"“{word.strip()}” is no feature.")
        features[name] = float(number) if mark else None
    if not features.keys() & set(ABILITIES):  # numbers alone change nothing else
        features |= dict.fromkeys(ABILITIES)
    if not {"push", "stream", "history"} & features.keys():
        raise ValueError("What neither pushes, streams nor keeps a history cannot be read.")
    return features


def narrowed(most: Capabilities, text: str) -> Capabilities:
    """What is left of `most` with these features."""
    features = parse(text)

    def number(name: str, default: float) -> float:
        return features.get(name) or default

    def support(name: str) -> Support:
        return Support.NATIVE if {name, "ids"} <= features.keys() else Support.IMITATED

    told = Reading.STREAM if "stream" in features else Reading.POLL
    return replace(
        most,
        max_text_length=int(number("length", most.max_text_length)),
        send_deadline=number("deadline", most.send_deadline),
        edit_age=number("edit_age", most.edit_age),
        fastest_poll=number("poll", most.fastest_poll),
        sends_by_session="session" in features,
        one_line="lines" in features,
        reading=Reading.WEBHOOK if "push" in features else told,
        history="history" in features,
        message_ids="ids" in features,
        idempotency_life=number("keys", most.idempotency_life) if "keys" in features else 0.0,
        sender_override=Support.NATIVE if "sender" in features else Support.NONE,
        edits=support("edits"),
        deletes=support("deletes"),
        replies=support("replies"),
        reactions=support("reactions"),
    )
