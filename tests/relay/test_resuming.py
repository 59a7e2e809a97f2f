"""`manage.py relay_resume`."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command

from accounts.models import LinkedAccount
from connectors.base import Cursor, RoomId
from connectors.echo import connector as echo
from connectors.echo.connector import EchoConnector
from connectors.errors import ConnectorError, RetryLater, RoomGone
from sameroom import clock
from tests import factories
from tests.relay.conftest import Clock, Pair, drain_all, statuses, texts
from tests.relay.test_notices import told
from tubes.models import Delivery, Event, Installation, Room, Tube
from tubes.relay import guard, marks, reading, restart

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("time")]


@pytest.fixture(autouse=True)
def _var(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.VAR_DIR = tmp_path
    cache.delete(marks.KEY)
    guard.forget()
    yield
    cache.delete(marks.KEY)
    guard.forget()


@pytest.fixture
def stopped(pair: Pair) -> Pair:
    """A backup that was restored: what it has queued, sent or held is of the past."""
    guard.check_in()
    Installation.objects.update(stopped_because="A test stopped it.")
    for text in ("old", "sent since"):
        echo.say("acme", "lobby", "Ann", text)
    pair.say("queued")
    return pair


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("relay_resume", *arguments, stdout=output, stderr=output)
    return output.getvalue()


def poll_all() -> None:
    for room in Room.objects.all():
        Room.objects.filter(pk=room.pk).update(next_poll_at=clock.now() - timedelta(seconds=1))
        assert room.reader is not None
        reading.poll(room.reader.account_id)
    drain_all()


def fails(
    error: ConnectorError, monkeypatch: pytest.MonkeyPatch, *, times: int = 1000, team: str = "acme"
) -> None:
    """The service of a team refuses to tell what is newest."""
    real, left = EchoConnector.newest, [times]

    def newest(self: EchoConnector, *args: Any) -> Any:
        if self.login.credentials["team"] == team and left[0]:
            left[0] -= 1
            raise error
        return real(self, *args)

    monkeypatch.setattr(EchoConnector, "newest", newest)


def test_a_relay_that_runs_is_left_alone(pair: Pair) -> None:
    pair.say("queued")

    assert run("--from", "now") == run("--from", "cursor")
    assert run("--from", "now") == "The relay is not stopped; there is nothing to do.\n"
    assert statuses() == ["queued"]


def test_it_finds_out_by_itself_that_the_relay_is_stopped(pair: Pair, settings: Any) -> None:
    guard.check_in()
    settings.PUBLIC_URL = "https://new.example.org"

    text = run("--from", "cursor")

    assert "belongs to http://127.0.0.1:8000" in text
    assert text.endswith("Resumed as https://new.example.org.\n")
    assert Installation.objects.get().public_url == "https://new.example.org"


def test_from_the_cursor_everything_since_is_caught_up(stopped: Pair) -> None:
    run("--from", "cursor")
    poll_all()

    assert not guard.is_stopped()
    assert texts("globex", "garden") == ["[Ann, Acme] queued", "[Ann, Acme] old", "[Ann, Acme] sent since"]


def test_from_now_nothing_old_is_relayed_and_what_is_said_next_is(stopped: Pair) -> None:
    newest = echo.house("acme").lines[RoomId("lobby")][-1]
    text = run("--from", "now")
    assert Room.objects.get(pk=stopped.here.room_id).cursor == Cursor(newest.id, newest.said_at)
    echo.say("acme", "lobby", "Ann", "new")
    poll_all()

    assert [(kind, text[:41]) for kind, text, _ in told()] == [
        ("catch_up", "1 message for Garden left out: this servi"),
    ]
    assert "1 queued deliveries skipped, 0 sends marked as perhaps sent, 0 held events let go." in text
    assert not guard.is_stopped()
    assert texts("globex", "garden") == ["[Ann, Acme] new"]
    assert list(Delivery.objects.order_by("pk").values_list("status", "error")) == [
        ("skipped", restart.LEFT_OUT),
        ("sent", ""),
    ]


def test_from_now_a_send_under_way_may_have_arrived(stopped: Pair) -> None:
    Delivery.objects.update(status="sending", sending_since=clock.now())

    run("--from", "now")
    poll_all()

    delivery = Delivery.objects.get()
    assert [(kind, text[:55]) for kind, text, _ in told()] == [
        ("unknown", "1 message may not have arrived in Garden: this service "),
    ]
    assert (delivery.status, delivery.error, delivery.finished_at is None) == (
        "unknown",
        restart.MAY_HAVE_GONE,
        False,
    )
    assert texts("globex", "garden") == []


def test_from_now_held_events_are_let_go_of_and_not_relayed(stopped: Pair) -> None:
    held = factories.event(stopped.there.room, held="waiting", body={"v": 1, "blocks": []})

    run("--from", "now")
    poll_all()

    held.refresh_from_db()
    assert (held.held, held.body, held.attachments) == ("no", None, [])
    assert not Delivery.objects.filter(event=held).exists()


def test_from_now_an_empty_room_goes_on_from_its_beginning(stopped: Pair) -> None:
    Room.objects.filter(pk=stopped.there.room_id).update(read_id="gone", read_time=clock.now())

    run("--from", "now")
    echo.say("globex", "garden", "Bob", "first")
    poll_all()

    assert texts("acme", "lobby")[-1] == "[Bob, Globex] first"


def test_rooms_that_do_not_answer_keep_the_relay_stopped_and_everything_as_it_was(
    stopped: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(RetryLater("Acme is down."), monkeypatch)
    output = StringIO()

    with pytest.raises(CommandError, match=r"nothing was changed: 1 of 2 rooms did not answer.*--ignore-unr"):
        call_command("relay_resume", "--from", "now", stdout=output, stderr=output)

    assert "Lobby (echo#acme): Acme is down." in output.getvalue()
    assert (guard.is_stopped(), statuses()) == (True, ["queued"])
    assert Tube.objects.get().marker_a_time is None


def test_where_that_is_ignored_what_was_said_up_to_now_does_not_cross(
    stopped: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(RetryLater("Acme is down."), monkeypatch)

    run("--from", "now", "--ignore-unreachable")
    echo.say("acme", "lobby", "Ann", "new")
    poll_all()

    assert texts("globex", "garden") == ["[Ann, Acme] new"]
    texts_kept = Event.objects.filter(room=stopped.here.room, body__isnull=False)
    assert texts_kept.count() == 2  # what was queued, and what is new


@pytest.mark.parametrize("how", ["room gone", "needs login"])
def test_rooms_that_no_account_can_enter_keep_nobody_waiting(
    stopped: Pair, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "room gone":
        fails(RoomGone("kicked"), monkeypatch)
    else:
        LinkedAccount.objects.filter(pk=stopped.here.account_id).update(status="needs_login")

    text = run("--from", "now")

    assert "Lobby (echo#acme): cannot be read; what was said up to now is left out." in text
    assert not guard.is_stopped()
    LinkedAccount.objects.update(status="connected")
    poll_all()
    assert texts("globex", "garden") == []


def test_another_account_is_asked_where_the_reader_cannot(
    stopped: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = factories.seat(factories.account(team="acme"), stopped.here.room)
    factories.tube(other, stopped.there)
    fails(RetryLater("down"), monkeypatch, times=1)
    newest = echo.house("acme").lines[RoomId("lobby")][-1]

    start = restart.look(stopped.here.room)

    assert (start.newest, start.trouble, start.is_read) == (Cursor(newest.id, newest.said_at), "", True)


def test_a_service_that_names_a_wait_is_asked_again(
    stopped: Pair, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(
        restart.time, "sleep", lambda seconds: (waited.append(seconds), time.forward(seconds))
    )
    fails(RetryLater("limit", seconds=120), monkeypatch, times=2)
    assert restart.look(stopped.here.room).is_read

    fails(RetryLater("limit", seconds=120), monkeypatch)
    assert restart.look(stopped.here.room).trouble == "limit"

    assert waited == [120] * 4


def test_a_service_without_history_goes_on_by_time(stopped: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EchoConnector, "capabilities", replace(EchoConnector.capabilities, history=False))

    text = run("--from", "now")

    assert text.count("cannot be read; what was said up to now is left out.") == 2
    tube = Tube.objects.get()
    assert (tube.marker_a_id, tube.marker_b_id) == ("", "")
    assert tube.marker_a_time == tube.marker_b_time is not None


def test_a_resume_that_was_cut_off_is_run_again(stopped: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:

        def cut_off() -> None:
            raise KeyboardInterrupt

        patch.setattr(guard, "resume", cut_off)
        with pytest.raises(KeyboardInterrupt):
            run("--from", "now")
    guard.forget()
    assert guard.is_stopped()

    assert "0 queued deliveries skipped" in run("--from", "now")
    assert not guard.is_stopped()
