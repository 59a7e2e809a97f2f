"""`python -m bench.generator`: plays the process that receives pushes, and sets the installation up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import django
from django.core.management import call_command

from bench.pairs import Pair
from bench.peer import serve
from stub.control import Stub

if TYPE_CHECKING:
    from bench.load import Load


class Generator:
    """Commands by name; arguments and answers are JSON."""

    def __init__(self) -> None:
        self._pairs: list[Pair] = []
        self._stub: Stub | None = None

    def populate(self, server: str, tubes: int, features: str, per_owner: int) -> None:
        """Make the tables and the rows."""
        from bench.population import populate

        call_command("migrate", interactive=False, verbosity=0)
        self._stub = Stub(server)
        self._pairs = populate(server, tubes, features, per_owner)

    def saturate(
        self, seconds: float, most: int, backlog: int, threads: int, seed: int
    ) -> dict[str, list[float]]:
        """See `Load.saturate`; the times by destination."""
        load = self._load(threads, seed)
        load.saturate(seconds=seconds, most=most, backlog=backlog, stored=self._stored)
        return load.times

    def trickle(self, rate: float, seconds: float, threads: int, seed: int) -> dict[str, list[float]]:
        """See `Load.trickle`; the times by destination."""
        load = self._load(threads, seed)
        load.trickle(rate=rate, seconds=seconds)
        return load.times

    def one_each(self, threads: int, most: int) -> dict[str, list[float]]:
        """See `Load.one_each`; the times by destination."""
        load = self._load(threads, 0)
        load.one_each(most)
        return load.times

    def unfinished(self) -> int:
        """How many deliveries have not ended."""
        from tubes.models import Delivery

        return Delivery.objects.filter(status__in=Delivery.OPEN).count()

    def polls(self) -> int:
        """How often rooms were read so far, as PostgreSQL counts: each read moves the time of the next."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_stat_force_next_flush(), n_tup_upd FROM pg_stat_user_tables WHERE relname = %s",
                ["tubes_room"],
            )
            return int(cursor.fetchone()[1])

    def hooks(self) -> list[dict[str, Any]]:
        """Where the service has to push what is said in the first rooms of all Tubes."""
        from accounts.models import LinkedAccount
        from tubes.relay.hooking import address_of

        rooms: dict[int, list[str]] = {}
        for pair in self._pairs:
            rooms.setdefault(pair.account_id, []).append(pair.origin)
        return [
            {
                "token": account.credentials["token"],
                "url": address_of(account),
                "secret": account.credentials["hook_secret"],
                "rooms": rooms[account.pk],
            }
            for account in LinkedAccount.objects.filter(pk__in=rooms)
        ]

    def ends(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        from django.db.models import Count

        from tubes.models import Delivery

        return dict(Delivery.objects.values_list("status").annotate(Count("pk")).order_by())

    def _load(self, threads: int, seed: int) -> Load:
        from bench.load import Load

        return Load(self._pairs, min(threads, len(self._pairs)), seed)

    def _stored(self) -> dict[str, int]:
        assert self._stub
        return self._stub.counts().stored


def main() -> None:
    django.setup()
    generator = Generator()
    commands = [name for name in vars(Generator) if not name.startswith("_")]
    serve({name: getattr(generator, name) for name in commands})


if __name__ == "__main__":
    main()
