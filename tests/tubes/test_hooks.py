"""Webhooks: what a service pushed is stored, or it is told to push again."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client

from accounts.models import LinkedAccount
from connectors.base import Addressee, Push, RoomId
from sameroom import clock
from stub.connector.connector import StubConnector
from stub.pushes import SIGNATURE, signature
from tests import factories
from tubes.models import Delivery, Event, Installation, Room, Seat
from tubes.relay import bell, guard, hooking

pytestmark = pytest.mark.django_db

Ring = tuple[str, tuple[int, ...], float]


@pytest.fixture(autouse=True)
def rings(monkeypatch: pytest.MonkeyPatch) -> list[Ring]:
    rung: list[Ring] = []
    monkeypatch.setattr(bell, "_ring", lambda task, *args, after=0.0: rung.append((task, args, after)))
    monkeypatch.setattr(bell, "ring_lanes", lambda seats: None)
    return rung


@pytest.fixture(autouse=True)
def _running() -> Iterator[None]:
    guard.forget()
    yield
    guard.forget()


def seat(room: str, *, bot: str = "", features: str = "", row: Room | None = None) -> Seat:
    """A Seat at a stub that pushes; nobody calls it here."""
    bot = bot or f"{room}-bot"
    server = "http://127.0.0.1:9"
    account = factories.account(
        kind="stub",
        server=server,
        space=server,
        remote_user_id=f"u-{bot}",
        credentials={"token": f"{bot}:secret", "features": features, "hook_secret": f"hush-{bot}"},
    )
    return factories.seat(account, row or factories.room(room, kind="stub", space=server))


@pytest.fixture
def here() -> Seat:
    """A room with a Tube to another one."""
    made = seat("here")
    factories.tube(made, seat("there"))
    Room.objects.update(next_poll_at=None)
    return made


def entry(number: int, text: str = "hello") -> dict[str, Any]:
    """A message as the stub pushes it."""
    who = {"author_id": "u-Ann", "author_name": "Ann", "said_at": clock.now().timestamp()}
    return {"id": f"m{number}", "seq": number, "kind": "message", "text": text, **who}


def push(
    account: LinkedAccount,
    *entries: dict[str, Any],
    room: str = "here",
    body: bytes | None = None,
    secret: str | None = None,
) -> HttpResponse:
    """Push to this account's address, signed as its service does."""
    whole = {"session": account.remote_user_id, "room": room, "events": list(entries)}
    body = json.dumps(whole).encode() if body is None else body
    known = account.credentials["hook_secret"] if secret is None else secret
    path = hooking.address_of(account).removeprefix("http://127.0.0.1:8000")
    headers = {SIGNATURE: signature(known, body)}
    answer: HttpResponse = Client().post(path, body, content_type="application/json", headers=headers)
    return answer


def texts_taken_in() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("remote_id", flat=True))


def test_what_is_pushed_is_stored_and_queued(here: Seat) -> None:
    answer = push(here.account, entry(1), entry(2))

    assert (answer.status_code, answer.content) == (200, b"")
    assert (texts_taken_in(), Delivery.objects.count()) == (["m1", "m2"], 2)


def test_what_is_pushed_again_is_stored_once(here: Seat) -> None:
    answers = [push(here.account, entry(1)), push(here.account, entry(1), entry(2))]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert (texts_taken_in(), Delivery.objects.count()) == (["m1", "m2"], 2)


@pytest.mark.parametrize("secret", ["wrong", ""])
def test_a_wrong_signature_is_refused(here: Seat, secret: str) -> None:
    answer = push(here.account, entry(1), secret=secret)

    assert (answer.status_code, Event.objects.count()) == (403, 0)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"room": "here"}', b'{"room": 1, "events": [1]}', b"\xff"]
)
def test_what_cannot_be_read_is_refused(here: Seat, body: bytes) -> None:
    assert push(here.account, body=body).status_code == 400


def test_an_address_that_was_guessed_is_not_there(here: Seat) -> None:
    path = hooking.address_of(here.account).removeprefix("http://127.0.0.1:8000")
    other = hooking.address_of(factories.account()).removeprefix("http://127.0.0.1:8000")
    mixed = path.rsplit("/", 2)[0] + "/" + other.rsplit("/", 2)[1] + "/"

    guessed = path[:-2] + ("1/" if path[-2] == "0" else "0/")

    assert [Client().post(url).status_code for url in (guessed, mixed)] == [404, 404]


def test_only_posting_is_possible(here: Seat) -> None:
    path = hooking.address_of(here.account).removeprefix("http://127.0.0.1:8000")

    answer = Client().get(path)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_a_relay_that_is_stopped_asks_to_push_again(here: Seat) -> None:
    Installation.objects.create(pk=1, public_url="http://elsewhere", stopped_because="This is a copy.")

    answer = push(here.account, entry(1))

    assert (answer.status_code, answer.headers["Retry-After"], Event.objects.count()) == (503, "5", 0)


def test_an_account_that_needs_a_login_asks_to_push_again(here: Seat) -> None:
    here.account.status = "needs_login"
    here.account.save()

    answer = push(here.account, entry(1))

    assert (answer.status_code, answer.headers["Retry-After"], Event.objects.count()) == (503, "5", 0)


@contextmanager
def database_away(when: Callable[[str], bool]) -> Iterator[None]:
    """Statements of this kind find no database."""

    def gone(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if when(sql):
            raise OperationalError("server closed the connection unexpectedly")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(gone):
        yield


@pytest.mark.parametrize("reads_account", [False, True])
def test_a_database_that_is_away_asks_to_push_again(here: Seat, reads_account: bool) -> None:
    with database_away(lambda sql: "SAVEPOINT" not in sql and ("_linkedaccount" in sql) is not reads_account):
        answer = push(here.account, entry(1))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert push(here.account, entry(1)).status_code == 200
    assert texts_taken_in() == ["m1"]


def test_rooms_without_a_tube_are_left_out(here: Seat) -> None:
    factories.seat(here.account, factories.room("lonely", kind="stub", space=here.account.space))

    answers = [push(here.account, entry(1), room=room) for room in ("lonely", "unheard of")]

    assert ([answer.status_code for answer in answers], Event.objects.count()) == ([200, 200], 0)


def test_a_seat_that_lost_its_room_tells_nothing_of_it(here: Seat) -> None:
    Seat.objects.filter(pk=here.pk).update(failure="kicked")

    assert (push(here.account, entry(1)).status_code, Event.objects.count()) == (200, 0)


def test_two_accounts_in_one_room_push_each_event_once(here: Seat) -> None:
    other = seat("here", bot="other", row=here.room)
    factories.tube(other, seat("elsewhere"))

    for account in (here.account, other.account):
        assert push(account, entry(1)).status_code == 200

    assert texts_taken_in() == ["m1"]


def test_without_ids_only_the_account_that_reads_for_all_is_heard(here: Seat) -> None:
    other = seat("here", bot="other", row=here.room, features="push,history")
    factories.tube(other, seat("elsewhere"))
    mine = here.account.credentials | {"features": "push,history"}
    here.account.credentials = mine
    here.account.save()

    for account in (here.account, other.account):
        assert push(account, entry(1)).status_code == 200

    assert Event.objects.count() == 1


def test_a_polled_room_is_made_due_at_once(
    here: Seat, rings: list[Ring], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StubConnector, "receive", lambda *_: Push(rooms=[RoomId("here")], answer="thanks"))
    Room.objects.filter(pk=here.room_id).update(next_poll_at=clock.now().replace(year=2999))

    answer = push(here.account)

    assert (answer.status_code, answer.content) == (200, b"thanks")
    due = Room.objects.get(pk=here.room_id).next_poll_at
    assert due is not None
    assert due <= clock.now()
    assert rings == [("tubes.tasks.poll_account", (here.account.pk, 0), 0.0)]
    push(here.account)
    assert Room.objects.get(pk=here.room_id).next_poll_at == due


def test_an_error_of_our_own_loses_nothing(here: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise ValueError("our bug")

    with monkeypatch.context() as patch:
        patch.setattr("tubes.relay.intake.route", broken)
        with pytest.raises(ValueError, match="our bug"):
            push(here.account, entry(1))

    assert push(here.account, entry(1)).status_code == 200
    assert texts_taken_in() == ["m1"]


# ------------------------------------------------------------------ one address for all accounts of a service


@pytest.fixture
def one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stub as a service that pushes for everybody to one address, and names the team."""

    def addressed(cls: type, headers: Mapping[str, str], body: bytes) -> Addressee:
        told = json.loads(body)
        shared = RoomId(told.get("shared", ""))
        return Addressee(told.get("team", ""), shared_room=shared, answer=told.get("challenge", ""))

    can = replace(StubConnector.capabilities, one_address=True)
    monkeypatch.setattr(StubConnector, "capabilities", can)
    monkeypatch.setattr(StubConnector, "addressed", classmethod(addressed))


def push_to_service(secret: str, *entries: dict[str, Any], **more: str) -> HttpResponse:
    whole = {"session": "s", "room": "here", "events": list(entries), **more}
    body = json.dumps(whole).encode()
    headers = {SIGNATURE: signature(secret, body)}
    answer: HttpResponse = Client().post(
        "/hooks/stub/", body, content_type="application/json", headers=headers
    )
    return answer


def of_team(account: LinkedAccount, team: str) -> str:
    """Put an account into a team; the secret it signs with."""
    LinkedAccount.objects.filter(pk=account.pk).update(team_id=team)
    return account.credentials["hook_secret"]


@pytest.mark.usefixtures("one_address")
class TestOneAddress:
    def test_push_goes_to_the_account_whose_signature_it_bears(self, here: Seat) -> None:
        ours = of_team(here.account, "T1")
        other = seat("other", row=here.room)  # of another app in the same team
        of_team(other.account, "T1")

        assert push_to_service(ours, entry(1), team="T1").status_code == 200
        assert texts_taken_in() == ["m1"]

    def test_push_for_another_team_is_acknowledged_and_dropped(self, here: Seat) -> None:
        ours = of_team(here.account, "T1")

        answer = push_to_service(ours, entry(1), team="T2")

        assert (answer.status_code, Event.objects.count()) == (200, 0)

    def test_push_about_a_room_that_teams_share_goes_to_who_sits_there(self, here: Seat) -> None:
        ours = of_team(here.account, "T1")

        push_to_service(ours, entry(1), team="T2", shared="elsewhere")
        assert texts_taken_in() == []
        push_to_service(ours, entry(2), team="T2", shared=here.room.remote_id)
        assert texts_taken_in() == ["m2"]

    def test_wrong_signature_is_refused(self, here: Seat) -> None:
        of_team(here.account, "T1")

        assert push_to_service("wrong", entry(1), team="T1").status_code == 403
        assert Event.objects.count() == 0

    def test_address_that_is_tried_out_answers(self, here: Seat) -> None:
        answer = push_to_service("", challenge="abc")

        assert (answer.status_code, answer.content) == (200, b"abc")
        assert answer.headers["Content-Type"] == "text/plain"

    def test_what_cannot_be_read_is_refused(self) -> None:
        answer = Client().post("/hooks/stub/", b"{", content_type="application/json")

        assert answer.status_code == 400

    def test_accounts_page_asks_nobody_to_enter_an_address(self, here: Seat, client: Client) -> None:
        client.force_login(here.account.owner)

        assert "Webhook address" not in client.get("/accounts/").text

    def test_stopped_relay_asks_to_push_again(self, here: Seat) -> None:
        ours = of_team(here.account, "T1")
        Installation.objects.create(pk=1, public_url="http://elsewhere", stopped_because="This is a copy.")

        assert push_to_service(ours, entry(1), team="T1").status_code == 503

    def test_only_posting_is_possible(self) -> None:
        assert Client().get("/hooks/stub/").status_code == 405


@pytest.mark.parametrize("kind", ["stub", "echo", "nothing"])
def test_service_that_pushes_to_no_one_address_has_none(kind: str) -> None:
    assert Client().post(f"/hooks/{kind}/", b"{}", content_type="application/json").status_code == 404


@pytest.mark.parametrize("status", ["connected", "needs_login"])
def test_doubted_login_is_asked_about_at_once(
    here: Seat, rings: list[Ring], monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    LinkedAccount.objects.update(status=status)
    monkeypatch.setattr(StubConnector, "receive", lambda self, headers, body: Push(doubts_login=True))

    assert push(here.account).status_code == 200
    assert rings == [("accounts.tasks.refresh_rooms", (here.account.pk,), 0.0)]
