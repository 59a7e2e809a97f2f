"""Hooks: made for whoever reads a room, ended with that, believed only while they keep their word."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.leaving import user_remove
from accounts.models import LinkedAccount
from accounts.services import account_link, account_refresh_rooms, account_remove
from connectors.base import RoomId
from connectors.hipchat.connector import HipChatConnector
from connectors.hipchat.forms import HipChatCredentialsForm
from sameroom import clock
from sandbox.server import SandboxServer
from tests import factories
from tests.connectors.hipchat.harness import SCOPES
from tests.relay.conftest import Clock, Rings
from tubes import tasks
from tubes.models import Room, RoomListing, Seat, Tube
from tubes.relay import guard, health, hooking, reading
from tubes.services import tube_close, tube_open

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("time")]


@dataclass
class Hooked:
    """A Tube between two rooms of one sandbox, through accounts that may administer rooms."""

    server: SandboxServer
    tube: Tube

    @property
    def room(self) -> Room:
        return Room.objects.select_related("reader__account").get(pk=self.tube.side_a.room_id)

    @property
    def seat(self) -> Seat:
        return Seat.objects.select_related("account").get(pk=self.tube.side_a_id)

    def hooks(self, room: Room | None = None) -> list[str]:
        found = self.server.world.webhooks.of_room(int((room or self.room).remote_id))
        return sorted(f"{hook.event} {hook.url}" for hook in found)

    def say(self, text: str) -> None:
        world = self.server.world
        world.post_message(int(self.room.remote_id), world.user_named("Ann Lee", group="Acme").id, text)

    def push(self, seat: Seat | None = None) -> int:
        """What the sandbox sends to the hook; here nobody listens at that port."""
        seat = seat or self.seat
        body = json.dumps({"event": "room_message", "item": {"room": {"id": int(self.room.remote_id)}}})
        path = urlsplit(hooking.address_of(seat.account)).path
        return int(Client().post(path, body, content_type="application/json").status_code)

    def poll(self) -> None:
        """Read the room, as is done once it is due."""
        Room.objects.filter(pk=self.room.pk).update(next_poll_at=clock.now())
        reading.poll(self.seat.account_id)

    def wait(self) -> float:
        """Seconds until the room is read next."""
        due = self.room.next_poll_at
        assert due is not None
        return (due - clock.now()).total_seconds()

    def reads(self) -> int:
        counts = self.server.world.request_counts()[self.seat.account.credentials["token"]]
        return counts.get("GET history-latest", 0)

    def settle(self) -> None:
        for seat_id in hooking.due_seats():
            hooking.settle(seat_id)


def link(server: SandboxServer, owner: Any, group: str, *more: str) -> LinkedAccount:
    user = server.world.user_named("Sameroom Bot", group=group)
    token = server.world.create_token(user.id, [*SCOPES, *more]).token
    data = {"server": server.url, "token": token, "team_name": group}
    form = HipChatCredentialsForm(data, connector_class=HipChatConnector)
    assert form.is_valid(), form.errors
    account = account_link(owner=owner, form=form)
    account_refresh_rooms(account=account)
    return account


@pytest.fixture
def hooked(settings: Any) -> Iterator[Hooked]:
    settings.PUBLIC_URL = "http://127.0.0.1:9"
    guard.forget()
    cache.clear()
    owner = factories.user()
    with SandboxServer(request_limit=100_000, flood_limit=100_000) as server:
        for group in ("Acme", "Globex"):
            link(server, owner, group, "admin_room")
        rooms = [RoomListing.objects.get(name=name) for name in ("Support", "Helpdesk")]
        made = Hooked(server, tube_open(owner=owner, listing_a=rooms[0], listing_b=rooms[1]))
        made.settle()
        made.poll()
        yield made
    guard.forget()


def expected(seat: Seat) -> list[str]:
    url = hooking.address_of(seat.account)
    return [f"{event} {url}" for event in ("room_file_upload", "room_message", "room_notification")]


def test_whoever_reads_a_room_has_hooks_there(hooked: Hooked) -> None:
    assert hooked.hooks() == expected(hooked.seat)
    assert hooked.seat.hook_id.count(",") == 2
    assert len(hooked.hooks(Room.objects.get(pk=hooked.tube.side_b.room_id))) == 3
    assert hooking.due_seats() == []


def test_a_room_is_polled_as_ever_until_its_hook_was_heard(hooked: Hooked) -> None:
    assert hooked.wait() <= 1

    assert hooked.push() == 200
    hooked.poll()

    assert 230 < hooked.wait() <= 300


def test_an_announced_room_is_read_at_once_by_one_ring(hooked: Hooked, rings: Rings) -> None:
    hooked.push()
    hooked.poll()
    reads, rung = hooked.reads(), len(rings.rung)

    hooked.say("hello")
    assert [hooked.push() for _ in range(5)] == [200] * 5

    account = LinkedAccount.objects.get(pk=hooked.seat.account_id)
    [(task, args, after)] = rings.rung[rung:]
    assert (task, args) == ("tubes.tasks.poll_account", (account.pk, account.poll_fence))
    assert after <= reading.AT_ONCE
    assert hooked.wait() <= reading.AT_ONCE
    assert reading.AT_ONCE < 1
    hooked.poll()
    assert hooked.room.events.count() == 1
    assert hooked.reads() == reads + 1
    assert hooked.wait() > 230


def test_a_push_while_the_room_is_being_read_is_not_lost(
    hooked: Hooked, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked.push()
    hooked.poll()
    hooked.push()
    read_after = HipChatConnector.read_after

    def read_and_then_news(self: HipChatConnector, *args: Any) -> Any:
        page = read_after(self, *args)
        hooked.say("said after the answer was written")
        hooked.push()
        return page

    with monkeypatch.context() as patch:
        patch.setattr(HipChatConnector, "read_after", read_and_then_news)
        hooked.poll()

    assert hooked.wait() <= reading.AT_ONCE
    assert hooked.room.events.count() == 0


def test_the_safety_poll_is_made_and_finds_the_hook_broken(hooked: Hooked, time: Clock) -> None:
    hooked.push()
    hooked.poll()
    hooked.server.world.webhooks.delete(int(hooked.room.remote_id), int(hooked.seat.hook_id.split(",")[0]))
    hooked.say("nobody announces this")
    time.forward(reading.SAFETY + 1)
    hooked.server.world.advance_clock(reading.SAFETY + 1)

    hooked.poll()

    assert hooked.room.events.count() == 1
    assert hooked.wait() <= 1
    hooked.settle()
    assert hooked.hooks() == expected(hooked.seat)


def test_a_quiet_safety_poll_leaves_the_hook_trusted(hooked: Hooked, time: Clock) -> None:
    hooked.push()
    hooked.poll()
    time.forward(reading.SAFETY + 1)
    hooked.server.world.advance_clock(reading.SAFETY + 1)

    hooked.poll()

    assert hooked.wait() > 230


def test_a_read_that_failed_is_made_again_and_no_reason_for_doubt(hooked: Hooked, time: Clock) -> None:
    hooked.push()
    hooked.poll()
    hooked.say("hello")
    hooked.push()
    hooked.server.world.add_fault(path="/history/latest", status=502, body="<html>bad gateway</html>")
    hooked.poll()
    assert 0 < hooked.wait() <= 2
    time.forward(3)

    hooked.poll()

    assert hooked.room.events.count() == 1
    assert hooked.wait() > 230


def test_the_hook_goes_with_the_last_tube(hooked: Hooked) -> None:
    tube_close(tube=hooked.tube, by=hooked.tube.opened_by)  # type: ignore[arg-type]
    hooked.settle()

    assert (hooked.hooks(), hooked.seat.hook_id, hooked.seat.hook_due_at) == ([], "", None)


def test_a_tube_that_is_opened_again_has_its_hook_again(hooked: Hooked) -> None:
    owner = hooked.tube.opened_by
    assert owner is not None
    tube_close(tube=hooked.tube, by=owner)
    hooked.settle()
    rooms = [RoomListing.objects.get(name=name) for name in ("Support", "Helpdesk")]
    tube_open(owner=owner, listing_a=rooms[0], listing_b=rooms[1])
    hooked.settle()

    assert hooked.hooks() == expected(hooked.seat)


def test_another_reader_takes_the_hook_over(hooked: Hooked) -> None:
    hooked.push()
    spare = second_reader(hooked)

    health.seat_failed(hooked.seat, "kicked")
    hooked.settle()

    assert hooked.room.reader == spare
    assert (hooked.room.pushes, hooked.seat.hook_id) == (0, "")
    assert hooked.hooks() == expected(spare)


def second_reader(hooked: Hooked) -> Seat:
    """Another bot of the same group, with a Tube of its own from the same room."""
    world, owner = hooked.server.world, factories.user()
    bot = world.create_user(world.group_named("Acme").id, "Second Bot")
    token = world.create_token(bot.id, [*SCOPES, "admin_room"]).token
    data = {"server": hooked.server.url, "token": token, "team_name": "Acme"}
    form = HipChatCredentialsForm(data, connector_class=HipChatConnector)
    assert form.is_valid(), form.errors
    seat = factories.seat(account_link(owner=owner, form=form), hooked.room)
    factories.tube(seat)
    return seat


def test_what_cannot_be_done_now_is_done_later(hooked: Hooked, time: Clock) -> None:
    tube_close(tube=hooked.tube, by=hooked.tube.opened_by)  # type: ignore[arg-type]
    hooked.server.world.add_fault(path="/webhook", count=-1, status=503, body="<html>down</html>")
    hooked.settle()
    assert (len(hooked.hooks()), hooking.due_seats()) == (3, [])
    hooked.server.world.clear_faults()
    time.forward(301)
    hooked.server.world.advance_clock(301)

    hooked.settle()

    assert hooked.hooks() == []


def test_a_hook_made_by_somebody_who_died_in_between_is_ended_too(hooked: Hooked) -> None:
    Seat.objects.filter(pk=hooked.seat.pk).update(hook_id=hooking.BEGUN)
    tube_close(tube=hooked.tube, by=hooked.tube.opened_by)  # type: ignore[arg-type]

    hooked.settle()

    assert (hooked.hooks(), hooked.seat.hook_id) == ([], "")


def test_the_hook_is_noted_before_it_is_made(hooked: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
    Seat.objects.filter(pk=hooked.seat.pk).update(hook_id="", hook_due_at=clock.now())

    def dies(*args: object) -> str:
        assert Seat.objects.get(pk=hooked.seat.pk).hook_id == hooking.BEGUN
        raise KeyboardInterrupt

    monkeypatch.setattr(HipChatConnector, "subscribe", dies)
    with pytest.raises(KeyboardInterrupt):
        hooked.settle()


def test_a_reader_that_changes_while_its_hook_is_made_is_looked_at_again(
    hooked: Hooked, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe = HipChatConnector.subscribe

    def changes(self: HipChatConnector, *args: Any) -> str:
        hooking.mark([hooked.seat.pk])
        return subscribe(self, *args)

    monkeypatch.setattr(HipChatConnector, "subscribe", changes)
    hooking.mark([hooked.seat.pk])
    [due] = hooking.due_seats()
    hooking.settle(due)

    assert hooking.due_seats() == [hooked.seat.pk]


def test_an_account_that_may_no_more_administer_rooms_is_polled(hooked: Hooked, time: Clock) -> None:
    hooked.push()
    hooked.poll()
    link(hooked.server, hooked.seat.owner, "Acme")
    hooked.settle()
    assert hooked.seat.account.status == "connected"
    time.forward(reading.SAFETY + 1)
    hooked.server.world.advance_clock(reading.SAFETY + 1)
    hooked.say("hello")

    hooked.poll()

    assert (hooked.room.events.count(), hooked.wait() <= 1) == (1, True)


def test_a_room_that_does_not_let_us_hook_it_is_polled(hooked: Hooked) -> None:
    Seat.objects.filter(pk=hooked.seat.pk).update(hook_id="", hook_due_at=clock.now())
    body = {"error": {"code": 403, "message": "You are no admin of this room", "type": "Forbidden"}}
    hooked.server.world.add_fault(path="/webhook", count=-1, status=403, body=body)

    hooked.settle()

    assert (hooked.seat.hook_id, hooked.seat.failure, hooked.seat.hook_due_at) == ("", "", None)
    assert hooked.wait() <= 1


def test_an_account_that_is_removed_takes_its_hooks_along(hooked: Hooked) -> None:
    room = hooked.room

    account_remove(account=hooked.seat.account)

    assert hooked.hooks(room) == []


def test_a_user_who_is_deleted_takes_their_hooks_at_a_shared_account_along(hooked: Hooked) -> None:
    account, room, somebody = hooked.seat.account, hooked.room, factories.user()
    LinkedAccount.objects.filter(pk=account.pk).update(is_shared=True)
    Seat.objects.filter(pk=hooked.seat.pk).update(owner=somebody)
    assert len(hooked.hooks(room)) == 3

    user_remove(user=somebody)

    assert hooked.hooks(room) == []
    assert LinkedAccount.objects.filter(pk=account.pk).exists()


def test_a_service_that_is_away_does_not_keep_an_account_from_being_removed(hooked: Hooked) -> None:
    hooked.server.world.add_fault(path="/webhook", count=-1, status=503, body="<html>down</html>")

    account_remove(account=hooked.seat.account)

    assert LinkedAccount.objects.count() == 1


def test_a_hook_of_somebody_who_reads_there_no_more_makes_nothing_due(hooked: Hooked) -> None:
    spare = second_reader(hooked)
    before = hooked.room.pushes

    assert hooked.push(spare) == 200

    assert hooked.room.pushes == before


def test_the_sweep_has_hooks_settled(hooked: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(tasks.settle_hook, "delay", asked.append)
    hooking.mark([hooked.seat.pk])

    tasks.sweep()
    tasks.sweep()

    assert asked == [hooked.seat.pk]


def test_announced_rooms_leave_the_polls_to_the_others(hooked: Hooked) -> None:
    hooked.server.world.set_limits(requests=100)
    account = hooked.seat.account
    connector = account.connector()
    connector.newest(RoomId(hooked.room.remote_id))
    for number in range(9):
        room = factories.room(f"r{number}", kind="hipchat", space=account.space, pushes=3)
        factories.seat(account, room, hook_id="1")
    usual = reading._pace(account.pk, connector)

    assert usual.usual < 7
    assert 240 <= usual.announced <= 300
