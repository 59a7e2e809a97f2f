"""What became of a send that was cut off: by key, by history, or not at all."""

import pytest

from connectors.markup import plain
from connectors.markup.tree import to_json
from sameroom import clock
from stub.connector.connector import StubConnector
from tests import factories
from tests.relay.conftest import Clock, Pair, Service, drain_all, held, statuses, take, texts
from tests.relay.stubbed import PLAIN, World, echo, edit_of, ends, kinds_taken_in
from tubes.models import Delivery, Event, Notice, Post, Seat
from tubes.relay.leases import claim
from tubes.relay.moves import Lane
from tubes.services import delivery_send_again

pytestmark = pytest.mark.django_db

KEYS = "push,ids,keys=60,edits"  # nobody can look anything up
HIDDEN = "push,ids"
NAMELESS = "push,history"  # no ids, though what was said can be read


def joined(world: World, features: str) -> tuple[Seat, Seat]:
    here, there = world.seat("here"), world.seat("there", features=features)
    factories.tube(here, there)
    return here, there


def cut(world: World, *, stored: bool) -> None:
    """The next post in the room `there` is cut off, before or after it is stored."""
    world.stub.fault("reset", room="there", on="send", count=1, stored=stored)


def wait(world: World, time: Clock, *seconds: float) -> None:
    """Let lanes work at these moments."""
    for pause in seconds:
        time.forward(pause)
        drain_all(rounds=1)


def said(world: World) -> list[str]:
    """What stands in the room `there`, but for our own notices."""
    return [text for text in world.texts("there") if not text.startswith("[Sameroom]")]


# ----------------------------------------------------------------- by key


@pytest.mark.parametrize("stored", [True, False])
def test_a_send_with_a_key_is_repeated_under_it_and_stands_there_once(
    world: World, time: Clock, stored: bool
) -> None:
    joined(world, KEYS)
    cut(world, stored=stored)
    world.stub.say("here", "Ann", "one")
    world.stub.say("here", "Ann", "two")
    world.relay(rounds=1)
    assert ends() == ["sending", "queued"]

    wait(world, time, 2)

    assert world.texts("there") == ["[Ann, Stub] one", "[Ann, Stub] two"]
    posts = list(Post.objects.order_by("pk").values_list("remote_id", flat=True))
    assert (ends(), posts) == (["sent", "sent"], [item.id for item in world.items("there")])


def test_the_parts_of_a_message_are_repeated_under_keys_of_their_own(world: World, time: Clock) -> None:
    joined(world, f"{KEYS},length=200")
    text = " ".join(f"word{number}" for number in range(60))
    world.stub.say("here", "Ann", text)
    for _ in range(3):
        cut(world, stored=True)

    world.relay(rounds=1)
    wait(world, time, 2, 2, 2, 2)

    told = [part.removeprefix("[Ann, Stub] ") for part in world.texts("there")]
    assert (" ".join(told), len(told), ends()) == (text, 3, ["sent"])


def test_an_edit_made_while_a_send_is_repeated_is_not_swallowed_by_its_key(world: World, time: Clock) -> None:
    joined(world, KEYS)
    cut(world, stored=True)
    id_ = world.stub.say("here", "Ann", "helo")
    world.relay(rounds=1)
    world.stub.fault("throttle", room="there", count=1, retry_after=5)
    wait(world, time, 2)

    world.stub.edit("here", id_, "hello")
    world.read()
    wait(world, time, 6)

    assert world.texts("there") == ["[Ann, Stub] hello"]


@pytest.mark.parametrize("stored", [True, False])
def test_what_its_author_took_back_while_it_was_in_doubt_does_not_stay(
    world: World, time: Clock, stored: bool
) -> None:
    joined(world, f"{KEYS},deletes")
    cut(world, stored=stored)
    id_ = world.stub.say("here", "Ann", "secret")
    world.relay(rounds=1)
    world.stub.fault("throttle", room="there", count=1, retry_after=5)
    wait(world, time, 2)

    world.stub.delete("here", id_)
    world.read()
    wait(world, time, 6, 2)

    assert (world.texts("there"), ends()) == ([], ["sent"])


def test_what_may_have_arrived_is_not_taken_in_while_its_repetition_is_put_off(
    world: World, time: Clock
) -> None:
    _, there = joined(world, KEYS)
    factories.tube(there, world.seat("beyond"))
    cut(world, stored=True)
    world.stub.say("here", "Ann", "one")
    world.relay(rounds=1)
    world.stub.fault("throttle", room="there", count=1, retry_after=5)
    wait(world, time, 2)

    take_pushed(there, world)
    wait(world, time, 6)

    assert (held(), world.texts("here")) == (["no", "echo"], ["one"])
    assert world.texts("beyond") == ["[Ann, Stub] one"]


def take_pushed(seat: Seat, world: World) -> None:
    """The service pushes all that stands in the Seat's room, as said by its bot."""
    events = [echo(seat, item.text, item.id) for item in world.items(seat.room.remote_id)]
    take(seat.room, *events)


def test_a_key_is_trusted_for_half_its_life_from_its_first_use(world: World, time: Clock) -> None:
    joined(world, KEYS)
    cut(world, stored=True)
    world.stub.say("here", "Ann", "one")
    world.relay(rounds=1)
    cut(world, stored=True)
    wait(world, time, 20)
    world.stub.switch(key_life=0.0)  # from now on the service has forgotten it

    wait(world, time, 15, 15)

    assert (said(world), ends()) == (["[Ann, Stub] one"], ["unknown"])


def test_a_key_is_not_trusted_after_the_login_was_renewed(world: World, time: Clock) -> None:
    _, there = joined(world, "history,ids,keys=60")
    cut(world, stored=True)
    world.stub.say("here", "Ann", "one")
    world.relay(rounds=1)
    there.account.status_since = clock.now()
    there.account.save()
    world.stub.switch(key_life=0.0)  # keys belong to a login

    wait(world, time, 2)

    assert (world.texts("there"), ends()) == (["[Ann, Stub] one"], ["sent"])


def test_a_send_is_not_repeated_once_its_tube_is_closed(world: World, time: Clock) -> None:
    here, there = world.seat("here"), world.seat("there", features=KEYS)
    tube = factories.tube(here, there)
    cut(world, stored=False)
    world.stub.say("here", "Ann", "one")
    world.relay(rounds=1)
    tube.status = "paused"
    tube.save()

    wait(world, time, 2, 15)

    assert (said(world), ends()) == ([], ["unknown"])


def test_a_repetition_that_is_rejected_fails(world: World, time: Clock) -> None:
    joined(world, KEYS)
    cut(world, stored=False)
    world.stub.say("here", "Ann", "one")
    world.relay(rounds=1)
    world.stub.fault("status", room="there", status=403, count=1)

    wait(world, time, 2)

    assert ends() == ["failed"]


def test_a_key_is_not_used_again_by_another_database(world: World) -> None:
    here, there = joined(world, KEYS)
    world.stub.say("here", "Ann", "one")
    world.relay(rounds=1)
    number = Delivery.objects.get().pk
    Event.objects.all().delete()

    event = factories.event(here.room, body=to_json(plain.parse("two")), author_team="Stub")
    factories.delivery(event, there, pk=number)
    drain_all()

    assert world.texts("there") == ["[Ann, Stub] one", "[Ann, Stub] two"]


# ----------------------------------------------------------------- by history


def test_a_part_that_arrived_is_found_in_the_history(world: World, time: Clock) -> None:
    joined(world, "history,ids,length=200")
    text = " ".join(f"word{number}" for number in range(60))
    world.stub.say("here", "Ann", text)
    world.stub.fault("reset", room="there", on="send", count=1, stored=True)
    world.relay(rounds=1)
    world.stub.fault("reset", room="there", on="send", count=1, stored=True)

    wait(world, time, 2, 2, 2)

    told = [part.removeprefix("[Ann, Stub] ") for part in world.texts("there")]
    assert (" ".join(told), len(told), ends()) == (text, 3, ["sent"])
    assert Post.objects.count() == 3


def test_a_text_that_stood_there_before_is_not_taken_for_the_send(world: World, time: Clock) -> None:
    joined(world, "history,ids")
    world.stub.say("here", "Ann", "again")
    world.relay(rounds=1)
    cut(world, stored=False)
    world.stub.say("here", "Ann", "again")
    world.relay(rounds=1)

    wait(world, time, 2, 14)

    assert (world.texts("there"), ends()) == (["[Ann, Stub] again"] * 2, ["sent", "sent"])


def test_a_history_that_cannot_be_read_puts_the_decision_off(world: World, time: Clock) -> None:
    joined(world, "history,ids")
    cut(world, stored=True)
    world.stub.say("here", "Ann", "one")
    world.relay(rounds=1)
    world.stub.fault("status", room="there", on="read", count=2)

    wait(world, time, 2, 5, 5)

    assert (world.texts("there"), ends()) == (["[Ann, Stub] one"], ["sent"])


# ----------------------------------------------------------------- where nobody tells


def test_where_nobody_can_look_it_ends_unknown_and_its_owner_is_told(world: World, time: Clock) -> None:
    _, there = joined(world, HIDDEN)
    cut(world, stored=True)
    world.stub.say("here", "Ann", "one")
    world.stub.say("here", "Ann", "two")
    world.relay(rounds=1)

    wait(world, time, 5)
    assert ends() == ["sending", "queued"]
    wait(world, time, 10, 1)

    assert (world.texts("there")[:2], ends()) == (["[Ann, Stub] one", "[Ann, Stub] two"], ["unknown", "sent"])
    notice = Notice.objects.get()
    assert (notice.owner, notice.seat, notice.kind) == (there.owner, there, "unknown")
    assert world.texts("there")[2:] == [f"[Sameroom] {notice.text}"]


def test_what_comes_after_a_part_that_nobody_can_look_up_is_posted_all_the_same(
    world: World, time: Clock
) -> None:
    joined(world, f"{HIDDEN},length=200")
    cut(world, stored=False)
    world.stub.say("here", "Ann", " ".join(f"word{number}" for number in range(60)))
    world.stub.say("here", "Ann", "after it")
    world.relay(rounds=1)
    wait(world, time, 15, 1)

    first, *more = said(world)
    assert (first.startswith("[Ann, Stub] word2"), more[-1]) == (True, "[Ann, Stub] after it")
    assert ends() == ["unknown", "sent"]
    assert Notice.objects.get().kind == "unknown"


def test_a_part_in_doubt_that_is_seen_later_is_known(world: World, time: Clock) -> None:
    _, there = joined(world, f"{HIDDEN},length=200")
    cut(world, stored=True)
    world.stub.say("here", "Ann", " ".join(f"word{number}" for number in range(60)))
    world.relay(rounds=1)
    wait(world, time, 15, 1)

    take(there.room, echo(there, said(world)[0], "m-late"))
    drain_all()

    assert (ends(), len(world.texts("here"))) == (["unknown"], 1)


def test_an_unknown_send_that_is_seen_later_was_sent(world: World, time: Clock) -> None:
    _, there = joined(world, HIDDEN)
    cut(world, stored=True)
    world.stub.say("here", "Ann", "one")
    world.relay(rounds=1)
    wait(world, time, 15, 1)
    assert ends() == ["unknown"]

    take(there.room, echo(there, "[Ann, Stub] one", "m-late"))
    drain_all()

    assert (ends(), world.texts("here")) == (["sent"], ["one"])


def test_the_first_copy_of_an_unknown_send_is_known_after_it_was_sent_again(
    world: World, time: Clock
) -> None:
    _, there = joined(world, HIDDEN)
    cut(world, stored=True)
    world.stub.say("here", "Ann", "one")
    world.relay(rounds=1)
    wait(world, time, 15, 1)
    wait(world, time, 180, 1)
    [lost] = Delivery.objects.filter(status="unknown")
    delivery_send_again(delivery=lost, by=there.owner)
    drain_all()

    for _ in range(2):
        take(there.room, echo(there, "[Ann, Stub] one", "m-first"))
    drain_all()

    assert (ends(), world.texts("here")) == (["sent"], ["one"])


def test_a_part_seen_later_does_not_make_the_whole_message_sent(world: World, time: Clock) -> None:
    _, there = joined(world, f"{HIDDEN},length=200")
    cut(world, stored=True)
    world.stub.say("here", "Ann", " ".join(f"word{number}" for number in range(60)))
    world.relay(rounds=1)
    wait(world, time, 15)

    take(there.room, echo(there, world.texts("there")[0], "m-late"))

    assert (ends(), kinds_taken_in()) == (["unknown"], ["message", "notice"])


# ----------------------------------------------------------------- services without ids


def test_a_post_without_an_id_is_recognised_once(world: World) -> None:
    _, there = joined(world, NAMELESS)
    world.stub.say("here", "Ann", "one")
    world.relay(rounds=1)

    take(there.room, echo(there, "[Ann, Stub] one"))
    assert held() == ["no", "echo"]

    take(there.room, echo(there, "[Ann, Stub] one"))
    drain_all()
    assert world.texts("here") == ["one", "[Bot, Stub] [Ann, Stub] one"]


def test_an_echo_without_an_id_is_known_when_it_is_pushed_again(world: World) -> None:
    _, there = joined(world, NAMELESS)
    world.stub.say("here", "Ann", "one")
    world.relay(rounds=1)
    pushed = echo(there, "[Ann, Stub] one")

    taken = [take(there.room, pushed), take(there.room, pushed)]
    drain_all()

    assert (taken, held(), world.texts("here")) == ([1, 0], ["no", "echo"], ["one"])


def test_an_echo_without_an_id_that_comes_before_the_answer_waits_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, there = joined(world, NAMELESS)
    real = StubConnector.send

    def send(*args: object) -> object:
        answer = real(*args)  # type: ignore[arg-type]
        take(there.room, echo(there, "[Ann, Stub] one"), factories.said("hello", name="Bob"))
        assert held() == ["no", "waiting", "waiting"]
        return answer

    monkeypatch.setattr(StubConnector, "send", send)
    world.stub.say("here", "Ann", "one")
    world.read()
    drain_all(rounds=1)

    assert held() == ["no", "echo", "no"]


def test_a_cut_off_send_without_ids_is_not_repeated(world: World, time: Clock) -> None:
    _, there = joined(world, NAMELESS)
    cut(world, stored=True)
    world.stub.say("here", "Ann", "one")
    world.relay(rounds=1)

    wait(world, time, 2, 15)
    assert (said(world), ends()) == (["[Ann, Stub] one"], ["unknown"])

    take(there.room, echo(there, "[Ann, Stub] one"))
    drain_all()
    assert (said(world), ends()) == (["[Ann, Stub] one"], ["sent"])


# ----------------------------------------------------------------- what is held


def test_what_follows_a_held_event_is_decided_with_it(pair: Pair) -> None:
    factories.delivery(factories.event(pair.here.room), pair.there, status="sending")
    bot = pair.there.account.remote_user_id
    take(
        pair.there.room,
        factories.said("typed by hnd", id="m-1", user_id=bot),
        factories.said("next", id="m-2"),
        edit_of("m-1", "typed by hand"),
    )
    assert held() == ["no", "waiting", "waiting", "waiting"]
    Delivery.objects.update(status="failed")

    take(pair.there.room, factories.said("last", id="m-3"))
    drain_all()

    assert texts("acme", "lobby") == [
        "[Ann, Globex] typed by hand",
        "[Ann, Globex] next",
        "[Ann, Globex] last",
    ]


def test_a_frozen_worker_does_not_send_what_others_have_settled(
    pair: Pair, service: Service, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Lane.begin

    def begin(self: Lane, beginning: object) -> bool:
        begun = real(self, beginning)  # type: ignore[arg-type]
        time.forward(60)  # stopped by the machine, right after the note that it begins
        assert claim(Seat, pair.there.pk, "lane") is not None
        return begun

    monkeypatch.setattr(Lane, "begin", begin)
    pair.say("one")

    drain_all(rounds=1)

    assert (service.sent, statuses()) == ([], ["sending"])


def test_an_imitated_edit_that_was_cut_off_and_has_arrived_is_sent(world: World, time: Clock) -> None:
    joined(world, PLAIN)
    id_ = world.stub.say("here", "Ann", "helo")
    world.relay()
    cut(world, stored=True)
    world.stub.edit("here", id_, "hello")
    world.relay(rounds=1)
    wait(world, time, 2, 2)

    assert (len(world.texts("there")), statuses()) == (2, ["sent", "sent"])
