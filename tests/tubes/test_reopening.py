from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models import F

from accounts.models import LinkedAccount
from connectors.echo import connector as echo
from sameroom import clock
from tests import factories
from tests.tubes.test_portals import asked, joined, listed, made
from tubes.models import Notice, Portal, Room, RoomListing, Seat, Tube
from tubes.services import (
    Followed,
    Limits,
    TubeRefused,
    TubesBack,
    portal_delete,
    portal_request_approve,
    portal_restore,
    reopening,
    tube_close,
    tube_open,
    tube_pause,
    tube_reopen,
)
from tubes.services.reopening import WITHIN

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    echo.clear()
    monkeypatch.setattr("tubes.relay.bell._ring", lambda *args, **kwargs: None)
    yield
    echo.clear()


def closed(by: str = "side_a") -> Tube:
    """A Tube between the Lobby of Acme and the Garden of Globex, of one owner, just closed."""
    lobby = listed("acme", "Lobby")
    garden = listed("globex", "Garden", lobby.account.owner)
    tube = tube_open(owner=lobby.account.owner, listing_a=lobby, listing_b=garden)
    return ended(tube, getattr(tube, by).owner)


def ended(tube: Tube, by: object) -> Tube:
    tube_close(tube=tube, by=by)  # type: ignore[arg-type]
    return Tube.objects.with_sides().select_related("portal__seat__owner").get(pk=tube.pk)


def test_a_closed_tube_comes_back_from_where_its_rooms_stand_now() -> None:
    tube = closed()
    meanwhile = echo.say("acme", "lobby", "Ann", "nobody hears this")

    tube_reopen(tube=tube, by=tube.side_a.owner)

    anew = Tube.objects.get()
    assert (anew.code, anew.side_a, anew.side_b, anew.status) == (
        tube.code,
        tube.side_a,
        tube.side_b,
        "active",
    )
    assert anew.marker_a_id == meanwhile
    assert Room.objects.filter(next_poll_at=None).count() == 0


def test_one_that_was_paused_comes_back_paused() -> None:
    lobby = listed("acme", "Lobby")
    owner = lobby.account.owner
    tube = tube_open(owner=owner, listing_a=lobby, listing_b=listed("globex", "Garden", owner))
    tube_pause(tube=tube, by=owner)

    tube_reopen(tube=ended(tube, owner), by=owner)

    assert Tube.objects.get().status == "paused"


def test_only_who_has_closed_it_may_take_that_back_and_soon() -> None:
    host = made()
    tube = joined(host)
    tube = ended(tube, host.seat.owner)
    with pytest.raises(TubeRefused, match="cannot be taken back"):
        tube_reopen(tube=tube, by=tube.side_b.owner)

    tube.status_since = clock.now() - WITHIN - timedelta(seconds=1)
    with pytest.raises(TubeRefused, match="cannot be taken back"):
        tube_reopen(tube=tube, by=host.seat.owner)
    assert Tube.objects.not_closed().count() == 0


def test_who_closed_what_was_brought_back_is_not_overruled_by_taking_it_back_once_more() -> None:
    portal = made()
    host = portal.seat.owner
    first = ended(joined(portal), host)
    tube_reopen(tube=first, by=host)
    [visitor] = {first.side_a.owner, first.side_b.owner} - {host}
    first = ended(first, visitor)

    with pytest.raises(TubeRefused, match="taken back"):
        tube_reopen(tube=first, by=host)

    assert not Tube.objects.not_closed().exists()


def test_an_open_tube_is_not_opened_again() -> None:
    tube = closed()
    as_it_was = Tube.objects.with_sides().get()
    tube_reopen(tube=tube, by=tube.side_a.owner)

    with pytest.raises(TubeRefused, match="joined by a Tube already"):
        tube_reopen(tube=as_it_was, by=tube.side_a.owner)
    with pytest.raises(TubeRefused, match="cannot be taken back"):
        tube_reopen(tube=tube, by=tube.side_a.owner)
    assert Tube.objects.not_closed().get() == tube


def test_one_that_was_closed_long_before_a_later_one_stays_closed() -> None:
    first = closed()
    owner = first.side_a.owner
    listings = {
        f"listing_{side}": RoomListing.objects.get(remote_id=getattr(first, f"side_{side}").room.remote_id)
        for side in "ab"
    }
    later = tube_open(owner=owner, **listings)
    tube_close(tube=later, by=owner)

    with pytest.raises(TubeRefused, match="cannot be taken back"):
        tube_reopen(tube=first, by=owner)


def test_a_visitor_comes_back_by_the_portal_they_came_through() -> None:
    portal = made()
    tube = joined(portal)
    visitor = tube.side_b.owner
    Notice.objects.all().delete()

    tube_reopen(tube=ended(tube, visitor), by=visitor)

    assert Tube.objects.not_closed().get().portal == portal
    told = Notice.objects.filter(owner=portal.seat.owner).order_by("pk").values_list("kind", flat=True)
    assert [*told] == ["closed", "opened"]


def test_a_visitor_does_not_come_back_by_a_portal_that_is_shut_but_its_owner_may_bring_them() -> None:
    portal = made()
    tube = joined(portal)
    visitor, host = tube.side_b.owner, portal.seat.owner
    tube = ended(tube, visitor)
    portal_delete(portal=portal)
    tube.refresh_from_db(fields=["portal"])
    with pytest.raises(TubeRefused, match="deleted by its owner"):
        tube_reopen(tube=tube, by=visitor)

    Tube.objects.update(status_by=host)
    tube.status_by = host
    tube_reopen(tube=tube, by=host)
    assert Tube.objects.get().status == "active"


def test_a_visitor_whose_place_is_taken_while_they_come_back_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    portal = made(Limits(most_tubes=1))
    open_tube = joined(portal)
    tube = ended(open_tube, open_tube.side_b.owner)
    looked = reopening.seat_look

    def look(seat: Seat, by: object) -> object:
        if Tube.objects.count() == 1:
            factories.tube(portal.seat, portal=portal)
        return looked(seat, by)  # type: ignore[arg-type]

    monkeypatch.setattr(reopening, "seat_look", look)

    with pytest.raises(TubeRefused, match="as many Tubes as its owner"):
        tube_reopen(tube=tube, by=tube.side_b.owner)
    assert Tube.objects.get(pk=tube.pk).status == "closed"


def test_a_room_that_somebody_else_has_taken_meanwhile_is_proved_again() -> None:
    tube = closed()
    echo.say("acme", "lobby", "Ann", "only the other one sees this")
    other = factories.seat(factories.account(team="acme"), tube.side_a.room)
    factories.tube(other)
    Room.objects.filter(pk=tube.side_a.room_id).update(read_id="of-another-history")

    with pytest.raises(TubeRefused, match="Say something in the room"):
        tube_reopen(tube=tube, by=tube.side_a.owner)
    assert Tube.objects.owned_by(tube.side_a.owner).not_closed().count() == 0


def test_a_deleted_portal_comes_back_at_its_address_and_its_room_is_read() -> None:
    portal = made()
    portal_delete(portal=portal)
    assert Room.objects.get().next_poll_at is None
    portal = Portal.objects.with_seat().get()

    assert portal_restore(portal=portal) == TubesBack(0, [], Followed())

    assert [*Portal.objects.not_deleted()] == [portal]
    assert [*Seat.objects.in_use()] == [portal.seat]
    assert Room.objects.get().next_poll_at is not None
    with pytest.raises(TubeRefused, match="cannot be brought back"):
        portal_restore(portal=Portal.objects.with_seat().get())


def test_a_portal_that_was_deleted_long_ago_stays_so() -> None:
    portal = made()
    portal_delete(portal=portal)
    Portal.objects.update(deleted_at=F("deleted_at") - WITHIN - timedelta(seconds=1))

    with pytest.raises(TubeRefused, match="cannot be brought back"):
        portal_restore(portal=Portal.objects.with_seat().get())
    assert not Portal.objects.not_deleted().exists()


def test_who_was_declined_when_it_was_deleted_stays_so_and_may_ask_anew() -> None:
    portal = made(Limits(needs_approval=True))
    wish = asked(portal)
    portal_delete(portal=portal)

    portal_restore(portal=Portal.objects.with_seat().get())

    wish.refresh_from_db()
    assert wish.status == "declined"
    garden = RoomListing.objects.get(account=wish.account)
    assert portal_request_approve(request=asked(portal, garden), by=portal.seat.owner).status == "active"


def test_tubes_that_were_closed_with_a_portal_pass_again_and_no_others() -> None:
    portal = made()
    rooms = [listed("globex", name) for name in ("Garden", "Attic", "Lobby")]
    before, first, second = (joined(portal, room) for room in rooms)
    tube_close(tube=before, by=portal.seat.owner)
    portal_delete(portal=portal, with_tubes=True)
    assert not Tube.objects.not_closed().exists()

    back = portal_restore(portal=Portal.objects.with_seat().get())

    assert back == TubesBack(2, [], Followed())
    assert [*Tube.objects.not_closed().order_by("pk")] == [first, second]


def test_what_became_of_each_tube_of_a_portal_is_told() -> None:
    portal = made()
    tube = joined(portal)
    joined(portal, listed("globex", "Attic"))
    portal_delete(portal=portal, with_tubes=True)
    LinkedAccount.objects.filter(pk=tube.side_b.account_id).update(status="needs_login")

    back = portal_restore(portal=Portal.objects.with_seat().get())

    assert (back.joined, back.stay_closed) == (
        1,
        ["The other party's room cannot be read at the moment. Try again later."],
    )
    assert Tube.objects.get(pk=tube.pk).status == "closed"


def test_nobody_waits_for_ever_for_the_tubes_of_a_portal(monkeypatch: pytest.MonkeyPatch) -> None:
    portal = made()
    joined(portal)
    portal_delete(portal=portal, with_tubes=True)
    monkeypatch.setattr(reopening, "TURN", -1.0)

    back = portal_restore(portal=Portal.objects.with_seat().get())

    assert (back.joined, back.stay_closed) == (0, [reopening.TOO_SLOW])
    assert Portal.objects.not_deleted().exists()
