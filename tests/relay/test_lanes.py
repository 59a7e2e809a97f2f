from datetime import timedelta

import pytest

from connectors.base import OutgoingMessage
from connectors.echo import connector as echo
from connectors.echo.connector import EchoConnector
from connectors.errors import (
    DeliveryUnknown,
    LoginRejected,
    MessageRejected,
    RetryLater,
    RoomGone,
    UnsupportedAction,
)
from sameroom import clock
from tests import factories
from tests.relay.conftest import Clock, Pair, Service, drain_all, statuses, texts
from tubes.models import Delivery, Post, Seat
from tubes.relay import lanes, reading
from tubes.relay.leases import claim
from tubes.relay.moves import Lane, move
from tubes.relay.rendering import fingerprint

pytestmark = pytest.mark.django_db


def test_messages_arrive_in_order_with_author_and_team(pair: Pair) -> None:
    pair.say("one", "two", "three")

    drain_all()

    assert texts("globex", "garden") == ["[Ann, Acme] one", "[Ann, Acme] two", "[Ann, Acme] three"]
    assert statuses() == ["sent"] * 3


def test_a_sent_delivery_knows_its_remote_id(pair: Pair) -> None:
    pair.say("one")

    drain_all()

    post = Post.objects.get()
    assert (post.room, post.part, post.remote_id) == (pair.there.room, 0, "echo-1")


def test_a_long_message_is_sent_in_parts_in_order(pair: Pair) -> None:
    text = " ".join(f"word{number}" for number in range(150))
    pair.say(text)

    drain_all()

    parts = texts("globex", "garden")
    assert len(parts) > 2
    assert " ".join(part.removeprefix("[Ann, Acme] ") for part in parts) == text
    assert list(Post.objects.order_by("part").values_list("part", flat=True)) == list(range(len(parts)))


def test_a_refused_send_is_tried_again_before_what_follows(pair: Pair, service: Service, time: Clock) -> None:
    service.refuse(RetryLater("busy"))
    pair.say("one", "two")

    drain_all()
    assert (texts("globex", "garden"), statuses()) == ([], ["queued", "queued"])

    time.forward(2)
    drain_all()
    assert texts("globex", "garden") == ["[Ann, Acme] one", "[Ann, Acme] two"]


def test_a_named_waiting_time_is_kept_and_not_counted_as_a_failure(
    pair: Pair, service: Service, time: Clock
) -> None:
    service.refuse(RetryLater("limit", seconds=60))
    pair.say("one")

    drain_all()
    time.forward(55)
    drain_all()
    assert texts("globex", "garden") == []
    assert Delivery.objects.get().attempts == 0

    time.forward(6)
    drain_all()
    assert texts("globex", "garden") == ["[Ann, Acme] one"]


def test_a_rejected_message_fails_alone(pair: Pair, service: Service) -> None:
    service.refuse(MessageRejected("too rude"))
    pair.say("one", "two")

    drain_all()

    assert texts("globex", "garden") == [
        "[Ann, Acme] two",
        "[Sameroom] A message from Lobby could not be delivered to Garden: too rude.",
    ]
    assert list(Delivery.objects.order_by("pk").values_list("status", "error")) == [
        ("failed", "too rude"),
        ("sent", ""),
        ("sent", ""),
    ]


def test_an_impossible_action_is_skipped(pair: Pair, service: Service) -> None:
    service.refuse(UnsupportedAction("cannot"))
    pair.say("one")

    drain_all()

    assert statuses() == ["skipped"]


def test_a_refused_login_stops_the_lane_and_loses_nothing(pair: Pair, service: Service, time: Clock) -> None:
    service.refuse(LoginRejected("token expired"))
    pair.say("one")
    drain_all(rounds=1)

    account = pair.there.account
    account.refresh_from_db()
    assert (account.status, account.status_reason) == ("needs_login", "token expired")
    time.forward(60)
    drain_all(rounds=1)
    assert (texts("globex", "garden"), statuses()) == ([], ["queued"])

    account.status = "connected"
    account.save()
    drain_all()
    assert texts("globex", "garden") == ["[Ann, Acme] one"]


def test_a_lost_room_fails_the_seat_and_its_messages_wait(pair: Pair, service: Service, time: Clock) -> None:
    service.refuse(RoomGone("kicked"))
    pair.say("one")
    drain_all(rounds=1)

    seat = Seat.objects.get(pk=pair.there.pk)
    assert seat.failure == "kicked"
    time.forward(60)
    drain_all(rounds=1)
    assert statuses() == ["queued"]


def test_a_cut_off_send_that_arrived_is_recognised_and_not_repeated(
    pair: Pair, service: Service, time: Clock
) -> None:
    service.store_then(DeliveryUnknown("connection reset"))
    pair.say("one", "two")

    drain_all(rounds=1)
    assert statuses() == ["sending", "queued"]
    time.forward(2)
    drain_all()

    assert texts("globex", "garden") == ["[Ann, Acme] one", "[Ann, Acme] two"]
    assert statuses() == ["sent", "sent"]


def test_a_cut_off_send_that_did_not_arrive_is_repeated_once_it_has_ended(
    pair: Pair, service: Service, time: Clock
) -> None:
    service.refuse(DeliveryUnknown("connection reset"))
    pair.say("one", "two")

    drain_all(rounds=1)
    time.forward(2)
    drain_all(rounds=1)
    assert (texts("globex", "garden"), statuses()) == ([], ["sending", "queued"])

    time.forward(15)
    drain_all()
    assert texts("globex", "garden") == ["[Ann, Acme] one", "[Ann, Acme] two"]


def test_an_unexpected_error_marks_nothing_as_sent(pair: Pair, service: Service, time: Clock) -> None:
    service.store_then(KeyError("our bug"))
    pair.say("one")

    drain_all(rounds=1)
    assert statuses() == ["sending"]
    assert Delivery.objects.get().error == "Internal error: KeyError."

    time.forward(20)
    drain_all()
    assert (texts("globex", "garden"), statuses()) == (["[Ann, Acme] one"], ["sent"])


def test_a_delivery_found_sending_after_a_crash_is_settled_first(pair: Pair, time: Clock) -> None:
    pair.say("one", "two")
    first = Delivery.objects.order_by("pk")[0]
    first.status, first.sending_since = "sending", clock.now()
    first.fingerprint = fingerprint("[Ann, Acme] one")
    first.save()
    bot = pair.there.account.connector()
    bot.send(pair.there.room.remote_id, OutgoingMessage(text="[Ann, Acme] one"))  # type: ignore[arg-type]

    time.forward(31)
    drain_all()

    assert texts("globex", "garden") == ["[Ann, Acme] one", "[Ann, Acme] two"]
    assert statuses() == ["sent", "sent"]


def test_a_message_that_fails_where_others_pass_fails_alone(
    pair: Pair, service: Service, time: Clock
) -> None:
    pair.say("poison")
    service.refuse(*[RetryLater("odd")] * 12)
    other = factories.seat(factories.account(team="globex"), factories.room("attic", team="globex"))
    for _ in range(12):
        drain_all(rounds=1)
        time.forward(120)
        factories.delivery(seat_=other, status="sent", finished_at=clock.now())

    assert Delivery.objects.get(origin=pair.here.room).status == "failed"


def test_a_message_older_than_the_catch_up_age_is_skipped(pair: Pair, time: Clock) -> None:
    pair.say("old")
    time.forward(25 * 3600)

    drain_all()

    assert statuses() == ["skipped", "sent"]
    assert texts("globex", "garden") == [
        "[Sameroom] 1 message said in Lobby more than 24 hours ago was left out."
    ]


def test_a_message_whose_tube_was_closed_meanwhile_is_skipped(pair: Pair) -> None:
    pair.say("one")
    pair.tube.status = "closed"
    pair.tube.save()

    drain_all()

    assert (texts("globex", "garden"), statuses()) == ([], ["skipped"])


def test_nobody_works_on_a_lane_that_somebody_holds(pair: Pair) -> None:
    pair.say("one")
    assert claim(Seat, pair.there.pk, "lane")

    lanes.drain(pair.there.pk)

    assert statuses() == ["queued"]


def test_a_lane_that_waits_says_for_how_long(pair: Pair, service: Service) -> None:
    service.refuse(RetryLater("limit", seconds=60))
    pair.say("one")

    after = lanes.drain(pair.there.pk)

    assert after is not None
    assert 58 < after <= 60


def test_a_former_holder_can_no_longer_finish_a_delivery(pair: Pair, service: Service, time: Clock) -> None:
    pair.say("one")
    stolen = False
    real = lanes.deliver

    def slow(lane: object, delivery: Delivery, behind: object) -> object:
        nonlocal stolen
        if not stolen:
            stolen = True
            time.forward(31)
            assert claim(Seat, pair.there.pk, "lane") is not None
        return real(lane, delivery, behind)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes, "deliver", slow)
        lanes.drain(pair.there.pk)

    assert (service.sent, statuses()) == ([], ["queued"])


def test_two_way_talk_does_not_loop(pair: Pair) -> None:
    echo.say("acme", "lobby", "Ann", "hello")
    echo.say("globex", "garden", "Bob", "hi")
    for _ in range(6):
        for seat in (pair.here, pair.there):
            seat.room.__class__.objects.filter(pk=seat.room.pk).update(
                next_poll_at=clock.now() - timedelta(seconds=1)
            )
            reading.poll(seat.account_id)
        drain_all()

    assert texts("acme", "lobby") == ["hello", "[Bob, Globex] hi"]
    assert texts("globex", "garden") == ["hi", "[Ann, Acme] hello"]


def test_a_worker_that_is_to_stop_ends_between_two_parts_and_the_next_one_goes_on(
    pair: Pair, service: Service
) -> None:
    pair.say(" ".join(f"word{number}" for number in range(150)))
    lanes.drain(pair.there.pk, ends=lambda: len(service.sent) >= 1)
    assert (len(service.sent), statuses()) == (1, ["queued"])

    drain_all()

    assert statuses() == ["sent"]
    assert service.sent == texts("globex", "garden")
    assert len(set(service.sent)) == len(service.sent) > 2


def test_a_cut_off_send_buried_under_too_much_talk_is_unknown_and_not_repeated(
    pair: Pair, service: Service, time: Clock
) -> None:
    service.store_then(DeliveryUnknown("connection reset"))
    pair.say("one")
    drain_all(rounds=1)
    for number in range(110):
        echo.say("globex", "garden", "Bob", f"line {number}")

    time.forward(60)
    drain_all()

    assert statuses()[0] == "unknown"
    assert texts("globex", "garden").count("[Ann, Acme] one") == 1


def test_a_send_whose_fate_cannot_be_read_ends_unknown_and_not_failed(
    pair: Pair, service: Service, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recent(*args: object) -> None:
        raise RetryLater("the history is down")

    monkeypatch.setattr(EchoConnector, "recent", recent)
    service.store_then(DeliveryUnknown("connection reset"))
    pair.say("one")
    other = factories.seat(factories.account(team="globex"), factories.room("attic", team="globex"))
    for _ in range(14):
        drain_all(rounds=1)
        time.forward(120)
        factories.delivery(seat_=other, status="sent", finished_at=clock.now())

    assert Delivery.objects.get(origin=pair.here.room).status == "unknown"


def test_an_outage_after_a_long_throttle_loses_nothing(pair: Pair, service: Service, time: Clock) -> None:
    service.refuse(RetryLater("limit", seconds=1200))
    pair.say("one")
    other = factories.seat(factories.account(team="globex"), factories.room("attic", team="globex"))
    drain_all(rounds=1)
    factories.delivery(seat_=other, status="sent", finished_at=clock.now())
    time.forward(1201)
    service.refuse(*[RetryLater("down")] * 12)
    for _ in range(12):
        drain_all(rounds=1)
        time.forward(61)
    drain_all()

    [text] = texts("globex", "garden")
    assert text.endswith(" UTC] one")  # late by now, and saying so


def test_a_wait_is_bounded_whatever_a_service_says() -> None:
    assert [RetryLater("x", seconds=seconds).seconds for seconds in (0, 42, 899_999_999)] == [0.1, 42, 3600]


def test_a_delivery_that_has_arrived_whole_before_a_crash_is_sent(pair: Pair) -> None:
    pair.say("one")
    delivery = Delivery.objects.get()
    Delivery.objects.update(status="sending", fingerprint=fingerprint("[Ann, Acme] one"))
    Post.objects.create(delivery=delivery, room=delivery.room, part=0, remote_id="r-1")

    drain_all()

    assert (statuses(), texts("globex", "garden")) == (["sent"], [])


def test_a_move_under_a_fence_that_has_passed_hits_no_row(pair: Pair, time: Clock) -> None:
    pair.say("one")
    lease = claim(Seat, pair.there.pk, "lane")
    assert lease is not None
    delivery = Delivery.objects.get()
    former = Lane(pair.there, lease, pair.there.account.connector())
    time.forward(31)
    assert claim(Seat, pair.there.pk, "lane") is not None

    assert not move(former, delivery, Delivery.Status.SENDING, sending_since=clock.now())
    assert statuses() == ["queued"]


def test_what_was_queued_by_a_clock_slightly_ahead_is_due(pair: Pair) -> None:
    pair.say("one")
    Delivery.objects.update(next_attempt_at=clock.now() + timedelta(milliseconds=15))

    after = lanes.drain(pair.there.pk)

    assert (after, texts("globex", "garden")) == (None, ["[Ann, Acme] one"])
