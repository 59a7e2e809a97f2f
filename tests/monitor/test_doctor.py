"""`manage.py doctor`: how it looks at everything, and what it ends with."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from connectors.findings import Finding, Severity, error, ok, warning
from monitor import scrubbing
from monitor.doctor import examination
from tests.standalone.conftest import ROOT

CHECKS = [
    *("settings", "database", "broker", "clock", "keys", "mail", "public", "disk", "processes", "services"),
]


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put these checks in place of all others."""

    def put(**checks: examination.Check) -> None:
        monkeypatch.setattr(examination, "CHECKS", checks)
        monkeypatch.setattr("monitor.management.commands.doctor.CHECKS", checks)

    return put


def run(*arguments: str, **options: Any) -> tuple[int, str]:
    """What it ends with, and what it prints."""
    printed: list[str] = []

    class Out:
        def write(self, text: str) -> None:
            printed.append(text)

    with pytest.raises(SystemExit) as ended:
        call_command("doctor", *arguments, stdout=Out(), **options)
    return int(str(ended.value.code)), "".join(printed)


def test_all_well_ends_with_0(only: Any) -> None:
    only(one=lambda: [ok("It answers.")], another=lambda: [ok("It does, too.")])

    assert run() == (
        0,
        "ok      one        It answers.\nok      another    It does, too.\n\nAll is well.\n",
    )


def test_warnings_end_with_1_and_errors_with_2(only: Any) -> None:
    only(one=lambda: [warning("It is slow.", "Wait."), ok("It lives.")])
    assert run() == (
        1,
        "WARNING one        It is slow.\n                   → Wait.\nok      one        It lives.\n\n"
        "0 errors, 1 warning.\n",
    )

    only(one=lambda: [warning("It is slow.", "Wait."), error("It is gone.", "Start it.")])
    status, text = run()
    assert status == 2
    assert text.endswith("1 error, 1 warning.\n")


def test_as_json_for_programs(only: Any) -> None:
    only(one=lambda: [warning("It is slow.", "Wait.")], another=lambda: [ok("Well.")])

    status, text = run("--json")

    assert status == 1
    assert json.loads(text) == {
        "severity": "warning",
        "findings": [
            {"check": "one", "severity": "warning", "text": "It is slow.", "remedy": "Wait."},
            {"check": "another", "severity": "ok", "text": "Well.", "remedy": ""},
        ],
    }


def test_only_the_named_checks_are_made(only: Any) -> None:
    only(one=lambda: [ok("Well.")], another=lambda: [error("Ill.", "Cure it.")])

    assert run("one")[0] == 0
    with pytest.raises(CommandError, match=r"There is no check 'third'\. There are: one, another\."):
        call_command("doctor", "third")


@pytest.mark.parametrize("arguments", [["--limit", "0"], ["--mail", "nobody"]])
def test_what_cannot_be_meant_is_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("doctor", *arguments)

    assert refused.value.returncode == 2


def test_check_that_hangs_is_left_behind_and_the_others_are_told(only: Any) -> None:
    def hang() -> Iterator[Finding]:
        with (
            socket.create_server(("127.0.0.1", 0)) as deaf,
            socket.create_connection(deaf.getsockname()) as call,
        ):
            call.settimeout(3)
            call.recv(1)
        yield ok("never")

    only(hangs=hang, well=lambda: [ok("Well.")])
    began = time.monotonic()

    examined = examination.examine(examination.CHECKS, limit=0.3)

    assert time.monotonic() - began < 2
    assert [(one.name, [f.severity for f in one.findings]) for one in examined] == [
        ("hangs", [Severity.ERROR]),
        ("well", [Severity.OK]),
    ]
    assert examined[0].findings[0].text == "No answer within 0.3 seconds."


def test_check_that_fails_is_a_finding_with_what_was_found_before(only: Any) -> None:
    def fail() -> Iterator[Finding]:
        yield ok("As far as this.")
        raise OperationalError('connection to "db" failed\nDETAIL: Key (email)=(ann@example.com)')

    only(fails=fail)

    [examined] = examination.examine(examination.CHECKS)

    assert examined.findings == [
        ok("As far as this."),
        error(
            "It takes the database to look at this.",
            "First do what the check of the database says.",
        ),
    ]


def test_secrets_stand_in_nothing_that_is_printed(only: Any, settings: Any) -> None:
    def careless() -> Iterator[Finding]:
        yield error(
            f"The key {settings.SECRET_KEY} is bad.",
            f"Call redis://u:open-sesame@host, {settings.SECRET_KEY}",
        )
        yield ok(f"Its secret is {settings.TELEX_CLIENT_SECRET}.")
        raise RuntimeError(f"Authorization: Bearer {settings.ENCRYPTION_KEYS[0]}")

    only(careless=careless)

    scrubbing._our_own.cache_clear()
    settings.TELEX_CLIENT_SECRET = "answer-back-4711"

    try:
        _, text = run()
    finally:
        scrubbing._our_own.cache_clear()

    assert "answer-back-4711" not in text
    assert settings.SECRET_KEY not in text
    assert settings.ENCRYPTION_KEYS[0] not in text
    assert "open-sesame" not in text
    assert text.count("[hidden]") == 5


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_everything_is_looked_at_twice_with_the_same_result() -> None:
    """With nothing running: what is missing is told, and nothing is changed by asking."""
    before = len(connection.introspection.table_names())

    first, second = (examination.examine(limit=30.0) for _ in range(2))

    assert [one.name for one in first] == CHECKS
    told = {one.name: [finding.severity for finding in one.findings] for one in first}
    assert told == {one.name: [finding.severity for finding in one.findings] for one in second}
    assert told["public"] == [Severity.ERROR]  # nothing is served
    assert told["processes"] == [Severity.WARNING]  # nothing has ever run
    assert [one for one in first for f in one.findings if "could not be looked at" in f.text] == []
    assert len(connection.introspection.table_names()) == before


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("DATABASE_URL", "nonsense-with-open-sesame", "DATABASE_URL has to begin with sqlite://,"),
        ("DATABASE_URL", "mysql://u:open-sesame@h/x", "DATABASE_URL has to begin with sqlite://,"),
        ("DATABASE_URL", "mongo://u:open-sesame@h/x", "DATABASE_URL has to begin with sqlite://,"),
        ("DATABASE_URL", "postgres://u:open@sesame@h:x/y", "DATABASE_URL is no address of a PostgreSQL or"),
        ("EMAIL_URL", "smtps://u:open-sesame@h:99999", "EMAIL_URL cannot be read; write it as smtp"),
        ("CONNECTORS", "hipchat,hipchap", "CONNECTORS names 'hipchap'; there is no package"),
        ("CONNECTORS", "own.package.nobody.has", "CONNECTORS names 'own.package.nobody.has'"),
    ],
)
def test_setting_that_cannot_be_used_is_told_in_a_sentence_without_its_secret(
    tmp_path: Any, variable: str, value: str, sentence: str
) -> None:
    environment = {"PATH": "/usr/bin:/bin", "VAR_DIR": str(tmp_path), "LOCAL": "1", variable: value}
    command = [sys.executable, "manage.py", "doctor"]

    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"Sameroom does not start: {sentence}")
    assert "Traceback" not in ended.stderr
    assert "open-sesame" not in ended.stderr + ended.stdout


def test_where_settings_are_wrong_it_ends_with_2_and_a_sentence(tmp_path: Any) -> None:
    environment = {"PATH": "/usr/bin:/bin", "VAR_DIR": str(tmp_path), "LOCAL": "1", "SIGNUP": "maybe"}

    ended = subprocess.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith("Sameroom does not start: SIGNUP is 'maybe'")
