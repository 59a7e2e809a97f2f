"""The manifest of an app of one's own, as Slack reads it."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import yaml

from connectors.slack import manifests, scopes
from tests import factories
from tests.fakeslack import running

pytestmark = pytest.mark.django_db


def test_what_slack_cannot_reach_uses_socket_mode():
    told = yaml.safe_load(manifests.manifest())

    assert told["settings"] == {
        "event_subscriptions": {"bot_events": list(scopes.EVENTS)},
        "interactivity": {"is_enabled": False},
        "org_deploy_enabled": False,
        "socket_mode_enabled": True,
        "token_rotation_enabled": False,
    }
    assert told["oauth_config"] == {"scopes": {"bot": list(scopes.WHOLE)}}
    [command] = told["features"]["slash_commands"]
    assert (command["command"], "url" in command) == ("/sameroom", False)


def test_what_slack_reaches_is_called(settings):
    settings.PUBLIC_URL = "https://sameroom.example.org"

    told = yaml.safe_load(manifests.manifest())

    url = "https://sameroom.example.org/hooks/slack/"
    assert told["settings"]["event_subscriptions"]["request_url"] == url
    assert told["features"]["slash_commands"][0]["url"] == url
    assert told["settings"]["socket_mode_enabled"] is False


def test_slack_keeps_to_its_lengths():
    shown = yaml.safe_load(manifests.manifest())["display_information"]

    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140


@pytest.mark.parametrize("public_url", ["http://127.0.0.1:8000", "https://sameroom.example.org"])
def test_slack_makes_an_app_of_it(settings, public_url):
    settings.PUBLIC_URL = public_url
    asked = urlsplit(manifests.creating())
    assert (asked.netloc, asked.path) == ("api.slack.com", "/apps")

    with running() as slack:
        review = requests.get(f"{slack.url}/apps?{asked.query}", timeout=30)
        app = slack.app_of(yaml.safe_load(parse_qs(asked.query)["manifest_yaml"][0]))

    assert (review.status_code, "Create" in review.text) == (200, True)
    assert (app.name, app.scopes, app.events) == ("Sameroom", list(scopes.WHOLE), set(scopes.EVENTS))
    assert app.socket_mode is (public_url[:5] == "http:")


def test_page_shows_it_to_copy_and_to_follow(client):
    client.force_login(factories.user())

    text = client.get("/accounts/add/slack/").text

    assert 'href="https://api.slack.com/apps?new_app=1&amp;manifest_yaml=display_information' in text
    assert 'data-copy="manifest"' in text
    assert "/static/js/copy.js" in text
    assert "App-Level Tokens" in text


def test_page_of_a_renewal_leads_to_the_app_that_there_is(client):
    account = factories.account(kind="slack", credentials={"token": "xoxb-1"})
    client.force_login(account.owner)

    text = client.get(f"/accounts/{account.code}/renew/").text

    assert ("Where its tokens stand" in text, "new_app=1" in text, 'data-copy="manifest"' in text) == (
        True,
        False,
        False,
    )


def test_page_asks_for_the_signing_secret_where_slack_calls(client, settings):
    settings.PUBLIC_URL = "https://sameroom.example.org"
    client.force_login(factories.user())

    text = client.get("/accounts/add/slack/").text

    assert "Signing Secret" in text
    assert "App-Level Tokens" not in text


@pytest.mark.parametrize(
    ("challenge", "answer"), [("3eZbrw1aBm2rZgRN", b"3eZbrw1aBm2rZgRN"), ("<b>hi</b>", b""), ("x" * 201, b"")]
)
def test_address_is_tried_out_before_there_is_an_account(client, challenge, answer):
    """Nothing but what Slack makes up is given back to a stranger."""
    told = {"type": "url_verification", "token": "t", "challenge": challenge}

    given = client.post("/hooks/slack/", told, content_type="application/json")

    assert (given.status_code, given.content) == (200, answer)
