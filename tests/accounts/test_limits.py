"""Guessing is limited in every process at once, and shuts nobody out but the guesser."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.db.models import F
from django.test import Client, RequestFactory

from accounts import limits, tasks
from accounts.limits import Limit, TooManyTries, take
from accounts.models import Bucket, User
from accounts.views_limits import words
from sameroom import clock
from tests import factories
from tests.relay.conftest import Clock

pytestmark = pytest.mark.django_db

LIMIT = Limit("test", 3, timedelta(minutes=1))
EMAIL = "ann@example.com"
ATTACKER, HOME, ELSEWHERE = "203.0.113.66", "198.51.100.1", "192.0.2.9"


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """It stands still until it is moved: on a slow machine buckets would be emptied meanwhile."""
    moved, began = Clock(), clock.now()
    monkeypatch.setattr(clock, "now", lambda: began + moved.ahead)
    return moved


@pytest.fixture(autouse=True)
def fresh(settings: Any) -> None:
    """allauth's own limits, which are beside ours, are not what is tested here."""
    cache.clear()
    unlimited = ("login", "login_failed", "request_login_code", "reset_password", "signup")
    settings.ACCOUNT_RATE_LIMITS = dict.fromkeys(unlimited)


@pytest.fixture
def ann(db: None) -> User:
    return factories.user(EMAIL)


def sign_in(client: Client, password: str, *, email: str = EMAIL, address: str = ATTACKER) -> Any:
    return client.post("/user/login/", {"login": email, "password": password}, REMOTE_ADDR=address)


def guess(times: int, *, email: str = EMAIL, address: str = ATTACKER) -> list[int]:
    return [sign_in(Client(), f"guess {n}", email=email, address=address).status_code for n in range(times)]


def is_in(response: Any) -> bool:
    return (response.status_code, response.headers.get("Location")) == (302, "/accounts/")


# ------------------------------------------------------------------ the buckets


def test_so_many_at_once_and_then_one_in_each_while(time: Clock) -> None:
    for _ in range(3):
        take(LIMIT, "ann")
    with pytest.raises(TooManyTries) as refused:
        take(LIMIT, "ann")
    assert 59 < refused.value.seconds <= 60

    time.forward(61)
    take(LIMIT, "ann")
    with pytest.raises(TooManyTries):
        take(LIMIT, "ann")
    take(LIMIT, "bob")
    time.forward(10_000)
    for _ in range(3):
        take(LIMIT, "ann")


def test_a_try_is_given_back(time: Clock) -> None:
    for _ in range(10):
        take(LIMIT, "ann").give_back()

    assert take(LIMIT, "ann")


def test_nobody_can_be_read_from_a_bucket_and_empty_ones_are_forgotten(time: Clock) -> None:
    take(LIMIT, EMAIL, HOME)
    [row] = Bucket.objects.values_list("key", flat=True)
    assert (len(row), EMAIL in row, HOME in row) == (64, False, False)

    tasks.refresh_stale_accounts()
    assert Bucket.objects.count() == 1
    time.forward(61)
    tasks.refresh_stale_accounts()

    assert Bucket.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_tries_at_the_same_time_are_all_counted() -> None:
    """Threads with connections of their own are to the database what processes are."""
    passed: list[bool] = []
    begin = threading.Barrier(8)

    def try_it() -> None:
        begin.wait()
        for _ in range(5):
            try:
                take(LIMIT, "ann")
                passed.append(True)
            except TooManyTries:
                passed.append(False)
        connection.close()

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(passed), sum(passed)) == (40, 3)


def test_a_try_of_another_process_between_looking_and_writing_is_counted(time: Clock) -> None:
    take(LIMIT, "ann")
    others: list[int] = []

    def other_process(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE") and "accounts_bucket" in sql and not others:
            others.append(1)
            Bucket.objects.update(empty_at=F("empty_at") + LIMIT.every)
        return execute(sql, *rest)

    with connection.execute_wrapper(other_process):
        take(LIMIT, "ann")

    with pytest.raises(TooManyTries):
        take(LIMIT, "ann")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (1, "a second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (61, "2 minutes"),
        (3600, "1 hour"),
        (3700, "2 hours"),
    ],
)
def test_a_wait_is_told_in_words(seconds: int, told: str) -> None:
    assert words(seconds) == told


# ------------------------------------------------------------------ signing in


def test_a_guesser_is_stopped_and_told_until_when(ann: User) -> None:
    assert guess(6) == [200] * 5 + [429]

    refused = sign_in(Client(), factories.PASSWORD)

    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 60
    assert "Too many tries" in refused.text
    assert f"Try again in <strong>{words(int(refused['Retry-After']))}</strong>" in " ".join(
        refused.text.split()
    )


def test_limits_do_not_live_in_the_cache_of_a_process(ann: User) -> None:
    """Each web process has a cache of its own where there is no Redis."""
    guess(5)
    cache.clear()

    assert guess(1) == [429]


def test_a_guesser_shuts_nobody_out_who_is_elsewhere(ann: User) -> None:
    guess(10)

    assert is_in(sign_in(Client(), factories.PASSWORD, address=ELSEWHERE))


def test_many_guessers_shut_nobody_out_who_has_signed_in_before(ann: User) -> None:
    known = Client()
    assert is_in(sign_in(known, factories.PASSWORD, address=HOME))
    known.post("/user/logout/")
    for number in range(60):
        guess(1, address=f"203.0.113.{number}")
    stranger = sign_in(Client(), factories.PASSWORD, address=ELSEWHERE)

    assert stranger.status_code == 429
    assert is_in(sign_in(known, factories.PASSWORD, address=ELSEWHERE))


def test_who_is_shut_out_gets_in_by_a_code_and_by_a_new_password(ann: User) -> None:
    for number in range(60):
        guess(1, address=f"203.0.113.{number}")
    client = Client()

    client.post("/user/login/code/", {"email": EMAIL}, REMOTE_ADDR=ELSEWHERE)
    code = mail.outbox[-1].body.split("\n\n")[1].strip()

    assert is_in(client.post("/user/login/code/confirm/", {"code": code}, REMOTE_ADDR=ELSEWHERE))


def test_one_address_cannot_try_everybody() -> None:
    statuses = [guess(1, email=f"user{number}@example.com")[0] for number in range(31)]

    assert statuses == [200] * 30 + [429]


def test_a_network_of_ipv6_is_one_guesser(ann: User) -> None:
    statuses = [guess(1, address=f"2001:db8:1:2::{number:x}")[0] for number in range(1, 7)]

    assert statuses == [200] * 5 + [429]


GUESSES = {
    "/user/reauthenticate/": {"password": "guess"},
    "/user/password/change/": {
        "oldpassword": "guess",
        **dict.fromkeys(("password1", "password2"), "quite another phrase"),
    },
}


@pytest.mark.parametrize("path", GUESSES)
def test_who_found_a_browser_open_does_not_guess_its_owners_password(ann: User, path: str) -> None:
    guesser = Client()
    guesser.force_login(ann)
    statuses = []

    for number in range(12):
        cache.clear()  # as where processes share none, or one was restarted
        guess = {name: value.replace("guess", f"guess {number}") for name, value in GUESSES[path].items()}
        statuses.append(guesser.post(path, guess, REMOTE_ADDR=ATTACKER).status_code)

    assert statuses == [200] * 5 + [429] * 7


def test_who_knows_it_changes_the_password_as_often_as_they_like(ann: User) -> None:
    owner = Client()
    owner.force_login(ann)
    old = factories.PASSWORD

    for number in range(7):
        new = f"quite another phrase {number}"
        form = {"oldpassword": old, "password1": new, "password2": new}
        assert owner.post("/user/password/change/", form, REMOTE_ADDR=HOME).status_code == 302
        cache.clear()
        old = new

    ann.refresh_from_db()
    assert ann.check_password("quite another phrase 6")


def test_right_passwords_are_no_guesses_and_forgive_none(ann: User) -> None:
    for _ in range(3):
        guess(1)
        assert is_in(sign_in(Client(), factories.PASSWORD))
    guess(2)

    assert guess(1) == [429]


def test_a_known_device_of_somebody_else_is_none(ann: User) -> None:
    factories.user("mallory@example.com")
    mallory = Client()
    sign_in(mallory, factories.PASSWORD, email="mallory@example.com")
    mallory.post("/user/logout/")

    statuses = [sign_in(mallory, f"guess {number}").status_code for number in range(6)]

    assert statuses == [200] * 5 + [429]


def test_guesses_from_a_known_device_are_limited_too(ann: User) -> None:
    client = Client()
    sign_in(client, factories.PASSWORD, address=HOME)
    client.post("/user/logout/")

    statuses = [sign_in(client, f"guess {number}", address=HOME).status_code for number in range(11)]

    assert statuses == [200] * 10 + [429]


@pytest.mark.parametrize("cookie", ["", "x", "a:b:c", '["a", "b"]', "W10:1abc:sig"])
def test_a_made_up_device_is_unknown(cookie: str) -> None:
    request = RequestFactory().get("/")
    request.COOKIES[limits.DEVICE_COOKIE] = cookie

    assert limits.device_of(request, EMAIL) == ""


def test_whether_there_is_such_a_user_is_not_told_by_the_limits(ann: User) -> None:
    known = [sign_in(Client(), "x").status_code for _ in range(7)]
    unknown = [sign_in(Client(), "x", email="nobody@example.com").status_code for _ in range(7)]

    assert known == unknown


# ------------------------------------------------------------------ mails and codes


@pytest.mark.parametrize("path", ["/user/login/code/", "/user/password/reset/"])
def test_mails_to_one_person_are_limited_and_shut_nobody_out_elsewhere(ann: User, path: str) -> None:
    statuses = [Client().post(path, {"email": EMAIL}, REMOTE_ADDR=ATTACKER).status_code for _ in range(4)]
    elsewhere = Client().post(path, {"email": EMAIL}, REMOTE_ADDR=ELSEWHERE)

    assert statuses == [302, 302, 302, 429]
    assert elsewhere.status_code == 302
    assert len(mail.outbox) == 4


def test_nobody_is_flooded_with_mails_from_many_addresses(ann: User) -> None:
    for number in range(20):
        for path in ("/user/login/code/", "/user/password/reset/"):
            Client().post(path, {"email": EMAIL}, REMOTE_ADDR=f"203.0.113.{number}")
        new = {"email": EMAIL, "password1": factories.PASSWORD, "password2": factories.PASSWORD}
        Client().post("/user/signup/", new, REMOTE_ADDR=f"203.0.113.{number}")

    assert len(mail.outbox) == 10


def test_a_code_is_good_for_three_guesses(ann: User) -> None:
    client = Client()
    client.post("/user/login/code/", {"email": EMAIL})
    code = mail.outbox[-1].body.split("\n\n")[1].strip()

    for number in range(3):
        client.post("/user/login/code/confirm/", {"code": f"AAAA-AAA{number}"})
    late = client.post("/user/login/code/confirm/", {"code": code})

    assert not is_in(late)
    assert client.get("/accounts/").status_code == 302


def test_new_addresses_of_a_user_are_not_flooded_either(client: Client, ann: User) -> None:
    client.force_login(ann)
    session = client.session
    session["account_authentication_methods_user"] = str(ann.pk)
    session["account_authentication_methods"] = [
        {"method": "password", "at": clock.now().timestamp(), "reauthenticated": True}
    ]
    session.save()

    statuses = [
        client.post("/user/email/", {"action_add": "", "email": "victim@example.com"}).status_code
        for _ in range(5)
    ]

    assert statuses[-1] == 429
    assert len([one for one in mail.outbox if one.to == ["victim@example.com"]]) <= 3


# ------------------------------------------------------------------ what calls services


def test_trying_passwords_at_a_service_by_us_is_limited(client: Client, ann: User) -> None:
    client.force_login(ann)

    statuses = [
        client.post("/accounts/add/echo/", {"team": "acme", "name": "bot", "token": "wrong"}).status_code
        for _ in range(21)
    ]

    assert statuses == [200] * 20 + [429]
