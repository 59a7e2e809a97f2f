"""Tokens, scopes, arguments, errors and limits, as slack-sdk meets them."""

from __future__ import annotations

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.fakeslack.asking import error_of
from tests.fakeslack.conftest import Office


def test_auth_test_says_whose_the_token_is(office: Office, client: WebClient) -> None:
    told = client.auth_test()

    assert told["team_id"] == office.slack.team.id
    assert told["user_id"] == office.bot.user.id
    assert told["bot_id"] == office.bot.id
    assert told.headers["x-oauth-scopes"].split(",") == office.token.scopes


@pytest.mark.parametrize(("token", "error"), [("", "not_authed"), ("xoxb-nobody", "invalid_auth")])
def test_unknown_tokens_are_refused(office: Office, token: str, error: str) -> None:
    answer = requests.post(
        f"{office.slack.api}auth.test", headers={"Authorization": f"Bearer {token}"}, timeout=30
    )

    assert answer.status_code == 200
    assert answer.json() == {"ok": False, "error": error}


def test_a_token_may_stand_in_a_form(office: Office) -> None:
    answer = requests.post(f"{office.slack.api}auth.test", data={"token": office.token.value}, timeout=30)

    assert answer.json()["user_id"] == office.bot.user.id


def test_a_revoked_token_is_refused(office: Office, client: WebClient) -> None:
    office.slack.revoke(office.token)

    with pytest.raises(SlackApiError) as refused:
        client.auth_test()

    assert error_of(refused) == "token_revoked"


def test_after_uninstalling_the_bot_token_is_inactive(office: Office, client: WebClient) -> None:
    office.slack.uninstall(office.bot)

    with pytest.raises(SlackApiError) as refused:
        client.auth_test()

    assert error_of(refused) == "account_inactive"
    assert office.bot.user not in office.room.members


def test_installing_again_does_not_revive_an_old_token(office: Office, client: WebClient) -> None:
    office.slack.uninstall(office.bot)

    again = office.slack.install(office.app, by=office.ann)

    assert office.client(again.value).auth_test()["user_id"] == office.bot.user.id
    with pytest.raises(SlackApiError):
        client.auth_test()


def test_auth_revoke_ends_the_token(office: Office, client: WebClient) -> None:
    assert client.auth_revoke()["revoked"] is True

    with pytest.raises(SlackApiError) as refused:
        client.auth_test()

    assert error_of(refused) == "token_revoked"


def test_a_missing_scope_is_named(office: Office) -> None:
    token = office.slack.install(office.slack.app("Small"), by=office.ann, scopes=["chat:write"])

    with pytest.raises(SlackApiError) as refused:
        office.client(token.value).conversations_list()

    assert refused.value.response.data == {
        "ok": False,
        "error": "missing_scope",
        "needed": "channels:read",
        "provided": "chat:write",
    }


def test_listing_private_channels_wants_their_scope(office: Office) -> None:
    token = office.slack.install(office.slack.app("Small"), by=office.ann, scopes=["channels:read"])

    with pytest.raises(SlackApiError) as refused:
        office.client(token.value).conversations_list(types="public_channel,private_channel")

    assert refused.value.response["needed"] == "groups:read"


def test_an_app_level_token_is_no_bots(office: Office) -> None:
    token = office.slack.app_token(office.app)

    with pytest.raises(SlackApiError) as refused:
        office.client(token.value).conversations_list()

    assert error_of(refused) == "not_allowed_token_type"


def test_unknown_methods_are_named(office: Office, client: WebClient) -> None:
    with pytest.raises(SlackApiError) as refused:
        client.api_call("chat.shout")

    assert refused.value.response.data == {"ok": False, "error": "unknown_method", "req_method": "chat.shout"}


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (b"{", "application/json; charset=utf-8", "invalid_json"),
        (b"[1]", "application/json; charset=utf-8", "json_not_object"),
        (b"<a/>", "text/xml", "invalid_post_type"),
        (b"a=%ff\xff", "application/x-www-form-urlencoded", "invalid_form_data"),
    ],
)
def test_unreadable_bodies_are_named(office: Office, body: bytes, content_type: str, error: str) -> None:
    headers = {"Authorization": f"Bearer {office.token.value}", "Content-Type": content_type}

    answer = requests.post(f"{office.slack.api}auth.test", data=body, headers=headers, timeout=30)

    assert answer.json() == {"ok": False, "error": error}


def test_json_without_a_charset_is_warned_about(office: Office) -> None:
    headers = {"Authorization": f"Bearer {office.token.value}", "Content-Type": "application/json"}

    told = requests.post(f"{office.slack.api}auth.test", data="{}", headers=headers, timeout=30).json()

    assert (told["ok"], told["warning"]) == (True, "missing_charset")


def test_a_method_without_json_does_not_see_it(office: Office) -> None:
    headers = {"Authorization": f"Bearer {office.token.value}"}

    told = requests.post(
        f"{office.slack.api}users.info", json={"user": office.ann.id}, headers=headers, timeout=30
    ).json()

    assert told["error"] == "user_not_found"


def test_users_teams_bots_and_emoji(office: Office, client: WebClient) -> None:
    office.slack.add_emoji("party_parrot", "https://emoji.example/parrot.gif")

    assert [one["name"] for one in client.users_list()["members"]][1:3] == ["ann", "bob"]
    assert client.users_info(user=office.ann.id)["user"]["profile"]["display_name"] == "ann"
    assert client.team_info()["team"]["domain"] == "acme"
    assert client.bots_info(bot=office.bot.id)["bot"]["user_id"] == office.bot.user.id
    assert client.emoji_list()["emoji"] == {"party_parrot": "https://emoji.example/parrot.gif"}


def test_an_address_is_told_by_its_own_scope(office: Office, client: WebClient) -> None:
    more = office.slack.install(
        office.slack.app("Post"), by=office.ann, scopes=["users:read", "users:read.email"]
    )

    profile = office.client(more.value).users_info(user=office.ann.id)["user"]["profile"]

    assert profile["email"] == "ann@example.org"
    assert "email" not in client.users_info(user=office.ann.id)["user"]["profile"]


def test_an_enterprise_is_named(office: Office) -> None:
    team = office.slack.workspace("Grid One", enterprise="Grid")
    token = office.slack.install(office.app, team=team)

    told = office.client(token.value).auth_test()

    assert team.enterprise
    assert told["enterprise_id"] == team.enterprise.id
    assert office.slack.person("wendy", team=team).id.startswith("W")


def test_a_tier_is_enforced_for_each_workspace(office: Office, client: WebClient) -> None:
    office.slack.limit(minute=600)
    elsewhere = office.client(office.slack.install(office.app, team=office.slack.workspace("Other")).value)
    for _ in range(20):
        client.conversations_list()

    with pytest.raises(SlackApiError) as refused:
        client.conversations_list()

    assert refused.value.response.status_code == 429
    assert error_of(refused) == "ratelimited"
    assert 590 <= int(refused.value.response.headers["Retry-After"]) <= 600
    assert elsewhere.conversations_list()["ok"]


def test_one_message_a_second_in_each_channel(office: Office, client: WebClient) -> None:
    office.slack.limit(posting=30)
    other = office.slack.channel("other", office.bot)
    client.chat_postMessage(channel=office.room.id, text="one")

    with pytest.raises(SlackApiError) as refused:
        client.chat_postMessage(channel=office.room.id, text="two")

    assert int(refused.value.response.headers["Retry-After"]) in (29, 30)
    assert client.chat_postMessage(channel=other.id, text="two")["ok"]
    assert office.slack.texts(office.room) == ["one"]


def test_an_unlisted_app_reads_fifteen_messages_a_minute(office: Office) -> None:
    app = office.slack.app("Sold", is_unlisted=True)
    token = office.slack.install(app, by=office.ann)
    office.slack.join(office.room, token.bot)
    for number in range(20):
        office.slack.say(office.room, office.ann, str(number))
    office.slack.limit()
    client = office.client(token.value)

    assert len(client.conversations_history(channel=office.room.id, limit=100)["messages"]) == 15
    with pytest.raises(SlackApiError) as refused:
        client.conversations_history(channel=office.room.id)
    assert error_of(refused) == "ratelimited"
