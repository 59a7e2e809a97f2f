"""Two workers at once, in threads on the real database. On SQLite IMMEDIATE transactions take turns."""

import threading
from collections.abc import Callable

import pytest
from django.db import connections

from connectors.echo import connector as echo
from sameroom import clock
from tests import factories
from tests.relay.conftest import Pair, take
from tubes.models import Delivery, Event, Notice, Portal, Room, RoomListing, Seat, Tube
from tubes.relay import news, notices
from tubes.services import (
    Door,
    Limits,
    opening,
    portal_create,
    portal_delete,
    portal_join,
    tube_close,
    tube_open,
)
from tubes.services.portals import AT_ONCE

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 20


def at_once(*jobs: Callable[[], object]) -> list[BaseException]:
    """Run jobs in threads; what they raised."""
    raised: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - it is what is asked for
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return raised


def test_two_joined_rooms_take_in_at_the_same_time(pair: Pair) -> None:
    rooms = [Room.objects.get(pk=seat.room_id) for seat in (pair.here, pair.there)]

    def talk(room: Room) -> Callable[[], None]:
        return lambda: [take(room, factories.said(str(number))) for number in range(40)] and None

    assert at_once(*[talk(room) for room in rooms]) == []
    assert [Event.objects.filter(room=room).count() for room in rooms] == [40, 40]
    assert [Room.objects.get(pk=room.pk).next_event_number for room in rooms] == [41, 41]


def test_two_polls_of_one_page_take_it_in_once(pair: Pair) -> None:
    events = [factories.said(str(number)) for number in range(20)]

    assert at_once(*[lambda: take(pair.here.room, *events)] * 4) == []
    assert list(Event.objects.order_by("number").values_list("number", flat=True)) == list(range(1, 21))


@pytest.fixture
def listings(db: None) -> Callable[[], tuple[RoomListing, RoomListing]]:
    """The same two rooms as another owner lists them, whom their history proves to be there."""
    for team, remote_id in (("acme", "lobby"), ("globex", "garden")):
        room = factories.room(remote_id, team=team)
        Room.objects.filter(pk=room.pk).update(read_id=echo.say(team, remote_id, "Ann", "proof"))

    def fresh() -> tuple[RoomListing, RoomListing]:
        owner = factories.user()
        acme, globex = factories.account(owner, team="acme"), factories.account(owner, team="globex")
        return factories.listing(acme, "Lobby"), factories.listing(globex, "Garden")

    return fresh


def test_two_owners_open_the_same_tube_in_opposite_directions(
    listings: Callable[[], tuple[RoomListing, RoomListing]],
) -> None:
    (a, b), (c, d) = listings(), listings()

    raised = at_once(
        lambda: tube_open(owner=a.account.owner, listing_a=a, listing_b=b),
        lambda: tube_open(owner=c.account.owner, listing_a=d, listing_b=c),
    )

    assert raised == []
    assert Tube.objects.count() == 2


def test_a_room_is_read_on_when_one_tube_closes_while_another_opens(
    listings: Callable[[], tuple[RoomListing, RoomListing]], monkeypatch: pytest.MonkeyPatch
) -> None:
    lobby, garden = listings()
    owner = lobby.account.owner
    first = tube_open(owner=owner, listing_a=lobby, listing_b=garden)
    attic = factories.listing(factories.account(owner, team="initech"), "Attic")
    opened, may_commit = threading.Event(), threading.Event()
    real = opening.tube_save

    def slow(*args: object, **named: object) -> Tube:
        made = real(*args, **named)  # type: ignore[arg-type]
        opened.set()
        may_commit.wait(1)
        return made

    def close() -> None:
        opened.wait(PATIENCE)
        threading.Timer(0.2, may_commit.set).start()
        tube_close(tube=Tube.objects.with_sides().get(pk=first.pk), by=owner)

    monkeypatch.setattr(opening, "tube_save", slow)
    raised = at_once(lambda: tube_open(owner=owner, listing_a=lobby, listing_b=attic), close)

    assert raised == []
    assert sorted(Tube.objects.values_list("status", flat=True)) == ["active", "closed"]
    assert Room.objects.get(space="echo#acme").next_poll_at is not None


def test_two_visitors_at_once_come_through_a_portal_for_one(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tubes.relay.bell._ring", lambda *args, **kwargs: None)
    lobby = factories.listing(factories.account(team="acme"), "Lobby")
    host = lobby.account.owner
    portal = portal_create(owner=host, listing=lobby, limits=Limits(most_tubes=1), options={})
    rooms = [factories.listing(factories.account(team=team), "Garden") for team in ("globex", "umbra")]

    def join(room: RoomListing) -> Callable[[], object]:
        return lambda: portal_join(
            portal=Portal.objects.with_seat().get(pk=portal.pk), visitor=room.account.owner, listing=room
        )

    raised = at_once(*[join(room) for room in rooms])

    assert [str(error) for error in raised] == [Door.FULL.value]
    assert Tube.objects.filter(portal=portal).count() == 1


def test_a_portal_created_twice_at_once_is_one(db: None) -> None:
    lobby = factories.listing(factories.account(team="acme"), "Lobby")
    host = lobby.account.owner

    def create(**options: bool) -> Portal:
        return portal_create(owner=host, listing=lobby, limits=Limits(most_tubes=1), options=options)

    assert at_once(create, create) == []
    assert Portal.objects.count() == 1
    create(takes_files=True)  # another one
    Portal.objects.update(created_at=clock.now() - AT_ONCE)
    create()
    assert Portal.objects.count() == 3


def test_a_portal_deleted_while_somebody_joins_is_either_first_or_second(db: None) -> None:
    lobby, garden = (
        factories.listing(factories.account(team=team), name)
        for team, name in (("acme", "Lobby"), ("globex", "Garden"))
    )
    portal = portal_create(owner=lobby.account.owner, listing=lobby, limits=Limits(), options={})

    raised = at_once(
        lambda: portal_join(portal=portal, visitor=garden.account.owner, listing=garden),
        lambda: portal_delete(portal=portal),
    )

    assert [str(error) for error in raised] in ([], [Door.DELETED.value])
    is_read = Room.objects.get(pk=portal.seat.room_id).next_poll_at is not None
    assert is_read == (Tube.objects.count() == 1)


def test_what_two_find_out_at_once_is_told_once(pair: Pair) -> None:
    Seat.objects.update(takes_news=True)
    paused = Tube.objects.with_sides().get(pk=pair.tube.pk)

    raised = at_once(
        *[lambda: notices.tell(pair.there, Notice.Kind.QUOTA, "The limit is reached.", in_room=True)] * 6,
        *[lambda: news.paused(paused, pair.here.owner)] * 6,
    )

    assert raised == []
    counts = Notice.objects.filter(seat=pair.there).order_by("kind").values_list("kind", "count")
    assert list(counts) == [("paused", 6), ("quota", 6)]
    assert Delivery.objects.filter(room=pair.there.room).count() == 2
