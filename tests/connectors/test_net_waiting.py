"""The door of asyncio, over real sockets."""

import asyncio
import gzip
import json
import socket
import time
import traceback

import pytest
from aiohttp import WSMsgType, web

from connectors import net
from connectors.net import pools
from connectors.net.waiting import _open, connections
from tests import loops
from tests.connectors.test_net import (
    DEADLINE,
    GRACE,
    PATIENCE,
    SECRET,
    certificate,
    drips_body,
    drips_headers,
    hangs,
    http,
    keeps_answering,
    serving,
)

__all__ = ["certificate"]


@pytest.fixture(autouse=True)
def _fresh(settings):
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8", "::1/128"]
    pools.forget()


def get(url, ca_certificate=None, **kwargs):
    async def ask():
        async with connections(ca_certificate) as http_:
            return await http_.get(url, **{"deadline": PATIENCE, **kwargs})

    return loops.run(ask())


def failure(kind, url, **kwargs):
    started = time.monotonic()
    with pytest.raises(net.NetError) as caught:
        get(url, **kwargs)
    assert time.monotonic() - started < kwargs.get("deadline", PATIENCE) + GRACE
    assert type(caught.value) is kind
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None
    return str(caught.value)


def test_request_sends_its_parts_and_gives_the_answer():
    with serving(keeps_answering(b'{"a": 1}', "X-Limit: 7")) as server:
        answer = get(
            f"http://127.0.0.1:{server.port}/rooms/%21a%3Ab%2Fc",
            params={"filter": '{"a":["b c"]}', "limit": 3},
            headers={"Authorization": "Bearer t"},
        )

    head, _ = server.requests[0]
    line = b"GET /rooms/%21a%3Ab%2Fc?filter=%7B%22a%22%3A%5B%22b+c%22%5D%7D&limit=3 HTTP/1.1\r\n"
    assert (answer.status, answer.headers["x-limit"], answer.json()) == (200, "7", {"a": 1})
    assert head.startswith(line)
    assert b"Authorization: Bearer t" in head
    assert b"User-Agent: Sameroom" in head


def test_post_sends_json_by_the_same_rules():
    async def ask(url):
        async with connections() as http_:
            return await http_.post(
                url, json={"a": ["ä"]}, params={"via": "x.example"}, deadline=PATIENCE, secrets=[SECRET]
            )

    with serving(keeps_answering(b"{}")) as server:
        assert loops.run(ask(f"http://127.0.0.1:{server.port}/join/%21a")).json() == {}
    with pytest.raises(net.NetError) as refused:
        loops.run(ask(f"http://{SECRET}.invalid/join"))

    head, body = server.requests[0]
    assert head.startswith(b"POST /join/%21a?via=x.example HTTP/1.1\r\n")
    assert b"Content-Type: application/json" in head
    assert json.loads(body) == {"a": ["ä"]}
    assert SECRET not in str(refused.value)


def test_redirect_is_an_answer():
    with serving(keeps_answering()) as inner:
        with serving(keeps_answering(b"", f"Location: {inner.url}", status="302 Found")) as outer:
            assert get(outer.url).status == 302
        assert inner.accepted == 0


@pytest.mark.parametrize("behaviour", [drips_headers, drips_body, hangs])
def test_deadline_is_total(behaviour):
    with serving(behaviour) as server:
        message = failure(net.Cut, server.url, deadline=DEADLINE)

    assert message == "127.0.0.1 did not answer within 0.4 seconds"


def test_refused_connection_is_not_sent():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/path?auth_token=s3cret"

        assert failure(net.NotSent, url) == "127.0.0.1 refused the connection"


def test_broken_answer_is_cut():
    with serving(lambda s, c: s.read(c)) as server:
        message = failure(net.Cut, server.url)
    with serving(lambda s, c: (s.read(c), c.sendall(b"SSH-2.0 hello\r\n\r\n"))) as server:
        unreadable = failure(net.Cut, server.url)

    assert message == "127.0.0.1 broke the connection off before it had answered"
    assert unreadable == "127.0.0.1 sent an answer that cannot be read"


def test_answer_over_the_limit_is_cut_whatever_it_is_packed_in():
    packed = gzip.compress(b"x" * 2_000_000)
    for body, headers in ((b"x" * 11, ()), (packed, ("Content-Encoding: gzip",))):
        with serving(keeps_answering(body, *headers)) as server:
            assert failure(net.TooLarge, server.url, max_bytes=10).startswith("127.0.0.1 answered with more")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "127.1", "2130706433", "0x7f.1", "10.0.0.1", "169.254.169.254"],
)
def test_private_addresses_are_refused_however_they_are_written(host, settings):
    settings.ALLOWED_PRIVATE_NETWORKS = []
    with serving(keeps_answering()) as server:
        failure(net.AddressRefused, f"http://{host}:{server.port}/path?auth_token=s3cret")
        failure(net.AddressRefused, f"https://{host}:{server.port}/path?auth_token=s3cret")

    assert server.accepted == 0


def test_public_address_needs_https(monkeypatch):
    row = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 80))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [row])

    assert "may only be called over https" in failure(net.AddressRefused, "http://example.org/")


def test_name_that_leads_to_several_addresses_is_called_at_the_open_one(monkeypatch):
    with serving(keeps_answering(b"here")) as server:
        rows = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, server.port))
            for address in ("10.0.0.1", "127.0.0.1")
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: rows)

        assert get(f"http://chat.example.org:{server.port}/").body == b"here"


def test_unknown_host_is_not_sent(monkeypatch):
    def unknown(*args, **kwargs):
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    assert failure(net.NotSent, "https://a.example/") == "a.example is not known to the name service"


def test_url_that_is_no_web_address_is_refused():
    for url in ("ftp://127.0.0.1/", "https://", "file:///etc/passwd", "https://a:s3cret@b.example/"):
        failure(net.AddressRefused, url)


def test_certificate_is_accepted_with_its_authority_and_refused_without(certificate):
    with serving(keeps_answering(b"sealed"), certificate.context) as server:
        assert get(server.url, certificate.pem).body == b"sealed"
        message = failure(net.CertificateRefused, server.url)

    assert message.startswith("the certificate of 127.0.0.1 could not be verified: self")


def test_secret_is_hidden():
    with pytest.raises(net.NetError) as caught:
        get("https://s3cret.invalid/", deadline=DEADLINE, secrets=["s3cret"])

    assert "s3cret" not in str(caught.value)
    assert SECRET  # the other module's is another one


def test_connections_are_kept_shared_and_closed_with_the_last_user():
    async def ask(server):
        async with connections() as one:
            async with connections() as other:
                assert other is one
                await other.get(server.url, deadline=PATIENCE)
            await one.get(server.url, deadline=PATIENCE)
        return _open[asyncio.get_running_loop()]

    with serving(keeps_answering()) as server:
        left = loops.run(ask(server))

        assert (server.accepted, len(server.requests), left) == (1, 2, {})


def test_hundreds_wait_at_once():
    def answers_when_all_are_there(server, connection):
        server.read(connection)
        while server.accepted < 300 and not server.done.wait(0.01):
            pass
        connection.sendall(http(b"all"))

    async def wait(url):
        async with connections() as http_:
            return await asyncio.gather(*(http_.get(url, deadline=3 * PATIENCE) for _ in range(300)))

    with serving(answers_when_all_are_there) as server:
        assert {answer.body for answer in loops.run(wait(server.url))} == {b"all"}


# ------------------------------------------------------------------ WebSockets


def speaking(talk, *, url="ws://127.0.0.1:{port}/link?ticket=s3cret", **kwargs):
    """What `talk` returns of a WebSocket to a server that echoes, or does as the first word says."""

    async def server(request):
        opened = web.WebSocketResponse(autoping=request.query.get("ticket") != "deaf")
        await opened.prepare(request)
        async for message in opened:
            if message.data == "end":
                await opened.close()
            elif message.data == "cut":
                request.transport.abort()
            elif message.type is WSMsgType.TEXT:
                await opened.send_str(f"you said {message.data}")
        return opened

    async def run():
        app = web.Application()
        app.router.add_get("/link", server)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        asked = {"deadline": PATIENCE, "heartbeat": 5.0, "max_bytes": 1000, "secrets": [SECRET], **kwargs}
        try:
            async with connections() as http_:
                socket_ = await http_.websocket(url.format(port=port), **asked)
                try:
                    return await talk(socket_)
                finally:
                    await socket_.close()
        finally:
            await runner.cleanup()

    return loops.run(run())


async def hear(socket_, *words):
    for word in words:
        await socket_.send(word, deadline=PATIENCE)
    return [await socket_.receive() for _ in words]


def test_websocket_carries_texts():
    assert speaking(lambda one: hear(one, "ä", "b")) == ["you said ä", "you said b"]


@pytest.mark.parametrize("word", ["end", "cut"])
def test_websocket_that_ends_is_cut(word):
    with pytest.raises(net.Cut) as caught:
        speaking(lambda one: hear(one, word))

    assert str(caught.value) == "127.0.0.1 ended the connection"


def test_websocket_message_that_is_too_long_ends_it():
    with pytest.raises(net.Cut):
        speaking(lambda one: hear(one, "x" * 2000))


def test_websocket_whose_other_end_is_silent_is_cut_within_two_beats():
    async def cut(one):
        started = time.monotonic()
        with pytest.raises(net.Cut):
            await one.receive()
        return time.monotonic() - started

    assert speaking(cut, url="ws://127.0.0.1:{port}/link?ticket=deaf", heartbeat=0.2) < 3


def test_websocket_is_refused_at_private_addresses(settings):
    settings.ALLOWED_PRIVATE_NETWORKS = []
    with pytest.raises(net.AddressRefused):
        speaking(hear)


def test_websocket_that_is_not_there_names_no_secret():
    address = "ws://127.0.0.1:{port}/nothing?ticket=s3cret"  # not where a traceback quotes the line
    with pytest.raises(net.Cut) as caught:
        speaking(hear, url=address)

    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None
