"""What pages say of a Tube whose lanes do not get on."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from sameroom import clock
from tests import factories
from tubes.models import Delivery, Seat, Tube
from tubes.relay import standing
from tubes.relay.queueing import WAITS
from tubes.relay.standing import StuckLane, Undelivered, stuck_lanes, undelivered
from tubes.services import TubeState, standing_of, tube_state

pytestmark = pytest.mark.django_db

ERROR = "chat.example answered with an error (status 503)."


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays now: a busy machine makes nobody wait for longer."""
    began = clock.now()
    monkeypatch.setattr(clock, "now", lambda: began)


@pytest.fixture
def tube() -> Tube:
    """Support at Acme to Helpdesk at Globex, of two owners."""
    near = factories.seat(factories.account(team="acme"), factories.room("support"))
    far = factories.seat(factories.account(team="globex"), factories.room("helpdesk", team="globex"))
    return factories.tube(near, far)


def wait(seat: Seat, count: int = 1, *, since: float = 60, **extra: Any) -> list[Delivery]:
    """Messages that wait at a Seat since so many seconds."""
    made = clock.now() - timedelta(seconds=since)
    return [factories.delivery(factories.event(), seat, created_at=made, **extra) for _ in range(count)]


def rest(seat: Seat, seconds: float, *, limited: bool = False) -> None:
    seat.lane_not_before = clock.now() + timedelta(seconds=seconds)
    seat.throttled_since = clock.now() if limited else None
    seat.save()


def state(tube: Tube, viewer: User) -> TubeState:
    [loaded] = Tube.objects.with_sides().filter(pk=tube.pk)
    return tube_state(loaded, viewer, standing_of([loaded], viewer, only_told=True))


def test_a_limit_says_how_long_and_how_much_waits(tube: Tube) -> None:
    wait(tube.side_b, 17)
    rest(tube.side_b, 42, limited=True)

    assert state(tube, tube.side_b.owner) == TubeState(
        "waiting",
        "Waiting",
        "Echo lets us post in Helpdesk again in about 50 seconds (its limit is reached); 17 messages wait.",
    )


@pytest.mark.parametrize(("seconds", "words"), [(6, "10 seconds"), (85, "90 seconds"), (100, "2 minutes")])
def test_a_limit_is_told_in_steps(tube: Tube, seconds: float, words: str) -> None:
    wait(tube.side_b)
    rest(tube.side_b, seconds, limited=True)

    assert f"again in about {words} (" in state(tube, tube.side_b.owner).reason


def test_an_outage_says_what_the_service_said_last(tube: Tube) -> None:
    now = clock.now()
    wait(tube.side_b, 1, error=ERROR, attempts=3, failing_since=now - timedelta(seconds=31))

    assert state(tube, tube.side_b.owner) == TubeState(
        "waiting", "Waiting", f"Globex takes no messages for Helpdesk at the moment; 1 message waits. {ERROR}"
    )


def test_an_outage_during_a_limit_is_told_as_an_outage(tube: Tube) -> None:
    wait(tube.side_b, 2, error=ERROR, failing_since=clock.now())
    rest(tube.side_b, 20, limited=True)

    assert state(tube, tube.side_b.owner).reason == (
        f"Globex takes no messages for Helpdesk at the moment; 2 messages wait. {ERROR}"
    )


def test_a_stranger_hears_only_that_the_other_service_takes_nothing(tube: Tube) -> None:
    wait(tube.side_b, 5, error=ERROR)
    rest(tube.side_b, 42, limited=True)

    assert state(tube, tube.side_a.owner) == TubeState(
        "waiting", "Waiting", "The other party's service takes no messages now."
    )


def test_ones_own_side_is_told_of_before_a_strangers(tube: Tube) -> None:
    for seat in (tube.side_a, tube.side_b):
        wait(seat)
        rest(seat, 42, limited=True)

    assert "post in Helpdesk" in state(tube, tube.side_b.owner).reason
    assert "post in Support" in state(tube, tube.side_a.owner).reason


@pytest.mark.parametrize(
    ("queued", "resting"),
    [
        ({}, 4),  # a short pause
        (None, 42),  # nothing waits
        ({"error": ERROR, "since": 29}, 0),  # it has failed, and may work in a moment
        ({"error": ERROR, "since": 600, "failing_since": True}, 0),  # queued long ago, fails just now
        ({"error": WAITS, "since": 600}, 0),  # waits for somebody else's login
        ({"since": 600}, 0),  # a long queue that gets on
    ],
)
def test_a_lane_that_gets_on_is_not_worth_a_word(
    tube: Tube, queued: dict[str, Any] | None, resting: float
) -> None:
    if queued is not None:
        if queued.get("failing_since"):
            queued = queued | {"failing_since": clock.now()}
        wait(tube.side_b, **queued)
    if resting:
        rest(tube.side_b, resting)

    assert state(tube, tube.side_b.owner) == TubeState("active", "Active")


def test_what_the_owner_has_to_mend_comes_first(tube: Tube) -> None:
    wait(tube.side_b)
    rest(tube.side_b, 42, limited=True)
    tube.side_b.account.status = "needs_login"
    tube.side_b.account.save()

    assert state(tube, tube.side_b.owner).name == "failed"


def test_a_paused_tube_is_paused_whatever_waits(tube: Tube) -> None:
    wait(tube.side_b)
    rest(tube.side_b, 42)
    Tube.objects.update(status="paused")

    assert state(tube, tube.side_b.owner).name == "paused"


def test_a_tube_that_nobody_paused_was_paused_for_its_echo(tube: Tube) -> None:
    Tube.objects.update(status="paused", status_by=None)

    assert state(tube, tube.side_a.owner) == TubeState(
        "paused",
        "Paused",
        "Sameroom has paused it: the same text went to and fro between its rooms.",
        is_echo=True,
    )


def test_a_long_queue_is_not_counted_to_its_end(tube: Tube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "MOST", 3)
    wait(tube.side_b, 5)
    rest(tube.side_b, 42)

    assert stuck_lanes([tube.side_b.pk]) == {tube.side_b.pk: StuckLane(4, "", None)}
    assert "more than 3 messages wait." in state(tube, tube.side_b.owner).reason


def test_what_did_not_arrive_is_counted_by_seat(tube: Tube) -> None:
    for status in ("failed", "failed", "unknown", "sent", "queued"):
        factories.delivery(factories.event(), tube.side_b, status=status)
    factories.notice(tube.side_b, kind="unknown")
    seats = [tube.side_a.pk, tube.side_b.pk]

    found = undelivered(seats), undelivered(seats, only_told=True)
    factories.notice(tube.side_b, kind="quota")
    tube.side_b.notices.filter(kind="unknown").update(dismissed_at=clock.now())

    assert found == ({tube.side_b.pk: Undelivered(2, 1)},) * 2
    assert undelivered(seats, only_told=True) == {}


def test_nothing_is_known_of_no_seats() -> None:
    assert (stuck_lanes([]), undelivered([])) == ({}, {})
