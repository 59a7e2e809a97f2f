"""Which accounts a listener keeps: claimed, renewed, shared with other listeners, and given back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from accounts.models import LinkedAccount
from connectors.base import Reading, RoomId
from connectors.errors import LoginRejected
from sameroom import clock
from tubes.models import Listener
from tubes.relay import guard, health
from tubes.relay.leases import Leases
from tubes.relay.listening import unheard, wanted
from tubes.relay.listening.taking import LASTS

RENEW = 6.0  # seconds between two renewals of all leases
AT_ONCE = 100  # accounts claimed in one go
leases = Leases(LinkedAccount, "stream")


@dataclass(slots=True)
class Findings:
    """What a look brought."""

    over: set[int] = field(default_factory=set)  # accounts of ours that are to be left alone
    claimed: dict[int, tuple[LinkedAccount, int]] = field(default_factory=dict)  # with their fences
    rooms: dict[int, frozenset[RoomId]] = field(default_factory=dict)  # where they were looked up
    marked: set[int] = field(default_factory=set)  # accounts of ours with a room to be read
    renewed: dict[int, LinkedAccount] = field(default_factory=dict)  # of them, with what lets them into it
    more: bool = False  # more accounts may be free


class Ledger:
    """The leases of one listener. For one thread at a time; every method is database I/O."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._renew_at = 0.0  # monotonic
        self._most = 0  # accounts that we may hold
        self._claimed: dict[int, int] = {}  # by the last look: whoever is cancelled never hears of it
        # Accounts of a service that streams which are read otherwise, with when their status was last set.
        self._strangers: dict[int, datetime] = {}

    def look(self, held: Mapping[int, int]) -> Findings:
        """What has changed for a listener that holds these accounts (with their fences). May be repeated.

        A handful of statements, however many accounts there are.
        """
        if guard.is_stopped():
            return Findings(over=set(held))
        found = Findings()
        if clock.monotonic() >= self._renew_at:
            self._renew(held, found)
            self._renew_at = clock.monotonic() + RENEW
        self._claim(found, self._most - len(held) + len(found.over), held)
        ours = (held.keys() | found.claimed.keys()) - found.over
        found.marked = unheard.accounts() & ours
        unknown = (found.marked | found.claimed.keys()) - found.rooms.keys()
        if unknown:
            found.rooms |= wanted.rooms(unknown)
        if found.marked - found.claimed.keys():
            found.renewed = LinkedAccount.objects.in_bulk(found.marked - found.claimed.keys())
        return found

    def give_back(self, held: Mapping[int, int]) -> None:
        """End these leases, as far as they are still ours. One UPDATE."""
        leases.release(held)

    def leave(self, held: Mapping[int, int]) -> None:
        """End all of them, and what the last look has claimed; count as a listener no more."""
        self.give_back(self._claimed | {**held})
        Listener.objects.filter(name=self._name).delete()

    def _renew(self, held: Mapping[int, int], found: Findings) -> None:
        self._meet_again()
        kept = leases.renew(held, LASTS)
        missing = {pk: fence for pk, fence in held.items() if pk not in kept}
        kept |= leases.still_held(missing)  # a batch is being stored, and that renews
        found.rooms = wanted.rooms(kept) if kept else {}
        found.over = held.keys() - found.rooms.keys()
        self._share(held.keys() - found.over, found)

    def _meet_again(self) -> None:
        """Strangers whose login was renewed may stream by now. One query, none without strangers."""
        if self._strangers:
            known = LinkedAccount.objects.filter(pk__in=list(self._strangers))
            now = dict(known.values_list("pk", "status_since"))
            self._strangers = {pk: at for pk, at in self._strangers.items() if now.get(pk) == at}

    def _share(self, ours: set[int], found: Findings) -> None:
        """Say that we are here; see how many we may hold, and hand back what is beyond that."""
        now = clock.now()
        Listener.objects.update_or_create(name=self._name, defaults={"seen_at": now})
        Listener.objects.filter(seen_at__lt=now - LASTS).delete()
        listeners = Listener.objects.count()
        if listeners == 1:
            self._most = 1_000_000
            return
        share = math.ceil(wanted.accounts().exclude(pk__in=self._strangers).count() / listeners)
        slack = max(1, share // 10)  # so that nothing is handed to and fro
        self._most = share + slack
        if len(ours) > share + 2 * slack:
            found.over = found.over | set(sorted(ours)[share:])

    def _claim(self, found: Findings, most: int, held: Mapping[int, int]) -> None:
        if most <= 0:
            return
        free = wanted.free(min(most, AT_ONCE), without=self._strangers)
        found.more = len(free) == AT_ONCE
        ours = {account.pk: account for account in free if account.pk not in held and self._streams(account)}
        self._claimed = leases.claim(ours, LASTS)
        for pk, fence in self._claimed.items():
            found.claimed[pk] = ours[pk], fence

    def _streams(self, account: LinkedAccount) -> bool:
        try:
            if account.connector().capabilities.reading is Reading.STREAM:
                return True
        except LoginRejected as error:  # a secret that no key opens any more
            health.needs_login(account, str(error))
            return False
        self._strangers[account.pk] = account.status_since
        return False
