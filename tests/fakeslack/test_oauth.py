"""Installing by OAuth, rotating tokens, and apps from manifests."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.oauth import AuthorizeUrlGenerator

from tests.fakeslack import FakeSlack
from tests.fakeslack.asking import refusal
from tests.fakeslack.conftest import Office
from tests.fakeslack.world import App, Team, User

CALLBACK = "https://sameroom.example/slack/callback"
MANIFEST = """
display_information: {name: Sameroom}
features:
  slash_commands: [{command: /sameroom, description: Talk to Sameroom}]
oauth_config: {scopes: {bot: [chat:write, commands]}}
settings: {event_subscriptions: {bot_events: [message.channels]}, socket_mode_enabled: true}
"""


@pytest.fixture
def app(office: Office) -> App:
    return office.slack.app("Other", redirect_urls=[CALLBACK], scopes=["chat:write", "users:read"])


def press(slack: FakeSlack, app: App, user: User, decision: str = "allow", **asked: str) -> requests.Response:
    """Open the page and press somebody's button; the answer, whose redirect is not followed."""
    url = AuthorizeUrlGenerator(
        client_id=app.client_id,
        scopes=app.scopes,
        redirect_uri=asked.get("redirect_uri", CALLBACK),
        authorization_url=slack.authorize_url,
    ).generate(state="a state")
    page = requests.get(url, timeout=30)
    assert page.status_code == 200, page.text
    [form] = [one for one in re.findall("<form.*?</form>", page.text) if f'value="{user.id}"' in one]
    fields = {
        name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)">', form)
    }
    fields["decision"] = decision
    return requests.post(slack.authorize_url, data=fields, allow_redirects=False, timeout=30)


def told_by(answer: requests.Response) -> dict[str, str]:
    """What the redirect carries back to the app."""
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"{CALLBACK}?")
    return {name: value for name, [value] in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def code_for(slack: FakeSlack, app: App, user: User) -> str:
    return told_by(press(slack, app, user))["code"]


def test_an_app_is_installed(office: Office, app: App) -> None:
    back = told_by(press(office.slack, app, office.ann))
    asking = WebClient(base_url=office.slack.api)

    told = asking.oauth_v2_access(
        client_id=app.client_id, client_secret=app.client_secret, code=back["code"], redirect_uri=CALLBACK
    )

    assert back["state"] == "a state"
    assert (told["token_type"], told["scope"]) == ("bot", "chat:write,users:read")
    assert (told["team"]["id"], told["authed_user"]["id"]) == (office.slack.team.id, office.ann.id)
    assert (told["app_id"], told["enterprise"], told["is_enterprise_install"]) == (app.id, None, False)
    assert office.client(told["access_token"]).auth_test()["user_id"] == told["bot_user_id"]
    assert "expires_in" not in told.data


def test_what_an_exchange_is_refused_for(office: Office, app: App) -> None:
    code = code_for(office.slack, app, office.ann)
    good = {
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "code": code,
        "redirect_uri": CALLBACK,
    }
    access = WebClient(base_url=office.slack.api).oauth_v2_access

    assert refusal(access, **good | {"client_id": "1.2"}) == "invalid_client_id"
    assert refusal(access, **good | {"client_secret": "guess"}) == "bad_client_secret"
    assert refusal(access, **good | {"code": "guess"}) == "invalid_code"
    assert refusal(access, **good | {"redirect_uri": "https://evil.example"}) == "bad_redirect_uri"
    assert refusal(access, **good | {"grant_type": "password"}) == "invalid_grant_type"
    assert access(**good)["ok"]
    assert refusal(access, **good) == "invalid_code"


def test_a_code_grows_old(office: Office, app: App) -> None:
    code = code_for(office.slack, app, office.ann)
    office.slack.pass_time(601)
    access = WebClient(base_url=office.slack.api).oauth_v2_access

    arguments = {"client_id": app.client_id, "client_secret": app.client_secret, "code": code}
    assert refusal(access, **arguments, redirect_uri=CALLBACK) == "invalid_code"


def test_somebody_declines(office: Office, app: App) -> None:
    back = told_by(press(office.slack, app, office.ann, "cancel"))

    assert back == {"error": "access_denied", "state": "a state"}


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"client_id": "1.2"}, "invalid_client_id"),
        ({"scope": ""}, "no_scopes"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"redirect_uri": "https://evil.example/"}, "bad_redirect_uri"),
    ],
)
def test_what_the_page_refuses(office: Office, app: App, asked: dict[str, str], error: str) -> None:
    good = {"client_id": app.client_id, "scope": "chat:write", "redirect_uri": CALLBACK}

    page = requests.get(office.slack.authorize_url, params=good | asked, timeout=30)

    assert (page.status_code, error in page.text) == (400, True)


def test_the_page_can_be_for_one_workspace(office: Office, app: App) -> None:
    other: Team = office.slack.workspace("Other")
    zoe = office.slack.person("zoe", team=other)
    asked = {"client_id": app.client_id, "scope": "chat:write", "redirect_uri": CALLBACK, "team": other.id}

    page = requests.get(office.slack.authorize_url, params=asked, timeout=30).text

    assert (zoe.id in page, office.ann.id in page) == (True, False)


# ----------------------------------------------------------------- rotation


def test_tokens_rotate(office: Office) -> None:
    app = office.slack.app("Turning", token_rotation=True, redirect_urls=[CALLBACK])
    access = WebClient(base_url=office.slack.api).oauth_v2_access
    secret = {"client_id": app.client_id, "client_secret": app.client_secret}

    first = access(**secret, code=code_for(office.slack, app, office.ann), redirect_uri=CALLBACK)
    assert first["access_token"].startswith("xoxe.xoxb-1-")
    assert 43_190 <= first["expires_in"] <= 43_200
    office.slack.pass_time(43_201)
    assert refusal(office.client(first["access_token"]).auth_test) == "token_expired"

    second = access(**secret, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    assert office.client(second["access_token"]).auth_test()["ok"]
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    assert refusal(access, **secret, **again) == "invalid_refresh_token"


def test_at_most_two_tokens_are_good_at_once(office: Office) -> None:
    app = office.slack.app("Turning", token_rotation=True)
    first = office.slack.install(app, by=office.ann)
    access = WebClient(base_url=office.slack.api).oauth_v2_access
    secret = {"client_id": app.client_id, "client_secret": app.client_secret, "grant_type": "refresh_token"}

    second = access(**secret, refresh_token=first.refresh)
    assert office.client(first.value).auth_test()["ok"]
    access(**secret, refresh_token=second["refresh_token"])

    assert refusal(office.client(first.value).auth_test) == "token_revoked"
    assert office.client(second["access_token"]).auth_test()["ok"]


def test_an_uninstalled_app_gets_no_new_token(office: Office) -> None:
    app = office.slack.app("Turning", token_rotation=True)
    token = office.slack.install(app, by=office.ann)
    assert token.bot
    office.slack.uninstall(token.bot)
    access = WebClient(base_url=office.slack.api).oauth_v2_access

    arguments = {
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "refresh_token": token.refresh,
    }
    assert refusal(access, **arguments, grant_type="refresh_token") == "invalid_refresh_token"


# ----------------------------------------------------------------- manifests


def test_an_app_from_a_manifest(office: Office) -> None:
    asked = {"new_app": "1", "manifest_yaml": MANIFEST}

    page = requests.get(f"{office.slack.url}/apps", params=asked, timeout=30)
    [manifest] = re.findall('name="manifest" value="([^"]*)"', page.text)
    made = requests.post(
        f"{office.slack.url}/apps", data={"manifest": html.unescape(manifest)}, timeout=30
    ).text

    shown = dict(re.findall("<dt>(.*?)</dt><dd><code>(.*?)</code>", made))
    app = office.slack.core.world.apps[shown["App ID"]]
    assert (app.name, app.scopes, app.events) == (
        "Sameroom",
        ["chat:write", "commands"],
        {"message.channels"},
    )
    assert (app.socket_mode, app.command_urls) == (True, {"/sameroom": ""})
    told = office.client(shown["Bot User OAuth Token"]).auth_test()
    assert told["team_id"] == office.slack.team.id
    assert (
        office.client().apps_connections_open(app_token=shown["App-Level Token"])["url"].startswith("ws://")
    )


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ("display_information: {}", "display_information.name is required"),
        ("a: [", "not YAML"),
    ],
)
def test_a_manifest_with_errors(office: Office, manifest: str, words: str) -> None:
    page = requests.get(f"{office.slack.url}/apps", params={"manifest_yaml": manifest}, timeout=30)

    assert (page.status_code, words in page.text) == (400, True)


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ({"display_information": {"name": "x" * 36}}, "35 characters"),
        (
            {
                "display_information": {"name": "x"},
                "settings": {"event_subscriptions": {"bot_events": ["app_mention"]}},
            },
            "request_url is required",
        ),
        (
            {"display_information": {"name": "x"}, "features": {"slash_commands": [{"command": "/x"}]}},
            "a description is required",
        ),
    ],
)
def test_what_a_manifest_may_not_say(office: Office, manifest: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        office.slack.app_of(manifest)
