"""The door to the outside, over real sockets."""

import gzip
import io
import ipaddress
import json
import os
import socket
import ssl
import threading
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors import net
from connectors.net import addresses, deadline, pools
from sameroom import clock

DEADLINE = 0.4  # seconds, of requests that are meant to run into it
PATIENCE = 20.0  # of those that are not: the machine may be busy
GRACE = (
    4.0  # seconds that a busy machine may take on top; whoever does not heed the deadline takes twice that
)
SECRET = "s3cret token/+"


class Server:
    """Runs `behaviour(connection, number)` in a thread for each connection that it accepts."""

    def __init__(self, behaviour, context=None):
        self.behaviour = behaviour
        self.context = context
        self.accepted = 0
        self.requests = []
        self.done = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    @property
    def url(self):
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.port}/path?auth_token=s3cret"

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            thread = threading.Thread(target=self.serve, args=(connection,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def serve(self, connection):
        with connection:
            try:
                if self.context:
                    with self.context.wrap_socket(connection, server_side=True) as wrapped:
                        self.behaviour(self, wrapped)
                else:
                    self.behaviour(self, connection)
            except OSError:
                pass

    def read(self, connection):
        """One whole request, or b"" at the end."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                while len(body) < int(line.split(b":")[1]):
                    body += connection.recv(65536)
        self.requests.append((head, body))
        return data

    def stop(self):
        self.done.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        pools.adapter_for(None).close()  # its threads wait for the next request
        for thread in self.threads:
            thread.join(5)


@contextmanager
def serving(behaviour, context=None):
    server = Server(behaviour, context)
    try:
        yield server
    finally:
        server.stop()


def http(body, *headers, status="200 OK"):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def keeps_answering(body=b"{}", *headers, status="200 OK"):
    def behaviour(server, connection):
        while server.read(connection):
            connection.sendall(http(body, *headers, status=status))

    return behaviour


def get(url, **kwargs):
    return net.request("GET", url, **{"deadline": PATIENCE, **kwargs})


def failure(kind, url, **kwargs):
    """The error that a GET raises, having seen that the total deadline was kept."""
    started = time.monotonic()
    with pytest.raises(net.NetError) as caught:
        get(url, **kwargs)
    assert time.monotonic() - started < kwargs.get("deadline", PATIENCE) + GRACE
    assert type(caught.value) in (kind if isinstance(kind, tuple) else (kind,))
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert "/path" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(autouse=True)
def _fresh(settings):
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8", "::1/128"]
    pools.forget()


@dataclass
class Certificate:
    pem: str
    context: ssl.SSLContext


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Self-signed, for 127.0.0.1 only."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = built.public_bytes(serialization.Encoding.PEM)
    encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + key.private_bytes(*encoding))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return Certificate(pem.decode(), context)


# ------------------------------------------------------------------------------ answers
def test_request_sends_everything_and_gives_the_answer():
    with serving(keeps_answering(b'{"a": "\xc3\xa9"}', "X-Limit: 7")) as server:
        answer = net.request(
            "POST",
            f"http://127.0.0.1:{server.port}/v2/room",
            deadline=PATIENCE,
            params={"auth_token": SECRET},
            json={"message": "hé"},
            headers={"X-Own": "1"},
        )

    head, body = server.requests[0]
    assert (answer.status, answer.headers["x-limit"], answer.json()) == (200, "7", {"a": "é"})
    assert head.startswith(b"POST /v2/room?auth_token=s3cret+token%2F%2B HTTP/1.1\r\n")
    assert b"X-Own: 1" in head
    assert json.loads(body) == {"message": "hé"}


@pytest.mark.parametrize(
    ("data", "sent"), [("hé", "hé".encode()), (b"\x00\xff", b"\x00\xff"), ({"a": "b c"}, b"a=b+c")]
)
def test_request_sends_data_as_it_is(data, sent):
    with serving(keeps_answering()) as server:
        net.request("POST", server.url, deadline=PATIENCE, data=data)

    assert server.requests[0][1] == sent


def test_error_answers_and_empty_ones_are_answers():
    with serving(keeps_answering(b"<html>", status="502 Bad Gateway")) as server:
        answer = get(server.url)
        with pytest.raises(
            net.Cut, match=r"127\.0\.0\.1 answered with something that is not JSON \(status 502\)"
        ):
            answer.json()
    with serving(
        lambda s, c: (s.read(c), c.sendall(b"HTTP/1.1 204 No Content\r\n\r\n"), s.done.wait(5))
    ) as server:
        assert get(server.url) == net.Answer(204, {}, b"", "127.0.0.1")
    assert (answer.status, answer.text) == (502, "<html>")


def test_deeply_nested_json_is_unreadable_not_a_crash():
    with pytest.raises(net.NotJson):
        net.Answer(200, {}, b"[" * 200_000, "x").json()


def test_repr_of_an_answer_shows_neither_body_nor_headers():
    assert (
        repr(net.Answer(200, {"X": SECRET}, SECRET.encode(), "x.org")) == "Answer(status=200, host='x.org')"
    )


def test_redirect_is_not_followed():
    with serving(keeps_answering()) as inner:
        with serving(keeps_answering(b"", f"Location: {inner.url}", status="302 Found")) as outer:
            answer = get(outer.url)

        assert (answer.status, answer.headers["Location"]) == (302, inner.url)
        assert inner.accepted == 0


def test_download_follows_redirects_and_takes_nothing_along_but_the_address():
    with serving(keeps_answering(b"file")) as inner:
        with serving(keeps_answering(b"moved", f"Location: {inner.url}", status="302 Found")) as outer:
            into = io.BytesIO()
            answer = net.download(outer.url, into, deadline=PATIENCE, max_bytes=10)

        assert (answer.status, answer.body, into.getvalue()) == (200, b"", b"file")
        assert b"Authorization" not in inner.requests[0][0]


def test_token_of_a_download_goes_to_the_first_address_only():
    with serving(keeps_answering(b"file")) as inner:
        with serving(keeps_answering(b"", f"Location: {inner.url}", status="307 Moved")) as outer:
            token = {"Authorization": "Bearer s3cret"}
            net.download(outer.url, io.BytesIO(), deadline=PATIENCE, max_bytes=10, headers=token)

        assert b"Authorization: Bearer s3cret" in outer.requests[0][0]
        assert b"Authorization" not in inner.requests[0][0]


def test_download_is_not_led_to_a_private_address(settings):
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.1/32"]
    moved = keeps_answering(b"", "Location: http://127.0.0.2:1/", status="307 Temporary Redirect")
    with serving(moved) as server, pytest.raises(net.AddressRefused):
        net.download(server.url, io.BytesIO(), deadline=PATIENCE, max_bytes=10)


def test_download_goes_round_only_so_often():
    def moved(server, connection):
        while server.read(connection):
            connection.sendall(http(b"", f"Location: {server.url}", status="301 Moved"))

    with serving(moved) as server:
        with pytest.raises(net.Cut, match="from one address to the next"):
            net.download(server.url, io.BytesIO(), deadline=PATIENCE, max_bytes=10)
        assert len(server.requests) == 4


def test_download_ends_at_the_limit():
    with serving(keeps_answering(b"x" * 11)) as server, pytest.raises(net.TooLarge):
        net.download(server.url, io.BytesIO(), deadline=PATIENCE, max_bytes=10)


def test_cookies_and_environment_are_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with serving(keeps_answering(b"", "Set-Cookie: a=b")) as server:
        get(server.url)
        get(server.url)

    assert all(b"Cookie" not in head for head, _ in server.requests)


# ------------------------------------------------------------------------------ deadline
def drip(connection, data, done):
    for byte in data:
        if done.wait(0.02):
            return
        connection.sendall(bytes([byte]))


def drips_headers(server, connection):
    server.read(connection)
    drip(connection, b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 500, server.done)


def drips_body(server, connection):
    server.read(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
    drip(connection, b"a" * 500, server.done)


def drips_chunks(server, connection):
    server.read(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    drip(connection, b"1\r\na\r\n" * 100, server.done)


def says_continue_for_ever(server, connection):
    server.read(connection)
    drip(connection, b"HTTP/1.1 100 Continue\r\n\r\n" * 100, server.done)


def hangs(server, connection):
    server.read(connection)
    server.done.wait(20)


def after_an_answer(behaviour):
    """The same with the second request of a connection: to make one may take a busy machine longer."""

    def behave(server, connection):
        server.read(connection)
        connection.sendall(http(b"{}"))
        behaviour(server, connection)

    return behave


@pytest.mark.parametrize(
    "behaviour", [drips_headers, drips_body, drips_chunks, says_continue_for_ever, hangs]
)
def test_deadline_is_total(behaviour):
    with serving(after_an_answer(behaviour)) as server:
        get(server.url)

        message = failure(net.Cut, server.url, deadline=DEADLINE)

    assert (message, server.accepted) == ("127.0.0.1 did not answer within 0.4 seconds", 1)


@pytest.mark.parametrize("behaviour", [drips_headers, drips_body, hangs])
def test_deadline_is_total_through_tls(behaviour, certificate):
    with serving(after_an_answer(behaviour), certificate.context) as server:
        get(server.url, ca_certificate=certificate.pem)

        message = failure(net.Cut, server.url, ca_certificate=certificate.pem, deadline=DEADLINE)
        pools.adapter_for(certificate.pem).close()

    assert (message, server.accepted) == ("127.0.0.1 did not answer within 0.4 seconds", 1)


def test_deadline_covers_a_body_that_nobody_takes():
    with serving(after_an_answer(lambda server, connection: server.done.wait(20))) as server:
        get(server.url)
        started = time.monotonic()
        with pytest.raises(net.Cut, match="did not answer within"):
            net.request("POST", server.url, deadline=DEADLINE, data=b"a" * 50_000_000)
        assert time.monotonic() - started < DEADLINE + GRACE


def test_deadline_covers_a_tls_handshake_that_hangs():
    with serving(lambda server, connection: server.done.wait(20)) as server:
        message = failure(net.NotSent, server.url.replace("http:", "https:"), deadline=DEADLINE)

    assert message == "127.0.0.1 did not answer within 0.4 seconds"


def test_deadline_covers_the_name_lookup(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: release.wait(20) and [])

    message = failure(net.NotSent, "https://slow.example/path?t=s3cret", deadline=DEADLINE)

    release.set()
    assert message == "slow.example could not be looked up within 0.4 seconds"


def test_deadline_covers_connecting():
    # A full backlog: the kernel leaves further connections unanswered.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        time.sleep(0.05)

        url = f"http://127.0.0.1:{full.getsockname()[1]}/path?t=s3cret"
        message = failure(net.NotSent, url, deadline=DEADLINE)

        for filler in fillers:
            filler.close()
    assert message == "127.0.0.1 did not answer within 0.4 seconds"


def test_deadline_of_nothing_sends_nothing():
    with serving(keeps_answering()) as server:
        failure(net.NotSent, server.url, deadline=0)

    assert server.requests == []


def test_sockets_outside_of_a_request_are_our_bug():
    with pytest.raises(RuntimeError):
        deadline.current()


# ------------------------------------------------------------------------------ sent or not
def test_refused_connection_is_not_sent():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/path?t=s3cret"

        assert failure(net.NotSent, url) == "127.0.0.1 refused the connection"


def test_unknown_host_is_not_sent(monkeypatch):
    def unknown(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    assert failure(net.NotSent, "https://no.example/path") == "no.example is not known to the name service"


def resets(server, connection):
    server.read(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def closes(server, connection):
    server.read(connection)


def closes_in_the_body(server, connection):
    server.read(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nabc")


@pytest.mark.parametrize("behaviour", [resets, closes, closes_in_the_body])
def test_connection_that_breaks_after_the_request_is_cut(behaviour):
    with serving(behaviour) as server:
        message = failure(net.Cut, server.url)

    assert message == "127.0.0.1 broke the connection off before it had answered"


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"HTTP/1.1 xyz OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
)
def test_unreadable_answer_is_cut(reply):
    def behaviour(server, connection):
        server.read(connection)
        connection.sendall(reply)
        server.done.wait(5)

    with serving(behaviour) as server:
        assert failure(net.Cut, server.url) == "127.0.0.1 sent an answer that cannot be read"


# ------------------------------------------------------------------------------ size
def endless(head, piece):
    def behaviour(server, connection):
        server.read(connection)
        connection.sendall(head)
        while True:
            connection.sendall(piece)

    return behaviour


@pytest.mark.parametrize(
    "behaviour",
    [
        keeps_answering(b"a" * 10_000_000),
        endless(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 10_000),
        endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"a" * 10_000),  # a chunk size line
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000),
        keeps_answering(gzip.compress(b"a" * 300_000_000), "Content-Encoding: gzip"),
    ],
    ids=["long", "endless", "chunk line", "continues", "gzip bomb"],
)
def test_answer_over_the_limit_is_cut(behaviour):
    with serving(behaviour) as server:
        message = failure((net.TooLarge, net.Cut), server.url, max_bytes=1_000_000)

    # urllib3 has a limit of its own on the chunk line, which comes first.
    assert message in (
        "127.0.0.1 answered with more than 0.954 MiB",
        "127.0.0.1 sent an answer that cannot be read",
    )


def test_answer_of_exactly_the_limit_is_taken():
    with serving(keeps_answering(gzip.compress(b"a" * 1_000_000), "Content-Encoding: gzip")) as server:
        assert len(get(server.url, max_bytes=1_000_000).body) == 1_000_000


# ------------------------------------------------------------------------------ addresses
@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.31.0.1",
        "192.168.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "fc00::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_address_that_is_not_public_is_refused(address, settings):
    settings.ALLOWED_PRIVATE_NETWORKS = []
    host = f"[{address}]" if ":" in address else address

    message = failure(net.AddressRefused, f"https://{host}/path?t=s3cret")

    assert "is not at a public address" in message


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_address_is_public_and_needs_https(address):
    host = f"[{address}]" if ":" in address else address

    assert addresses.is_public(ipaddress.ip_address(address))
    assert "https" in failure(net.AddressRefused, f"http://{host}/path?t=s3cret")


@pytest.mark.parametrize("host", ["localhost", "0x7f.1", "2130706433", "127.1"])
def test_other_ways_to_write_loopback_are_refused(host, settings):
    settings.ALLOWED_PRIVATE_NETWORKS = []

    failure(net.AddressRefused, f"https://{host}/path")


def test_allowed_network_is_called_also_as_mapped_address(settings):
    settings.ALLOWED_PRIVATE_NETWORKS = ["10.0.0.0/8"]

    assert addresses.is_allowed(ipaddress.ip_address("::ffff:10.0.0.1"))
    assert not addresses.is_allowed(ipaddress.ip_address("127.0.0.1"))


def test_name_is_resolved_once_and_the_checked_address_is_called(monkeypatch):
    answers = []

    def rebinding(host, port, **kwargs):
        answers.append("127.0.0.1" if not answers else "10.0.0.1")
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.9.9.9", port)),  # refused, and left out
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers[-1], port)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with serving(keeps_answering()) as server:
        answer = get(f"http://chat.example:{server.port}/")

    assert (answer.status, answers) == (200, ["127.0.0.1"])
    assert b"Host: chat.example:" in server.requests[0][0]


def test_second_address_is_tried_when_the_first_is_silent_or_refuses(monkeypatch):
    def two(host, port, **kwargs):
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("127.0.0.2", "127.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with serving(keeps_answering()) as server:
        assert get(f"http://chat.example:{server.port}/").status == 200


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x.org/s3cret",
        "file:///etc/s3cret",
        "x.org",
        "",
        "https://",
        "https://x.org:s3cret/",
        "https://[::1/s3cret",
        "https://evil.example\\@x.org/s3cret",
        "https://evil.example\\.x.org/s3cret",
        "https://evil.example\t@x.org/s3cret",
        "https://evil.example .x.org/s3cret",
        "https:\n//x.org\n.evil.example/s3cret",
    ],
)
def test_url_that_is_no_web_address_is_refused(url):
    assert failure(net.AddressRefused, url) == "the address is not a http or https address"


def test_url_with_a_password_is_refused():
    assert "user name" in failure(net.AddressRefused, "https://me:s3cret@x.org/path")


# ------------------------------------------------------------------------------ kept connections
def test_connection_is_kept():
    with serving(keeps_answering()) as server:
        for _ in range(5):
            get(server.url)

    assert (server.accepted, len(server.requests)) == (1, 5)


def test_connection_that_the_server_closed_is_not_reused():
    def once(server, connection):
        server.read(connection)
        connection.sendall(http(b"{}"))

    with serving(once) as server:
        for _ in range(3):
            assert get(server.url).status == 200
            server.threads[-1].join(PATIENCE)

    assert server.accepted == 3


@pytest.mark.parametrize(
    ("header", "idle", "accepted"),
    [
        ("X: y", 29, 1),
        ("X: y", 31, 2),
        ("Keep-Alive: timeout=5, max=9", 3.9, 1),
        ("Keep-Alive: timeout=5", 4.1, 2),
    ],
)
def test_connection_that_was_idle_is_not_reused(monkeypatch, header, idle, accepted):
    real = clock.monotonic
    with serving(keeps_answering(b"{}", header)) as server:
        get(server.url)
        monkeypatch.setattr(clock, "monotonic", lambda: real() + idle)
        get(server.url)

    assert server.accepted == accepted


def test_idle_connections_of_forgotten_hosts_are_closed(monkeypatch):
    real = clock.monotonic
    with serving(keeps_answering()) as first, serving(keeps_answering()) as second:
        get(first.url)
        monkeypatch.setattr(clock, "monotonic", lambda: real() + 100)
        get(second.url)

        first.threads[-1].join(PATIENCE)
        assert not first.threads[-1].is_alive()


def test_connection_is_not_kept_after_a_cut():
    with serving(after_an_answer(drips_body)) as server:
        for _ in range(2):
            get(server.url)
            failure(net.Cut, server.url, deadline=DEADLINE)

    assert (server.accepted, len(server.requests)) == (2, 4)


def test_many_threads_share_the_door():
    with serving(keeps_answering(b"x" * 1000)) as server:
        answers = []
        threads = [
            threading.Thread(target=lambda: answers.extend(get(server.url).status for _ in range(20)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)

    assert answers == [200] * 160
    assert server.accepted <= 8


def test_fork_starts_without_the_parents_connections():
    with serving(keeps_answering()) as server:
        get(server.url)
        child = os.fork()
        if child == 0:
            os._exit(len(pools._adapters))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        get(server.url)

    assert server.accepted == 1


# ------------------------------------------------------------------------------ secrets
def test_secret_in_the_host_is_hidden_too():
    with pytest.raises(net.AddressRefused) as caught:
        get("http://8.8.8.8/", secrets=["8.8.8.8", ""])

    assert str(caught.value).startswith("[hidden] may only be called over https")


@pytest.mark.parametrize("header", ["s3cret\nX: y", "s3cret \U0001f600"])
def test_header_that_cannot_be_sent_is_not_sent_and_not_told(header):
    with serving(keeps_answering()) as server:
        failure(net.NotSent, server.url, headers={"Authorization": header})

    assert server.requests == []


def test_error_has_no_cause_that_could_be_logged():
    with serving(closes) as server, pytest.raises(net.Cut) as caught:
        get(server.url)

    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_odd_headers_are_not_logged_with_the_url(caplog):
    def odd(server, connection):
        server.read(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nbroken header line\r\nX: y\r\n\r\n")
        server.done.wait(5)

    with serving(odd) as server:
        get(server.url)

    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    "text",
    ["a s3cret token/+ b", "a s3cret%20token%2F%2B b", "a s3cret+token%2F%2B b", "a s3cret%20token/%2B b"],
)
def test_redact_knows_every_way_to_write_a_secret(text):
    assert net.redact(text, ["", SECRET]) == "a [hidden] b"


# ------------------------------------------------------------------------------ certificates
def test_certificate_is_accepted_with_its_authority_and_refused_without(certificate):
    with serving(keeps_answering(), certificate.context) as server:
        for _ in range(3):
            assert get(server.url, ca_certificate=certificate.pem).status == 200
        message = failure(net.CertificateRefused, server.url)
        pools.adapter_for(certificate.pem).close()

    assert message == "the certificate of 127.0.0.1 could not be verified: self-signed certificate"
    assert (len(server.requests), server.accepted) == (3, 2)


def test_certificate_of_another_host_is_refused(certificate):
    with serving(keeps_answering(), certificate.context) as server:
        url = f"https://localhost:{server.port}/path"
        message = failure(net.CertificateRefused, url, ca_certificate=certificate.pem)

    assert message.startswith("the certificate of localhost could not be verified: Hostname mismatch")
    assert server.requests == []


def test_own_authority_is_trusted_instead_of_the_public_ones(certificate):
    own, public = pools.context_for(certificate.pem), pools.context_for(None)

    assert own.cert_store_stats()["x509"] == 1
    assert public.cert_store_stats()["x509"] > 50
    assert {own.verify_mode, public.verify_mode} == {ssl.CERT_REQUIRED}
    assert own.check_hostname
    assert public.check_hostname


def test_tls_that_is_none_is_not_sent():
    def talks_plain(server, connection):
        connection.recv(100)
        connection.sendall(http(b"{}"))

    with serving(talks_plain) as server:
        url = server.url.replace("http:", "https:")

        assert failure(net.NotSent, url) == "no secure connection to 127.0.0.1 could be made"


@pytest.mark.parametrize(
    "pem", ["nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "é", "\x00", " "]
)
def test_certificate_that_is_none_is_refused(pem):
    with pytest.raises(net.CertificateUnreadable) as caught:
        net.check_certificate(pem)

    assert isinstance(caught.value, ValueError)
    failure(net.CertificateUnreadable, "https://8.8.8.8/path", ca_certificate=pem)


def test_check_certificate_takes_a_good_one_and_no_empty_one(certificate):
    net.check_certificate(certificate.pem)

    with pytest.raises(net.CertificateUnreadable):
        net.check_certificate("")
