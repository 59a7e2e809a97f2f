"""Linking by a pasted token: what is verified, and what the form says."""

import pytest
import responses

from accounts.forms import ask_secrets_only
from connectors.base import Login, Support
from connectors.errors import LoginRejected
from connectors.slack import scopes
from connectors.slack.connector import SlackConnector
from connectors.slack.forms import SlackCredentialsForm
from connectors.slack.scopes import bot_of


@pytest.fixture
def form(harness, settings):
    settings.SLACK_API_URL = harness.login.server
    return lambda **data: SlackCredentialsForm(data, connector_class=SlackConnector)


def test_identity_names_workspace_bot_and_scopes(connector, harness):
    identity = connector.verify()

    assert (identity.server, identity.space) == (harness.login.server, harness.login.server)
    assert (identity.team_id, identity.team_name) == (harness.slack.team.id, "Acme")
    assert identity.user_id == harness.bot.user.id
    assert {"chat:write", "chat:write.customize", "groups:history"} <= set(identity.scopes)
    assert bot_of(identity.scopes) == harness.bot.id
    assert connector.granted().scopes == identity.scopes


def test_missing_scopes_are_named(harness):
    few = harness.slack.install(
        harness.slack.app("Less"), scopes=["chat:write", "channels:read", "users:read"]
    )

    with pytest.raises(LoginRejected, match=r"lacks channels:history, groups:history, groups:read\. Add"):
        SlackConnector(harness.login_of(few)).verify()


def test_scopes_that_could_be_granted_besides_are_named():
    whole = scopes.with_bot(scopes.WHOLE, "B1")

    assert SlackConnector.lacking(whole) == SlackConnector.lacking(["bot:B1"]) == ""
    told = SlackConnector.lacking([one for one in whole if one not in ("files:read", "commands")])
    assert told.startswith("The Slack app lacks files:read, commands, so not everything crosses. Add this ")


def test_token_of_a_person_belongs_to_no_bot(harness):
    token = harness.slack.user_token(harness.app, harness.person, "channels:history")

    with pytest.raises(LoginRejected, match="belongs to no bot"):
        SlackConnector(Login(harness.login.server, {"token": token.value})).verify()


@pytest.mark.parametrize(("end", "sentence"), [("revoke", "does not take"), ("uninstall", "does not take")])
def test_token_that_has_ended_is_refused(end, sentence, connector, harness):
    getattr(harness.slack, end)(harness.token if end == "revoke" else harness.bot)

    with pytest.raises(LoginRejected, match=sentence):
        connector.granted()


def test_organisation_is_told_where_a_workspace_is_of_one(harness):
    team = harness.slack.workspace("Big", enterprise="Bigger")
    token = harness.slack.install(harness.slack.app("Org"), team=team)

    assert SlackConnector(harness.login_of(token)).verify().team_id == team.id


def test_form_keeps_what_was_given_and_nothing_else(form, harness):
    filled = form(token=f" {harness.token.value} ", signing_secret="0f" * 16, quiet_replies="on")

    assert filled.is_valid(), filled.errors
    assert filled.secrets() == {
        "token": harness.token.value,
        "signing_secret": "0f" * 16,
        "quiet_replies": "on",
    }
    assert filled.identity.user_id == harness.bot.user.id


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"token": "xoxp-1234567890"}, "This is a user token."),
        ({"token": "xapp-1234567890"}, "This is an app-level token, for the field below."),
        ({"token": "xoxc-1234567890"}, "This is a token of the browser."),
        ({"token": "hello"}, "This is no bot token: one begins with xoxb-."),
        ({"token": "xoxb-1234567890", "app_token": "xoxb-1"}, "This is no app-level token"),
        ({"token": "xoxb-1234567890", "signing_secret": "short"}, "This is no signing secret"),
        ({"token": "xoxb-1234567890"}, "Slack does not take this token"),
    ],
)
def test_form_says_what_is_wrong(data, sentence, form):
    filled = form(**data)

    assert not filled.is_valid()
    assert [text for texts in filled.errors.values() for text in texts if text.startswith(sentence)]


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ("app_token", "by Socket Mode: paste its app-level token"),
        ("signing_secret", "signing secret once more"),
    ],
)
def test_renewed_account_is_asked_for_what_slack_tells_it_by(known, sentence, form, harness):
    bare, other = form(token=harness.token.value), form(token=harness.token.value, signing_secret="0f" * 16)
    for one in (bare, other):
        ask_secrets_only(one, known={"token": "xoxb-1", known: "secret", "server": ""})

    assert not bare.is_valid()
    assert {name: sentence in str(said) for name, said in bare.errors.items()} == {known: True}
    assert other.is_valid(), other.errors


def test_claims_are_those_of_the_login(harness):
    told = {
        name: SlackConnector(harness.login_of(harness.token, **given)).capabilities
        for name, given in {
            "socket": {"app_token": "xapp-1"},
            "events": {},
            "asked": {"signing_secret": ""},
        }.items()
    }
    assert {name: (can.reading.value, can.hooks) for name, can in told.items()} == {
        "socket": ("stream", False),
        "events": ("poll", True),
        "asked": ("poll", False),
    }
    few = harness.slack.install(
        harness.slack.app("Less"),
        scopes=[
            "channels:history",
            "channels:read",
            "chat:write",
            "groups:history",
            "groups:read",
            "users:read",
        ],
    )
    can = SlackConnector(harness.login_of(few)).capabilities
    assert {can.sender_override.value, can.reactions.value, can.files.value} == {"none", "imitated"}


@pytest.mark.parametrize("lacking", ["files:read", "files:write"])
def test_files_are_posted_where_both_scopes_for_them_are_granted(lacking, harness):
    scopes = [one for one in harness.app.scopes if one != lacking]
    few = harness.slack.install(harness.slack.app("Less"), scopes=scopes)

    assert SlackConnector(harness.login).capabilities.files is Support.NATIVE
    assert SlackConnector(harness.login_of(few)).capabilities.files is Support.IMITATED


def test_app_level_token_is_tried_too(harness):
    harness.app.socket_mode = True
    fine = harness.slack.app_token(harness.app)
    lacking = harness.slack.app_token(harness.app, "authorizations:read")

    SlackConnector(harness.login_of(harness.token, app_token=fine.value)).verify()

    with pytest.raises(LoginRejected, match="app-level token"):
        SlackConnector(harness.login_of(harness.token, app_token=lacking.value)).verify()


@responses.activate
def test_token_of_a_whole_organisation_is_refused(harness):
    told = {"ok": True, "user_id": "U1", "bot_id": "B1", "team_id": "E1", "is_enterprise_install": True}
    responses.post("https://slack.com/api/auth.test", json=told)

    with pytest.raises(LoginRejected, match="one workspace of it"):
        SlackConnector(Login("https://slack.com/api", {"token": "xoxb-1"})).verify()
