"""Drains lanes in threads of its own, beside Celery's: most of their time they wait for a service."""

from __future__ import annotations

import logging
import time

import redis
from django.conf import settings

from accounts.models import LinkedAccount
from connectors.errors import LoginRejected
from connectors.registry import connector_class
from sameroom.celery import stopping
from tubes.relay import attendants, bell, lanes
from tubes.relay.crew import AFTER_TROUBLE, Crew, Work
from tubes.relay.destinations import Key, destinations

log = logging.getLogger(__name__)


class LaneCrew(Crew):
    """Threads that drain lanes. Thread safe. A service that hangs does not get all of them."""

    what = "Lane"

    def __init__(self, threads: int | None = None, drain: Work = lanes.drain) -> None:
        super().__init__(threads or settings.LANE_THREADS, self._drain)
        self._drain_lane = drain
        self._places: dict[int, Key] = {}  # Seat → its service, as far as seen
        self._accounts: dict[int, int] = {}  # Seat → its account, where its posts leave by one connection

    def may_go(self, number: int) -> bool:
        place = self._places.get(number)
        return place is None or destinations.enter(*place)

    def has_gone(self, number: int) -> None:
        if number in self._places:
            destinations.leave(*self._places[number])

    def _drain(self, seat_id: int) -> float | None:
        if seat_id not in self._places:
            self._learn_place(seat_id)
            return 0.0  # last in line, now that it is known whose service it calls
        return self._drain_lane(seat_id)

    def _learn_place(self, seat_id: int) -> None:
        account = LinkedAccount.objects.get(seats=seat_id)
        if _is_by_session(account):
            self._accounts[seat_id] = account.pk
        with self._lock:
            self._places[seat_id] = (account.kind, account.server)


class Runner(LaneCrew):
    """The lane threads of one worker. Thread safe."""

    def start(self) -> None:
        """Begin to listen for rings."""
        super().start()
        if settings.REDIS_URL:
            self._keep("Lane rings", self._listen)
        else:
            attendants.lanes_are_drained_by(self)

    def stop(self, within: float = 3.0) -> None:
        """Take on nothing new, and wait so long for what is on the wire."""
        attendants.lanes_are_drained_by(None)
        super().stop(within)

    def _drain(self, seat_id: int) -> float | None:
        """What leaves by a connection is for the listener that holds it."""
        if seat_id in self._accounts:
            bell.ring_speakers([seat_id])
            return None
        return super()._drain(seat_id)

    def _listen(self) -> None:
        """Take rings from the Redis list, while there are threads for them: other workers wait too."""
        while not self._ends and not stopping():
            try:
                if len(self._waiting) > self._most - len(self._busy):
                    time.sleep(0.01)
                    continue
                for seat_id in bell.wait_for_rings(1.0):
                    self.wake(seat_id)
            except redis.RedisError as error:
                log.warning("Redis does not answer (%s); lanes wait for the sweep", type(error).__name__)
                time.sleep(AFTER_TROUBLE)


def _is_by_session(account: LinkedAccount) -> bool:
    cls = connector_class(account.kind)
    if cls is None or not cls.capabilities.sends_by_session:
        return False
    try:
        return account.connector().capabilities.sends_by_session
    except LoginRejected:  # a secret that no key opens any more: whoever drains the lane says so
        return False
