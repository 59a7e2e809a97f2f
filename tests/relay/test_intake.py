from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, transaction

from connectors.base import Cursor, IncomingEvent, MessageId
from sameroom import clock
from tests import factories
from tests.factories import said
from tests.relay.conftest import Pair, Rings, held, take, texts
from tubes.models import Delivery, Event, Post, Room, Seat
from tubes.relay import intake, lanes, storing
from tubes.relay.intake import release_held, take_in
from tubes.relay.storing import Fresh
from tubes.services import tube_close

pytestmark = pytest.mark.django_db


def test_events_deliveries_and_position_are_stored_together(pair: Pair) -> None:
    first, second = said("one", id="m-1"), said("two", id="m-2")

    assert take(pair.here.room, first, second) == 2

    room = Room.objects.get(pk=pair.here.room.pk)
    assert room.cursor == Cursor(MessageId("m-2"), second.said_at)
    assert room.next_event_number == 3
    assert list(Event.objects.order_by("number").values_list("number", "remote_id")) == [
        (1, "m-1"),
        (2, "m-2"),
    ]
    assert (
        list(Delivery.objects.order_by("pk").values_list("seat", "status")) == [(pair.there.pk, "queued")] * 2
    )


def test_an_event_that_cannot_be_stored_does_not_keep_the_room_from_going_on(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = storing.row_of

    def row_of(event: IncomingEvent, **more: Any) -> Fresh:
        if event.id == "bad":
            raise ValueError("a secret text")
        return real(event, **more)

    monkeypatch.setattr("tubes.relay.intake.row_of", row_of)

    with pytest.raises(ValueError, match="secret"):  # alone it may be no fault of its own
        take(pair.here.room, said("bad", id="bad"))
    assert Room.objects.get(pk=pair.here.room.pk).cursor is None
    assert take(pair.here.room, said("one"), said("bad", id="bad"), said("two", id="m-2")) == 2

    assert Room.objects.get(pk=pair.here.room.pk).cursor.id == "m-2"
    lanes.drain(pair.there.pk)
    assert texts("globex", "garden") == ["[Ann, Acme] one", "[Ann, Acme] two"]
    assert "1 of 3 events read were left out" in caplog.text


def test_a_long_page_is_several_transactions_of_which_the_last_moves_the_position(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "AT_ONCE", 2)
    events = [said(f"text {number}", id=f"m-{number}") for number in range(5)]
    real, failing = storing.insert_events, [None, None, OperationalError("the database went away")]

    def insert_events(fresh: list[Fresh]) -> None:
        if error := failing.pop(0) if failing else None:
            raise error
        real(fresh)

    monkeypatch.setattr(intake, "insert_events", insert_events)

    with pytest.raises(OperationalError):
        take(pair.here.room, *events)
    assert (Event.objects.count(), Room.objects.get(pk=pair.here.room.pk).cursor) == (4, None)
    assert take(pair.here.room, *events) == 1

    assert list(Event.objects.order_by("number").values_list("number", "remote_id")) == [
        (number + 1, f"m-{number}") for number in range(5)
    ]
    assert Room.objects.get(pk=pair.here.room.pk).cursor.id == "m-4"


def test_a_database_that_goes_away_in_the_middle_leaves_nothing_out(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = storing.row_of

    def row_of(event: IncomingEvent, **more: Any) -> Fresh:
        if event.id == "bad":
            raise OperationalError("the database went away")
        return real(event, **more)

    monkeypatch.setattr("tubes.relay.intake.row_of", row_of)

    with pytest.raises(OperationalError):
        take(pair.here.room, said("one"), said("bad", id="bad"))

    assert Event.objects.count() == 0


def test_a_failure_in_the_middle_stores_nothing(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the database went away")

    monkeypatch.setattr("tubes.relay.queueing.routing.ways", broken)

    with pytest.raises(RuntimeError):
        take(pair.here.room, said())

    assert (Event.objects.count(), Delivery.objects.count()) == (0, 0)
    assert Room.objects.get(pk=pair.here.room.pk).cursor is None


def test_an_event_seen_again_is_not_taken_in_again(pair: Pair) -> None:
    event = said()
    take(pair.here.room, event)

    assert take(pair.here.room, event, said("new")) == 1
    assert Delivery.objects.count() == 2


def test_a_page_with_the_same_event_twice_stores_it_once(pair: Pair) -> None:
    event = said()

    assert take(pair.here.room, event, event) == 1


def test_a_page_from_a_position_that_has_passed_is_dropped_whole(pair: Pair) -> None:
    take(pair.here.room, said(id="m-1"))
    late = said(id="m-2")

    assert take_in(pair.here.room.pk, [late], read_from=None, cursor=factories.cursor_after(late)) == 0
    assert Event.objects.count() == 1


def test_the_position_moves_past_items_that_are_no_events(pair: Pair) -> None:
    cursor = Cursor(MessageId("topic-1"), clock.now())

    take_in(pair.here.room.pk, [], read_from=None, cursor=cursor)

    assert Room.objects.get(pk=pair.here.room.pk).cursor == cursor


def test_lanes_are_rung_once_each_after_the_commit(
    pair: Pair, rings: Rings, django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        take(pair.here.room, said(), said(), said())
        assert rings.rung == []

    assert rings.lanes == [pair.there.pk]


def test_the_body_of_an_event_that_reaches_nobody_is_not_kept(db: None) -> None:
    seat = factories.seat()

    take(seat.room, said("nobody hears this"))

    assert Event.objects.values_list("body", flat=True).get() is None


def test_what_a_send_of_ours_posted_is_not_taken_in(pair: Pair) -> None:
    posted = factories.delivery(factories.event(pair.here.room), pair.there, status="sent")
    Post.objects.create(delivery=posted, room=pair.there.room, remote_id="ours-1")

    assert take(pair.there.room, said("[Ann] hello", id="ours-1"), said("answer")) == 1


def test_an_item_by_our_account_is_held_while_its_send_is_undecided(pair: Pair) -> None:
    sending = factories.delivery(factories.event(pair.here.room), pair.there, status="sending")
    bot = pair.there.account.remote_user_id

    take(pair.there.room, said("[Ann] hello", id="ours-1", user_id=bot), said("next", id="m-2"))

    assert held() == ["no", "waiting", "waiting"]
    assert Delivery.objects.exclude(pk=sending.pk).count() == 0


def test_a_held_item_that_was_our_post_is_dropped_and_the_next_one_routed(pair: Pair) -> None:
    sending = factories.delivery(factories.event(pair.here.room), pair.there, status="sending")
    bot = pair.there.account.remote_user_id
    take(pair.there.room, said("[Ann] hello", id="ours-1", user_id=bot), said("next", id="m-2"))
    Post.objects.create(delivery=sending, room=pair.there.room, remote_id="ours-1")
    Delivery.objects.filter(pk=sending.pk).update(status="sent")

    assert release_held(pair.there.room.pk) == 2

    assert held() == ["no", "echo", "no"]
    routed = Delivery.objects.exclude(pk=sending.pk).get()
    assert (routed.seat, routed.event.remote_id) == (pair.here, "m-2")


def test_a_held_item_that_a_person_wrote_through_our_account_is_routed(pair: Pair) -> None:
    sending = factories.delivery(factories.event(pair.here.room), pair.there, status="sending")
    bot = pair.there.account.remote_user_id
    take(pair.there.room, said("typed by hand", id="m-1", user_id=bot))
    Delivery.objects.filter(pk=sending.pk).update(status="failed")

    release_held(pair.there.room.pk)

    assert held() == ["no", "no"]
    assert Delivery.objects.exclude(pk=sending.pk).get().seat == pair.here


def test_a_held_item_waits_while_its_send_is_undecided(pair: Pair) -> None:
    factories.delivery(factories.event(pair.here.room), pair.there, status="sending")
    take(pair.there.room, said(id="m-1", user_id=pair.there.account.remote_user_id))

    assert release_held(pair.there.room.pk) == 0
    assert held() == ["no", "waiting"]


def second_way(pair: Pair) -> Seat:
    """Another owner's Tube between the same two rooms; its Seat at the far end."""
    far = factories.seat(factories.account(team="globex"), pair.there.room)
    factories.tube(factories.seat(factories.account(team="acme"), pair.here.room), far)
    return far


def seats_of_deliveries() -> list[int]:
    return list(Delivery.objects.order_by("pk").values_list("seat", flat=True))


def test_a_pair_of_rooms_keeps_its_seat_while_something_is_under_way(pair: Pair) -> None:
    second_way(pair)
    take(pair.here.room, said())
    pair.there.account.status = "needs_login"
    pair.there.account.save()

    take(pair.here.room, said())

    assert seats_of_deliveries() == [pair.there.pk, pair.there.pk]


def test_a_seat_that_cannot_post_is_passed_over_where_another_leads_there(pair: Pair) -> None:
    far = second_way(pair)
    pair.there.account.status = "needs_login"
    pair.there.account.save()

    take(pair.here.room, said())

    assert seats_of_deliveries() == [far.pk]


def test_what_is_queued_at_a_closed_tube_goes_on_by_another_that_leads_there(pair: Pair) -> None:
    far = second_way(pair)
    take(pair.here.room, said(), said())

    tube_close(tube=pair.tube, by=pair.here.owner)
    take(pair.here.room, said())

    assert seats_of_deliveries() == [far.pk] * 3


def test_the_database_refuses_a_second_delivery_to_a_room(pair: Pair) -> None:
    event = factories.event(pair.here.room)
    factories.delivery(event, pair.there)

    with pytest.raises(IntegrityError), transaction.atomic():
        factories.delivery(event, pair.there)
