"""Add to Slack: the way over Slack's own page, and tokens that are traded for new ones."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.test import Client

from accounts import rotating
from accounts.models import LinkedAccount
from accounts.services import account_refresh_rooms, account_remove
from connectors.base import Login
from connectors.errors import LoginRejected, RetryLater
from connectors.slack import oauth, scopes
from connectors.slack.connector import SlackConnector
from sameroom import clock
from tests import factories
from tests.fakeslack import FakeSlack, running
from tests.fakeslack.world import App, User

ADD, BACK = "/accounts/add/slack/", "http://127.0.0.1:8000/accounts/authorized/slack/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def slack(settings) -> Iterator[FakeSlack]:
    with running() as slack:
        settings.SLACK_API_URL = slack.api.rstrip("/")
        yield slack


@pytest.fixture
def app(slack, settings) -> App:
    """The operator's app."""
    app = slack.app(scopes=list(scopes.WHOLE), redirect_urls=[BACK])
    settings.SLACK_CLIENT_ID, settings.SLACK_CLIENT_SECRET = app.client_id, app.client_secret
    settings.SLACK_SIGNING_SECRET = app.signing_secret
    return app


@pytest.fixture
def ann(slack) -> User:
    return slack.person("ann")


@pytest.fixture
def page(client) -> Client:
    client.force_login(factories.user("ann@example.com"))
    return client


def at_slack(page: Client, person: User, decision: str = "allow", start: str = f"{ADD}authorize/") -> str:
    """Press the button here and one there; the address that Slack sends the browser back to."""
    asked = page.get(start)["Location"]
    shown = requests.get(asked, timeout=30)
    assert shown.status_code == 200, shown.text
    [form] = [one for one in re.findall(r"<form.*?</form>", shown.text, re.S) if person.id in one]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)) | {"decision": decision}
    answer = requests.post(
        asked.partition("?")[0],
        {name: html.unescape(value) for name, value in fields.items()},
        timeout=10,
        allow_redirects=False,
    )
    return answer.headers["Location"]


def come_back(page: Client, address: str) -> tuple[str, list[str]]:
    """Follow Slack's answer; where that leads, and what is said there."""
    assert address.startswith(BACK)
    response = page.get(address.removeprefix("http://127.0.0.1:8000"))
    assert response.status_code == 302
    return response["Location"], [str(one) for one in page.get(response["Location"]).context["messages"]]


def test_button_and_what_is_allowed_by_it_are_shown(page, app):
    text = page.get(ADD).text

    assert f'href="{ADD}authorize/"' in text
    for scope in scopes.WHOLE:
        assert f"<code>{scope}</code>" in text
    assert "By tokens of your own instead" in text


def test_what_is_explained_is_what_is_asked_for():
    explained = [scope for _, group in scopes.EXPLAINED for scope in group]

    assert sorted(explained) == sorted(scopes.WHOLE)


@pytest.mark.parametrize("missing", ["SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET"])
def test_button_is_there_only_with_all_three_settings(page, app, settings, missing):
    setattr(settings, missing, "")

    assert "Add to Slack" not in page.get(ADD).text
    assert page.get(f"{ADD}authorize/").status_code == 404


def test_slack_is_asked_for_the_scopes_with_a_state(page, app):
    asked = parse_qs(urlsplit(page.get(f"{ADD}authorize/")["Location"]).query)

    assert asked["scope"] == [",".join(scopes.WHOLE)]
    assert (asked["client_id"], asked["redirect_uri"]) == ([app.client_id], [BACK])
    assert len(asked["state"][0]) > 30
    assert app.client_secret not in str(asked)


def test_workspace_is_linked(page, app, ann, slack):
    slack.channel("talk", ann)

    where, said = come_back(page, at_slack(page, ann))

    assert (where, said) == (
        "/accounts/",
        ["sameroom @ Acme is linked. Now open a Tube from one of its rooms."],
    )
    account = LinkedAccount.objects.get()
    assert (account.team_id, account.team_name, account.rotates_at) == (slack.team.id, "Acme", None)
    assert account.credentials["via"] == "oauth"
    assert set(scopes.WHOLE) <= set(account.scopes)
    assert account_refresh_rooms(account=account) == 1
    can = account.connector().capabilities
    assert (can.hooks, can.reading) == (True, "poll")


def test_several_workspaces_are_linked(page, app, ann, slack):
    bea = slack.person("bea", team=slack.workspace("Globex", enterprise="Umbrella"))

    come_back(page, at_slack(page, ann))
    come_back(page, at_slack(page, bea))

    assert sorted(LinkedAccount.objects.values_list("team_name", flat=True)) == ["Acme", "Globex"]


def test_cancelling_is_told(page, app, ann):
    where, said = come_back(page, at_slack(page, ann, "cancel"))

    assert (where, said) == (ADD, [oauth.DENIED])
    assert not LinkedAccount.objects.exists()


def test_answer_that_has_ended_at_slack_is_told(page, app, ann, slack):
    address = at_slack(page, ann)
    slack.pass_time(601)

    assert come_back(page, address) == (ADD, [oauth.ENDED])


def test_scopes_that_were_not_granted_are_named(page, app, ann, slack):
    address = at_slack(page, ann)
    slack.core.oauth.codes[parse_qs(urlsplit(address).query)["code"][0]].scopes.remove("channels:history")

    [said] = come_back(page, address)[1]

    assert said.startswith("The Slack app lacks channels:history.")
    assert not LinkedAccount.objects.exists()


def test_wrong_secret_of_the_operator_is_told_as_theirs(page, app, ann, settings):
    address = at_slack(page, ann)
    settings.SLACK_CLIENT_SECRET = "wrong"

    assert come_back(page, address) == (ADD, [oauth.UNKNOWN_APP])


@pytest.mark.parametrize("kind", ["status", "reset", "garbage", "throttle"])
def test_trouble_at_slack_is_told(page, app, ann, slack, kind):
    address = at_slack(page, ann)
    slack.fault(kind, on="oauth.v2.access", count=1)

    [said] = come_back(page, address)[1]

    assert said.endswith("Try again later.")
    assert app.client_secret not in said


def test_whole_organisation_is_refused(app, monkeypatch):
    told = {"ok": True, "access_token": "xoxb-1", "is_enterprise_install": True, "team": None}
    monkeypatch.setattr(oauth, "_ask", lambda *args, **kwargs: told)

    with pytest.raises(LoginRejected) as caught:
        oauth.SlackAuthorization().login(code="1", back=BACK)

    assert str(caught.value) == oauth.WHOLE_ORGANISATION


def test_login_is_renewed_by_the_same_button(page, app, ann, slack):
    come_back(page, at_slack(page, ann))
    account = LinkedAccount.objects.get()
    former = account.credentials["token"]
    slack.uninstall(slack.core.world.tokens[former].bot)
    LinkedAccount.objects.update(status="needs_login")

    renew = f"/accounts/{account.code}/renew/"
    assert f'href="{renew}authorize/"' in page.get(renew).text
    where, _ = come_back(page, at_slack(page, ann, start=f"{renew}authorize/"))

    account.refresh_from_db()
    assert (where, account.status) == ("/accounts/", "connected")
    assert account.credentials["token"] != former


def test_app_is_removed_from_the_workspace_with_its_account(page, app, ann, slack):
    come_back(page, at_slack(page, ann))
    account = LinkedAccount.objects.get()
    bot = slack.core.world.tokens[account.credentials["token"]].bot

    account_remove(account=account)

    assert not bot.is_active


def test_app_of_its_owner_stays(slack, app):
    token = slack.install(app)

    SlackConnector(Login(slack.api.rstrip("/"), {"token": token.value})).sign_out()

    assert token.bot.is_active


# ------------------------------------------------------------------ tokens that end


@pytest.fixture
def rotating_account(page, app, ann) -> LinkedAccount:
    app.token_rotation = True
    come_back(page, at_slack(page, ann))
    return LinkedAccount.objects.get()


def test_token_that_ends_is_traded_two_hours_before(rotating_account, slack, monkeypatch):
    account = rotating_account
    former = account.credentials
    assert abs(account.rotates_at - clock.now() - timedelta(hours=10)) < timedelta(minutes=1)
    assert (account.expires_at, rotating.due()) == (None, [])  # nobody is written to

    later, real = timedelta(hours=10, minutes=1), clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + later)
    assert rotating.due() == [account.pk]
    assert rotating.rotate(account.pk)

    account.refresh_from_db()
    assert account.credentials["token"] != former["token"]
    assert account.credentials["refresh_token"] != former["refresh_token"]
    assert account.connector().verify().rotates_at == account.rotates_at
    assert rotating.due() == []


def test_token_that_has_ended_waits_for_its_successor(rotating_account, slack):
    account = rotating_account
    slack.pass_time(12 * 3600 + 1)

    with pytest.raises(RetryLater):
        account.connector().verify()
    LinkedAccount.objects.update(rotates_at=clock.now())
    assert rotating.rotate(account.pk)

    account.refresh_from_db()
    account.connector().verify()


def test_refresh_token_that_slack_does_not_take_asks_for_a_login(rotating_account, slack):
    account = rotating_account
    oauth.rotate(account.connector().login)  # somebody else has traded it
    LinkedAccount.objects.update(rotates_at=clock.now())

    assert not rotating.rotate(account.pk)

    account.refresh_from_db()
    assert (account.status, account.status_reason) == ("needs_login", oauth.NO_LONGER)


def test_no_error_names_a_token(rotating_account, slack):
    slack.fault("reset", on="oauth.v2.access", count=1)

    with pytest.raises(RetryLater) as caught:
        oauth.rotate(rotating_account.connector().login)

    assert rotating_account.credentials["refresh_token"] not in str(caught.value)
