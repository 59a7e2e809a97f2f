"""Listening: what a stream brings arrives once and in order, and is stored with its token."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext

from accounts.models import LinkedAccount
from accounts.secrets import seal
from connectors.base import Batch, IncomingEvent, Recent, RoomId
from sameroom import clock
from stub.connector.connector import StubConnector
from tests import factories, loops
from tests.relay.conftest import drain_all
from tests.relay.listening import (
    STREAMED,
    running,
    second,
    streamed,
    texts_taken_in,
    token_of,
)
from tests.relay.stubbed import World
from tests.waiting import PATIENCE, until
from tubes.models import Event, Listener, Room, Seat, Tube
from tubes.relay import guard, health
from tubes.relay.destinations import Destinations
from tubes.relay.listening import hearing, keeper, ledger, pacing, taking, unheard
from tubes.relay.listening.ledger import Ledger, leases
from tubes.relay.listening.speakers import Speakers
from tubes.relay.listening.threads import Threads
from tubes.services import tube_close, tube_open

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off in the tests' own time; and each test has a fresh database, which is no restored one."""
    monkeypatch.setattr(guard, "check_in", lambda: "")
    monkeypatch.setattr(pacing, "FIRST", 0.05)
    monkeypatch.setattr(pacing, "MOST", 0.2)
    monkeypatch.setattr(keeper, "LOOK", 0.1)
    guard.forget()


def all_wait(world: World, count: int = 2) -> None:
    until(lambda: world.stub.counts().waiting == count)


def claimed(seat: Seat) -> tuple[LinkedAccount, int]:
    """The account of a Seat, and the fence of whoever listens to it: this test."""
    [fence] = leases.claim([seat.account_id], taking.LASTS).values()
    return LinkedAccount.objects.get(pk=seat.account_id), fence


def batch(room: str, *texts: str, token: str = "t1", **more: Any) -> Batch:
    return Batch([(RoomId(room), factories.said(text)) for text in texts], token, **more)


def status_of(seat: Seat) -> str:
    return LinkedAccount.objects.get(pk=seat.account_id).status


# ----------------------------------------------------------------- from end to end


def test_what_is_said_arrives_once_and_in_order(world: World) -> None:
    here, there = streamed(world, "here", "there")
    with running() as [listener]:
        all_wait(world)
        said = [world.stub.say("here", "Ann", f"#{number}") for number in range(50)]
        until(lambda: Event.objects.filter(room=here.room).count() == 50)
        assert listener.connected() == 2

    assert list(Event.objects.order_by("number").values_list("remote_id", flat=True)) == said
    drain_all()
    assert world.texts("there") == [f"[Ann, Stub] #{number}" for number in range(50)]
    assert not Event.objects.filter(room=there.room).exists()


def test_our_own_posts_come_back_and_are_known(world: World) -> None:
    _here, _there = streamed(world, "here", "there")
    with running():
        all_wait(world)
        world.stub.say("here", "Ann", "one")
        until(lambda: Event.objects.count() == 1)
        drain_all()
        world.stub.say("there", "Bob", "two")
        until(lambda: texts_taken_in("there") == ["two"])

    assert world.texts("here") == ["one"]


def test_a_room_that_two_accounts_hear_is_taken_in_once(world: World) -> None:
    streamed(world, "here", "there")
    second(world, "here")
    with running():
        until(lambda: world.stub.counts().waiting >= 3)
        for number in range(20):
            world.stub.say("here", "Ann", f"#{number}")
        until(lambda: {token_of(seat) for seat in Seat.objects.all()} == {"20"})

    assert texts_taken_in("here") == [f"#{number}" for number in range(20)]


def test_what_is_said_while_nobody_listens_is_heard_afterwards(world: World) -> None:
    streamed(world, "here", "there")
    with running():
        all_wait(world)
        world.stub.say("here", "Ann", "one")
        until(lambda: Event.objects.count() == 1)
    for number in range(250):
        world.stub.say("here", "Ann", f"#{number}")
    with running():
        until(lambda: Event.objects.count() == 251)

    assert texts_taken_in("here") == ["one", *(f"#{number}" for number in range(250))]


def test_accounts_that_do_not_stream_are_left_alone(world: World) -> None:
    polled, _ = world.chain("polled", "other")
    here, _ = streamed(world, "here", "there")
    with running():
        all_wait(world)
        until(lambda: LinkedAccount.objects.get(pk=here.account_id).stream_lease_until)
        assert LinkedAccount.objects.get(pk=polled.account_id).stream_fence == 0


def test_an_account_whose_login_lacks_a_part_needs_a_login_and_holds_up_nobody(world: World) -> None:
    broken, _ = streamed(world, "here", "there")
    LinkedAccount.objects.filter(pk=broken.account_id).update(sealed=seal({}))
    sound = second(world, "here")
    with running():
        until(lambda: status_of(broken) == "needs_login")
        until(lambda: LinkedAccount.objects.get(pk=sound.account_id).stream_lease_until)


# ----------------------------------------------------------------- rooms that begin to matter


def open_tube(world: World, seat: Seat, room: str, other: Seat, far: str) -> Tube:
    listings = [factories.listing(one.account, name, name) for one, name in ((seat, room), (other, far))]
    world.stub.add_rooms([room, far])
    return tube_open(owner=world.owner, listing_a=listings[0], listing_b=listings[1])


def test_a_tube_that_opens_is_listened_to_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = streamed(world, "here", "there")
    world.stub.say("new", "Ann", "before")
    with running():
        all_wait(world)
        monkeypatch.setattr(keeper, "LOOK", 60.0)  # the ring alone has to bring it
        time.sleep(0.2)
        opened = open_tube(world, here, "new", there, "far")
        began = time.monotonic()
        world.stub.say("new", "Ann", "after")
        until(lambda: texts_taken_in("new") == ["after"])
        assert time.monotonic() - began < 2
        until(lambda: not Seat.objects.exclude(unheard_since=None).exists())

    assert opened.side_a.account_id == here.account_id
    drain_all()
    assert world.texts("far") == ["[Ann, Stub] after"]
    assert list(Room.objects.values_list("next_poll_at", flat=True).distinct()) == [None]


def test_what_a_stream_passed_over_before_it_was_told_of_a_room_is_read(world: World) -> None:
    here, there = streamed(world, "here", "there")
    opened = open_tube(world, here, "new", there, "far")
    world.stub.say("new", "Ann", "between")
    # Another listener's stream had not been told of the room, and died.
    LinkedAccount.objects.update(stream_token=str(10))
    world.stub.say_many([("here", "Ann", f"#{number}") for number in range(12)])
    with running():
        until(lambda: texts_taken_in("new") == ["between"])

    assert opened.pk


def test_rooms_of_a_service_that_hangs_keep_no_others_from_being_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seats = [*streamed(world, "here", "there"), *streamed(world, "far", "away")]
    LinkedAccount.objects.filter(pk=seats[2].account_id).update(server="http://elsewhere.example")
    Seat.objects.update(unheard_since=clock.now())
    monkeypatch.setattr(unheard, "readers", Destinations(4))  # one thread for each service
    asked, answers = threading.Event(), threading.Event()
    real = StubConnector.recent

    def recent(self: StubConnector, room: RoomId) -> Recent:
        if room == "here":
            asked.set()
            answers.wait(20)
        return real(self, room) if room != "far" else Recent([], whole=True)

    held = {seat.pk: claimed(seat) for seat in seats[:3]}

    def read(seat: Seat) -> bool:
        account, fence = held[seat.pk]
        return unheard.catch_up(account, fence, account.connector())

    monkeypatch.setattr(StubConnector, "recent", recent)
    with ThreadPoolExecutor(1) as threads:
        hanging = threads.submit(_with_own_connection, read, seats[0])
        assert asked.wait(20)
        assert (read(seats[1]), read(seats[2])) == (False, True)
        answers.set()
        assert hanging.result(20)

    assert read(seats[1])


def _with_own_connection(work: Callable[[Seat], bool], seat: Seat) -> bool:
    try:
        return work(seat)
    finally:
        connections.close_all()


def test_a_room_that_is_got_back_is_read_from_where_it_was_lost(world: World) -> None:
    here, _ = streamed(world, "here", "there")
    health.seat_failed(here, "Thrown out.")
    with running():
        until(lambda: world.stub.counts().waiting >= 1)
        world.stub.say("here", "Ann", "unheard")
        time.sleep(0.3)
        assert texts_taken_in("here") == []
        health.seat_works(Seat.objects.get(pk=here.pk))
        until(lambda: texts_taken_in("here") == ["unheard"])


def test_an_account_whose_last_tube_closes_is_left_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "RENEW", 0.1)
    streamed(world, "here", "there")
    with running() as [listener]:
        all_wait(world)
        tube_close(tube=Tube.objects.get(), by=world.owner)
        until(lambda: listener.connected() == 0)
        until(lambda: not LinkedAccount.objects.exclude(stream_lease_until=None).exists())


# ----------------------------------------------------------------- what goes wrong


def test_token_and_events_are_stored_together_or_not_at_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = streamed(world, "here", "there")
    account, fence = claimed(here)
    monkeypatch.setattr(taking, "_part", fails_once(OperationalError("gone")))

    with pytest.raises(OperationalError):
        taking.take_batch(account, fence, batch("here", "one"), has_ids=True)

    assert (Event.objects.count(), token_of(here)) == (0, "")
    taking.take_batch(account, fence, batch("here", "one"), has_ids=True)
    assert (texts_taken_in("here"), token_of(here)) == (["one"], "t1")


def fails_once(error: Exception) -> Callable[..., None]:
    errors = [error]

    def fail(*args: object) -> None:
        if errors:
            raise errors.pop()

    return fail


def test_a_listener_that_lost_its_lease_stores_nothing(world: World) -> None:
    here, _ = streamed(world, "here", "there")
    account, fence = claimed(here)
    LinkedAccount.objects.update(stream_lease_until=clock.now())
    claimed(here)

    with pytest.raises(taking.Lost):
        taking.take_batch(account, fence, batch("here", "one"), has_ids=True)

    assert (Event.objects.count(), token_of(here)) == (0, "")


@pytest.mark.parametrize("change", [{"status": "needs_login"}, {"stream_lease_until": None}])
def test_nothing_is_stored_for_an_account_that_may_not_be_used(
    world: World, change: dict[str, object]
) -> None:
    here, _ = streamed(world, "here", "there")
    account, fence = claimed(here)
    LinkedAccount.objects.update(**change)

    with pytest.raises(taking.Lost):
        taking.take_batch(account, fence, batch("here", "one"), has_ids=True)

    assert Event.objects.count() == 0


def test_only_rooms_of_open_tubes_are_heard(world: World) -> None:
    here, _ = streamed(world, "here", "there")
    account, fence = claimed(here)
    world.seat("private", features=STREAMED)

    taking.take_batch(account, fence, batch("private", "hush"), has_ids=True)

    assert (Event.objects.count(), token_of(here)) == (0, "t1")


def test_without_ids_only_the_account_that_reads_is_heard(world: World) -> None:
    here, _ = streamed(world, "here", "there")
    other = second(world, "here")
    account, fence = claimed(other)

    taking.take_batch(account, fence, batch("here", "one"), has_ids=False)

    assert other.room == here.room
    assert Event.objects.count() == 0


def test_a_lost_room_fails_its_seat_with_the_sentence_and_what_was_said_before_is_relayed(
    world: World,
) -> None:
    here, _ = streamed(world, "here", "there")
    account, fence = claimed(here)

    taking.take_batch(
        account, fence, batch("here", "last words", lost={RoomId("here"): "Thrown out."}), has_ids=True
    )

    here.refresh_from_db()
    assert here.failure == "Thrown out."
    drain_all()
    assert world.texts("there") == ["[Ann, Stub] last words"]


def test_a_room_that_somebody_put_us_out_of_is_not_looked_at_for_a_day(world: World) -> None:
    here, _ = streamed(world, "here", "there")
    account, fence = claimed(here)
    lost = batch("here", "last words", lost={RoomId("here"): "Thrown out."}, put_out={RoomId("here")})

    taking.take_batch(account, fence, lost, has_ids=True)

    here.refresh_from_db()
    assert here.checked_at > clock.now() + timedelta(hours=23)


def test_a_long_batch_is_several_transactions_of_which_the_last_moves_the_token(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = streamed(world, "here", "there")
    account, fence = claimed(here)
    monkeypatch.setattr(taking, "AT_ONCE", 3)
    tokens = []
    hold = taking.fenced

    def fenced(account: LinkedAccount, fence: int, token: str | None = None, **more: Any) -> Any:
        tokens.append(token)
        return hold(account, fence, token, **more)

    monkeypatch.setattr(taking, "fenced", fenced)
    taking.take_batch(account, fence, batch("here", *"abcdefg"), has_ids=True)

    assert texts_taken_in("here") == list("abcdefg")
    assert tokens == [None, None, "t1"]


def test_an_event_that_cannot_be_stored_is_left_out_and_the_stream_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    here, _ = streamed(world, "here", "there")
    account, fence = claimed(here)
    real = taking.accept

    def accept(arrivals: Any, **more: Any) -> Any:
        with more["within"]:
            if any("bad" in event.dedupe_key for arrival in arrivals for event in arrival.events):
                raise ValueError("a bug of ours")
        return real(arrivals)

    monkeypatch.setattr(taking, "accept", accept)
    events = [factories.said(text) for text in ("one", "two", "three")]
    events[1] = replace(events[1], dedupe_key="bad")
    said = [(RoomId("here"), event) for event in events]

    taking.take_batch(account, fence, Batch(said, "t1"), has_ids=True)

    assert (texts_taken_in("here"), token_of(here)) == (["one", "three"], "t1")
    assert [record.levelno for record in caplog.records if record.name == taking.log.name] == [
        logging.ERROR,
        logging.ERROR,
    ]


def test_a_malformed_answer_is_logged_once_and_the_stream_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    streamed(world, "here", "there")
    broken = [True]
    real = StubConnector._event

    def event(self: StubConnector, entry: Any, session: str = "") -> IncomingEvent | None:
        if broken[0]:
            raise KeyError("kind")
        return real(self, entry, session)

    monkeypatch.setattr(StubConnector, "_event", event)
    with running():
        all_wait(world)
        world.stub.say("here", "Ann", "one")
        polls = world.stub.counts().polls
        until(lambda: world.stub.counts().polls > polls + 8)
        broken[0] = False
        until(lambda: texts_taken_in("here") == ["one"])

    told = [record for record in caplog.records if record.name == "tubes.relay.listening.troubles"]
    assert [record.levelno for record in told] == [logging.ERROR]


def test_a_refused_login_asks_its_owner_and_a_renewed_one_goes_on(world: World) -> None:
    here, there = streamed(world, "here", "there")
    account = here.account
    good = account.credentials
    account.credentials = good | {"token": "here-bot:wrong"}
    account.save()
    with running():
        until(lambda: status_of(here) == "needs_login")
        all_wait(world, 1)
        assert status_of(there) == "connected"
        account.refresh_from_db()
        account.credentials = good
        account.save(update_fields=["sealed"])  # the lease is given back meanwhile
        health.recovered(account)
        all_wait(world)
        world.stub.say("here", "Ann", "one")
        until(lambda: texts_taken_in("here") == ["one"])


def test_a_service_in_trouble_is_shown_and_heals_by_itself(world: World) -> None:
    here, _ = streamed(world, "here", "there")
    with running():
        all_wait(world)
        world.stub.fault("status", on="read")
        until(lambda: status_of(here) == "retrying")
        world.stub.say("here", "Ann", "meanwhile")
        world.stub.clear_faults()
        until(lambda: status_of(here) == "connected")
        until(lambda: texts_taken_in("here") == ["meanwhile"])


def test_a_database_that_goes_away_costs_time_only(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def told() -> list[str]:
        return [one.getMessage() for one in caplog.records if one.name.endswith("listening.threads")]

    streamed(world, "here", "there")
    is_away = [False]
    monkeypatch.setattr(hearing, "AGAIN", 0.05)
    monkeypatch.setattr(keeper, "AGAIN", 0.05)
    for module, name in ((taking, "take_batch"), (Ledger, "look")):
        monkeypatch.setattr(module, name, away_while(is_away, getattr(module, name)))
    with running():
        all_wait(world)
        is_away[0] = True
        world.stub.say("here", "Ann", "one")
        until(told)
        time.sleep(0.5)
        assert texts_taken_in("here") == []
        is_away[0] = False
        until(lambda: texts_taken_in("here") == ["one"])

    assert told() == ["The database does not answer; trying again. gone", "The database answers again"]


def away_while(is_away: list[bool], real: Callable[..., Any]) -> Callable[..., Any]:
    def work(*args: Any, **more: Any) -> Any:
        if is_away[0]:
            raise OperationalError("gone")
        return real(*args, **more)

    return work


def test_a_stopped_relay_listens_to_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    here, _ = streamed(world, "here", "there")
    is_stopped = [True]
    monkeypatch.setattr(guard, "is_stopped", lambda: is_stopped[0])
    with running() as [listener]:
        time.sleep(0.5)
        assert (listener.connected(), world.stub.counts().polls) == (0, 0)
        is_stopped[0] = False
        until(lambda: listener.connected() == 2)
        is_stopped[0] = True
        until(lambda: listener.connected() == 0)

    account, fence = claimed(here)
    with pytest.raises(taking.NotNow):
        taking.take_batch(account, fence, batch("here", "one"), has_ids=True)


# ----------------------------------------------------------------- several listeners


def test_accounts_are_shared_and_handed_over_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "RENEW", 0.1)
    for number in range(10):
        streamed(world, f"here{number}", f"there{number}")
    with running() as [first]:
        until(lambda: first.connected() == 20)
        with running() as [second]:
            until(lambda: second.connected() >= 8)
            until(lambda: first.connected() + second.connected() == 20)
            assert Listener.objects.count() == 2
        until(lambda: first.connected() == 20, within=5)
        assert Listener.objects.count() == 1
    assert not LinkedAccount.objects.exclude(stream_lease_until=None).exists()
    assert not Listener.objects.exists()


def test_what_is_claimed_while_a_listener_stops_is_given_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    streamed(world, "here", "there")
    look, hand_over, ends = Ledger.look, keeper.Keeper.hand_over, threading.Event()

    def slowly(self: Ledger, held: dict[int, int]) -> ledger.Findings:
        found = look(self, held)
        ends.wait(PATIENCE)
        return found

    async def begun(self: keeper.Keeper) -> None:
        ends.set()
        await hand_over(self)

    monkeypatch.setattr(Ledger, "look", slowly)
    monkeypatch.setattr(keeper.Keeper, "hand_over", begun)
    leased = LinkedAccount.objects.exclude(stream_lease_until=None)
    with running():
        until(leased.all().count)

    assert leased.all().count() == 0


def test_a_ring_at_the_moment_of_stopping_does_not_keep_a_listener(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stopped_as_it_rings() -> bool:
        threads = Threads()
        keeping = keeper.Keeper("the only one", threads, Speakers())
        task = asyncio.create_task(keeping.keep())
        monkeypatch.setattr(keeper, "LOOK", 60.0)
        await asyncio.sleep(0.5)
        keeping.ring()
        await asyncio.sleep(0)  # the ring is there, and the keeper has not gone on yet
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        threads.close()
        return task.done()

    assert loops.run(stopped_as_it_rings())


def test_leases_of_many_accounts_take_one_statement_each(world: World) -> None:
    accounts = [factories.account(kind="stub").pk for _ in range(37)]
    for _ in range(2):  # the second time PostgreSQL has prepared the statements
        with CaptureQueriesContext(connection) as asked:
            held = leases.claim(accounts, taking.LASTS)
            kept = leases.renew(held, taking.LASTS)
            leases.release(held)
        assert kept == held

    assert (held.keys(), len(set(held.values())), len(asked)) == (set(accounts), 1, 3)


def test_leases_of_many_accounts_are_told_apart(world: World) -> None:
    accounts = [factories.account(kind="stub").pk for _ in range(37)]
    held = leases.claim(accounts, taking.LASTS)
    assert leases.claim(accounts, taking.LASTS) == {}
    taken = accounts[0]
    LinkedAccount.objects.filter(pk=taken).update(stream_fence=1)

    assert leases.renew(held, taking.LASTS).keys() == held.keys() - {taken}
    assert leases.still_held(held).keys() == held.keys() - {taken}
    leases.release(held)
    idle = LinkedAccount.objects.filter(stream_lease_until=None)
    assert set(idle.values_list("pk", flat=True)) == held.keys() - {taken}


def test_a_look_costs_the_same_however_many_accounts_there_are(world: World) -> None:
    counts = []
    for number in range(3):
        streamed(world, f"here{number}", f"there{number}")
        LinkedAccount.objects.update(stream_lease_until=None)
        book = Ledger("the only one")
        found = book.look({})
        book._renew_at = 0.0
        with CaptureQueriesContext(connection) as asked:
            assert book.look({pk: fence for pk, (_, fence) in found.claimed.items()}).over == set()
        counts.append(len(asked))

    assert len(set(counts)) == 1
