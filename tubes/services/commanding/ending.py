"""`disable`: ends all Tubes of one owner that touch the room, once it was said twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sameroom import clock
from tubes.models import Command, Delivery, Notice, Tube
from tubes.relay import notices
from tubes.services.commanding.asked import Answer, Asked
from tubes.services.commanding.asking import far_side, tubes_here
from tubes.services.running import tube_close, tube_pause

CONFIRM: Final = timedelta(minutes=1)
SHOWN: Final = 10
LOOK: Final = 1.0  # seconds between two looks whether the last word has been said
PATIENCE: Final = timedelta(seconds=20)


def disable(asked: Asked) -> Answer:
    """Ask first; said again by the same person it stops the Tubes at once, and `disabled` closes them.

    In between stands our answer: an account whose last Tube is closed is not used any more.
    """
    tubes = list(tubes_here(asked.seat).with_sides().order_by("pk"))
    if not tubes:
        return Answer("No Tube of this connection touches this room.")
    if not _is_confirmed(asked, tubes):
        return Answer(
            f"This ends {_number(tubes)} for good: to {_far_rooms(tubes, asked)}. "
            f"Type “-sameroom disable” once more within a minute to do it.",
            memo={"asks": asked.seat.pk, "of": [tube.pk for tube in tubes]},
        )
    for tube in tubes:
        tube_pause(tube=tube, by=asked.seat.owner, tells=False)
    for tube in tubes:
        far = far_side(tube, asked.seat.room_id)
        told = f"{asked.by} has ended the Tube between {asked.seat.room.name} and {far.room.name}."
        notices.tell(far, Notice.Kind.COMMAND, told, in_room=True)
    done = (
        f"Nothing passes any more between this room and {_far_rooms(tubes, asked)}: {_number(tubes)} ended."
    )
    posted = notices.post(asked.seat, f"disable-{asked.command.pk}", done)
    memo = {"tubes": [tube.pk for tube in tubes], "said": posted.pk, "since": clock.now().timestamp()}
    return Answer(again=LOOK, memo=memo)


def disabled(asked: Asked) -> Answer:
    """Close the Tubes once our last word has been posted, or cannot be."""
    memo = asked.command.memo
    waits = Delivery.objects.filter(pk=memo["said"], status__in=Delivery.OPEN).exists()
    if waits and clock.now().timestamp() - memo["since"] < PATIENCE.total_seconds():
        return Answer(again=LOOK, memo=memo)
    owner = asked.seat.owner
    tubes = list(Tube.objects.owned_by(owner).not_closed().with_sides().filter(pk__in=memo["tubes"]))
    for tube in tubes:
        tube_close(tube=tube, by=owner, tells=False)
    if tubes:
        told = f"{asked.by} typed “-sameroom disable”: {_number(tubes)} ended, to {_far_rooms(tubes, asked)}."
        notices.tell(asked.seat, Notice.Kind.COMMAND, told, in_room=False)
    return Answer()


def _is_confirmed(asked: Asked, tubes: list[Tube]) -> bool:
    """Whether the same person was asked about all of these just before."""
    command = asked.command
    before = Command.objects.filter(room=command.room, word=command.word, author_id=command.author_id)
    lately = before.filter(pk__lt=command.pk, created_at__gt=command.created_at - CONFIRM)
    last = lately.order_by("-pk").first()
    if last is None or last.memo.get("asks") != asked.seat.pk:
        return False
    return {tube.pk for tube in tubes} <= set(last.memo["of"])


def _number(tubes: list[Tube]) -> str:
    return "1 Tube" if len(tubes) == 1 else f"{len(tubes)} Tubes"


def _far_rooms(tubes: list[Tube], asked: Asked) -> str:
    names = [far_side(tube, asked.seat.room_id).room.name for tube in tubes]
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
