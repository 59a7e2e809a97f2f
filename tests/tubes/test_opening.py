import pytest
from django.db import IntegrityError, transaction

from accounts.services import account_refresh_rooms
from connectors.echo import connector as echo
from connectors.echo.connector import EchoConnector
from connectors.errors import RetryLater
from tests import factories
from tubes.models import Room, RoomListing, Seat, Tube
from tubes.services import (
    TubeRefused,
    TubeState,
    tube_close,
    tube_open,
    tube_pause,
    tube_resume,
    tube_retry,
    tube_state,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    echo.clear()
    monkeypatch.setattr("tubes.relay.bell._ring", lambda *args, **kwargs: None)


def listings(owner: object = None) -> tuple[RoomListing, RoomListing]:
    owner = owner or factories.user()
    acme, globex = factories.account(owner, team="acme"), factories.account(owner, team="globex")  # type: ignore[arg-type]
    return factories.listing(acme, "Lobby"), factories.listing(globex, "Garden")


def opened() -> Tube:
    a, b = listings()
    return tube_open(owner=a.account.owner, listing_a=a, listing_b=b)


def test_an_opened_tube_joins_two_rooms_and_notes_where_they_stand() -> None:
    newest = echo.say("acme", "lobby", "Ann", "before")

    tube = opened()

    assert (tube.status, tube.marker_a_id, tube.marker_b_id) == ("active", newest, "")
    rooms = Room.objects.order_by("name")
    assert [(room.name, room.read_id, room.reader is not None) for room in rooms] == [
        ("Garden", "", True),
        ("Lobby", newest, True),
    ]
    assert all(room.next_poll_at for room in rooms)


def nothing_saved() -> bool:
    return not (Tube.objects.exists() or Seat.objects.exists() or Room.objects.exists())


def test_a_tube_from_a_room_to_itself_is_refused() -> None:
    a, _ = listings()

    with pytest.raises(TubeRefused, match="two different rooms"):
        tube_open(owner=a.account.owner, listing_a=a, listing_b=a)
    assert nothing_saved()


def test_the_same_room_through_a_second_account_is_refused() -> None:
    a, _ = listings()
    again = factories.listing(factories.account(a.account.owner, team="acme"), "Lobby")

    with pytest.raises(TubeRefused, match="two different rooms"):
        tube_open(owner=a.account.owner, listing_a=a, listing_b=again)


def test_a_duplicate_tube_is_refused_either_way_round() -> None:
    a, b = listings()
    tube_open(owner=a.account.owner, listing_a=a, listing_b=b)

    for first, second in ((a, b), (b, a)):
        with pytest.raises(TubeRefused, match="already"):
            tube_open(owner=a.account.owner, listing_a=first, listing_b=second)
    assert Tube.objects.count() == 1


def test_the_database_refuses_a_duplicate_tube_either_way_round() -> None:
    tube = opened()

    with pytest.raises(IntegrityError), transaction.atomic():
        factories.tube(tube.side_b, tube.side_a)


def test_after_closing_the_same_rooms_can_be_joined_again() -> None:
    a, b = listings()
    first = tube_open(owner=a.account.owner, listing_a=a, listing_b=b)
    tube_close(tube=first, by=a.account.owner)

    second = tube_open(owner=a.account.owner, listing_a=a, listing_b=b)

    assert (second.side_a, second.side_b) == (first.side_a, first.side_b)


def test_a_room_of_somebody_elses_account_is_refused() -> None:
    a, b = listings()

    with pytest.raises(TubeRefused, match="not reached through an account of yours"):
        tube_open(owner=factories.user(), listing_a=a, listing_b=b)
    assert nothing_saved()


def test_an_unreadable_room_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = listings()

    def newest(*args: object) -> None:
        raise RetryLater("Echo did not answer.")

    monkeypatch.setattr(EchoConnector, "newest", newest)
    with pytest.raises(TubeRefused, match="Echo did not answer"):
        tube_open(owner=a.account.owner, listing_a=a, listing_b=b)
    assert nothing_saved()


def test_a_room_that_is_gone_is_refused() -> None:
    a, b = listings()
    RoomListing.objects.filter(pk=b.pk).update(remote_id="cellar")
    b.refresh_from_db()

    with pytest.raises(TubeRefused, match="no such room"):
        tube_open(owner=a.account.owner, listing_a=a, listing_b=b)
    assert nothing_saved()


def test_an_account_that_needs_a_login_is_refused() -> None:
    a, b = listings()
    b.account.status = "needs_login"
    b.account.save()

    with pytest.raises(TubeRefused, match="needs attention"):
        tube_open(owner=a.account.owner, listing_a=a, listing_b=b)


def test_a_second_owner_joins_a_room_only_by_reading_what_its_reader_reads() -> None:
    opened()
    a, b = listings()
    with pytest.raises(TubeRefused, match="Say something in the room"):
        tube_open(owner=a.account.owner, listing_a=a, listing_b=b)

    for team, room in (("acme", "lobby"), ("globex", "garden")):
        seen = echo.say(team, room, "Ann", "proof")
        factories.event(Room.objects.get(remote_id=room), remote_id=seen)
    tube_open(owner=a.account.owner, listing_a=a, listing_b=b)

    assert (Room.objects.count(), Seat.objects.count(), Tube.objects.count()) == (2, 4, 2)


def test_a_room_that_its_former_owner_left_can_be_joined() -> None:
    tube = opened()
    tube_close(tube=tube, by=tube.side_a.owner)
    for number in range(30):
        echo.say("acme", "lobby", "Ann", str(number))
    a, b = listings()

    assert tube_open(owner=a.account.owner, listing_a=a, listing_b=b).status == "active"


def test_a_server_claiming_the_group_of_another_server_gets_a_room_of_its_own() -> None:
    opened()
    a, b = listings()
    a.account.space = "https://evil.example#acme"
    a.account.save()
    echo.say("globex", "garden", "Ann", "proof")
    factories.event(Room.objects.get(remote_id="garden"), remote_id="echo-1")

    tube_open(owner=a.account.owner, listing_a=a, listing_b=b)

    assert Room.objects.filter(remote_id="lobby").count() == 2


def test_a_paused_tube_resumes_from_where_its_rooms_stand_then() -> None:
    tube = opened()
    owner = tube.side_a.owner
    assert tube_pause(tube=tube, by=owner)
    meanwhile = echo.say("acme", "lobby", "Ann", "while paused")

    assert tube_resume(tube=tube, by=owner)

    tube.refresh_from_db()
    assert (tube.status, tube.marker_a_id) == ("active", meanwhile)


def test_a_tube_whose_room_cannot_be_read_stays_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    tube = opened()
    tube_pause(tube=tube, by=tube.side_a.owner)

    def room(*args: object) -> None:
        raise RetryLater("Echo did not answer.")

    monkeypatch.setattr(EchoConnector, "room", room)
    with pytest.raises(TubeRefused):
        tube_resume(tube=tube, by=tube.side_a.owner)
    assert Tube.objects.get().status == "paused"


def test_a_closed_tube_stays_closed_and_its_rooms_are_read_no_more() -> None:
    tube = opened()
    owner = tube.side_a.owner

    assert tube_close(tube=tube, by=owner)

    assert (tube_pause(tube=tube, by=owner), tube_resume(tube=tube, by=owner)) == (False, False)
    assert list(Room.objects.values_list("next_poll_at", flat=True)) == [None, None]


def test_a_state_is_derived_and_tells_a_stranger_nothing_of_the_other_account() -> None:
    tube = opened()
    stranger = factories.user()
    account = tube.side_b.account
    account.status, account.status_reason = "needs_login", "Token of alice@example.com expired."
    account.save()
    tube = Tube.objects.with_sides().get()

    own, other = tube_state(tube, tube.side_b.owner), tube_state(tube, stranger)

    assert (own.name, own.reason, own.fix_account) == (
        "failed",
        "Token of alice@example.com expired.",
        account,
    )
    assert (other.name, other.fix_account) == ("failed", None)
    assert "alice" not in other.reason


def test_a_lost_room_is_mended_by_trying_again_and_its_messages_follow() -> None:
    tube = opened()
    owner = tube.side_a.owner
    Seat.objects.filter(pk=tube.side_b.pk).update(failure="archived")
    tube = Tube.objects.with_sides().get()
    assert tube_state(tube, owner) == TubeState("failed", "Failed", "archived", can_retry=True)

    tube_retry(tube=tube, by=owner)

    assert tube_state(Tube.objects.with_sides().get(), owner).name == "active"


def test_refreshing_an_accounts_rooms_looks_again_at_lost_ones_and_takes_new_names_over() -> None:
    tube = opened()
    Seat.objects.filter(pk=tube.side_b.pk).update(failure="archived")
    Room.objects.filter(pk=tube.side_b.room_id).update(name="Old name")

    account_refresh_rooms(account=tube.side_b.account)

    side_b = Tube.objects.with_sides().get().side_b
    assert (side_b.failure, side_b.room.name) == ("", "Garden")


def test_a_service_in_trouble_shows_on_the_tube_and_a_pause_comes_before_everything() -> None:
    tube = opened()
    owner = tube.side_a.owner
    account = tube.side_b.account
    account.status = "retrying"
    account.save()
    assert tube_state(Tube.objects.with_sides().get(), owner).name == "waiting"

    account.status = "needs_login"
    account.save()
    tube_pause(tube=tube, by=owner)
    assert tube_state(Tube.objects.with_sides().get(), owner).name == "paused"


def test_why_the_other_partys_room_cannot_be_read_is_told_to_nobody_else() -> None:
    a, _ = listings()
    mine = factories.seat(a.account, factories.room("lobby", team="acme"))
    theirs = factories.seat(factories.account(team="globex", status="needs_login", remote_user_name="alice"))
    tube = factories.tube(mine, theirs, status="paused")
    tube = Tube.objects.with_sides().get(pk=tube.pk)

    with pytest.raises(TubeRefused) as to_stranger:
        tube_resume(tube=tube, by=mine.owner)
    with pytest.raises(TubeRefused) as to_owner:
        tube_resume(tube=tube, by=theirs.owner)

    assert str(to_stranger.value) == "The other party's room cannot be read at the moment. Try again later."
    assert "alice" in str(to_owner.value)


def test_a_room_that_the_purge_takes_away_meanwhile_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = factories.account()
    here, there = factories.listing(account, "Lobby"), factories.listing(account, "Garden")
    real = Room.objects.get_or_create

    def purged(**values: object) -> object:
        found = real(**values)
        Room.objects.filter(remote_id="lobby").delete()
        return found

    monkeypatch.setattr(Room.objects, "get_or_create", purged)
    with pytest.raises(TubeRefused, match="Try again"):
        tube_open(owner=account.owner, listing_a=here, listing_b=there)

    monkeypatch.undo()
    assert tube_open(owner=account.owner, listing_a=here, listing_b=there).side_a.room.remote_id == "lobby"
