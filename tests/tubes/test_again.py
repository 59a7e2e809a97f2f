"""Sending again: which deliveries may be, and what they then are."""

from datetime import timedelta
from typing import Any

import pytest

from connectors.markup import plain
from connectors.markup.tree import to_json
from sameroom import clock
from tests import factories
from tubes.models import Delivery, Event, Room, Tube
from tubes.relay import bell
from tubes.services import NotAgain, deliveries_send_again, delivery_send_again
from tubes.services.again import CHANGED, ERASED, NO_WAY, SOUGHT, UNDER_WAY

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays now: a busy machine makes nobody wait for longer."""
    began = clock.now()
    monkeypatch.setattr(clock, "now", lambda: began)


@pytest.fixture(autouse=True)
def rings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    rung: list[int] = []
    monkeypatch.setattr(bell, "ring_lanes", rung.extend)
    return rung


@pytest.fixture
def tube() -> Tube:
    return factories.tube()


def said(tube: Tube, **extra: Any) -> Event:
    return factories.event(tube.side_a.room, **extra)


def edit_of(event: Event, text: str | None = "better", **extra: Any) -> Event:
    body = to_json(plain.parse(text)) if text is not None else None
    return factories.event(event.room, kind="edit", about=event, body=body, **extra)


def lost(tube: Tube, event: Event | None = None, **extra: Any) -> Delivery:
    values = {"status": "failed", "error": "No.", "finished_at": clock.now() - LONG_AGO} | extra
    return factories.delivery(event or said(tube), tube.side_b, **values)


def send(delivery: Delivery) -> str:
    """What the owner of the destination is told; empty where it is queued."""
    try:
        delivery_send_again(delivery=delivery, by=delivery.seat.owner)
    except NotAgain as refusal:
        assert Delivery.objects.get(pk=delivery.pk).status == delivery.status
        return str(refusal)
    assert Delivery.objects.get(pk=delivery.pk).status == "queued"
    return ""


@pytest.mark.parametrize("status", ["failed", "unknown"])
def test_a_delivery_starts_anew_where_it_stood(
    tube: Tube, status: str, rings: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    since = clock.now() - LONG_AGO
    delivery = lost(tube, status=status, attempts=10, failing_since=since, part=2, fingerprint="f" * 32)
    later = factories.delivery(said(tube), tube.side_b)

    before = clock.now()
    with django_capture_on_commit_callbacks(execute=True):
        assert send(delivery) == ""

    fresh = Delivery.objects.get(pk=delivery.pk)
    assert (fresh.attempts, fresh.failing_since, fresh.error, fresh.finished_at) == (0, None, "", None)
    assert (fresh.part, fresh.lead, fresh.carries) == (2, None, None)
    assert before <= fresh.next_attempt_at <= clock.now()
    assert fresh.pk < later.pk
    assert rings == [tube.side_b.pk]


@pytest.mark.parametrize("status", ["queued", "sending", "sent", "skipped", "removed"])
def test_only_what_is_lost_is_sent_again(tube: Tube, status: str) -> None:
    assert send(lost(tube, status=status, finished_at=None)) == UNDER_WAY


def test_somebody_elses_is_left_alone(tube: Tube) -> None:
    delivery = lost(tube)

    with pytest.raises(NotAgain):
        delivery_send_again(delivery=delivery, by=factories.user())

    assert Delivery.objects.get().status == "failed"


def test_what_another_has_moved_meanwhile_is_not_moved(tube: Tube) -> None:
    delivery = lost(tube)
    Delivery.objects.update(status="sent")

    with pytest.raises(NotAgain, match=UNDER_WAY):
        delivery_send_again(delivery=delivery, by=delivery.seat.owner)

    assert Delivery.objects.get().status == "sent"


def test_without_a_text_there_is_nothing_to_send(tube: Tube) -> None:
    assert send(lost(tube, said(tube, body=None))) == ERASED


def test_a_deletion_needs_no_text_and_never_gets_too_old(tube: Tube) -> None:
    yesterday = clock.now() - timedelta(hours=30)
    deletion = said(tube, kind="delete", about=said(tube), body=None, said_at=yesterday)

    assert send(lost(tube, deletion)) == ""


def test_what_would_be_left_out_at_once_is_not_sent(tube: Tube) -> None:
    delivery = lost(tube, said(tube, said_at=clock.now() - timedelta(hours=25)))

    assert send(delivery) == "It was said more than 24 hours ago."


@pytest.mark.parametrize("status", ["paused", "closed"])
def test_nothing_passes_a_tube_that_is_not_open(tube: Tube, status: str) -> None:
    delivery = lost(tube)
    Tube.objects.update(status=status)

    assert send(delivery) == NO_WAY


@pytest.mark.parametrize("part", [0, 1])
def test_what_was_said_before_a_pause_stays_unsaid_after_it(tube: Tube, part: int) -> None:
    delivery = lost(tube, part=part)
    Tube.objects.update(marker_a_id="later", marker_a_time=clock.now() + timedelta(seconds=1))

    assert send(delivery) == NO_WAY


@pytest.mark.parametrize(("since", "failures", "why"), [(119, 0, SOUGHT), (600, 1, SOUGHT), (121, 0, "")])
def test_a_send_that_may_yet_be_seen_is_looked_for_first(
    tube: Tube, since: float, failures: int, why: str
) -> None:
    ended = clock.now() - timedelta(seconds=since)
    Room.objects.filter(pk=tube.side_b.room_id).update(read_failures=failures)

    assert send(lost(tube, status="unknown", finished_at=ended)) == why


def test_a_message_that_was_changed_since_is_sent_as_it_is_now(tube: Tube) -> None:
    event = said(tube)
    delivery = lost(tube, event)
    edit_of(event, "better")
    newest = edit_of(event, "best")

    assert send(delivery) == ""
    assert Delivery.objects.get(pk=delivery.pk).carries == newest


def test_an_answer_is_sent_as_it_is_whatever_became_of_what_it_answers(tube: Tube) -> None:
    answered = said(tube)
    answer = lost(tube, said(tube, about=answered, reply_to=answered.remote_id))
    edit_of(answered, "something else")

    assert send(answer) == ""
    assert Delivery.objects.get(pk=answer.pk).carries is None


def test_a_change_whose_text_is_not_kept_forbids_the_old_text(tube: Tube) -> None:
    event = said(tube)
    edit_of(event, None)

    assert send(lost(tube, event)) == CHANGED


def test_what_arrived_in_part_is_not_continued_with_another_text(tube: Tube) -> None:
    event = said(tube)
    edit_of(event, "better")

    assert send(lost(tube, event, part=1)) == CHANGED


def test_an_edit_that_a_later_one_has_overtaken_is_not_sent(tube: Tube) -> None:
    event = said(tube)
    first, second = edit_of(event, "better"), edit_of(event, "best")

    assert [send(lost(tube, first)), send(lost(tube, second))] == [CHANGED, ""]


@pytest.mark.parametrize(
    ("emoji", "author", "why"),
    [("👍", "person-Ann", CHANGED), ("🎉", "person-Ann", ""), ("👍", "person-Bob", "")],
)
def test_a_reaction_that_was_taken_back_is_not_sent(tube: Tube, emoji: str, author: str, why: str) -> None:
    about = said(tube)
    reaction = said(tube, kind="reaction", about=about, emoji="👍", body=None)
    said(tube, kind="unreaction", about=about, emoji=emoji, author_id=author, body=None)

    assert send(lost(tube, reaction)) == why


def test_many_are_sent_at_once_and_the_rest_stays(tube: Tube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tubes.services.again.AT_ONCE", 2)
    deliveries = [lost(tube) for _ in range(3)]
    deliveries += [lost(tube, said(tube, body=None)), lost(tube, status="sent")]

    queued = deliveries_send_again(deliveries=deliveries, by=tube.side_b.owner)

    assert queued == 3
    statuses = Delivery.objects.order_by("pk").values_list("status", flat=True)
    assert list(statuses) == ["queued", "queued", "queued", "failed", "sent"]
