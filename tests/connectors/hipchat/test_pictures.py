from typing import Any

import pytest

from accounts.services import account_refresh_quietly
from connectors.base import Login
from connectors.hipchat import pictures
from connectors.hipchat.connector import HipChatConnector
from tests import factories
from tests.connectors.hipchat.harness import SCOPES, HipChatHarness


def connector_with(hipchat: HipChatHarness, *more: str) -> HipChatConnector:
    scopes = (*SCOPES, *more)
    token = hipchat.world.create_token(hipchat.ann.id, scopes).token
    login = Login(hipchat.server.url, {"token": token}, hipchat.login.user_id, "77", scopes)
    return HipChatConnector(login)


def gives(hipchat: HipChatHarness, *people: dict[str, Any], skip: int = 0) -> None:
    hipchat.fault(path=r"/v2/user\b", status=200, body={"items": list(people)}, skip=skip)


def avatars(connector: HipChatConnector, hipchat: HipChatHarness) -> list[str]:
    return [event.author.avatar_url for event in connector.read_after(hipchat.room, None).events]


@pytest.fixture
def seeing(hipchat: HipChatHarness) -> HipChatConnector:
    return connector_with(hipchat, "view_group")


def test_messages_have_their_authors_pictures_once_these_were_looked_up(
    hipchat: HipChatHarness, seeing: HipChatConnector
) -> None:
    hipchat.say("hello")
    gives(hipchat, {"id": hipchat.person.id, "photo_url": "https://example.com/p.png"}, {"id": 1})
    assert avatars(seeing, hipchat) == [""]

    seeing.refresh_people()

    assert avatars(seeing, hipchat) == ["https://example.com/p.png"]


def test_reading_asks_for_nobody(hipchat: HipChatHarness, seeing: HipChatConnector) -> None:
    hipchat.say("hello")
    hipchat.world.clear_counts()

    avatars(seeing, hipchat)

    [counts] = hipchat.world.request_counts().values()
    assert counts == {"GET history-latest": 1, "total": 1}


def test_the_whole_group_is_one_request(hipchat: HipChatHarness, seeing: HipChatConnector) -> None:
    seeing.refresh_people()

    [counts] = hipchat.world.request_counts().values()
    assert counts == {"GET user-list": 1, "total": 1}


def test_a_large_group_costs_a_bounded_number_of_requests(
    hipchat: HipChatHarness, seeing: HipChatConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.hipchat.connector.PEOPLE_PER_PAGE", 1)
    monkeypatch.setattr("connectors.hipchat.connector.PEOPLE_PAGES", 2)

    seeing.refresh_people()

    [counts] = hipchat.world.request_counts().values()
    assert counts["GET user-list"] == 2


def test_a_token_that_may_not_see_people_asks_for_none(hipchat: HipChatHarness) -> None:
    connector_with(hipchat).refresh_people()

    assert hipchat.world.request_counts() == {}


@pytest.mark.parametrize("url", [None, 7, "javascript:alert(1)", "/p.png", "https://x/" + "p" * 600])
def test_what_is_no_address_is_no_picture(
    url: object, hipchat: HipChatHarness, seeing: HipChatConnector
) -> None:
    hipchat.say("hello")
    gives(hipchat, {"id": hipchat.person.id, "photo_url": url})

    seeing.refresh_people()

    assert avatars(seeing, hipchat) == [""]


def test_pictures_of_one_group_are_not_shown_in_another(
    hipchat: HipChatHarness, seeing: HipChatConnector
) -> None:
    hipchat.say("hello")
    gives(hipchat, {"id": hipchat.person.id, "photo_url": "https://example.com/p.png"})
    seeing.refresh_people()
    login = Login(hipchat.server.url, seeing.login.credentials, team_id="78", scopes=seeing.login.scopes)

    assert avatars(HipChatConnector(login), hipchat) == [""]


def test_a_cache_that_fails_costs_the_pictures_only(
    hipchat: HipChatHarness, seeing: HipChatConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def get_many(self, keys: object) -> None:
            raise ConnectionError

        set_many = get_many

    hipchat.say("hello")
    monkeypatch.setattr(pictures, "cache", Broken())

    assert avatars(seeing, hipchat) == [""]


@pytest.mark.django_db
def test_the_hourly_look_at_an_account_looks_for_pictures(hipchat: HipChatHarness) -> None:
    scopes = [*SCOPES, "view_group"]
    token = hipchat.world.create_token(hipchat.ann.id, scopes).token
    account = factories.account(
        kind="hipchat", server=hipchat.server.url, credentials={"token": token}, scopes=scopes, team_id="77"
    )
    hipchat.say("hello")
    gives(hipchat, {"id": hipchat.person.id, "photo_url": "https://example.com/p.png"})

    account_refresh_quietly(account=account)

    assert avatars(account.connector(), hipchat) == ["https://example.com/p.png"]  # type: ignore[arg-type]
