"""A Tube whose room is upgraded at a real homeserver goes on in the new one, and its owner is told."""

from collections.abc import Iterator

import pytest

from accounts.models import LinkedAccount
from connectors.matrix import memory
from tests import factories
from tests.connectors.matrix.harness import MARKS, MatrixHarness, start
from tests.relay.conftest import drain_all
from tests.relay.listening import running, texts_taken_in
from tests.waiting import until
from tubes.models import Delivery, Event, Notice, Room, Seat
from tubes.relay import guard
from tubes.relay.listening import keeper
from tubes.services import tube_open

pytestmark = [pytest.mark.django_db(transaction=True), *MARKS]


@pytest.fixture
def matrix(monkeypatch: pytest.MonkeyPatch) -> Iterator[MatrixHarness]:
    monkeypatch.setattr(guard, "check_in", lambda: "")
    monkeypatch.setattr(keeper, "LOOK", 0.1)
    guard.forget()
    memory.forget()
    with start() as harness:
        yield harness


@pytest.fixture
def account(matrix: MatrixHarness, db: None) -> LinkedAccount:
    return factories.account(
        kind="matrix",
        server=matrix.server.url,
        space=matrix.server.url,
        team_id="localhost",
        team_name="localhost",
        remote_user_id=matrix.relay.id,
        credentials={"token": matrix.relay.token},
    )


def said_in(matrix: MatrixHarness, room: str) -> list[str]:
    events = [event for event in matrix.person.history(room) if event["type"] == "m.room.message"]
    return [event["content"]["body"] for event in events]


def test_tube_goes_on_in_the_new_room(matrix: MatrixHarness, account: LinkedAccount) -> None:
    there = matrix.room_of(matrix.person, name="There")
    listings = [
        factories.listing(account, name, room) for room, name in ((matrix.room, "Here"), (there, "There"))
    ]
    tube = tube_open(owner=account.owner, listing_a=listings[0], listing_b=listings[1])
    with running() as [listener]:
        until(lambda: listener.connected() == 1 and not Seat.objects.exclude(unheard_since=None).exists())
        matrix.say("last words")
        until(lambda: texts_taken_in(matrix.room) == ["last words"])
        drain_all()
        matrix.person.say(there, "waits")
        until(lambda: texts_taken_in(there) == ["waits"])
        upgraded = matrix.person.ask("POST", "rooms", matrix.room, "upgrade", body={"new_version": "11"})
        new = upgraded["replacement_room"]
        matrix.person.say(new, "first words")
        until(lambda: texts_taken_in(new) == ["last words", "first words"])
        drain_all()

    assert said_in(matrix, there) == ["[Ann, localhost] last words", "waits", "[Ann, localhost] first words"]
    assert sorted(said_in(matrix, new)) == ["[Ann, localhost] waits", "first words"]
    assert said_in(matrix, matrix.room) == ["last words"]
    assert set(Delivery.objects.values_list("status", flat=True)) == {"sent"}
    assert (Event.objects.count(), Room.objects.count()) == (3, 2)
    assert Room.objects.get(seats=tube.side_a).remote_id == new
    [notice] = Notice.objects.all()
    assert notice.text.endswith("goes on as a new room at Matrix. Its Tubes lead there now.")
