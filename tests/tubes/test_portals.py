import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Letter, User
from accounts.services import account_remove
from connectors.echo import connector as echo
from connectors.echo.connector import EchoConnector
from connectors.errors import RetryLater
from sameroom import clock
from tests import factories
from tubes.models import Notice, Portal, PortalRequest, Room, RoomListing, Seat, Tube
from tubes.relay import handover
from tubes.services import (
    Door,
    Limits,
    TubeRefused,
    portal_change,
    portal_close_tubes,
    portal_create,
    portal_delete,
    portal_door,
    portal_join,
    portal_request_approve,
    portal_request_decline,
    portal_request_withdraw,
    tube_close,
    tube_open,
    tube_pause,
    tube_resume,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    echo.clear()
    monkeypatch.setattr("tubes.relay.bell._ring", lambda *args, **kwargs: None)
    yield
    echo.clear()


def letters() -> list[tuple[str, str]]:
    """To whom, and about what."""
    return list(Letter.objects.order_by("pk").values_list("to", "subject"))


def listed(team: str, name: str, owner: User | None = None) -> RoomListing:
    return factories.listing(factories.account(owner, team=team), name)


def made(limits: Limits | None = None, **options: object) -> Portal:
    """A Portal to the Lobby of Acme."""
    lobby = listed("acme", "Lobby")
    owner = lobby.account.owner
    return portal_create(owner=owner, listing=lobby, limits=limits or Limits(), options=options)


def joined(portal: Portal, listing: RoomListing | None = None) -> Tube:
    listing = listing or listed("globex", "Garden")
    tube = portal_join(portal=portal, visitor=listing.account.owner, listing=listing)
    assert isinstance(tube, Tube)
    return tube


def asked(portal: Portal, listing: RoomListing | None = None) -> PortalRequest:
    listing = listing or listed("globex", "Garden")
    request = portal_join(portal=portal, visitor=listing.account.owner, listing=listing)
    assert isinstance(request, PortalRequest)
    return PortalRequest.objects.with_rooms().get(pk=request.pk)


# ------------------------------------------------------------------------------ made


def test_a_portal_begins_a_seat_whose_room_is_read_from_here_on() -> None:
    newest = echo.say("acme", "lobby", "Ann", "before")

    portal = made()

    room = Room.objects.get()
    assert (portal.seat.room, room.name, room.read_id, room.reader) == (room, "Lobby", newest, portal.seat)
    assert room.next_poll_at is not None
    assert [*Seat.objects.in_use()] == [portal.seat]
    assert [*Seat.objects.joined()] == []


def test_keys_are_96_random_bits_in_letters_of_an_address() -> None:
    seat = factories.seat()

    keys = {factories.portal(seat).key for _ in range(100)}

    assert len(keys) == 100
    assert {len(key) * 6 for key in keys} == {96}  # each letter is one of 64
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{16}", key) for key in keys)
    spread = {letter for key in keys for letter in key}
    assert len(spread) > 50


def test_a_room_that_cannot_be_read_gets_no_portal(monkeypatch: pytest.MonkeyPatch) -> None:
    def newest(*args: object) -> None:
        raise RetryLater("Echo did not answer.")

    monkeypatch.setattr(EchoConnector, "newest", newest)
    with pytest.raises(TubeRefused, match="Echo did not answer"):
        made()
    assert [*Portal.objects.all(), *Seat.objects.all(), *Room.objects.all()] == []


def test_a_portal_to_a_room_of_somebody_elses_needs_the_proof_that_a_tube_needs() -> None:
    made()

    with pytest.raises(TubeRefused, match="Say something in the room"):
        made()


def test_a_portal_that_lets_nobody_in_is_refused_by_the_database() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.portal(most_tubes=0)


# ------------------------------------------------------------------------------ joined


def test_a_visitor_joins_a_room_of_theirs_to_the_portals() -> None:
    portal = made()
    garden = listed("globex", "Garden")

    tube = joined(portal, garden)

    assert (tube.side_a, tube.portal, tube.status) == (portal.seat, portal, "active")
    assert (tube.side_b.owner, tube.side_b.account) == (garden.account.owner, garden.account)
    assert tube.opened_by == tube.status_by == garden.account.owner
    assert {room.name for room in Room.objects.filter(next_poll_at__isnull=False)} == {"Lobby", "Garden"}


def test_its_options_are_taken_with_the_first_tube_and_not_again() -> None:
    portal = made(name_style="both", shows_team=False, direction="in", posts_as_owner=True)
    first = joined(portal)
    after_first = Seat.objects.get(pk=portal.seat.pk)
    Seat.objects.filter(pk=portal.seat.pk).update(name_style="username")  # its owner sets the room's options
    joined(portal, listed("initech", "Lobby"))
    after_second = Seat.objects.get(pk=portal.seat.pk)

    assert (after_first.name_style, after_first.shows_team, after_first.direction) == ("both", False, "in")
    assert after_first.posts_as_owner
    assert not Seat.objects.get(pk=first.side_b.pk).posts_as_owner  # its owner has a say of their own
    assert after_second.name_style == "username"
    assert Seat.objects.get(pk=first.side_b.pk).name_style == "display"


def test_options_that_a_portal_does_not_name_stay_as_they_are() -> None:
    portal = made()
    Seat.objects.update(name_style="both")

    joined(portal)

    assert Seat.objects.get(pk=portal.seat.pk).name_style == "both"


def test_its_owner_is_told_of_each_tube_by_a_notice_and_a_mail() -> None:
    portal = made()
    tube = joined(portal)

    notice = Notice.objects.get()
    sentence = (
        "Garden (Echo) was joined to Lobby through your Portal. What is said in one is heard in the other."
    )
    assert (notice.owner, notice.kind, notice.text) == (portal.seat.owner, "portal", sentence)
    letter = Letter.objects.get()
    assert (letter.to, letter.subject) == (portal.seat.owner.email, "Garden has joined Lobby")
    assert sentence in letter.text
    assert f"/tubes/{tube.code}/" in letter.text


def test_what_owners_are_told_names_nothing_of_the_visitor() -> None:
    portal = made(Limits(needs_approval=True))
    garden = listed("globex", "Garden")
    request = asked(portal, garden)
    portal_request_approve(request=request, by=portal.seat.owner)
    joined(factories.portal(portal.seat), listed("initech", "Garden", garden.account.owner))

    told = " ".join(letter.text + letter.subject for letter in Letter.objects.all())
    told += " ".join(Notice.objects.values_list("text", flat=True))
    private = (garden.account.owner.email, garden.account.remote_user_name, "Globex", "Initech")
    assert [word for word in private if word in told] == []
    assert portal.seat.owner.email not in told


@pytest.mark.parametrize("is_asking", [True, False])
def test_the_very_room_of_the_portal_is_refused(is_asking: bool) -> None:
    portal = made(Limits(needs_approval=is_asking))

    with pytest.raises(TubeRefused, match="two different rooms"):
        joined(portal, listed("acme", "Lobby"))
    assert not Tube.objects.exists()


def test_a_room_that_is_joined_to_it_is_refused_whoever_joined_it() -> None:
    portal = made()
    garden = listed("globex", "Garden")
    joined(portal, garden)

    with pytest.raises(TubeRefused, match="joined by a Tube of yours already"):
        joined(portal, garden)
    with pytest.raises(TubeRefused, match="Garden is joined to this Portal’s room already, by somebody else"):
        joined(portal, listed("globex", "Garden"))
    assert Tube.objects.count() == 1


def test_a_visitor_has_to_see_a_room_that_somebody_else_reads() -> None:
    theirs, else_ = listed("globex", "Garden"), listed("initech", "Lobby")
    tube_open(
        owner=theirs.account.owner,
        listing_a=theirs,
        listing_b=factories.listing(factories.account(theirs.account.owner, team="initech"), "Attic"),
    )
    portal = made()

    with pytest.raises(TubeRefused, match="Garden is connected by somebody else"):
        joined(portal, listed("globex", "Garden", else_.account.owner))
    assert not Tube.objects.filter(portal=portal).exists()


def test_the_portals_own_seat_proves_nothing_again_to_each_visitor() -> None:
    portal = made()
    echo.say("acme", "lobby", "Ann", "something nobody has read yet")
    for _ in range(30):
        echo.say("acme", "lobby", "Ann", "and more than a proof looks at")
    factories.portal(factories.seat(factories.account(team="acme"), portal.seat.room))  # another owner's

    assert joined(portal).status == "active"


def test_a_room_of_somebody_elses_account_is_refused() -> None:
    with pytest.raises(TubeRefused, match="not reached through an account of yours"):
        portal_join(portal=made(), visitor=factories.user(), listing=listed("globex", "Garden"))


def test_why_the_portals_room_cannot_be_read_is_for_its_owner_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    portal = made(Limits(needs_approval=True))
    request = asked(portal)

    def newest(*args: object) -> None:
        raise RetryLater("Echo is angry with bot-7.")

    monkeypatch.setattr(EchoConnector, "newest", newest)
    with pytest.raises(TubeRefused) as to_visitor:
        asked(portal, listed("globex", "Attic"))
    with pytest.raises(TubeRefused) as to_owner:
        portal_request_approve(request=request, by=portal.seat.owner)

    assert str(to_visitor.value) == Door.OUT_OF_REACH.value
    assert "Echo is angry with bot-7." in str(to_owner.value)


# ------------------------------------------------------------------------------ who is let in


def test_each_reason_to_let_nobody_in_has_its_word() -> None:
    portal = made()
    stranger, now = factories.user(), clock.now()

    def door(**values: object) -> Door:
        with transaction.atomic():
            Portal.objects.filter(pk=portal.pk).update(**values)
            fresh = Portal.objects.with_seat().get(pk=portal.pk)
            found = portal_door(fresh, stranger)
            transaction.set_rollback(True)
        return found

    assert door() is Door.OPEN
    assert portal_door(portal, portal.seat.owner) is Door.OWN
    assert door(expires_at=now + timedelta(minutes=1)) is Door.OPEN
    assert door(expires_at=now - timedelta(seconds=1)) is Door.EXPIRED
    assert door(deleted_at=now) is Door.DELETED
    joined(portal)
    assert door(most_tubes=2) is Door.OPEN
    assert door(most_tubes=1) is Door.FULL
    tube_close(tube=Tube.objects.with_sides().get(), by=stranger)
    assert door(most_tubes=1) is Door.OPEN
    Seat.objects.update(failure="Kicked out.")
    assert door() is Door.OUT_OF_REACH


@pytest.mark.parametrize(
    ("limits", "door"),
    [
        ({"most_tubes": 0}, Door.FULL),
        ({"expires_at": clock.now() - timedelta(days=1)}, Door.EXPIRED),
        ({"deleted_at": clock.now()}, Door.DELETED),
    ],
)
def test_a_portal_that_shuts_while_the_rooms_are_read_opens_no_tube(
    limits: dict[str, object], door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = made()
    garden = listed("globex", "Garden")
    read = EchoConnector.newest

    def newest(*args: object) -> object:
        values = {"most_tubes": 1} if door is Door.FULL else limits
        if door is Door.FULL and not Tube.objects.exists():
            factories.tube(portal.seat, factories.seat(factories.account(team="umbra")), portal=portal)
        Portal.objects.filter(pk=portal.pk).update(**values)
        return read(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(EchoConnector, "newest", newest)
    with pytest.raises(TubeRefused, match=re.escape(door.value)):
        joined(portal, garden)
    assert not Tube.objects.filter(side_b__owner=garden.account.owner).exists()


def test_its_own_owner_is_sent_elsewhere() -> None:
    portal = made()

    with pytest.raises(TubeRefused, match="This Portal is your own"):
        joined(portal, listed("globex", "Garden", portal.seat.owner))


# ------------------------------------------------------------------------------ approval


def test_nothing_is_joined_before_its_owner_approves() -> None:
    portal = made(Limits(needs_approval=True))
    request = asked(portal)

    assert not Tube.objects.exists()
    assert Seat.objects.count() == 1  # the visitor's begins with the Tube
    tube = portal_request_approve(request=request, by=portal.seat.owner)

    request.refresh_from_db()
    assert (request.status, request.tube, tube.portal, tube.opened_by) == (
        "approved",
        tube,
        portal,
        request.visitor,
    )
    assert letters() == [
        (portal.seat.owner.email, "Garden asks to join Lobby"),
        (request.visitor.email, "Garden has joined Lobby"),
    ]
    assert not Notice.objects.exists()  # who approves need not be told


def test_a_declined_request_opens_nothing_and_is_told() -> None:
    request = asked(made(Limits(needs_approval=True)))

    assert portal_request_decline(request=request)

    assert not portal_request_decline(request=request)
    with pytest.raises(TubeRefused, match="not waiting any more"):
        portal_request_approve(request=request, by=request.portal.seat.owner)
    assert not Tube.objects.exists()
    assert letters()[1:] == [(request.visitor.email, "Garden was not joined to Lobby")]


def test_a_room_asks_once_until_it_was_decided() -> None:
    portal = made(Limits(needs_approval=True))
    garden = listed("globex", "Garden")
    first = asked(portal, garden)

    with pytest.raises(TubeRefused, match="You have asked for Garden already"):
        asked(portal, garden)
    assert portal_request_withdraw(request=first)

    assert asked(portal, garden).status == "waiting"


def test_so_many_wait_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tubes.services.portal_visits.MOST_WAITING", 1)
    portal = made(Limits(needs_approval=True))
    asked(portal)

    with pytest.raises(TubeRefused, match="Too many wait"):
        asked(portal, listed("globex", "Attic"))


def test_approving_keeps_the_maximum() -> None:
    portal = made(Limits(needs_approval=True, most_tubes=1))
    first, second = asked(portal), asked(portal, listed("initech", "Attic"))
    portal_request_approve(request=first, by=portal.seat.owner)

    with pytest.raises(TubeRefused, match="as many Tubes as you let it have"):
        portal_request_approve(request=second, by=portal.seat.owner)
    assert PortalRequest.objects.get(pk=second.pk).status == "waiting"


def test_who_approves_too_late_is_told_what_to_do() -> None:
    portal = made(Limits(needs_approval=True))
    request = asked(portal)
    yesterday, tomorrow = (clock.now() + timedelta(days=days) for days in (-1, 1))
    portal_change(portal=portal, limits=Limits(needs_approval=True, expires_at=yesterday), options={})

    with pytest.raises(TubeRefused, match="Give it a later day under its options"):
        portal_request_approve(request=request, by=portal.seat.owner)

    portal_change(portal=portal, limits=Limits(needs_approval=True, expires_at=tomorrow), options={})
    assert portal_request_approve(request=request, by=portal.seat.owner).status == "active"


# ------------------------------------------------------------------------------ changed, deleted


def test_deleting_stops_new_tubes_and_leaves_those_there_are() -> None:
    portal = made()
    tube = joined(portal)
    portal_change(portal=portal, limits=Limits(needs_approval=True), options={})
    portal.refresh_from_db()
    request = asked(portal, listed("initech", "Attic"))

    assert portal_delete(portal=portal)
    assert not portal_delete(portal=portal)

    portal.refresh_from_db()
    with pytest.raises(TubeRefused, match="was deleted by its owner"):
        joined(portal, listed("umbra", "Garden"))
    assert Tube.objects.get(pk=tube.pk).status == "active"
    assert PortalRequest.objects.get().status == "declined"
    assert letters()[-1] == (request.visitor.email, "Attic was not joined to Lobby")
    assert not portal_change(portal=portal, limits=Limits(), options={})


def test_its_room_is_read_until_the_portal_and_its_tubes_are_gone() -> None:
    portal = made()
    tube = joined(portal)
    room = portal.seat.room

    def is_read() -> bool:
        return Room.objects.get(pk=room.pk).next_poll_at is not None

    tube_close(tube=Tube.objects.with_sides().get(pk=tube.pk), by=tube.side_b.owner)
    after_tube = is_read()
    portal_delete(portal=portal)

    assert [after_tube, is_read()] == [True, False]


def test_one_act_closes_every_tube_that_it_made_and_no_other() -> None:
    portal = made()
    for team in ("globex", "initech", "umbra"):
        joined(portal, listed(team, "Garden"))
    other = factories.tube(portal.seat, factories.seat(factories.account(portal.seat.owner, team="soylent")))

    assert portal_close_tubes(portal=portal, by=portal.seat.owner) == 3

    assert [*Tube.objects.not_closed()] == [other]
    assert portal_close_tubes(portal=portal, by=portal.seat.owner) == 0
    assert Room.objects.get(pk=portal.seat.room_id).next_poll_at is not None
    assert not Room.objects.filter(remote_id="garden", next_poll_at__isnull=False).exists()


def test_removing_its_account_ends_the_portal_and_its_tubes() -> None:
    portal = made()
    tube = joined(portal)

    account_remove(account=portal.seat.account)

    assert [*Portal.objects.all(), *Tube.objects.all()] == []
    assert Room.objects.get(pk=tube.side_b.room_id).next_poll_at is None


# ------------------------------------------------------------------------------ either side's rights


@pytest.mark.parametrize("side", ["side_a", "side_b"])
def test_either_side_may_pause_resume_and_close(side: str) -> None:
    tube = Tube.objects.with_sides().get(pk=joined(made()).pk)
    by = getattr(tube, side).owner

    moves = [tube_pause(tube=tube, by=by), tube_resume(tube=tube, by=by), tube_close(tube=tube, by=by)]

    assert moves == [True, True, True]
    assert Tube.objects.get().status_by == by


# ------------------------------------------------------------------------------ whose account posts


def test_a_seat_with_a_portal_alone_reads_but_posts_for_nobody() -> None:
    portal = made()
    mine = joined(portal)
    other = factories.tube(
        factories.seat(factories.account(team="acme"), Room.objects.get(pk=portal.seat.room_id)),
        factories.seat(factories.account(team="umbra")),
    )
    waiting = factories.delivery(factories.event(other.side_b.room), portal.seat)
    tube_close(tube=Tube.objects.with_sides().get(pk=mine.pk), by=mine.side_b.owner)

    waiting.refresh_from_db()
    assert waiting.seat == other.side_a
    assert handover.stranded_seats() == []
    assert Room.objects.get(pk=portal.seat.room_id).reader == portal.seat
