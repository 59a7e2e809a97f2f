"""Rooms that begin to matter while their account's stream runs.

A stream brings what happens in the rooms that it is told of; until it has been told of one, its token moves
past what is said there. So a Seat is marked when its Tube opens, or when it gets its room back, and keeps the
mark until the listener, having told the stream, has read what was said last. Whatever is cut off in
between is done again. What was said before the Tube was opened, its marker keeps from crossing.
"""

from __future__ import annotations

import logging
from functools import partial

from accounts.models import LinkedAccount
from connectors.base import Connector, IncomingEvent, RoomId
from connectors.errors import LoginRejected, RoomGone
from monitor import logs
from tubes.models import Seat
from tubes.relay import health, sql
from tubes.relay.destinations import Destinations
from tubes.relay.listening import wanted
from tubes.relay.listening.taking import fenced, take
from tubes.relay.listening.threads import FETCHING
from tubes.relay.listening.troubles import sentence

log = logging.getLogger(__name__)

readers = Destinations(FETCHING)


def accounts() -> set[int]:
    """Accounts with a Seat that is marked. One query that mostly finds nothing."""
    marked = Seat.objects.able().filter(unheard_since__isnull=False, account__kind__in=wanted.kinds())
    return set(marked.values_list("account_id", flat=True))


def catch_up(account: LinkedAccount, fence: int, connector: Connector) -> bool:
    """Read what was said last in the marked rooms of an account; False where that has to be tried again.

    `connector` is the one whose stream runs. Of one service only so many accounts are read at once: who is
    read hears nothing meanwhile, and must not wait for another service that hangs.

    Network I/O, and transactions for each room. Call it once the stream has been told of the rooms.
    Raises Lost.
    """
    place = account.kind, account.server
    if not readers.enter(*place):
        return False
    try:
        return _read_all(connector, account, fence)
    finally:
        readers.leave(*place)


def _read_all(connector: Connector, account: LinkedAccount, fence: int) -> bool:
    marked = Seat.objects.able().filter(account=account, unheard_since__isnull=False)
    done = [_read(connector, seat, fence) for seat in marked.select_related("room", "account").order_by("pk")]
    return all(done)


def _read(connector: Connector, seat: Seat, fence: int) -> bool:
    can, room = connector.capabilities, RoomId(seat.room.remote_id)
    said: list[tuple[RoomId, IncomingEvent]] = []
    sql.give_back()
    with logs.context(account=seat.account.code, room=seat.room_id):
        try:
            if can.history and can.message_ids:  # without ids nobody could tell what was read already
                with readers.calling(seat.account.kind, seat.account.server):
                    said = [(room, event) for event in connector.recent(room).events]
        except RoomGone as error:
            health.seat_failed(seat, str(error))
        except LoginRejected as error:
            health.needs_login(seat.account, str(error))
        except Exception as error:  # noqa: BLE001 - it must not end the stream of the other rooms
            log.warning("What was said last cannot be read yet: %s", sentence(error))
            return False
        else:
            take(seat.account, fence, said, has_ids=True)
            with fenced(seat.account, fence, then=partial(_unmark, seat)):
                pass
    return True


def _unmark(seat: Seat) -> None:
    """A mark that was set meanwhile stays."""
    Seat.objects.filter(pk=seat.pk, unheard_since=seat.unheard_since).update(unheard_since=None)
