import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from celery import shared_task
from django.db import DataError, IntegrityError, connection
from django.test import Client, RequestFactory
from django.urls import URLResolver, get_resolver, reverse

from monitor import logs
from monitor.logs import JsonFormatter, LineFormatter
from monitor.scrubbing import scrub
from tests import factories, servers
from tubes import hooks, views_files
from tubes.models import Delivery
from tubes.relay.hooking import secret_of

# A person may write anything, also what a traceback looks like.
WORDS = "meet at\nnoon\n\nThe above exception was\nCONTEXT: the old oak"
SECRET = "s3cr3t-t0k3n.value"


class Written(io.StringIO):
    """What a handler wrote."""

    def lines(self) -> list[str]:
        return self.getvalue().splitlines()

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]


Writing = Callable[[logging.Formatter], Written]


@pytest.fixture
def write() -> Iterator[Writing]:
    """Have everything that is logged written by this formatter too."""
    root, added = logging.getLogger(), []

    def write(formatter: logging.Formatter) -> Written:
        written = Written()
        handler = logging.StreamHandler(written)
        handler.setFormatter(formatter)
        handler.addFilter(logs.ContextFilter())
        root.addHandler(handler)
        added.append(handler)
        return written

    yield write
    for handler in added:
        root.removeHandler(handler)


log = logging.getLogger("tests.of.logs")
log.setLevel("INFO")


# ------------------------------------------------------------------------------ shape
def test_json_record_is_one_object_on_one_line(write: Writing) -> None:
    written = write(JsonFormatter())

    log.info(
        "Two\nlines of %s", "text", extra={"delivery": 7, "seat": "abc", "request": RequestFactory().get("/")}
    )

    [record] = written.records()
    assert record.pop("time").endswith("+00:00")
    assert record.pop("process") > 0
    assert record == {
        "level": "INFO",
        "logger": "tests.of.logs",
        "message": "Two\nlines of text",
        "thread": "MainThread",
        "delivery": 7,
        "seat": "abc",
    }


def test_line_cannot_be_forged_and_a_traceback_stands_indented(write: Writing) -> None:
    written = write(LineFormatter())

    try:
        raise ValueError("no\nnumber")
    except ValueError:
        log.exception("It broke\n2026-01-01 00:00:00,000 INFO forged", extra={"event": 3})

    first, *below = written.lines()
    assert first.endswith("MainThread] It broke\\n2026-01-01 00:00:00,000 INFO forged event=3")
    assert " ERROR tests.of.logs [" in first
    assert below[0] == "    Traceback (most recent call last):"
    assert below[-2:] == ["    ValueError: no", "    number"]
    assert all(line.startswith("    ") for line in below)


def test_json_holds_the_traceback(write: Writing) -> None:
    written = write(JsonFormatter())

    try:
        raise ValueError("no number")
    except ValueError:
        log.exception("It broke")

    [record] = written.records()
    assert record["exception"].endswith("ValueError: no number")


def test_stack_is_told_where_asked_for(write: Writing) -> None:
    in_json, in_lines = write(JsonFormatter()), write(LineFormatter())

    log.info("Here", stack_info=True)

    assert "test_stack_is_told_where_asked_for" in in_json.records()[0]["stack_info"]
    assert "test_stack_is_told_where_asked_for" in in_lines.getvalue()


def test_record_goes_on_unchanged_to_other_handlers(write: Writing, caplog: pytest.LogCaptureFixture) -> None:
    write(JsonFormatter())

    log.warning("token=%s", SECRET, extra={"request": "kept"})

    [record] = caplog.records
    assert (record.msg, record.args) == ("token=%s", (SECRET,))
    assert record.request == "kept"  # type: ignore[attr-defined]


# ------------------------------------------------------------------------------ context
def test_context_is_on_every_record_inside_and_on_none_outside(write: Writing) -> None:
    written = write(LineFormatter())

    log.info("before")
    with logs.context(delivery=7, event=3):
        log.info("inside")
        with logs.context(seat=5, event=4):
            log.info("nested", extra={"delivery": 8})
        log.info("again")
    log.info("after")

    assert [line.split("] ")[1] for line in written.lines()] == [
        "before",
        "inside event=3 delivery=7",
        "nested event=4 delivery=8 seat=5",
        "again event=3 delivery=7",
        "after",
    ]


def test_context_ends_with_an_error_and_belongs_to_one_thread(write: Writing) -> None:
    written = write(LineFormatter())

    def fail() -> None:
        with logs.context(delivery=7):
            thread = threading.Thread(target=log.info, args=("elsewhere",), name="other")
            thread.start()
            thread.join(10)
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    log.info("after")

    assert [line.split("] ")[1] for line in written.lines()] == ["elsewhere", "after"]


def test_context_holds_no_field_that_is_not_known(write: Writing) -> None:
    written = write(JsonFormatter())

    with logs.context(delivery=7, text="what somebody said"):
        log.info("x")

    assert "text" not in written.records()[0]


# ------------------------------------------------------------------------------ rows
@pytest.fixture
def refusal(postgres: servers.Server) -> psycopg2.Error:
    """What PostgreSQL says of a row that a constraint refuses."""
    table = "CREATE TEMPORARY TABLE said (id int, words text, CONSTRAINT short CHECK (id < 5))"
    with closing(psycopg2.connect(postgres.url)) as database, database.cursor() as cursor:
        cursor.execute(table)
        with pytest.raises(psycopg2.Error) as refused:
            cursor.execute("INSERT INTO said VALUES (7, %s)", [WORDS])
    assert f"Failing row contains (7, {WORDS})" in str(refused.value)
    return refused.value


REFUSED = 'new row for relation "said" violates check constraint "short"'


@pytest.mark.parametrize("formatter", [LineFormatter, JsonFormatter])
def test_row_of_a_database_error_is_not_in_its_traceback(
    write: Writing, refusal: psycopg2.Error, formatter: type[logging.Formatter]
) -> None:
    written = write(formatter())

    try:
        try:
            raise IntegrityError(*refusal.args) from refusal
        except IntegrityError as error:
            raise RuntimeError("Delivery 7 met an error") from error
    except RuntimeError:
        log.exception("It broke")

    text = written.getvalue()
    assert text.count(REFUSED if formatter is LineFormatter else json.dumps(REFUSED)[1:-1]) == 2
    assert "Delivery 7 met an error" in text
    for word in ("oak", "noon", "meet", "DETAIL"):
        assert word not in text


def test_row_is_not_in_messages_made_of_the_error(write: Writing, refusal: psycopg2.Error) -> None:
    written = write(JsonFormatter())

    log.error("Failed: %s", refusal)
    log.error("Failed: %r", refusal)
    log.error("Failed: %(error)s", {"error": refusal})
    log.error("Failed: %s", str(refusal))
    log.error(f"Failed: {refusal!r}; going on")  # noqa: G004 - this is what must not leak either
    log.error(refusal)

    text = written.getvalue()
    for word in ("oak", "noon", "meet", "DETAIL"):
        assert word not in text
    assert [REFUSED in record["message"] for record in written.records()] == [True] * 6


REFUSAL = f"refused\nDETAIL:  Failing row contains (1, {WORDS}).\n"


@shared_task
def failing() -> None:
    raise IntegrityError(REFUSAL)


def test_row_is_not_in_what_celery_says_of_a_failed_task(write: Writing) -> None:
    written = write(JsonFormatter())

    failing.apply()

    [record] = [record for record in written.records() if record["logger"] == "celery.app.trace"]
    assert "refused" in record["message"]
    assert "IntegrityError: refused" in record["exception"]
    for word in ("oak", "noon", "meet", "DETAIL"):
        assert word not in written.getvalue()


@pytest.mark.both_databases
@pytest.mark.django_db
def test_row_of_a_real_delivery_is_not_logged(write: Writing) -> None:
    written = write(JsonFormatter())

    try:
        Delivery.objects.filter(pk=factories.delivery(error=WORDS).pk).update(status="nonsense")
    except IntegrityError:
        log.exception("It broke")

    [record] = written.records()
    assert "known_delivery_status" in record["exception"]
    for word in ("oak", "noon", "meet", "DETAIL"):
        assert word not in written.getvalue()


@pytest.mark.both_databases
@pytest.mark.django_db
def test_value_in_the_first_line_of_a_database_error_is_not_logged(write: Writing) -> None:
    if connection.vendor != "postgresql":
        return  # SQLite's errors name no value
    written = write(JsonFormatter())

    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::int", [WORDS])
    except DataError as error:
        log.exception("It broke")
        log.error("Failed: %s", str(error))

    assert "invalid input syntax for type integer: [hidden]" in written.records()[0]["exception"]
    for word in ("oak", "noon", "meet"):
        assert word not in written.getvalue()


# ------------------------------------------------------------------------------ secrets
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"Authorization: Bearer {SECRET}", "Authorization: Bearer [hidden]"),
        (f"{{'Authorization': 'Bearer {SECRET}', 'X': 1}}", "{'Authorization': 'Bearer [hidden]', 'X': 1}"),
        (f"authorization={SECRET}; x", "authorization=[hidden]; x"),
        (f"sent Basic {SECRET}== to it", "sent Basic [hidden] to it"),
        (f"GET /v2/room?auth_token={SECRET}&max=1", "GET /v2/room?auth_token=[hidden]&max=1"),
        (f'{{"token": "{SECRET}", "name": "Ann"}}', '{"token": "[hidden]", "name": "Ann"}'),
        (f"api_key={SECRET} password={SECRET})", "api_key=[hidden] password=[hidden])"),
        (f"redis://who:{SECRET}@10.0.0.1:6379/0", "redis://who:[hidden]@10.0.0.1:6379/0"),
        ("The token is not valid; basic things work", "The token is not valid; basic things work"),
        ("https://chat.example.org:8443/a?b=c", "https://chat.example.org:8443/a?b=c"),
    ],
)
def test_secret_is_hidden_and_the_rest_is_kept(text: str, kept: str) -> None:
    assert scrub(text) == kept


def test_secret_in_an_exception_and_in_a_field_is_hidden(write: Writing) -> None:
    in_json, in_lines = write(JsonFormatter()), write(LineFormatter())

    try:
        raise ConnectionError(f"refused with {{'Authorization': 'Bearer {SECRET}'}}")
    except ConnectionError:
        log.exception("It broke", extra={"room": f"token={SECRET}"})

    assert SECRET not in in_json.getvalue() + in_lines.getvalue()
    assert in_json.records()[0]["room"] == "token=[hidden]"


def test_what_this_installation_keeps_secret_is_hidden_wherever_it_stands(settings: Any) -> None:
    from monitor import scrubbing

    scrubbing._our_own.cache_clear()
    settings.METRICS_TOKEN, settings.REDIS_URL = "open sesame/1", "redis://:kn%40ck-knock@h/0"

    try:
        text = scrub(f"{settings.SECRET_KEY} open sesame/1 open%20sesame%2F1 open+sesame%2F1 kn@ck-knock")
    finally:
        scrubbing._our_own.cache_clear()

    assert text == "[hidden] [hidden] [hidden] [hidden] [hidden]"


def test_scrubbing_takes_time_in_proportion(write: Writing) -> None:
    import time

    began = time.thread_time()
    scrub("password= authorization: Bearer token\n" * 5_000 + "://" * 10_000 + "a:" * 50_000)

    assert time.thread_time() - began < 5


# ------------------------------------------------------------------------------ addresses

# Parts of addresses that are no keys: what they name is looked up under the eyes of whoever is signed in.
HARMLESS = {
    *("kind", "language", "section", "app_label", "url", "action"),
    *("account_code", "shared_code", "listing_code", "asked_code", "request_code", "notice_code"),
    *("tube_code", "seat_code", "mute_code", "delivery_code", "uidb36"),
    *("pk", "id", "object_id", "content_type_id"),
    *("user_id", "room_id", "file", "room", "user", "message", "hook", "emoticon"),
}


def parameters(patterns: list[Any]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from parameters(pattern.url_patterns)
        else:
            yield from pattern.pattern.converters
            yield from pattern.pattern.regex.groupindex


def test_every_part_of_an_address_is_known_as_a_key_or_as_none() -> None:
    assert set(parameters(get_resolver().url_patterns)) == logs.KEYS | HARMLESS


@pytest.mark.django_db
@pytest.mark.parametrize("formatter", [LineFormatter, JsonFormatter])
def test_addresses_that_let_somebody_in_are_not_logged(
    write: Writing, monkeypatch: pytest.MonkeyPatch, formatter: type[logging.Formatter]
) -> None:
    account, portal = factories.account(), factories.portal()
    secret = secret_of(account)
    stranger = Client(enforce_csrf_checks=True, raise_request_exception=False)
    monkeypatch.setattr(hooks, "_account", lambda *_: _broken(f"{account.code}/{secret}"))
    monkeypatch.setattr(views_files, "_find", lambda key: _broken(key))
    written = write(formatter())

    statuses = [
        stranger.post(reverse("tubes:hook", args=[account.code, secret])).status_code,
        stranger.post(portal.path).status_code,
        stranger.get("/files/1-0~a-signed-key/plan-of-the-vault.pdf").status_code,
        stranger.post("/user/password/reset/key/1-dih9oo-b1138f46f5e92fda/").status_code,
    ]

    text = written.getvalue()
    assert statuses == [500, 403, 500, 403]
    assert f"/hooks/{account.code}/[hidden]/" in text
    for key in (secret, portal.key, "a-signed-key", "plan-of-the-vault", "b1138f46f5e92fda"):
        assert key not in text


def _broken(what: str) -> None:
    raise RuntimeError(f"It broke at {what}")
