"""What becomes of a HipChat room, what its owner reads about it, and how it mends by itself."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import LinkedAccount
from accounts.services import account_link, account_refresh_rooms
from accounts.tasks import refresh_rooms
from connectors.hipchat.connector import HipChatConnector
from connectors.hipchat.forms import HipChatCredentialsForm
from sandbox.server import SandboxServer
from tests import factories
from tests.connectors.hipchat.harness import SCOPES
from tests.relay.conftest import Clock
from tests.relay.test_hipchat import Sides
from tubes import tasks
from tubes.models import Room, RoomListing, Seat
from tubes.relay import access
from tubes.services import tube_open, tube_state

pytestmark = pytest.mark.django_db


@pytest.fixture
def sides() -> Iterator[Sides]:
    """As in test_hipchat; the room of Side B is private."""
    cache.clear()
    owner = factories.user()
    with SandboxServer(request_limit=1_000_000, flood_limit=1_000_000) as server:
        world = server.world
        bot, dana = (world.user_named(name, group="Globex") for name in ("Sameroom Bot", "Dana Fox"))
        world.create_room(dana.id, "Cellar", privacy="private", members=[bot.id])
        for group in ("Acme", "Globex"):
            user = world.user_named("Sameroom Bot", group=group)
            token = world.create_token(user.id, SCOPES).token
            data = {"server": server.url, "token": token, "team_name": group}
            form = HipChatCredentialsForm(data, connector_class=HipChatConnector)
            assert form.is_valid(), form.errors
            account_refresh_rooms(account=account_link(owner=owner, form=form))
        a, b = RoomListing.objects.get(name="Support"), RoomListing.objects.get(name="Cellar")
        yield Sides(server, tube_open(owner=owner, listing_a=a, listing_b=b))


def cellar(sides: Sides) -> int:
    return int(sides.tube.side_b.room.remote_id)


def state(sides: Sides) -> tuple[str, str, bool]:
    """What Manage says to the owner, and whether there is a button to look again."""
    tube = type(sides.tube).objects.with_sides().get(pk=sides.tube.pk)
    seen = tube_state(tube, tube.side_a.owner)
    return (seen.name, seen.reason, seen.can_retry)


def page(sides: Sides) -> str:
    client = Client()
    client.force_login(sides.tube.side_a.owner)
    return " ".join(client.get("/manage/").text.split())


def minutes_later(sides: Sides, time: Clock, minutes: float) -> None:
    """Let time pass, and the checks that are due then be made."""
    time.forward(minutes * 60)
    sides.server.world.advance_clock(minutes * 60)
    for seat_id in access.stale_seats():
        tasks.check_seat(seat_id)


def test_a_renamed_room_gets_its_name_within_the_hour(sides: Sides, time: Clock) -> None:
    sides.server.world.rename_room(cellar(sides), "Wine cellar")

    minutes_later(sides, time, 61)

    assert Room.objects.get(pk=sides.tube.side_b.room_id).name == "Wine cellar"
    assert "Wine cellar" in page(sides)
    sides.say("Acme", "hello")
    sides.relay()
    assert sides.texts("Wine cellar") == ["[Ann Lee, Acme] hello"]


def test_a_listing_renames_as_well(sides: Sides) -> None:
    sides.server.world.rename_room(cellar(sides), "Wine cellar")

    account_refresh_rooms(account=LinkedAccount.objects.get(team_name="Globex"))

    assert Room.objects.get(pk=sides.tube.side_b.room_id).name == "Wine cellar"


def test_an_archived_room_stops_its_tube_and_takes_up_again_what_waited(sides: Sides, time: Clock) -> None:
    sides.server.world.archive_room(cellar(sides))
    sides.say("Acme", "waits")
    sides.relay()
    assert state(sides) == (
        "failed",
        "This room is archived at HipChat. Unarchive it there, or close the Tube.",
        True,
    )

    minutes_later(sides, time, 6)
    assert state(sides) == ("archived", "Cellar is archived at its service.", True)
    assert "Bring it back there, then press Try again." in page(sides)
    sides.server.world.archive_room(cellar(sides), archived=False)
    minutes_later(sides, time, 6)
    sides.relay()

    assert state(sides) == ("active", "", False)
    said, told = sides.texts("Cellar")[-2:]
    assert said.endswith("waits")
    assert told == "[Sameroom] Catching up: 1 message was said in Support some time ago."


def test_a_room_that_was_archived_unnoticed_is_found_within_the_hour(sides: Sides, time: Clock) -> None:
    sides.server.world.archive_room(cellar(sides))

    minutes_later(sides, time, 61)

    assert state(sides)[0] == "archived"


def test_a_room_that_the_linked_user_has_left_is_taken_up_when_let_in_again(
    sides: Sides, time: Clock
) -> None:
    world, bot = sides.server.world, sides.tube.side_b.account.remote_user_id
    world.remove_member(cellar(sides), int(bot))
    sides.relay()
    assert state(sides) == (
        "failed",
        "HipChat no longer lets the linked user into this room. Have the user added to it there.",
        True,
    )
    assert "Put it right there, then press Try again" in page(sides)
    sides.say("Acme", "waits")
    sides.relay()
    assert sides.texts("Cellar") == []

    world.add_member(cellar(sides), int(bot))
    minutes_later(sides, time, 6)
    sides.relay()

    assert state(sides) == ("active", "", False)
    said, told = sides.texts("Cellar")[-2:]
    assert said.endswith("waits")
    assert told == "[Sameroom] Catching up: 1 message was said in Support some time ago."


@pytest.mark.parametrize("answered", ["403", "404"])
def test_a_hidden_room_is_lost_whichever_way_the_server_says_so(answered: str, sides: Sides) -> None:
    sides.server.world.set_switches(forbidden_room=answered)
    sides.server.world.remove_member(cellar(sides), int(sides.tube.side_b.account.remote_user_id))

    sides.relay()

    assert "added to" in state(sides)[1]


def test_a_deleted_room_fails_its_tube_and_no_other(sides: Sides, time: Clock) -> None:
    owner, gone = sides.tube.side_a.owner, sides.tube.side_b_id
    mine = RoomListing.objects.owned_by(owner)
    other = tube_open(owner=owner, listing_a=mine.get(name="Support"), listing_b=mine.get(name="Helpdesk"))
    sides.server.world.delete_room(cellar(sides))
    sides.say("Acme", "hello")
    sides.relay()

    name, reason, can_retry = state(sides)
    assert (name, can_retry) == ("failed", True)
    assert reason.startswith("HipChat shows no such room any more: it was deleted, or it is private")
    assert reason.endswith("if not, close the Tube.")
    assert sides.texts("Helpdesk") == ["[Ann Lee, Acme] hello"]
    assert list(Seat.objects.exclude(failure="").values_list("pk", flat=True)) == [gone]
    minutes_later(sides, time, 6)
    assert state(sides)[0] == "failed"
    assert tube_state(type(other).objects.with_sides().get(pk=other.pk)).name == "active"


def test_a_401_that_the_session_does_not_confirm_takes_no_account_away(sides: Sides, time: Clock) -> None:
    """Quirk 14.12: some queries answer 401 although the token is fine."""
    body = {"error": {"code": 401, "message": "Invalid OAuth session", "type": "Unauthorized"}}
    sides.server.world.add_fault(path="/history/latest", status=401, body=body, count=2)
    sides.say("Acme", "hello")
    sides.relay(rounds=1)
    assert set(LinkedAccount.objects.values_list("status", flat=True)) == {"connected"}

    time.forward(5)
    sides.relay()
    assert sides.texts("Cellar") == ["[Ann Lee, Acme] hello"]


def test_a_server_that_takes_its_token_back_is_believed_again(sides: Sides, time: Clock) -> None:
    """As after a restored backup: nobody has to renew what works again."""
    account = LinkedAccount.objects.get(team_name="Globex")
    token = account.credentials["token"]
    body = {"error": {"code": 401, "message": "Invalid OAuth session", "type": "Unauthorized"}}
    sides.server.world.add_fault(path=f"/oauth/token/{token}", status=401, body=body)
    sides.server.world.add_fault(path="/message", method="POST", status=401, body=body)
    sides.say("Acme", "waits")
    sides.relay(rounds=1)
    account.refresh_from_db()
    assert account.status == "needs_login"

    refresh_rooms(account.pk)
    time.forward(5)
    sides.relay()

    account.refresh_from_db()
    assert account.status == "connected"
    assert sides.texts("Cellar") == ["[Ann Lee, Acme] waits"]
