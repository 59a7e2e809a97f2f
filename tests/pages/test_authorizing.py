"""Linking by a service's own page, there and back: by an echo service that can."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import mail
from django.test import Client

from accounts import outbox
from accounts.models import LinkedAccount
from connectors.authorizing import Authorization, Authorized
from connectors.base import Login
from connectors.echo.connector import EchoConnector
from connectors.errors import LoginRejected
from sameroom import clock
from tests import factories
from tests.relay.conftest import Clock

START, BACK = "/accounts/add/echo/authorize/", "/accounts/authorized/echo/"
FORM = "/accounts/add/echo/"
pytestmark = pytest.mark.django_db


class Asking(Authorization):
    """Gives out codes that are the name of who has allowed it."""

    def __init__(self) -> None:
        self.is_on = True
        self.traded: list[tuple[str, str]] = []

    def is_offered(self) -> bool:
        return self.is_on

    def address(self, *, state: str, back: str) -> str:
        return f"https://echo.example/allow?state={state}&back={back}"

    def login(self, *, code: str, back: str) -> Login:
        self.traded.append((code, back))
        if code == "ended":
            raise LoginRejected("Echo does not take this answer. Begin again.")
        return Login("", {"team": "acme", "name": code, "token": "open-sesame"})

    def refusal(self, error: str) -> str:
        return f"Echo says {error or 'nothing'}. Begin again."


@pytest.fixture(autouse=True)
def way(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Asking:
    steps = tmp_path / "connectors" / "echo" / "authorize.html"
    steps.parent.mkdir(parents=True)
    steps.write_text("<p>Echo asks you itself.</p>")
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [*engine["DIRS"], tmp_path]}]
    asking = Asking()
    monkeypatch.setattr(EchoConnector, "authorization", asking)
    return asking


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved, real = Clock(), clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + moved.ahead)
    return moved


def begin(page: Client, path: str = START) -> str:
    """Press the button; the state that goes along."""
    response = page.get(path)
    assert response.status_code == 302
    asked = parse_qs(urlsplit(response["Location"]).query)
    assert asked["back"] == ["http://127.0.0.1:8000" + BACK]
    return asked["state"][0]


def come_back(page: Client, **query: str) -> tuple[str, list[str]]:
    """Follow the service's answer; where that leads, and what is said there."""
    response = page.get(BACK, query)
    assert response.status_code == 302
    return response["Location"], [str(one) for one in page.get(response["Location"]).context["messages"]]


def accounts(owner: Any) -> list[str]:
    return [
        one.remote_user_name.removesuffix(" of acme")
        for one in LinkedAccount.objects.owned_by(owner).order_by("pk")
    ]


def test_account_is_linked_and_its_owner_told(page, ann, way):
    state = begin(page)

    where, said = come_back(page, code="bot", state=state)

    assert where == "/accounts/"
    assert said == ["bot of acme @ acme is linked. Now open a Tube from one of its rooms."]
    account = LinkedAccount.objects.get(owner=ann)
    assert account.credentials == {"team": "acme", "name": "bot", "token": "open-sesame"}
    assert way.traded == [("bot", "http://127.0.0.1:8000" + BACK)]
    for letter in outbox.due():
        outbox.post(letter)
    assert [letter.subject for letter in mail.outbox] == ["bot of acme @ acme was linked"]


def test_several_are_linked_one_after_the_other(page, ann):
    first, second = begin(page), begin(page)  # in two tabs

    come_back(page, code="one", state=first)
    come_back(page, code="two", state=second)

    assert accounts(ann) == ["one", "two"]


@pytest.mark.parametrize("made_up", ["", "made-up", "é"])
def test_answer_to_no_question_is_refused(page, ann, way, made_up):
    begin(page)

    where, said = come_back(page, code="bot", state=made_up)

    assert where == FORM
    assert said == [
        "This answer of Echo belongs to no question of this browser’s, or came too late. Begin again."
    ]
    assert (accounts(ann), way.traded) == ([], [])


def test_answer_works_once(page, ann, way):
    state = begin(page)
    come_back(page, code="one", state=state)

    where, said = come_back(page, code="two", state=state)

    assert (where, accounts(ann), len(way.traded)) == (FORM, ["one"], 1)
    assert "Begin again." in said[0]


def test_answer_that_failed_works_no_second_time(page, ann):
    state = begin(page)

    assert come_back(page, code="ended", state=state) == (
        FORM,
        ["Echo does not take this answer. Begin again."],
    )
    come_back(page, code="bot", state=state)

    assert accounts(ann) == []


def test_answer_comes_within_ten_minutes(page, ann, time):
    state = begin(page)
    time.forward(601)

    come_back(page, code="bot", state=state)

    assert accounts(ann) == []


def test_answer_belongs_to_the_session_that_began(page, ann, client):
    state = begin(page)
    eve = factories.user()
    other = Client()
    other.force_login(eve)

    other.get(BACK, {"code": "bot", "state": state})

    assert (accounts(eve), accounts(ann)) == ([], [])


def test_stranger_with_an_answer_signs_in_first_and_it_is_void(client, ann):
    response = client.get(BACK, {"code": "bot", "state": "x"})

    assert response["Location"].startswith("/user/login/?next=")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"error": "access_denied"}, "Echo says access_denied. Begin again."),
        ({}, "Echo says nothing. Begin again."),
    ],
)
def test_refusal_is_told(page, ann, way, query, sentence):
    state = begin(page)

    assert come_back(page, state=state, **query) == (FORM, [sentence])
    assert way.traded == []


def test_only_the_newest_five_questions_are_kept(page, ann):
    states = [begin(page) for _ in range(6)]

    come_back(page, code="first", state=states[0])
    come_back(page, code="second", state=states[1])

    assert accounts(ann) == ["second"]


def renew(account: LinkedAccount) -> str:
    return f"/accounts/{account.code}/renew/"


def test_login_is_renewed(page, ann):
    state = begin(page)
    come_back(page, code="bot", state=state)
    account = LinkedAccount.objects.get(owner=ann)
    LinkedAccount.objects.update(status="needs_login", status_reason="Gone.")

    state = begin(page, f"{renew(account)}authorize/")
    where, said = come_back(page, code="bot", state=state)

    assert where == "/accounts/"
    assert said == ["bot of acme @ acme works again. What was said meanwhile follows now."]
    account.refresh_from_db()
    assert (account.status, LinkedAccount.objects.count()) == ("connected", 1)


def test_another_login_renews_nothing(page, ann):
    state = begin(page)
    come_back(page, code="bot", state=state)
    account = LinkedAccount.objects.get(owner=ann)

    state = begin(page, f"{renew(account)}authorize/")

    assert come_back(page, code="other", state=state) == (
        renew(account),
        [
            "This logs in as other of acme at acme, not as bot of acme @ acme. "
            "Begin again, and choose that one.",
        ],
    )
    assert accounts(ann) == ["bot"]


def test_login_that_somebody_else_has_linked_is_refused(page, ann):
    eve = Client()
    eve.force_login(factories.user())
    come_back(eve, code="bot", state=begin(eve))

    where, said = come_back(page, code="bot", state=begin(page))

    assert (where, accounts(ann)) == (FORM, [])
    assert said[0].startswith("This Echo login is linked by somebody else at Sameroom already.")


def test_where_the_operator_has_not_registered_it_nothing_is_offered(page, ann, way):
    way.is_on = False
    account = factories.account(ann)

    assert page.get(START).status_code == 404
    assert page.get(BACK, {"code": "bot"}).status_code == 404
    assert page.get(f"{renew(account)}authorize/")["Location"] == renew(account)
    assert "authorize" not in page.get(FORM).text


def test_both_ways_are_offered(page):
    text = page.get(FORM).text

    assert "Echo asks you itself." in text
    assert "By tokens of your own instead" in text
    assert 'name="token"' in text


@pytest.mark.parametrize("method", ["post", "put"])
def test_it_is_asked_by_get_only(page, method):
    assert getattr(page, method)(START).status_code == 405


def test_secrets_are_in_no_repr():
    identity = EchoConnector(Login("", {"team": "acme", "name": "bot", "token": "open-sesame"})).verify()
    secrets: Mapping[str, str] = {"token": "very-secret"}

    assert "very-secret" not in repr(Authorized(EchoConnector, identity, secrets))
