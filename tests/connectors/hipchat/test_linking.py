"""Everything that can be wrong with a token or a server, as the person linking it sees it."""

import socket
import threading

import pytest
from django.core.cache import cache

from connectors.hipchat.address import AddressUnusable, canonical
from connectors.hipchat.connector import HipChatConnector
from connectors.hipchat.forms import HipChatCredentialsForm
from tests.connectors.hipchat.harness import SCOPES, HipChatHarness


def link(
    hipchat: HipChatHarness, token: str | None = None, server: str = "", **data: str
) -> HipChatCredentialsForm:
    cache.clear()
    filled = {"server": server or hipchat.server.url, "token": token or hipchat.token, "team_name": "Acme"}
    return HipChatCredentialsForm(filled | data, connector_class=HipChatConnector)


def problems(form: HipChatCredentialsForm) -> list[str]:
    assert not form.is_valid()
    return [error for errors in form.errors.values() for error in errors]


def test_a_good_token_tells_its_owner_group_scopes_and_end(hipchat: HipChatHarness) -> None:
    form = link(hipchat)

    assert form.is_valid(), form.errors
    identity = form.identity
    assert (identity.user_id, identity.user_name) == (str(hipchat.ann.id), "Sameroom Bot")
    assert (identity.team_id, identity.team_name) == ("77", "Acme")
    assert identity.space == f"{hipchat.server.url}#77"
    assert list(identity.scopes) == SCOPES
    assert identity.expires_at is not None


def test_a_token_that_may_see_the_group_tells_its_name(hipchat: HipChatHarness) -> None:
    token = hipchat.world.create_token(hipchat.ann.id, [*SCOPES, "view_group"]).token
    form = link(hipchat, token, team_name="")

    assert form.is_valid(), form.errors
    assert form.identity.team_name == "Acme"


def test_without_any_name_the_group_is_called_by_its_number(hipchat: HipChatHarness) -> None:
    form = link(hipchat, team_name="")

    assert form.is_valid()
    assert form.identity.team_name == "group 77"


def test_a_wrong_token(hipchat: HipChatHarness) -> None:
    [problem] = problems(link(hipchat, "a" * 40))

    assert problem.startswith("HipChat refused this token")


def test_an_expired_token(hipchat: HipChatHarness) -> None:
    hipchat.world.expire_token(hipchat.token)

    [problem] = problems(link(hipchat))
    assert "expired" in problem


def test_a_token_of_the_old_api(hipchat: HipChatHarness) -> None:
    [problem] = problems(link(hipchat, "0123456789abcdef0123456789abcd"))

    assert "API v1" in problem


@pytest.mark.parametrize("token", ["hello world", "a", "ab\x00cd" * 8, "х" * 40, "\ud800" * 40])
def test_something_that_is_no_token(token: str, hipchat: HipChatHarness) -> None:
    assert len(problems(link(hipchat, token))) == 1


def test_a_token_without_the_scopes_names_what_it_lacks(hipchat: HipChatHarness) -> None:
    token = hipchat.world.create_token(hipchat.ann.id, ["view_room"]).token

    [problem] = problems(link(hipchat, token))
    assert problem.startswith("This token lacks Send Messages, View Messages.")


def test_the_token_of_an_integration(hipchat: HipChatHarness) -> None:
    token = hipchat.world.create_addon_token(77, SCOPES).token

    [problem] = problems(link(hipchat, token))
    assert "belongs to an integration" in problem


def test_a_server_that_cannot_be_reached(hipchat: HipChatHarness) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]  # held, so that nobody else listens there

        [problem] = problems(link(hipchat, server=f"http://127.0.0.1:{port}"))

    assert problem.startswith(f"127.0.0.1:{port} could not be reached")


def test_a_server_that_is_not_hipchat_never_sees_the_token(hipchat: HipChatHarness) -> None:
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            peer, _ = listener.accept()
            with peer:
                seen.append(peer.recv(65536))
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

        thread = threading.Thread(target=answer)
        thread.start()
        [problem] = problems(link(hipchat, server=f"http://127.0.0.1:{listener.getsockname()[1]}"))
        thread.join()

    assert "did not answer like a HipChat server" in problem
    assert hipchat.token.encode() not in seen[0]


def test_a_json_server_that_is_not_hipchat_never_sees_the_token(hipchat: HipChatHarness) -> None:
    hipchat.fault(path="/capabilities", status=200, body={"hello": "world"})

    [problem] = problems(link(hipchat))

    assert "did not answer like a HipChat server" in problem


def test_an_answer_of_ten_megabytes(hipchat: HipChatHarness) -> None:
    hipchat.fault(path="/oauth/token", padding=10 * 1024 * 1024)

    assert len(problems(link(hipchat))) == 1


def test_an_answer_that_drips(hipchat: HipChatHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.hipchat.client.READ_DEADLINE", 2.0)
    hipchat.fault(path="/oauth/token", drip=0.05)

    [problem] = problems(link(hipchat))
    assert "broke off" in problem


def test_a_private_address_where_only_public_ones_are_allowed(
    hipchat: HipChatHarness, settings: object
) -> None:
    settings.ALLOWED_PRIVATE_NETWORKS = []  # type: ignore[attr-defined]

    [problem] = problems(link(hipchat))
    assert "could not be reached" in problem


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("hipchat.example.com", "https://hipchat.example.com"),
        (" HTTPS://HipChat.Example.com:443/v2/ ", "https://hipchat.example.com"),
        ("https://example.com/chat/v2", "https://example.com/chat"),
        ("https://example.com//chat///", "https://example.com/chat"),
        ("http://10.0.0.1:8080/", "http://10.0.0.1:8080"),
        ("https://[2001:DB8::1]/", "https://[2001:db8::1]"),
        ("https://example.com./", "https://example.com"),
        ("127.0.0.1:8000/sandbox", "http://127.0.0.1:8000/sandbox"),
        ("https://example.com/v2?x=1#y", "https://example.com"),
    ],
)
def test_every_spelling_of_an_address_comes_out_the_same(typed: str, stored: str) -> None:
    assert canonical(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ftp://x",
        "https://",
        "https://user:pw@example.com",
        "http://a:99999",
        "https://a..b",
        "https://[x",
        "hello world",
    ],
)
def test_something_that_is_no_address(typed: str) -> None:
    with pytest.raises(AddressUnusable):
        canonical(typed)


@pytest.mark.parametrize("typed", ["api.hipchat.com", "https://acme.hipchat.com/v2", "hipchat.com"])
def test_the_closed_hosted_service_is_sent_no_token(typed: str) -> None:
    with pytest.raises(AddressUnusable, match="has closed"):
        canonical(typed)
