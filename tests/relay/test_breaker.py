from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from sameroom import clock
from sameroom.celery import app
from tests import factories
from tests.relay.conftest import Clock, Pair
from tests.relay.test_notices import said, told
from tubes import tasks
from tubes.models import Notice, Room, Seat, Tube
from tubes.relay import breaker
from tubes.relay.breaker import suspects, trip

pytestmark = pytest.mark.django_db

Hear = Callable[..., list[int]]


@pytest.fixture
def hear(time: Clock) -> Hear:
    """A text is taken in in a room, as intake does it; the Tubes paused by that."""

    def take_in(room: Room, fingerprint: str = "ok", *, after: float = 2, **extra: Any) -> list[int]:
        time.forward(after)
        room.refresh_from_db()
        event = factories.event(
            room, fingerprint=fingerprint, number=room.next_event_number, accepted_at=clock.now(), **extra
        )
        found = suspects(room.pk, [fingerprint], event.number, clock.now())
        paused = trip(room, [event] if fingerprint in found else [])
        Room.objects.filter(pk=room.pk).update(next_event_number=event.number + 1)
        return paused

    return take_in


def status(tube: Tube) -> str:
    return Tube.objects.get(pk=tube.pk).status


def test_a_text_that_goes_to_and_fro_six_times_pauses_the_tube(pair: Pair, hear: Hear) -> None:
    rooms = [pair.here.room, pair.there.room]
    assert [hear(rooms[number % 2]) for number in range(5)] == [[]] * 5
    assert status(pair.tube) == "active"

    assert hear(rooms[1]) == [pair.tube.pk]

    tube = Tube.objects.get()
    assert (tube.status, tube.status_by) == ("paused", None)
    assert clock.now() - tube.status_since < timedelta(seconds=20)
    assert hear(rooms[0]) == []


def test_the_owners_of_both_sides_are_told_and_no_room_is(pair: Pair, hear: Hear) -> None:
    other = factories.user()
    Seat.objects.filter(pk=pair.there.pk).update(owner=other)
    for number in range(6):
        hear([pair.here.room, pair.there.room][number % 2])

    notices = Notice.objects.order_by("owner")
    assert [(notice.owner, notice.seat) for notice in notices] == [
        (pair.here.owner, pair.here),
        (other, pair.there),
    ]
    assert [kind for kind, _, _ in told()] == ["breaker", "breaker"]
    assert "Sameroom has paused the Tube between Lobby and Garden" in notices[0].text
    assert "Remove the other bridge, then press Resume under Manage." in notices[0].text
    assert said() == []


def test_an_owner_of_both_sides_is_told_once(pair: Pair, hear: Hear) -> None:
    for number in range(6):
        hear([pair.here.room, pair.there.room][number % 2])

    assert len(told()) == 1


@pytest.mark.parametrize(
    ("texts", "seconds"),
    [
        (["ok", "yes"] * 6, 2),  # a conversation
        (["ok"] * 12, 13),  # slow
    ],
)
def test_what_people_say_pauses_nothing(pair: Pair, hear: Hear, texts: list[str], seconds: float) -> None:
    for number, text in enumerate(texts):
        assert hear([pair.here.room, pair.there.room][number % 2], text, after=seconds) == []


def test_one_side_repeating_itself_pauses_nothing(pair: Pair, hear: Hear) -> None:
    hear(pair.there.room)
    for _ in range(10):
        assert hear(pair.here.room) == []


def test_repeats_of_one_side_in_between_do_not_count(pair: Pair, hear: Hear) -> None:
    here, there = pair.here.room, pair.there.room

    assert [hear(room) for room in (here, here, there, there, here, here, there, there)] == [[]] * 8
    assert [hear(here), hear(there)] == [[], [pair.tube.pk]]


def test_a_text_without_a_fingerprint_pauses_nothing(pair: Pair, hear: Hear) -> None:
    for number in range(12):
        assert hear([pair.here.room, pair.there.room][number % 2], "") == []


def test_our_own_posts_and_held_events_do_not_count(pair: Pair, hear: Hear) -> None:
    for number in range(12):
        held = "echo" if number % 2 else "no"
        assert hear([pair.here.room, pair.there.room][number % 2], held=held) == []


def test_a_tube_that_is_resumed_begins_to_count_anew(pair: Pair, hear: Hear) -> None:
    rooms = [pair.here.room, pair.there.room]
    for number in range(6):
        hear(rooms[number % 2], after=1)
    Tube.objects.update(status="active", status_since=clock.now())

    assert [hear(rooms[number % 2], after=1) for number in range(6)] == [[]] * 5 + [[pair.tube.pk]]


def test_only_the_tube_in_the_loop_is_paused(pair: Pair, hear: Hear) -> None:
    attic = factories.seat(
        factories.account(pair.here.owner, team="initech"), factories.room("attic", team="initech")
    )
    aside = factories.tube(pair.here, attic)
    paused = [hear([pair.there.room, pair.here.room][number % 2]) for number in range(6)]

    assert paused == [[]] * 5 + [[pair.tube.pk]]
    assert (status(pair.tube), status(aside)) == ("paused", "active")


def test_a_loop_over_several_tubes_is_cut_where_it_is_seen(pair: Pair, hear: Hear) -> None:
    attic = factories.seat(
        factories.account(pair.here.owner, team="initech"), factories.room("attic", team="initech")
    )
    further = factories.tube(pair.there, attic)

    paused = [hear([pair.here.room, attic.room][number % 2]) for number in range(6)]

    assert paused == [[]] * 5 + [[further.pk]]
    assert (status(pair.tube), status(further)) == ("active", "paused")


def test_suspects_are_texts_said_twice_lately_in_one_query(
    pair: Pair, time: Clock, django_assert_num_queries: Any
) -> None:
    room = pair.here.room
    said = ["old", "old", "twice", "once", "twice", ""]
    for number, text in enumerate(said, start=1):
        if number == 3:
            time.forward(61)
        factories.event(room, number=number, fingerprint=text, accepted_at=clock.now())

    suspects(room.pk, ["old", "twice", "once", "never"], 7, clock.now())  # PostgreSQL prepares the statement
    with django_assert_num_queries(1):
        found = suspects(room.pk, ["old", "twice", "once", "never", ""], 7, clock.now())
    assert found == {"twice"}
    with django_assert_num_queries(0):
        assert suspects(room.pk, [""], 7, clock.now()) == set()
    assert suspects(room.pk, ["twice"], 5, clock.now()) == set()


def test_only_the_last_events_of_a_room_are_looked_at(pair: Pair) -> None:
    for number in (1, 2):
        factories.event(pair.here.room, number=number, fingerprint="ok", accepted_at=clock.now())

    assert suspects(pair.here.room.pk, ["ok"], breaker.LAST + 1, clock.now()) == {"ok"}
    assert suspects(pair.here.room.pk, ["ok"], breaker.LAST + 2, clock.now()) == set()


def test_two_workers_pause_a_tube_once(pair: Pair) -> None:
    assert [breaker._pause(pair.tube.pk), breaker._pause(pair.tube.pk)] == [True, False]
    assert len(told()) == 1


# ----------------------------------------------------------------- mail
def test_a_mail_is_rung_for_when_the_pause_is_committed(
    pair: Pair, hear: Hear, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    rung: list[tuple[str, tuple[int, ...]]] = []
    monkeypatch.setattr(
        current_app._get_current_object(), "send_task", lambda name, args, **_: rung.append((name, args))
    )

    with django_capture_on_commit_callbacks(execute=True):
        for number in range(6):
            hear([pair.here.room, pair.there.room][number % 2])
        assert rung == []

    assert rung == [(breaker.MAIL, (pair.tube.pk,))]
    assert breaker.MAIL in app.tasks


def test_a_broker_that_is_away_costs_the_mail_and_not_the_pause(
    pair: Pair,
    hear: Hear,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def away(*args: object, **options: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(current_app._get_current_object(), "send_task", away)

    with django_capture_on_commit_callbacks(execute=True):
        paused = [hear([pair.here.room, pair.there.room][number % 2]) for number in range(6)]

    assert paused == [[]] * 5 + [[pair.tube.pk]]
    assert status(pair.tube) == "paused"
    assert caplog.messages[-1] == (
        "The broker did not take a mail (ConnectionRefusedError); Manage says the same"
    )


def test_each_owner_gets_a_mail_that_says_what_to_do(pair: Pair, settings: Any) -> None:
    other = factories.user()
    Seat.objects.filter(pk=pair.there.pk).update(owner=other)
    Tube.objects.update(status="paused", status_by=None)

    tasks.mail_about_echo(pair.tube.pk)

    assert [message.to for message in mail.outbox] == [[pair.here.owner.email], [other.email]]
    assert {message.subject for message in mail.outbox} == {"Paused: the Tube between Lobby and Garden"}
    text = mail.outbox[0].body
    assert "Remove the other bridge" in text
    assert f"{settings.PUBLIC_URL}/tubes/{pair.tube.code}" in text


def test_a_tube_that_was_resumed_or_paused_by_a_person_is_not_written_about(pair: Pair) -> None:
    tasks.mail_about_echo(pair.tube.pk)
    Tube.objects.update(status="paused", status_by=pair.here.owner)
    tasks.mail_about_echo(pair.tube.pk)
    tasks.mail_about_echo(0)

    assert mail.outbox == []


def test_one_mail_that_fails_does_not_keep_the_other_from_going_out(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = factories.user()
    Seat.objects.filter(pk=pair.there.pk).update(owner=other)
    Tube.objects.update(status="paused", status_by=None)
    real = EmailBackend.send_messages

    def picky(self: EmailBackend, messages: list[Any]) -> int:
        if messages[0].to == [pair.here.owner.email]:
            raise ConnectionRefusedError
        return int(real(self, messages))

    monkeypatch.setattr(EmailBackend, "send_messages", picky)

    tasks.mail_about_echo(pair.tube.pk)

    assert [message.to for message in mail.outbox] == [[other.email]]
    assert pair.here.owner.email not in caplog.text
