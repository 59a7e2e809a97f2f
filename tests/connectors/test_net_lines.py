"""The door for protocols of lines, over real sockets."""

import asyncio
import time
import traceback

import pytest

from connectors import net
from connectors.net import lines, pools
from connectors.net.lines import Place, open_lines
from tests import loops
from tests.certificates import self_signed
from tests.connectors.test_net import DEADLINE, GRACE, PATIENCE, certificate, hangs, serving

__all__ = ["certificate"]


@pytest.fixture(autouse=True)
def _fresh(settings):
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8", "::1/128"]
    pools.forget()
    lines._shared.cache_clear()


def talk(place, *said, until=lambda heard: heard, pauses=False, deadline=PATIENCE):
    """What is heard, and why it ended, of a connection on which these lines are said."""

    async def whole():
        heard, ended = [], asyncio.get_running_loop().create_future()
        connection = await open_lines(
            place, deadline=deadline, heard=heard.append, ended=lambda error: ended.set_result(error)
        )
        if pauses:
            connection.pause(reading=False)
            await asyncio.sleep(0.2)
            heard.append(b"paused")
            connection.pause(reading=True)
        for line in said:
            connection.write(line)
        async with asyncio.timeout(PATIENCE):
            while not ended.done() and not until(heard):
                await asyncio.sleep(0.01)
        connection.close()
        await asyncio.sleep(0)
        return heard, ended.result() if ended.done() else None

    return loops.run(whole())


def place(server, **more):
    return Place("127.0.0.1", server.port, bool(more.get("ca_certificate")), **more)


def answers(*pieces):
    def behaviour(server, connection):
        connection.recv(100)
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.02)
        server.done.wait(0.3)

    return behaviour


def refusal(kind, where, deadline=PATIENCE):
    began = time.monotonic()
    with pytest.raises(net.NetError) as caught:
        talk(where, deadline=deadline)
    assert time.monotonic() - began < deadline + GRACE
    assert type(caught.value) is kind
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


def test_lines_come_whole_however_they_are_cut():
    with serving(answers(b"one\r\ntw", b"o\nthr", b"ee\r\n\r\nfour")) as server:
        heard, _ = talk(place(server), b"hello\r\n", until=lambda heard: len(heard) == 3)

    assert heard == [b"one", b"two", b"three"]


def test_lines_come_through_tls(certificate):
    with serving(answers(b"one\r\n", b"x" * 9000 + b"\r\n"), certificate.context) as server:
        where = place(server, ca_certificate=certificate.pem)
        heard, _ = talk(where, b"hello\r\n", until=lambda heard: len(heard) == 2)

    assert heard == [b"one", b"x" * 9000]


def test_certificate_that_nobody_vouches_for_is_refused(certificate):
    with serving(hangs, certificate.context) as server:
        where = Place("127.0.0.1", server.port, encrypted=True)
        assert "could not be verified" in refusal(net.CertificateRefused, where)


def test_certificates_that_cannot_be_read_are_refused():
    for more in ({"ca_certificate": "s3cret"}, {"certificate": "s3cret"}):
        refusal(net.CertificateUnreadable, Place("127.0.0.1", 9, encrypted=True, **more))


def test_client_certificate_is_shown(certificate):
    made = self_signed("client")
    certificate.context.load_verify_locations(cadata=made.certificate)
    certificate.context.verify_mode = 2  # ssl.CERT_REQUIRED
    with serving(answers(b"welcome\r\n"), certificate.context) as server:
        where = place(server, ca_certificate=certificate.pem, certificate=made.both)
        try:
            heard, _ = talk(where, b"hello\r\n")
        finally:
            certificate.context.verify_mode = 0
    assert heard == [b"welcome"]


@pytest.mark.parametrize("encrypted", [False, True])
def test_address_that_is_not_public_is_refused(encrypted, settings):
    settings.ALLOWED_PRIVATE_NETWORKS = []

    for host in ("127.0.0.1", "localhost", "127.1", "::1"):
        assert "not at a public address" in refusal(net.AddressRefused, Place(host, 6667, encrypted))


def test_nobody_there_and_nobody_known():
    assert refusal(net.NotSent, Place("127.0.0.1", 9, False)) == "127.0.0.1 refused the connection"
    refusal(net.NotSent, Place("nobody.invalid", 6667, False), DEADLINE)


def test_handshake_that_hangs_ends_in_time(certificate):
    with serving(hangs) as server:
        where = place(server, ca_certificate=certificate.pem)
        assert "did not answer" in refusal(net.NotSent, where, DEADLINE)


def test_end_of_the_connection_is_told():
    with serving(lambda server, connection: None) as server:
        _, ended = talk(place(server), until=lambda heard: False)

    assert str(ended) == "127.0.0.1 broke the connection off"


def test_line_without_an_end_is_left():
    with serving(answers(b"x" * (lines.LONGEST + 2000))) as server:
        heard, ended = talk(place(server), b"hello\r\n", until=lambda heard: False)

    assert (heard, str(ended)) == ([], "127.0.0.1 sent a line that is too long")


def test_whoever_does_not_read_is_left():
    with serving(hangs) as server:
        _, ended = talk(place(server), *[b"x" * 60_000] * 400, until=lambda heard: False)

    assert str(ended) == "127.0.0.1 does not take what is sent to it"


def test_pause_lets_the_other_side_wait():
    def speaks(server, connection):
        connection.sendall(b"early\r\n")
        time.sleep(0.5)

    with serving(speaks) as server:
        heard, _ = talk(place(server), until=lambda heard: len(heard) == 2, pauses=True)

    assert heard == [b"paused", b"early"]
