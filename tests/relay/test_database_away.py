"""The database goes away between a send and the note of it."""

import threading
from contextlib import suppress
from typing import Any, NoReturn

import psycopg2
import pytest
from django.db import InterfaceError, OperationalError, connection

from accounts.models import LinkedAccount
from connectors.base import MessageId, OutgoingMessage, RoomId
from connectors.echo.connector import EchoConnector
from connectors.errors import RetryLater
from tests.conftest import ON_SERVERS
from tests.relay.conftest import Clock, Pair, drain_all, statuses, texts
from tests.waiting import PATIENCE
from tubes.models import Post, Seat
from tubes.relay import due, lanes, loading, moves, reading, wire

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """What the notes of a lane meet after its first send. Nobody can look up what has arrived."""
    real_send, real_write = EchoConnector.send, moves.write
    errors: list[Exception] = []

    def send(self: EchoConnector, room: RoomId, message: OutgoingMessage) -> MessageId:
        remote_id = real_send(self, room, message)
        if remote_id == "echo-1":
            errors[:] = [OperationalError("gone"), InterfaceError("closed"), OperationalError("starting up")]
        return remote_id

    def write(*args: Any, **more: Any) -> wire.Outcome:
        if errors:
            raise errors.pop(0)
        return real_write(*args, **more)

    def recent(*args: object) -> None:
        raise RetryLater("the history is closed")

    monkeypatch.setattr(EchoConnector, "send", send)
    monkeypatch.setattr(EchoConnector, "recent", recent)
    monkeypatch.setattr(moves, "write", write)
    monkeypatch.setattr(moves, "REST", moves.REST / 50)
    return errors


def test_what_has_arrived_is_noted_once_the_database_is_back(pair: Pair, away: list[Exception]) -> None:
    pair.say("one", "two")

    with pytest.raises((OperationalError, InterfaceError)):
        lanes.drain(pair.there.pk)

    assert statuses() == ["sent", "queued"]
    assert Post.objects.get().remote_id == "echo-1"
    assert Seat.objects.get(pk=pair.there.pk).lane_lease_until is None
    drain_all()
    assert texts("globex", "garden") == ["[Ann, Acme] one", "[Ann, Acme] two"]


def test_a_database_that_stays_away_is_not_waited_for_longer_than_the_lease(
    pair: Pair, away: list[Exception], time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.say("one")
    monkeypatch.setattr("tubes.relay.moves.time.sleep", lambda _: time.forward(40))

    with pytest.raises((OperationalError, InterfaceError)):
        lanes.drain(pair.there.pk)

    assert statuses() == ["sending"]


if ON_SERVERS:

    def end_every_connection() -> None:
        told = connection.settings_dict
        place = {"user": told["USER"], "host": told["HOST"], "port": told["PORT"], "dbname": told["NAME"]}
        other = psycopg2.connect(**place)
        with other.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        other.close()

    def leave_some_idle(count: int = 8) -> None:
        """Connections that nobody uses: when all are ended, some are still open for a moment."""
        meeting = threading.Barrier(count)

        def use() -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                meeting.wait(PATIENCE)
            connection.close()

        threads = [threading.Thread(target=use) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def cut_in_use(*args: object) -> NoReturn:
        """In a statement's place: the connection that it would have used ends, and it fails."""
        with connection.cursor() as cursor:
            end_every_connection()
            cursor.execute("SELECT pg_sleep(10)")  # it ends in the middle
        raise AssertionError("it answered")

    def test_an_account_whose_connection_was_cut_is_read_again_at_once(
        pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(due, "rooms", cut_in_use)
        leave_some_idle()

        with pytest.raises((OperationalError, InterfaceError)):
            reading.poll(pair.here.account_id)

        assert LinkedAccount.objects.get(pk=pair.here.account_id).poll_lease_until is None

    def test_a_lane_whose_connection_was_cut_goes_on_at_once(
        pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pair.say("one")
        leave_some_idle()
        with monkeypatch.context() as once:
            once.setattr(loading, "queue", cut_in_use)
            with pytest.raises((OperationalError, InterfaceError)):
                lanes.drain(pair.there.pk)

        assert Seat.objects.get(pk=pair.there.pk).lane_lease_until is None
        drain_all()
        assert texts("globex", "garden") == ["[Ann, Acme] one"]

    def test_a_server_that_ends_every_connection_during_a_send_costs_no_message(
        pair: Pair, time: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = EchoConnector.send

        def send(self: EchoConnector, room: RoomId, message: OutgoingMessage) -> MessageId:
            remote_id = real(self, room, message)
            end_every_connection()
            return remote_id

        monkeypatch.setattr(EchoConnector, "send", send)
        pair.say("one", "two")

        for _ in range(3):
            with suppress(OperationalError, InterfaceError):
                drain_all()
            connection.close_if_unusable_or_obsolete()
            time.forward(31)

        assert texts("globex", "garden") == ["[Ann, Acme] one", "[Ann, Acme] two"]
        assert statuses() == ["sent", "sent"]
