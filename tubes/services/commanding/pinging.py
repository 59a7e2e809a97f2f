"""`ping`: every room that is reached from here answers, by having been posted to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from connectors.markup.sanitize import clean_name
from sameroom import clock
from tubes.models import Command, Delivery, Seat
from tubes.relay import notices, routing
from tubes.services.commanding.asked import Answer, Asked
from tubes.services.commanding.asking import spoken

MOST: Final = 50  # rooms
LOOK: Final = 1.0  # seconds between two looks at what has arrived
PATIENCE: Final = timedelta(seconds=15)
NOT_AGAIN: Final = timedelta(minutes=1)


def ping(asked: Asked) -> Answer:
    """Post a line in every room that is reached from here; `pong` says what has arrived."""
    command, now = asked.command, clock.now()
    lately = Command.objects.filter(room=command.room, word="ping", created_at__gt=now - NOT_AGAIN)
    if lately.filter(pk__lt=command.pk).exists():
        return Answer("This room has pinged the others less than a minute ago. Try again in a minute.")
    ways = routing.ways(command.event)
    seats = Seat.objects.filter(pk__in=[way.seat for way in ways.values()]).select_related("room", "account")
    asking = [seat for seat in seats.order_by("pk") if seat.takes_notices][:MOST]
    if not ways:
        return Answer("No other room is reached from here now. “-sameroom status” says why.")
    if not asking:
        return Answer("The rooms that are reached from here take no notices of ours.")
    text = f"Ping: {clean_name(command.author_name)} asks from {command.room.name} who can hear this."
    sent = [notices.post(seat, f"ping-{command.pk}", text).pk for seat in asking]
    silent = len(ways) - len(asking)
    return Answer(again=LOOK, memo={"sent": sent, "since": now.isoformat(), "silent": silent})


def pong(asked: Asked) -> Answer:
    """Which rooms have got the line, once all have, or after PATIENCE."""
    memo = asked.command.memo
    rows = Delivery.objects.filter(pk__in=memo["sent"]).select_related("room", "seat__account").order_by("pk")
    sent = list(rows)
    waited = clock.now() - datetime.fromisoformat(memo["since"])
    if any(delivery.status in Delivery.OPEN for delivery in sent) and waited < PATIENCE:
        return Answer(again=LOOK, memo=memo)
    lines = [_line(delivery) for delivery in sent]
    if memo["silent"]:
        lines.append(f"• {memo['silent']} more were not asked: they take no notices of ours.")
    return Answer("\n".join(["Ping:", *lines]))


def _line(delivery: Delivery) -> str:
    account = delivery.seat.account
    name = f"{delivery.room.name} ({account.team_name or account.label})"
    if delivery.status == Delivery.Status.SENT and delivery.finished_at:
        took = spoken((delivery.finished_at - delivery.created_at).total_seconds())
        return f"• {name} answered after {took}"
    if delivery.status in Delivery.OPEN:
        return f"• {name} has not answered within {PATIENCE.seconds} s; what is said follows when it can"
    return f"• {name} cannot be posted to now"
