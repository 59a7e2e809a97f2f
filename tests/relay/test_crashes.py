"""A worker may die between any two of its statements: nothing is lost, doubled, out of order or stuck.

Each scenario is run again and again, and its worker dies one step later each time: before a statement,
before a send, or after a send that was stored. Then others come, and finish what it left.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from connectors.base import MessageId, OutgoingMessage, RoomId
from connectors.echo import connector as echo
from connectors.echo.connector import EchoConnector
from connectors.errors import DeliveryUnknown, MessageRejected, RetryLater
from sameroom import clock
from stub.connector.client import StubClient
from tests import factories
from tests.relay.conftest import Clock, Pair, drain_all, take, texts
from tests.relay.stubbed import World, deletion_of, edit_of
from tubes import tasks
from tubes.models import Delivery, Event, Notice, Room, Seat
from tubes.relay import lanes, loading, reading
from tubes.services import tube_close

pytestmark = pytest.mark.django_db

MOST = 400  # steps of a scenario
QUIET = (
    "SAVEPOINT",
    "RELEASE",
    "ROLLBACK",
)  # the frame of a transaction: as the database itself would end it


class Death(BaseException):
    """The process is killed."""


@dataclass
class Fate:
    """When the worker dies. Once it is dead it neither asks nor sends anything."""

    steps: int
    is_dead: bool = False
    script: list[Exception | None] = field(default_factory=list)  # what the next sends meet

    def step(self) -> None:
        if self.is_dead or self.steps == 0:
            self.is_dead = True
            raise Death
        self.steps -= 1

    def statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith(QUIET):
            self.step()
        return execute(sql, params, many, context)


@contextmanager
def doomed(fate: Fate) -> Iterator[None]:
    """What runs in here is the worker that dies."""
    real, real_write = EchoConnector.send, StubClient.write

    def write(self: StubClient, *args: Any, **more: Any) -> Any:
        fate.step()
        error = fate.script.pop(0) if fate.script else None
        answer = real_write(self, *args, **more)
        fate.step()
        if error:
            raise error
        return answer

    def send(self: EchoConnector, room: RoomId, message: OutgoingMessage) -> MessageId:
        fate.step()
        error = fate.script.pop(0) if fate.script else None
        if isinstance(error, RetryLater | MessageRejected):
            raise error
        remote_id = real(self, room, message)
        fate.step()
        if error:
            raise error
        return remote_id

    with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(fate.statement):
        patch.setattr(EchoConnector, "send", send)
        patch.setattr(StubClient, "write", write)
        yield


def read_all() -> None:
    due = clock.now() - timedelta(seconds=1)
    Room.objects.filter(next_poll_at__isnull=False).update(next_poll_at=due)
    for account in Room.objects.exclude(reader=None).values_list("reader__account", flat=True):
        reading.poll(account)


def others_come(time: Clock) -> None:
    """Whoever else works here, until there is nothing more to do."""
    was = 0
    for _ in range(6):
        time.forward(31)
        tasks.sweep()
        read_all()
        drain_all(rounds=3)
        said = sum(len(lines) for team in ("acme", "globex") for lines in echo.house(team).lines.values())
        open_ = Delivery.objects.filter(status__in=Delivery.OPEN).exists()
        if said == was and not open_ and not Event.objects.filter(held="waiting").exists():
            return
        was = said


def at_every_step(time: Clock, before: Callable[[], Any], work: Callable[[], Any]) -> Iterator[int]:
    """Do `work`, and die at step 0, 1, 2, …; each time after the others have come the test may judge."""
    for steps in range(MOST):
        fate = Fate(steps)
        with transaction.atomic():
            echo.clear()
            time.ahead = timedelta(0)
            made = before()
            if isinstance(made, list):
                fate.script = made
            try:
                with doomed(fate):
                    work()
            except Death:
                pass
            others_come(time)
            yield steps
            transaction.set_rollback(True)
        if not fate.is_dead:
            return
    raise AssertionError("the scenario never came to its end")


def judge(expected: list[str], *, here: list[str] | None = None) -> None:
    """Everything has arrived once, in order, and nothing is under way any more."""
    assert texts("globex", "garden") == expected
    if here is not None:
        assert texts("acme", "lobby") == here
    assert set(Delivery.objects.values_list("status", flat=True)) <= {"sent", "skipped"}
    assert not Event.objects.filter(held="waiting").exists()
    assert not Seat.objects.filter(lane_lease_until__gt=clock.now()).exists()


def say(*lines: str) -> None:
    for line in lines:
        echo.say("acme", "lobby", "Ann", line)


def relay() -> None:
    """One worker reads both rooms, posts, and reads what it has posted."""
    read_all()
    drain_all(rounds=2)
    read_all()


def test_two_messages(pair: Pair, time: Clock) -> None:
    for _ in at_every_step(time, lambda: say("one", "two"), relay):
        judge(["[Ann, Acme] one", "[Ann, Acme] two"], here=["one", "two"])


def test_a_message_in_parts(pair: Pair, time: Clock) -> None:
    words = " ".join(f"word{number}" for number in range(90))
    for _ in at_every_step(time, lambda: say(words, "two"), relay):
        told = [text.removeprefix("[Ann, Acme] ") for text in texts("globex", "garden")]
        assert (" ".join(told), len(told)) == (f"{words} two", 3)
        judge(texts("globex", "garden"))


def test_a_send_that_is_cut_off_and_looked_up(pair: Pair, time: Clock) -> None:
    def before() -> list[Exception]:
        say("one", "two")
        return [DeliveryUnknown("cut")]

    def work() -> None:
        relay()
        time.forward(2)
        drain_all(rounds=2)

    for _ in at_every_step(time, before, work):
        judge(["[Ann, Acme] one", "[Ann, Acme] two"], here=["one", "two"])


def test_messages_that_share_a_post(pair: Pair, time: Clock) -> None:
    def before() -> None:
        say("one", "two", "three")
        Seat.objects.filter(pk=pair.there.pk).update(throttled_since=clock.now() - timedelta(minutes=1))

    for _ in at_every_step(time, before, relay):
        assert "\n".join(texts("globex", "garden")) == "[Ann, Acme] one\n[Ann, Acme] two\n[Ann, Acme] three"
        judge(texts("globex", "garden"), here=["one", "two", "three"])


def test_a_shared_post_that_is_cut_off(pair: Pair, time: Clock) -> None:
    def before() -> list[Exception]:
        say("one", "two", "three")
        Seat.objects.filter(pk=pair.there.pk).update(throttled_since=clock.now() - timedelta(minutes=1))
        return [DeliveryUnknown("cut")]

    def work() -> None:
        relay()
        time.forward(2)
        drain_all(rounds=2)

    for _ in at_every_step(time, before, work):
        assert "\n".join(texts("globex", "garden")) == "[Ann, Acme] one\n[Ann, Acme] two\n[Ann, Acme] three"
        judge(texts("globex", "garden"))


def test_a_refused_send(pair: Pair, time: Clock) -> None:
    def before() -> list[Exception]:
        say("one", "two")
        read_all()
        return [RetryLater("busy"), RetryLater("limit", seconds=3)]

    def work() -> None:
        for _ in range(3):
            drain_all(rounds=1)
            time.forward(4)

    for _ in at_every_step(time, before, work):
        assert "\n".join(texts("globex", "garden")) == "[Ann, Acme] one\n[Ann, Acme] two"
        judge(texts("globex", "garden"))


def test_an_edit_a_deletion_and_an_answer(pair: Pair, time: Clock) -> None:
    def before() -> None:
        take(pair.here.room, factories.said("one", id="m-1"), factories.said("two", id="m-2"))
        take(pair.here.room, edit_of("m-1", "ONE"))
        lanes.drain(pair.there.pk)
        take(pair.here.room, edit_of("m-2", "TWO"), deletion_of("m-1"), factories.said("three"))

    def work() -> None:
        drain_all(rounds=2)

    for _ in at_every_step(time, before, work):
        told = texts("globex", "garden")
        assert told[3].startswith("[Ann, Acme] deleted a message of ")
        told[3] = "…"
        assert told == ["[Ann, Acme] ONE", "[Ann, Acme] two", "[Ann, Acme] ✎ TWO", "…", "[Ann, Acme] three"]
        judge(texts("globex", "garden"))


def test_an_edit_taken_in_while_its_message_waits(pair: Pair, time: Clock) -> None:
    edit = edit_of("m-1", "ONE")

    def before() -> None:
        take(pair.here.room, factories.said("one", id="m-1"))

    def work() -> None:
        take(pair.here.room, edit)
        drain_all(rounds=2)

    for _ in at_every_step(time, before, work):
        # Where the worker died before it took the edit in, its service would push it again.
        take(pair.here.room, edit)
        drain_all()
        assert " ".join(texts("globex", "garden")) in (
            "[Ann, Acme] ONE",
            "[Ann, Acme] one [Ann, Acme] ✎ ONE",
        )
        judge(texts("globex", "garden"))


def test_what_was_held_while_a_send_was_open(pair: Pair, time: Clock) -> None:
    def before() -> list[Exception]:
        say("one")
        read_all()
        return [DeliveryUnknown("cut")]

    def work() -> None:
        drain_all(rounds=1)
        echo.say("globex", "garden", "Bob", "hello")
        read_all()
        time.forward(2)
        drain_all(rounds=2)

    for _ in at_every_step(time, before, work):
        judge(texts("globex", "garden"))
        assert texts("globex", "garden")[0] == "[Ann, Acme] one" or "hello" in texts("globex", "garden")
        assert texts("globex", "garden").count("[Ann, Acme] one") == 1
        assert texts("acme", "lobby") in (["one", "[Bob, Globex] hello"], ["one"])


def test_handing_over_from_a_closed_tube(pair: Pair, time: Clock) -> None:
    far = factories.seat(factories.account(team="globex"), pair.there.room)
    factories.tube(factories.seat(factories.account(team="acme"), pair.here.room), far)

    def before() -> None:
        say("one", "two")
        read_all()
        type(pair.tube).objects.filter(pk=pair.tube.pk).update(status="closed")

    def work() -> None:
        tasks.sweep()
        drain_all(rounds=2)

    for _ in at_every_step(time, before, work):
        judge(["[Ann, Acme] one", "[Ann, Acme] two"])


def test_closing_a_tube_with_something_queued(pair: Pair, time: Clock) -> None:
    def before() -> None:
        say("one", "two")
        read_all()

    def work() -> None:
        tube_close(tube=type(pair.tube).objects.with_sides().get(pk=pair.tube.pk), by=pair.here.owner)

    for _ in at_every_step(time, before, work):
        told = texts("globex", "garden")
        assert told in ([], ["[Ann, Acme] one", "[Ann, Acme] two"])
        judge(told)


def test_leaving_out_what_is_too_old(pair: Pair, time: Clock) -> None:
    def before() -> None:
        say("one", "two")
        read_all()
        time.forward(25 * 3600)

    def work() -> None:
        drain_all(rounds=3)

    for _ in at_every_step(time, before, work):
        judge(["[Sameroom] 2 messages said in Lobby more than 24 hours ago were left out."])
        assert loading.next_due(pair.there.pk) is None


# ----------------------------------------------------------------- a service with more abilities


def long(words: int) -> str:
    return " ".join(f"word{number}" for number in range(words))


def together(world: World) -> str:
    return " ".join(text.removeprefix("[Ann, Stub] ") for text in world.texts("there"))


def test_a_native_edit_with_fewer_parts_and_then_with_more(world: World, time: Clock) -> None:
    def before() -> None:
        world.stub.forget()
        factories.tube(
            world.seat("here"), world.seat("there", features="history,ids,edits,deletes,length=200")
        )
        id_ = world.stub.say("here", "Ann", long(60))
        world.relay()
        assert len(world.texts("there")) == 3
        world.stub.edit("here", id_, "short")
        world.stub.edit("here", id_, long(40))
        world.read()

    for _ in at_every_step(time, before, lambda: drain_all(rounds=2)):
        assert (together(world), len(world.texts("there"))) == (long(40), 2)
        assert set(Delivery.objects.values_list("status", flat=True)) == {"sent"}


def test_a_native_deletion_of_a_message_in_parts(world: World, time: Clock) -> None:
    def before() -> None:
        world.stub.forget()
        factories.tube(
            world.seat("here"), world.seat("there", features="history,ids,edits,deletes,length=200")
        )
        id_ = world.stub.say("here", "Ann", long(60))
        world.relay()
        world.stub.delete("here", id_)
        world.read()

    def work() -> None:
        drain_all(rounds=2)
        world.read()

    for _ in at_every_step(time, before, work):
        assert world.texts("there") == []
        assert set(Delivery.objects.values_list("status", flat=True)) == {"sent"}


def test_sends_under_keys_that_nobody_can_look_up(world: World, time: Clock) -> None:
    def before() -> list[Exception | None]:
        world.stub.forget()
        factories.tube(world.seat("here"), world.seat("there", features="push,ids,keys=600,edits"))
        id_ = world.stub.say("here", "Ann", "one")
        world.stub.say("here", "Ann", "two")
        world.read()
        world.stub.edit("here", id_, "ONE")
        return [DeliveryUnknown("cut"), None, DeliveryUnknown("cut")]

    def work() -> None:
        drain_all(rounds=1)
        world.read()
        for _ in range(3):
            time.forward(2)
            drain_all(rounds=1)

    for _ in at_every_step(time, before, work):
        assert world.texts("there") == ["[Ann, Stub] ONE", "[Ann, Stub] two"]
        assert set(Delivery.objects.values_list("status", flat=True)) == {"sent"}


def test_a_send_that_nobody_can_look_up_is_never_unknown_without_a_word(world: World, time: Clock) -> None:
    def before() -> list[Exception | None]:
        world.stub.forget()
        factories.tube(world.seat("here"), world.seat("there", features="push,ids"))
        world.stub.say("here", "Ann", "one")
        world.read()
        return [DeliveryUnknown("cut")]

    def work() -> None:
        drain_all(rounds=1)
        time.forward(14)
        drain_all(rounds=2)

    for _ in at_every_step(time, before, work):
        told = [text for text in world.texts("there") if not text.startswith("[Sameroom]")]
        assert told in ([], ["[Ann, Stub] one"])
        [ended] = Delivery.objects.filter(event__kind="message").values_list("status", flat=True)
        assert ended == "unknown" or told
        assert Notice.objects.filter(kind="unknown").count() == (1 if ended == "unknown" else 0)


def test_a_message_that_is_rejected_never_fails_without_a_word(pair: Pair, time: Clock) -> None:
    def before() -> list[Exception]:
        say("one", "two")
        read_all()
        return [MessageRejected("rude")]

    for _ in at_every_step(time, before, lambda: drain_all(rounds=2)):
        failed = Delivery.objects.filter(status="failed").count()
        told = [text for text in texts("globex", "garden") if not text.startswith("[Sameroom]")]
        assert told == ["[Ann, Acme] one", "[Ann, Acme] two"][failed:]
        assert Notice.objects.filter(kind="loss").count() == failed
