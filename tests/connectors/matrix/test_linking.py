"""Linking an account: the homeserver found, the login verified, nothing left behind."""

import pytest

from connectors.base import Login
from connectors.errors import LoginRejected
from connectors.matrix.connector import MatrixConnector
from connectors.matrix.discovery import homeserver
from connectors.matrix.forms import MatrixCredentialsForm
from tests.connectors.matrix.fake import fake
from tests.connectors.matrix.harness import MARKS

real = pytest.mark.xdist_group("synapse")
assert MARKS[0].args == real.args
VERSIONS = (200, {"versions": ["r0.6.1", "v1.1", "v1.11"]})


def form(**data):
    return MatrixCredentialsForm(data, connector_class=MatrixConnector)


def devices(matrix):
    told = matrix.relay.ask("GET", "devices")["devices"]
    return [device.get("display_name") for device in told]


@real
def test_password_makes_a_session_of_our_own_and_is_not_kept(matrix):
    filled = form(server=matrix.server.url, user=matrix.relay.id, password=matrix.relay.password)

    assert filled.is_valid(), filled.errors

    kept = filled.secrets()
    assert kept.keys() == {"token", "device", "user"}
    assert matrix.relay.password not in str(kept)
    assert devices(matrix).count("Sameroom") == 1  # one, however often its credentials are asked for
    assert (filled.identity.server, filled.identity.user_id, filled.identity.user_name) == (
        matrix.server.url,
        matrix.relay.id,
        "Sameroom Bot",
    )
    MatrixConnector(Login(filled.identity.server, kept)).sign_out()
    assert devices(matrix).count("Sameroom") == 0


@real
def test_token_of_somebodys_own_stays_theirs(matrix):
    filled = form(server=matrix.server.url, token=f" {matrix.relay.token} ")

    assert filled.is_valid(), filled.errors
    assert filled.secrets() == {"token": matrix.relay.token}
    MatrixConnector(Login(matrix.server.url, filled.secrets())).sign_out()
    assert devices(matrix)


@real
@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"user": "@nobody:localhost", "password": "x"}, "does not know this user name with this password"),
        ({"token": "syt_wrong_token"}, "Log in again"),
        ({"user": "ann"}, "Enter a user name with its password, or an access token"),
        ({"token": "two words!"}, "This is no access token"),
    ],
)
def test_refusal_is_an_error_of_the_form(matrix, data, sentence):
    filled = form(server=matrix.server.url, **data)

    assert not filled.is_valid()
    assert sentence in str(filled.errors)


def test_typed_name_leads_where_the_servers_file_says():
    with fake() as name, fake() as server:
        name.on("GET", "/.well-known/matrix/client", (200, {"m.homeserver": {"base_url": f"{server.url}/"}}))
        server.on("GET", "/_matrix/client/versions", VERSIONS)

        assert homeserver(name.url.removeprefix("http://")) == server.url
        assert "Authorization" not in name.asked[0].headers


@pytest.mark.parametrize(
    "told",
    [
        (404, b""),
        (200, b"<html>"),
        (200, []),
        (200, {"m.homeserver": {"base_url": 7}}),
        (200, {"m.homeserver": {"base_url": "ftp://x"}}),
    ],
)
def test_file_that_says_nothing_leaves_the_typed_address(told):
    with fake() as server:
        server.on("GET", "/.well-known/matrix/client", told)
        server.on("GET", "/_matrix/client/versions", VERSIONS)

        assert homeserver(f"{server.url}/") == server.url


@pytest.mark.parametrize(
    ("versions", "sentence"),
    [
        ((200, {"versions": ["r0.6.1"]}), "is too old"),
        ((200, b"<html>"), "did not answer like a Matrix homeserver"),
        ((404, {}), "did not answer like a Matrix homeserver"),
    ],
)
def test_what_is_no_homeserver_gets_no_secret(versions, sentence):
    with fake() as server:
        server.on("GET", "/_matrix/client/versions", versions)
        filled = form(server=server.url, token="syt_a_token_of_mine")

        assert not filled.is_valid()
        assert sentence in str(filled.errors)
        assert [call for call in server.asked if "Authorization" in call.headers] == []


@pytest.mark.parametrize("address", ["ftp://example.org", "https://", "a b", "https://ann:pw@example.org"])
def test_what_is_no_address_is_refused_before_anything_is_asked(address):
    filled = form(server=address, token="syt_a_token_of_mine")

    assert not filled.is_valid()
    assert "Type something like example.org" in str(filled.errors["server"])


def test_homeserver_without_passwords_says_so():
    with fake() as server:
        server.on("GET", "/_matrix/client/versions", VERSIONS)
        server.on("GET", "/login", (200, {"flows": [{"type": "m.login.sso"}]}))
        filled = form(server=server.url, user="ann", password="s3cret")

        assert not filled.is_valid()
        assert "Use an access token instead" in str(filled.errors)
        assert [call.method for call in server.calls("/login")] == ["GET"]


def test_session_that_is_of_no_use_is_signed_out_again():
    with fake() as server:
        server.on("GET", "/_matrix/client/versions", VERSIONS)
        server.on("GET", "/login", (200, {"flows": [{"type": "m.login.password"}]}))
        server.on("POST", "/login", (200, {"access_token": "syt_new", "device_id": "D", "user_id": "@a:b"}))
        server.on("GET", "/account/whoami", (200, {"user_id": "nobody"}))
        server.on("POST", "/logout", (200, {}))
        filled = form(server=server.url, user="ann", password="s3cret")

        assert not filled.is_valid()
        assert "belongs to no user" in str(filled.errors)
        assert [call.headers["Authorization"] for call in server.calls("/logout")] == ["Bearer syt_new"]


def test_another_refusal_of_a_login_is_named():
    with fake() as server:
        server.on("GET", "/_matrix/client/versions", VERSIONS)
        server.on("GET", "/login", (200, {"flows": [{"type": "m.login.password"}]}))
        server.on("POST", "/login", (403, {"errcode": "M_USER_DEACTIVATED", "error": "<b>"}))
        filled = form(server=server.url, user="ann", password="s3cret")

        assert not filled.is_valid()
        assert "Matrix refused the login (M_USER_DEACTIVATED)." in str(filled.errors)


def test_renewing_keeps_the_user_and_asks_for_the_password():
    from accounts.forms import ask_secrets_only

    empty = MatrixCredentialsForm(connector_class=MatrixConnector)
    ask_secrets_only(
        empty, known={"server": "https://m.example.org", "user": "@bot:example.org", "token": "x"}
    )

    assert [name for name, field in empty.fields.items() if field.widget.is_hidden] == ["server"]
    assert empty.fields["user"].initial == "@bot:example.org"
    assert empty.fields["token"].initial is None


def test_expired_login_is_refused_when_it_is_asked_about():
    with fake() as server:
        server.on("GET", "/account/whoami", (401, {"errcode": "M_UNKNOWN_TOKEN"}))

        with pytest.raises(LoginRejected):
            MatrixConnector(Login(server.url, {"token": "syt"})).granted()
