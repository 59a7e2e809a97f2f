"""What `manage.py doctor` finds outside of this process: mail server, public address, stores, connectors."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
import redis as redis_client
from django.core import mail as outbox
from django.db import OperationalError

from accounts.models import Letter
from connectors.findings import Finding, Severity
from connectors.hipchat import operating
from monitor.doctor import letters, public, services, stores
from sameroom import clock
from tests import certificates, factories, servers
from tests.monitor.standing import smtp, web
from tests.standalone.conftest import ROOT
from tubes.models import Installation

pytestmark = pytest.mark.django_db(transaction=True)

SMTP = "django.core.mail.backends.smtp.EmailBackend"
WELL = {
    "GET /healthz": (200, "ok\n"),
    "GET /": (200, "<h1>Sameroom</h1>"),
}


def bad(findings: Iterable[Finding]) -> list[tuple[Severity, str]]:
    """What is not well; each with a remedy."""
    found = [finding for finding in findings if finding.severity is not Severity.OK]
    assert all(finding.remedy.endswith((".", "?")) for finding in found)
    return [(finding.severity, finding.text) for finding in found]


@pytest.fixture
def mailing(settings: Any) -> Any:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = SMTP, "127.0.0.1", 5
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "sameroom", "four calm words"
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.LOCAL = False
    settings.DEFAULT_FROM_EMAIL = "Sameroom <noreply@example.org>"
    return settings


class TestMail:
    def test_logs_in_and_sends_nothing(self, mailing: Any) -> None:
        with smtp(password="four calm words") as post:
            mailing.EMAIL_PORT = post.port
            found = list(letters.mail())

        assert [finding.severity for finding in found] == [Severity.WARNING]  # the password went without TLS
        assert "takes our login, but the password goes there without TLS" in found[0].text
        assert post.commands == ["EHLO", "AUTH", "NOOP", "QUIT"]
        assert post.mails == []

    def test_sends_one_mail_where_it_is_asked_to(self, mailing: Any) -> None:
        with smtp(password="four calm words") as post:
            mailing.EMAIL_PORT = post.port
            found = list(letters.mail("ann@example.com"))

        assert found[-1].text.startswith("A mail to ann@example.com was handed over.")
        assert len(post.mails) == 1
        assert "To: ann@example.com" in post.mails[0]

    def test_refused_login_is_told_without_what_was_given(self, mailing: Any) -> None:
        with smtp(password="another one") as post:
            mailing.EMAIL_PORT = post.port
            [found] = letters.mail()

        assert found.severity is Severity.ERROR
        assert found.text == f"The mail server 127.0.0.1:{post.port} refuses our login (code 535)."
        assert "four calm words" not in found.text + found.remedy

    def test_server_that_is_not_there(self, mailing: Any) -> None:
        mailing.EMAIL_PORT = servers.free_port()
        server = f"The mail server 127.0.0.1:{mailing.EMAIL_PORT}"

        assert bad(letters.mail()) == [(Severity.ERROR, f"{server} cannot be reached (Connection refused).")]

    def test_server_that_says_nothing(self, mailing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(letters, "PATIENCE", 0.2)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            mailing.EMAIL_PORT = silent.getsockname()[1]

            assert bad(letters.mail()) == [
                (Severity.ERROR, f"The mail server 127.0.0.1:{mailing.EMAIL_PORT} hangs up, or says nothing.")
            ]

    def test_server_that_wants_nothing_from_us(self, mailing: Any) -> None:
        with smtp(greeting="554 not for you") as post:
            mailing.EMAIL_PORT = post.port
            found = bad(letters.mail())

        server = f"The mail server 127.0.0.1:{post.port}"
        assert found == [(Severity.ERROR, f"{server} does not do what it was asked to (SMTPConnectError).")]

    def test_printed_mails_do_for_a_try_out_only(self, settings: Any) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
        assert bad(letters.mail()) == []

        settings.LOCAL, settings.DEFAULT_FROM_EMAIL = False, "Sameroom"
        assert [text.split(",")[0].split(":")[0] for _, text in bad(letters.mail())] == [
            "DEFAULT_FROM_EMAIL is 'Sameroom'",
            "EMAIL_URL is not set to a mail server",
        ]
        assert outbox.outbox == []

    def test_mails_that_wait_are_told(self) -> None:
        letter = Letter.objects.create(to="ann@example.com", subject="s", text="t")
        assert bad(letters.mail()) == []

        Letter.objects.filter(pk=letter.pk).update(created_at=clock.now() - timedelta(minutes=16))
        assert bad(letters.mail()) == [(Severity.WARNING, "1 mail waits for more than 15 minutes.")]


class TestPublic:
    def ask(self, settings: Any, answers: dict[str, tuple[int, str]]) -> list[tuple[Severity, str]]:
        with web(answers) as address:
            settings.PUBLIC_URL = address
            return [(how, text.replace(address, "…")) for how, text in bad(public.public())]

    def test_well_where_it_leads_here(self, settings: Any) -> None:
        with web(WELL) as address:
            settings.PUBLIC_URL = address
            found = [finding.text.replace(address, "…") for finding in public.public()]

        assert found == ["…/healthz answers as it should.", "The front page comes.", "Webhooks come through."]

    @pytest.mark.parametrize(
        ("answer", "text"),
        [
            ((200, "Welcome to nginx!"), "…/healthz answers 200, and not as Sameroom does"),
            ((400, "Bad Request"), "…/healthz answers 400: its host is refused."),
            ((502, ""), "…/healthz answers 502: the proxy finds no web process."),
            ((301, "https://elsewhere.example/"), "…/healthz answers 301, and not as Sameroom does"),
        ],
    )
    def test_something_else_is_there(self, settings: Any, answer: tuple[int, str], text: str) -> None:
        [(severity, told)] = self.ask(settings, {"GET /healthz": answer})

        assert severity is Severity.ERROR
        assert told.startswith(text)

    def test_pages_in_circles_and_webhooks_that_are_kept_away(self, settings: Any) -> None:
        with web(WELL | {"POST /hooks/doctor/doctor/": (403, "no")}) as address:
            settings.PUBLIC_URL = address
            hooks = bad(public.public())
        with web({"GET /healthz": (200, "ok\n")}) as address:
            settings.PUBLIC_URL = address
            gone = bad(public.public())
        answers: dict[str, tuple[int, str]] = {"GET /healthz": (200, "ok\n")}
        with web(answers) as address:
            settings.PUBLIC_URL = address
            answers["GET /"] = (301, f"{address}/")
            circles = bad(public.public())

        assert [text.split(":")[0] for _, text in hooks] == [
            "A webhook is answered 403 before it reaches Sameroom"
        ]
        assert [text for _, text in gone] == ["The front page answers 404."]
        assert [text.split(":")[0] for _, text in circles] == ["Every page is sent in circles"]

    def test_nothing_is_there(self, settings: Any) -> None:
        settings.PUBLIC_URL = f"http://127.0.0.1:{servers.free_port()}"

        assert bad(public.public()) == [
            (Severity.ERROR, f"{settings.PUBLIC_URL}/healthz refuses the connection.")
        ]

    def test_name_that_nobody_knows(self, settings: Any) -> None:
        settings.PUBLIC_URL = "http://no-such-host.invalid"

        found = list(public.public())

        assert found[-1].text == f"{settings.PUBLIC_URL}/healthz cannot be asked: its name is not known."
        assert found[-1].remedy.startswith("Check PUBLIC_URL")

    def test_server_that_says_nothing(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(public, "PATIENCE", 0.2)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            settings.PUBLIC_URL = f"http://127.0.0.1:{silent.getsockname()[1]}"
            found = list(public.public())

        assert found[-1].text == f"{settings.PUBLIC_URL}/healthz does not answer."

    def test_server_that_hangs_up(self, settings: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as rude:
            threading.Thread(target=lambda: rude.accept()[0].close(), daemon=True).start()
            settings.PUBLIC_URL = f"http://127.0.0.1:{rude.getsockname()[1]}"
            found = list(public.public())

        assert found[-1].text == f"{settings.PUBLIC_URL}/healthz breaks off."

    def test_host_that_is_not_allowed_and_http_in_service(self, settings: Any) -> None:
        settings.LOCAL, settings.ALLOWED_HOSTS = False, ["sameroom.example.org"]

        found = self.ask(settings, WELL)

        assert [text.split(":")[0] for _, text in found] == [
            "PUBLIC_URL's host 127.0.0.1 is not among ALLOWED_HOSTS",
            "PUBLIC_URL is http",
        ]

    def test_certificate_that_nobody_vouches_for(self, settings: Any, tmp_path: Any) -> None:
        own = certificates.self_signed("sameroom")
        file = tmp_path / "own.pem"
        file.write_text(own.both)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        with web(WELL, context) as address:
            settings.PUBLIC_URL = address
            found = bad(public.public())

        assert [text.split(":")[0] for _, text in found] == [
            "The certificate of 127.0.0.1 is refused",
            "https",
        ]

    def test_certificate_that_ends_soon(self, settings: Any, tmp_path: Any, monkeypatch: Any) -> None:
        own = certificates.self_signed("sameroom")  # good for a day
        file = tmp_path / "own.pem"
        file.write_text(own.both)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        with web(WELL, context) as address:
            settings.PUBLIC_URL = address
            found = bad(public.public())

        assert (Severity.WARNING, "The certificate of 127.0.0.1 ends in 0 days.") in found


class TestStores:
    @pytest.mark.parametrize(
        ("told", "remedy"),
        [
            (
                'connection to server failed: FATAL:  password authentication failed for user "a"',
                "Check user",
            ),
            ('connection to server failed: FATAL:  role "a" does not exist', "Check user"),
            ('connection to server failed: FATAL:  database "b" does not exist', "Make it (createdb)"),
            ('could not translate host name "h" to address: Name or service not known', "Check the host"),
            ("connection to server failed: Connection refused", "See that PostgreSQL runs"),
            ("connection failed: FATAL:  sorry, too many clients already", "See that PostgreSQL runs"),
        ],
    )
    def test_database_that_lets_nobody_in_says_what_to_do(
        self, monkeypatch: pytest.MonkeyPatch, told: str, remedy: str
    ) -> None:
        def refuse() -> None:
            raise OperationalError(f"{told}\nIs the server running?")

        monkeypatch.setattr(stores, "connection", SimpleNamespace(vendor="postgresql", cursor=refuse))

        [found] = stores.database()

        assert found.text == f"The database does not answer: {told}."
        assert found.remedy.startswith(remedy)

    def test_file_that_cannot_be_opened_says_what_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse() -> None:
            raise OperationalError("unable to open database file")

        monkeypatch.setattr(stores, "connection", SimpleNamespace(vendor="sqlite", cursor=refuse))

        [found] = stores.database()

        assert "VAR_DIR" in found.remedy

    def test_stores_that_refuse_are_each_told_once_by_host_and_port(self, tmp_path: Any) -> None:
        """As an operator meets it: a process of its own, with nothing at the addresses of its `.env`."""
        database, cache = servers.free_port(), servers.free_port()
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "LOCAL": "1",
            "VAR_DIR": str(tmp_path),
            "DATABASE_URL": f"postgres://u:open-sesame@127.0.0.1:{database}/x",
            "REDIS_URL": f"redis://:open-sesame@127.0.0.1:{cache}/0",
        }
        command = [sys.executable, "manage.py", "doctor", "database", "broker", "clock", "keys", "--json"]

        ended = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

        findings = [
            (one["check"], one["text"], one["remedy"]) for one in json.loads(ended.stdout)["findings"]
        ]
        assert ended.returncode == 2
        assert "open-sesame" not in ended.stdout + ended.stderr
        assert findings[0][1].startswith("The database does not answer: connection to server at")
        assert findings[1:] == [
            (
                "broker",
                f"The broker at 127.0.0.1:{cache} cannot be reached.",
                "See that it runs, and check host and port in CELERY_BROKER_URL (or REDIS_URL).",
            ),
            *(
                (
                    check,
                    "It takes the database to look at this.",
                    "First do what the check of the database says.",
                )
                for check in ("clock", "keys")
            ),
        ]

    def test_redis_that_hangs_or_wants_a_password(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        failures = {
            "does not answer.": redis_client.TimeoutError("Timeout reading from socket"),
            "refuses our password.": redis_client.AuthenticationError("invalid username-password pair"),
        }
        settings.REDIS_URL = "redis://:open-sesame@10.0.0.7/0"
        for told, failure in failures.items():
            client = MagicMock(info=MagicMock(side_effect=failure))
            monkeypatch.setattr(stores, "_client", lambda client=client: client)

            [found] = [one for one in stores.broker() if one.severity is Severity.ERROR]

            assert found.text == f"Redis at 10.0.0.7 {told}"

    @pytest.mark.both_databases
    def test_database_that_is_well_says_what_it_is(self) -> None:
        found = list(stores.database())

        assert " answers, and its tables are up to date." in found[0].text
        assert found[0].severity is Severity.OK

    def test_tables_that_are_not_up_to_date(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("monitor.readiness.missing_migrations", lambda: [("tubes", "0016_filters")])

        assert bad(stores.database()) == [
            (Severity.ERROR, "The tables are not up to date: tubes.0016_filters is missing.")
        ]

    def test_postgres_that_may_lose_what_it_acknowledged(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.DATABASE_POOL_SIZE = 24
        shown = {
            "SHOW server_encoding": "SQL_ASCII",
            "SHOW TimeZone": "Europe/Berlin",
            "SHOW fsync": "on",
            "SHOW full_page_writes": "on",
            "SHOW synchronous_commit": "off",
            "SHOW max_connections": "40",
        }
        monkeypatch.setattr(stores, "_one", shown.__getitem__)

        assert [(severity, text.split(":")[0]) for severity, text in bad(stores._postgres())] == [
            (Severity.ERROR, "The database's encoding is SQL_ASCII"),
            (Severity.ERROR, "Connections keep the time of Europe/Berlin instead of UTC."),
            (Severity.ERROR, "synchronous_commit is off"),
            (Severity.WARNING, "The database takes 40 connections; each process may want 24."),
        ]

    def test_redis_is_asked_what_it_is(self, settings: Any, redis: servers.Server) -> None:
        settings.REDIS_URL = settings.CELERY_BROKER_URL = f"{redis.url}/0"

        found = list(stores.broker())

        assert [finding.severity for finding in found] == [Severity.OK, Severity.OK]
        assert found[1].text.startswith("Redis answers (version ")
        assert stores._difference(lambda: stores._told_by(stores._client())) < 1

    def test_redis_that_throws_tasks_away_or_is_old(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = {"redis_version": "6.2.1", "maxmemory": 1000, "maxmemory_policy": "allkeys-lru"}

        class Client:
            def info(self) -> dict[str, object]:
                return told

        monkeypatch.setattr(stores, "_client", Client)

        assert bad(stores._redis()) == [
            (Severity.ERROR, "Redis is of version 6.2.1."),
            (
                Severity.WARNING,
                "When its memory is full Redis throws things away (allkeys-lru), tasks among them.",
            ),
        ]

    @pytest.mark.parametrize(
        ("seconds", "expected"),
        [(0.5, []), (-30.0, [Severity.WARNING]), (600.0, [Severity.ERROR])],
    )
    def test_clocks_that_differ(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch, seconds: float, expected: list[Severity]
    ) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1"
        monkeypatch.setattr(stores, "_difference", lambda ask: seconds)

        assert [severity for severity, _ in bad(stores.clocks())] == expected

    def test_clock_that_was_set_back(self) -> None:
        Installation.objects.create(
            pk=1, public_url="http://a.example", mark=1, marked_at=clock.now() + timedelta(minutes=10)
        )

        [(severity, text)] = bad(stores.clocks())

        assert severity is Severity.ERROR
        assert "seconds from now: the clock that it goes by was set back" in text


class TestServices:
    @pytest.fixture(autouse=True)
    def _nothing_amiss(self, settings: Any) -> None:
        settings.HIPCHAT_DEFAULT_SERVER = ""

    def test_accounts_are_counted_by_service(self) -> None:
        for status in ("connected", "connected", "needs_login"):
            factories.account(status=status)

        found = list(services.services())

        assert "Echo: 3 accounts, 1 of them need a login, 0 have a problem at the service." in [
            f.text for f in found
        ]
        assert bad(found) == []

    def test_trouble_of_many_accounts_is_more_than_their_owners_affair(self) -> None:
        for _ in range(3):
            factories.account(status="retrying")

        assert bad(services.services()) == [
            (
                Severity.WARNING,
                "Echo: 3 accounts, 0 of them need a login, 3 have a problem at the service.",
            )
        ]

    def test_accounts_of_a_service_that_is_switched_off(self) -> None:
        factories.account(kind="telex")

        assert [text for _, text in bad(services.services())] == [
            "There are accounts at 'telex', which is not among CONNECTORS: nothing of theirs is relayed."
        ]

    def test_connectors_say_what_is_amiss_with_their_settings(self, settings: Any) -> None:
        settings.HIPCHAT_DEFAULT_SERVER = "https://api.hipchat.com"

        [(severity, text)] = bad(services.services())

        assert severity is Severity.ERROR
        assert text.startswith("HIPCHAT_DEFAULT_SERVER is 'https://api.hipchat.com'. HipChat's hosted")


class TestHipChat:
    def test_proposed_server_that_answers(self, settings: Any) -> None:
        settings.HIPCHAT_SERVER_ALIASES = {}
        with web({}) as address:
            settings.HIPCHAT_DEFAULT_SERVER = address
            [found] = operating.findings()

        assert found == Finding(Severity.OK, "HipChat's proposed server 127.0.0.1 answers.")

    def test_proposed_server_that_we_may_not_call_or_that_is_gone(self, settings: Any) -> None:
        settings.HIPCHAT_DEFAULT_SERVER = f"http://127.0.0.1:{servers.free_port()}"
        gone = bad(operating.findings())
        settings.ALLOWED_PRIVATE_NETWORKS = []
        private = bad(operating.findings())

        assert [(severity, text.split(":")[0]) for severity, text in gone] == [
            (Severity.WARNING, "HipChat's proposed server does not answer")
        ]
        assert private == [
            (
                Severity.ERROR,
                "HipChat's proposed server 127.0.0.1 is in a private network, and we may not call it.",
            )
        ]

    def test_aliases_that_nobody_ever_types(self, settings: Any) -> None:
        settings.HIPCHAT_DEFAULT_SERVER = ""
        settings.HIPCHAT_SERVER_ALIASES = {
            "https://Chat/": "https://hipchat.example.org",
            "https://hipchat.example.org": "https://hc.example.org",
        }

        assert bad(operating.findings()) == [
            (Severity.ERROR, "HIPCHAT_SERVER_ALIASES names https://Chat/, which nobody's address ever is."),
            (
                Severity.ERROR,
                "HIPCHAT_SERVER_ALIASES leads from https://Chat/ to https://hipchat.example.org, which leads "
                "on to another one.",
            ),
        ]
