"""Socket Mode, as slack-sdk's client meets it; a bare WebSocket where that does too much by itself."""

from __future__ import annotations

import asyncio
import json
import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from slack_sdk import WebClient
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from tests.fakeslack.asking import refusal
from tests.fakeslack.conftest import Office
from tests.waiting import PATIENCE


@dataclass
class Listening:
    """slack-sdk's client, connected; it acknowledges unless it is told not to."""

    client: SocketModeClient
    got: queue.Queue[SocketModeRequest] = field(default_factory=queue.Queue)
    acknowledges: bool = True
    answer: dict[str, Any] | None = None

    def take(self, client: SocketModeClient, request: SocketModeRequest) -> None:
        self.got.put(request)  # before it counts as told
        if self.acknowledges:
            response = SocketModeResponse(envelope_id=request.envelope_id, payload=self.answer)
            client.send_socket_mode_response(response)

    def next(self) -> SocketModeRequest:
        return self.got.get(timeout=PATIENCE)


def soon(is_so: Callable[[], bool]) -> bool:
    """Whether it becomes so."""
    ends = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > ends:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def socket_app(office: Office) -> Office:
    office.app.socket_mode = True
    return office


@pytest.fixture
def connect(socket_app: Office) -> Iterator[Callable[[], Listening]]:
    made: list[Listening] = []

    def start() -> Listening:
        token = socket_app.slack.app_token(socket_app.app)
        client = SocketModeClient(token.value, web_client=socket_app.client(), ping_interval=1)
        listening = Listening(client)
        client.socket_mode_request_listeners.append(listening.take)
        client.connect()
        made.append(listening)
        return listening

    yield start
    for one in made:
        one.client.auto_reconnect_enabled = False
    socket_app.slack.cut_sockets(socket_app.app)  # or each waits for seconds for what is still to come
    for one in made:
        assert soon(lambda one=one: not one.client.is_connected())  # type: ignore[misc]
        one.client.close()


def test_only_an_app_level_token_opens_a_connection(socket_app: Office, client: WebClient) -> None:
    weak = socket_app.slack.app_token(socket_app.app, "authorizations:read")
    open_ = client.apps_connections_open

    assert refusal(open_, app_token=socket_app.token.value) == "not_allowed_token_type"
    assert refusal(open_, app_token="xapp-nobody") == "invalid_auth"
    assert refusal(open_, app_token=weak.value) == "missing_scope"


def test_an_app_without_socket_mode_has_no_connection(office: Office, client: WebClient) -> None:
    token = office.slack.app_token(office.app)

    assert refusal(client.apps_connections_open, app_token=token.value) == "forbidden_team"


def test_what_is_said_arrives_and_is_acknowledged(
    socket_app: Office, connect: Callable[[], Listening]
) -> None:
    listening = connect()
    said = socket_app.slack.say(socket_app.room, socket_app.ann, "hello")

    request = listening.next()

    assert (request.type, request.retry_attempt) == ("events_api", 0)
    assert request.payload["type"] == "event_callback"
    assert request.payload["event"]["ts"] == said.ts
    assert request.payload["authorizations"][0]["user_id"] == socket_app.bot.user.id
    socket_app.slack.settle()
    assert [*socket_app.slack.core.sockets.acknowledged] == [request.envelope_id]


def test_the_bots_own_posts_arrive_too(socket_app: Office, connect: Callable[[], Listening]) -> None:
    listening = connect()

    posted = socket_app.client().chat_postMessage(channel=socket_app.room.id, text="mine")

    event = listening.next().payload["event"]
    assert (event["ts"], event["bot_id"]) == (posted["ts"], socket_app.bot.id)


def test_what_is_not_acknowledged_comes_again(socket_app: Office, connect: Callable[[], Listening]) -> None:
    deliveries = socket_app.slack.core.deliveries
    deliveries.within, deliveries.retries = 0.3, (0.0, 0.1, 0.1)
    listening = connect()
    listening.acknowledges = False
    socket_app.slack.say(socket_app.room, socket_app.ann, "hello")

    got = [listening.next() for _ in range(4)]

    assert [(one.retry_attempt, one.retry_reason) for one in got] == [
        (0, ""),
        *((number, "timeout") for number in (1, 2, 3)),
    ]
    assert len({one.envelope_id for one in got}) == 4
    assert len({one.payload["event_id"] for one in got}) == 1
    socket_app.slack.settle()
    assert [one["event"]["text"] for one in socket_app.slack.core.sockets.lost] == ["hello"]


def test_what_happens_while_nobody_is_connected_comes_later(
    socket_app: Office, connect: Callable[[], Listening]
) -> None:
    socket_app.slack.core.deliveries.retries = (0.5,) * 80
    socket_app.slack.say(socket_app.room, socket_app.ann, "early")
    listening = connect()

    assert listening.next().payload["event"]["text"] == "early"


def test_several_connections_share_the_events(socket_app: Office, connect: Callable[[], Listening]) -> None:
    both = [connect(), connect()]
    for number in range(6):
        socket_app.slack.say(socket_app.room, socket_app.ann, str(number))
    socket_app.slack.settle()

    assert socket_app.slack.connections(socket_app.app) == 2
    assert [one.got.qsize() for one in both] == [3, 3]


def test_a_connection_is_renewed_on_request(socket_app: Office, connect: Callable[[], Listening]) -> None:
    listening = connect()
    before = listening.client.current_session

    socket_app.slack.refresh_sockets(socket_app.app, "warning")
    assert soon(lambda: listening.client.current_session is not before)
    assert soon(lambda: socket_app.slack.connections(socket_app.app) >= 1)

    socket_app.slack.say(socket_app.room, socket_app.ann, "after")
    assert listening.next().payload["event"]["text"] == "after"


def test_a_connection_that_is_cut_is_made_anew(socket_app: Office, connect: Callable[[], Listening]) -> None:
    socket_app.slack.core.deliveries.retries = (0.5,) * 80
    listening = connect()
    before = listening.client.current_session

    socket_app.slack.cut_sockets(socket_app.app)
    # It may be there again before anybody looks.
    assert soon(
        lambda: (
            socket_app.slack.connections(socket_app.app) == 0
            or listening.client.current_session is not before
        )
    )
    socket_app.slack.say(socket_app.room, socket_app.ann, "meanwhile")

    assert listening.next().payload["event"]["text"] == "meanwhile"


# ----------------------------------------------------------------- what slack-sdk does not show


async def _bare(office: Office, count: int, talk: Callable[[list[Any]], Any]) -> Any:
    """`talk` with so many WebSockets that have just been opened."""
    token = office.slack.app_token(office.app).value
    async with aiohttp.ClientSession() as session:
        sockets = []
        for _ in range(count):
            answer = await session.post(
                f"{office.slack.api}apps.connections.open", headers={"Authorization": f"Bearer {token}"}
            )
            sockets.append(await session.ws_connect((await answer.json())["url"]))
        try:
            return await asyncio.wait_for(talk(sockets), PATIENCE)
        finally:
            for socket in sockets:
                await socket.close()


def test_hello_counts_the_connections(socket_app: Office) -> None:
    async def talk(sockets: list[Any]) -> list[Any]:
        return [await socket.receive_json() for socket in sockets]

    first, second = asyncio.run(_bare(socket_app, 2, talk))

    assert (first["type"], first["num_connections"], second["num_connections"]) == ("hello", 1, 2)
    assert first["connection_info"] == {"app_id": socket_app.app.id}
    assert first["debug_info"]["approximate_connection_time"] == 3600


def test_the_eleventh_connection_is_one_too_many(socket_app: Office) -> None:
    async def talk(sockets: list[Any]) -> Any:
        return await sockets[10].receive_json(), (await sockets[10].receive()).type

    told, ended = asyncio.run(_bare(socket_app, 11, talk))

    assert (told["type"], told["reason"]) == ("disconnect", "too_many_websockets")
    assert ended is aiohttp.WSMsgType.CLOSE


def test_a_ticket_is_good_once(socket_app: Office) -> None:
    url = socket_app.client().apps_connections_open(
        app_token=socket_app.slack.app_token(socket_app.app).value
    )["url"]

    async def twice() -> int:
        async with aiohttp.ClientSession() as session:
            await (await session.ws_connect(url)).close()
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(url)
            return refused.value.status

    assert asyncio.run(twice()) == 404


@pytest.mark.parametrize("reason", ["refresh_requested", "link_disabled"])
def test_disconnect_says_why_and_ends(socket_app: Office, reason: str) -> None:
    async def talk(sockets: list[Any]) -> Any:
        await sockets[0].receive_json()
        await asyncio.to_thread(socket_app.slack.refresh_sockets, socket_app.app, reason)
        return await sockets[0].receive_json(), (await sockets[0].receive()).type

    told, ended = asyncio.run(_bare(socket_app, 1, talk))

    assert (told["type"], told["reason"]) == ("disconnect", reason)
    assert ended is aiohttp.WSMsgType.CLOSE


def test_rubbish_is_no_acknowledgement(socket_app: Office) -> None:
    deliveries = socket_app.slack.core.deliveries
    deliveries.within, deliveries.retries = 0.3, (0.0,)

    async def talk(sockets: list[Any]) -> list[Any]:
        await sockets[0].receive_json()
        for rubbish in ("{", "[]", json.dumps({"envelope_id": "another"})):
            await sockets[0].send_str(rubbish)
        await asyncio.to_thread(socket_app.slack.say, socket_app.room, socket_app.ann, "hello")
        return [await sockets[0].receive_json() for _ in range(2)]

    got = asyncio.run(_bare(socket_app, 1, talk))

    assert [one["retry_attempt"] for one in got] == [0, 1]
    assert [one["accepts_response_payload"] for one in got] == [False, False]


def test_a_command_is_answered_with_its_acknowledgement(
    socket_app: Office, connect: Callable[[], Listening]
) -> None:
    listening = connect()
    listening.answer = {"text": "only for you"}

    asked = socket_app.slack.command(socket_app.room, socket_app.ann, socket_app.app, "/sameroom", "help")

    request = listening.next()
    assert (request.type, request.accepts_response_payload) == ("slash_commands", True)
    assert (request.payload["command"], request.payload["text"]) == ("/sameroom", "help")
    assert asked.shown == [{"text": "only for you"}]


def test_a_command_that_nobody_takes(socket_app: Office) -> None:
    asked = socket_app.slack.command(socket_app.room, socket_app.ann, socket_app.app, "/sameroom")

    assert asked.failure == "dispatch_failed"
