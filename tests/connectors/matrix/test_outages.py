"""A homeserver whose limits are on, and that is killed in the middle; apart from the shared one."""

import asyncio
from contextlib import aclosing

import pytest

from connectors.base import OutgoingMessage
from connectors.errors import RetryLater
from connectors.markup import plain
from connectors.matrix import memory
from connectors.matrix.connector import MatrixConnector
from tests import loops
from tests.connectors.harness import read
from tests.connectors.matrix.harness import MARKS, MatrixHarness
from tests.homeserver import homeserver
from tests.waiting import PATIENCE

pytestmark = [*MARKS]


@pytest.fixture(scope="module")
def server():
    with homeserver(rc_message={"per_second": 0.2, "burst_count": 5}) as started:
        yield started


@pytest.fixture
def matrix(server):
    memory.forget()
    return MatrixHarness(server)


def texts(events):
    return [plain.render(event.body) for event in events]


def test_limit_of_a_real_server_names_its_wait(matrix):
    connector = MatrixConnector(matrix.login)

    def post_many():
        for number in range(20):
            connector.send(matrix.room, OutgoingMessage(str(number)))

    with pytest.raises(RetryLater, match="wants fewer requests") as caught:
        post_many()

    assert 0 < caught.value.seconds <= 5
    assert len(matrix.texts()) < 20


def test_nothing_is_lost_when_the_server_is_killed_under_a_stream(matrix):
    connector = MatrixConnector(matrix.login)
    matrix.say("before")
    place = read(connector, matrix.room, expected=1).place

    async def listen():
        stream = connector.stream(place, lambda: [matrix.room])
        async with asyncio.timeout(PATIENCE), aclosing(stream) as batches:
            async for _ in batches:
                matrix.server.server.kill()

    with pytest.raises(RetryLater, match="127"):
        loops.run(listen())
    with pytest.raises(RetryLater, match="refused the connection"):
        connector.send(matrix.room, OutgoingMessage("never sent"))
    matrix.server.server.start(60)
    matrix.say("after")

    assert texts(read(connector, matrix.room, place, expected=1).events) == ["after"]
    assert matrix.texts() == ["before", "after"]


def test_key_holds_through_a_restart(matrix):
    connector = MatrixConnector(matrix.login)
    message = OutgoingMessage("once", idempotency_key="delivery-1")
    first = connector.send(matrix.room, message)
    matrix.server.server.kill()
    matrix.server.server.start(60)

    assert connector.send(matrix.room, message) == first
    assert matrix.texts() == ["once"]
