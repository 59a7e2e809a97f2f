"""What the relay makes of messages of several lines, between a room of another service and IRC."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from connectors.echo import connector as echo
from connectors.irc.connector import IrcConnector
from sameroom import clock
from tests import factories
from tests.connectors.irc.fake import Fake, fake
from tests.connectors.irc.lines import Line
from tests.connectors.irc.living import FAST, Living, living, login
from tests.relay.conftest import drain_all, texts
from tests.waiting import PATIENCE
from tubes.models import Delivery, Post, Seat
from tubes.relay import sessions
from tubes.relay.intake import Arrival, accept

HEAD = "\x02[A\u200bnn, Acme]\x02 "
pytestmark = pytest.mark.django_db


@contextmanager
def linked(server: Fake) -> Iterator[tuple[Seat, Seat, Living]]:
    """A Tube between an echo room and #room."""
    given = login(server.url, **FAST)
    scopes = list(IrcConnector(given).verify().scopes)
    account = factories.account(
        kind="irc",
        server=server.url,
        space=server.url,
        remote_user_id="relay",
        credentials=dict(given.credentials),
        scopes=scopes,
    )
    echo.clear()
    here = factories.seat(room_=factories.room("lobby"))
    there = factories.seat(account, factories.room("#room", kind="irc", space=server.url))
    factories.tube(here, there)
    with living(server.url, "#room", scopes=scopes, **FAST) as us:
        sessions.stand(account.pk, us.connector)
        try:
            yield here, there, us
        finally:
            sessions.fall(account.pk, us.connector)


def post(seat: Seat, text: str) -> None:
    accept([Arrival(seat.room_id, [factories.said(text)], is_pushed=True)])
    deadline = time.monotonic() + PATIENCE
    while Delivery.objects.filter(status__in=Delivery.OPEN).exists():
        assert time.monotonic() < deadline
        Delivery.objects.update(next_attempt_at=clock.now())
        Seat.objects.update(lane_not_before=None)
        drain_all()


def test_a_paste_is_one_message() -> None:
    with fake() as server, linked(server) as (here, _, _us):
        post(here, "one\ntwo\nthree")

        assert server.texts("#room") == [f"{HEAD}one\ntwo\nthree"]
        assert [sent.remote_id for sent in Post.objects.all()] == [server.history["#room"][0].id]


def test_a_longer_paste_is_as_many_as_the_server_takes_each_with_the_name() -> None:
    said = [f"line {number}" for number in range(60)]
    with fake() as server, linked(server) as (here, _, _us):
        post(here, "\n".join(said))

        told = server.texts("#room")
        assert len(told) == 3
        assert max(len(text.split("\n")) for text in told) <= 24
        assert all(text.startswith(HEAD) for text in told)
        assert "\n".join(text.removeprefix(HEAD) for text in told).split("\n") == said
        assert Post.objects.count() == 3


@pytest.mark.parametrize("most", [10, 1], ids=["fewer", "none"])
def test_a_paste_that_is_refused_arrives_whole_and_once(most: int) -> None:
    said = [f"line {number}" for number in range(20)]
    with fake(multiline_lines=most) as server, linked(server) as (here, _, _us):
        post(here, "\n".join(said))

        told = "\n".join(text.removeprefix(HEAD) for text in server.texts("#room"))
        assert told.split("\n") == said
        assert set(Delivery.objects.values_list("status", flat=True)) == {"sent"}
        assert Post.objects.count() == len(server.texts("#room"))


def test_a_paste_that_was_cut_off_after_it_arrived_is_found_in_the_history() -> None:
    with fake() as server, linked(server) as (here, _, us):

        def arrives_and_cuts(session, line: Line) -> bool:
            if line.params[0].startswith("-"):
                session._batch(line)
                session.cut()
            return line.params[0].startswith("-")

        server.on("BATCH", arrives_and_cuts)
        post(here, "> one\n>\n> two\n\nthree")

        us.wait(lambda: us.is_over)
        assert server.texts("#room") == [f"{HEAD}> one\n>\n> two\nthree"]
        assert set(Delivery.objects.values_list("status", flat=True)) == {"sent"}
        assert [sent.remote_id for sent in Post.objects.all()] == [server.history["#room"][0].id]


def test_a_message_of_several_lines_crosses_as_one() -> None:
    with fake() as server, linked(server) as (here, there, us):
        server.paste("ann", "#room", "one", "two")
        us.wait(lambda: us.events)
        accept([Arrival(there.room_id, [event for _, event in us.events], is_pushed=True)])
        drain_all()

        assert texts("acme", here.room.remote_id) == ["[ann, Acme] one\ntwo"]
