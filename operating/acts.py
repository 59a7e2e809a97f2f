"""What operators can do from the monitor: to what, with which permission, whether it is asked about first.

Each act calls one service and is written to the admin's log of actions, under the operator's name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_permission_codename
from django.db.models import Model, QuerySet

from accounts.models import LinkedAccount, User
from accounts.services import account_disable, account_verify
from connectors.errors import ConnectorError
from sameroom import clock
from tubes.models import Delivery, Seat, Tube
from tubes.services import TubeRefused, tube_pause, tube_resume, tubes_of_account
from tubes.services.operating import (
    NotPossible,
    delivery_arrived,
    delivery_retry,
    delivery_settle,
    delivery_skip,
    seat_verify,
    tube_verify,
)

Status = Delivery.Status
AT_ONCE: Final = 500  # rows: each is done, and logged, by itself
NO_LONGER: Final = 15.0  # seconds for all of them: whoever waits for a page gives up
LEFT: Final = "Doing it to all takes longer than a page may. Do it again for the rest."
DISABLED: Final = "An operator of this Sameroom has disabled it. Renew it to use it again."


@dataclass(frozen=True, slots=True)
class Act:
    """Something an operator can do to a row."""

    name: str
    label: str  # on the button
    model: type[Model]
    does: Callable[[Any, User], object]
    done: str  # what is said, and logged, when it was done
    fits: Callable[[Any], bool]  # whether it makes sense as the row stands
    asks: str = ""  # what is asked first, where it cannot be undone
    for_many: bool = False  # whether it is offered for all rows of a list at once
    related: tuple[str, ...] = ()  # what `does` and a page need of the row

    @property
    def permission(self) -> str:
        """Django's own: to change rows of this model."""
        meta = self.model._meta
        return f"{meta.app_label}.{get_permission_codename('change', meta)}"

    def rows(self) -> QuerySet[Any]:
        return self.model._default_manager.select_related(*self.related)


class Refused(Exception):
    """It could not be done; `str(error)` is the sentence for the operator."""


def do(act: Act, row: Any, by: User) -> None:
    """Carry an act out and log it. May do network I/O. Raises Refused, and then nothing is logged."""
    try:
        outcome = act.does(row, by)
    except (NotPossible, TubeRefused, ConnectorError, LookupError) as error:
        raise Refused(str(error)) from error
    if outcome is False:
        raise Refused("Nothing was changed: somebody else was first, or it is so already.")
    LogEntry.objects.log_actions(
        user_id=by.pk,
        queryset=[row],
        action_flag=CHANGE,
        change_message=f"{act.done} (relay monitor)",
        single_object=True,
    )


def do_all(act: Act, rows: Iterable[Any], by: User) -> tuple[int, Counter[str]]:
    """The same to several rows, each by itself: how many it was done to, and why not to others, how often.

    Within NO_LONGER seconds; what is left then is told as refused.
    """
    done, refused, ends = 0, Counter[str](), clock.monotonic() + NO_LONGER
    for row in rows:
        if clock.monotonic() > ends:
            refused[LEFT] += 1
            continue
        try:
            do(act, row, by)
        except Refused as error:
            refused[str(error)] += 1
        else:
            done += 1
    return done, refused


def possible_for_all(rows: Sequence[Model], by: User) -> list[tuple[Act, list[int]]]:
    """What this operator can do to several of these rows at once, with the ids of those it fits."""
    able = [act for act in ACTS.values() if act.for_many and by.has_perm(act.permission)]
    found = [(act, [row.pk for row in rows if isinstance(row, act.model) and act.fits(row)]) for act in able]
    return [(act, ids) for act, ids in found if len(ids) > 1]


def about(row: Model) -> list[tuple[str, object]]:
    """What to know of a row before something is done to it for good, each with its name. A query or two."""
    match row:
        case LinkedAccount():
            seats, tubes = row.seats.count(), tubes_of_account(row).count()
            return [("Owner", row.owner), ("Seats", seats), ("Open Tubes", tubes)]
        case Delivery():
            return [
                ("From", row.event.room or "Sameroom"),
                ("To", row.room),
                ("Owner there", row.seat.owner),
                ("Last error", row.error or "–"),
            ]
    return []


def about_all(found: Sequence[Delivery]) -> list[tuple[str, object]]:
    """What to know of several before something is done to all of them: the rooms and errors, most first."""
    rooms = Counter(str(delivery.room) for delivery in found)
    errors = Counter(delivery.error for delivery in found if delivery.error)
    told = {"To": rooms, "Last error": errors}
    return [(name, _most_of(counted)) for name, counted in told.items() if counted]


def _most_of(counted: Counter[str]) -> str:
    most = [f"{what} ({times})" for what, times in counted.most_common(3)]
    others = len(counted) - len(most)
    return " · ".join(most) + (f" · and {others} other{'s' if others > 1 else ''}" if others else "")


def possible(row: Model, by: User) -> list[Act]:
    """What this operator can do to a row as it stands. No query but for the permissions, once."""
    return [
        act
        for act in ACTS.values()
        if act.model is type(row) and act.fits(row) and by.has_perm(act.permission)
    ]


def _is(*states: str) -> Callable[[Any], bool]:
    return lambda row: row.status in states


_ENDS = tuple(f"side_{side}__{path}" for side in "ab" for path in ("room", "account", "owner"))
_OF_DELIVERY = ("event__room", "room", "seat__account", "seat__owner")

_ALL: Final = (
    Act(
        "pause", "Pause", Tube,
        lambda tube, by: tube_pause(tube=tube, by=by),
        "Paused.", _is(Tube.Status.ACTIVE), related=_ENDS,
    ),
    Act(
        "resume", "Resume", Tube,
        lambda tube, by: tube_resume(tube=tube, by=by, is_operator=True),
        "Resumed.", _is(Tube.Status.PAUSED), related=_ENDS,
    ),
    Act(
        "verify-tube", "Verify both rooms", Tube,
        lambda tube, by: tube_verify(tube=tube),
        "Both rooms can be entered.", _is(Tube.Status.ACTIVE), related=_ENDS,
    ),
    Act(
        "verify-seat", "Verify the room", Seat,
        lambda seat, by: seat_verify(seat=seat),
        "The room can be entered.", lambda seat: True, related=("room", "account", "owner"),
    ),
    Act(
        "retry", "Try now", Delivery,
        lambda delivery, by: delivery_retry(delivery=delivery),
        "Queued to be tried now.", _is(Status.QUEUED, Status.FAILED, Status.UNKNOWN), for_many=True,
        related=_OF_DELIVERY,
    ),
    Act(
        "skip", "Leave out", Delivery,
        lambda delivery, by: delivery_skip(delivery=delivery),
        "Left out.", _is(Status.QUEUED),
        asks="The message will never be posted in this room, and its owner is told so. "
        "This cannot be undone.",
        for_many=True, related=_OF_DELIVERY,
    ),
    Act(
        "settle", "Settle now", Delivery,
        lambda delivery, by: delivery_settle(delivery=delivery),
        "It is looked up now whether it has arrived.", _is(Status.SENDING), related=_OF_DELIVERY,
    ),
    Act(
        "arrived", "It has arrived", Delivery,
        lambda delivery, by: delivery_arrived(delivery=delivery),
        "Settled as arrived.", _is(Status.UNKNOWN),
        asks="Have you seen the message in the room? It then counts as sent and is not offered to be sent "
        "again. This cannot be undone.",
        related=_OF_DELIVERY,
    ),
    Act(
        "verify", "Verify the login", LinkedAccount,
        lambda account, by: account_verify(account=account),
        "The login works.", lambda account: True, related=("owner",),
    ),
    Act(
        "disable", "Disable", LinkedAccount,
        lambda account, by: account_disable(account=account, reason=DISABLED),
        "Disabled.", lambda account: account.status != LinkedAccount.Status.DISABLED,
        asks="Nothing will be read or posted through this account, its Tubes stand still, and what is not "
        "relayed within the catch-up age is lost. Its owner can use it again by renewing it, and you by "
        "verifying its login.",
        related=("owner",),
    ),
)  # fmt: skip
ACTS: Final[dict[str, Act]] = {act.name: act for act in _ALL}
