"""What `manage.py doctor` finds on this machine and in its database: settings, keys, disk, processes."""

import io
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from cryptography.fernet import Fernet
from django.core.checks import Error, Warning
from django.core.management import call_command

from accounts.models import LinkedAccount
from connectors.findings import Severity
from monitor import pulse
from monitor.doctor import configuration, keys, running
from monitor.doctor.keys import keys as looked_at
from monitor.store import store
from sameroom import clock
from tests import factories
from tests.monitor.test_doctor_asks import bad
from tubes.models import Installation

pytestmark = pytest.mark.django_db


@pytest.fixture
def in_service(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """As an installation that lacks nothing."""
    settings.LOCAL = settings.DEBUG = settings.SANDBOX = False
    settings.SECURE, settings.TRUSTED_PROXY_COUNT = True, 1
    settings.ADMIN_SECOND_STEP = True
    settings.METRICS_TOKEN = "a-long-random-one-of-32-characters"
    settings.CELERY_BROKER_URL = settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "sameroom.pooled_postgres")
    settings.ALLOWED_PRIVATE_NETWORKS = ["10.1.0.0/16"]
    return settings


class TestSettings:
    @pytest.fixture(autouse=True)
    def _django_finds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[bool] = []
        self.found: list[Any] = []

        def run_checks(*, include_deployment_checks: bool) -> list[Any]:
            self.asked.append(include_deployment_checks)
            return self.found

        monkeypatch.setattr(configuration, "run_checks", run_checks)
        monkeypatch.setattr(configuration, "BASE_DIR", Path("/nonexistent"))

    def test_nothing_is_wanted_of_a_try_out(self) -> None:
        assert bad(configuration.configuration()) == []
        assert self.asked == [False]

    def test_nothing_is_amiss_where_everything_is_set(self, in_service: Any) -> None:
        assert bad(configuration.configuration()) == []
        assert self.asked == [True]

    def test_what_django_and_connectors_find_is_told_with_its_hint(self, in_service: Any) -> None:
        self.found = [
            Error("Echo claims but lacks send().", id="connectors.E001"),
            Warning("Cookies.", hint="Secure them.", id="security.W012"),
        ]

        found = list(configuration.configuration())

        assert bad(found) == [
            (Severity.ERROR, "Echo claims but lacks send(). (connectors.E001)"),
            (Severity.WARNING, "Cookies. (security.W012)"),
        ]
        assert found[1].remedy == "Secure them."

    @pytest.mark.parametrize(
        ("name", "value", "begins"),
        [
            ("TRUSTED_PROXY_COUNT", 0, "PUBLIC_URL is https, and no proxy is trusted"),
            ("METRICS_TOKEN", "", "METRICS_TOKEN is not set"),
            ("METRICS_TOKEN", "short", "METRICS_TOKEN has fewer than 20 characters"),
            ("SANDBOX", True, "SANDBOX is on"),
            ("ADMIN_SECOND_STEP", False, "ADMIN_SECOND_STEP is off"),
            ("REDIS_URL", "", "There is a broker, but no REDIS_URL"),
            ("ALLOWED_PRIVATE_NETWORKS", ["0.0.0.0/0"], "ALLOWED_PRIVATE_NETWORKS opens 0.0.0.0/0"),
            ("ALLOWED_PRIVATE_NETWORKS", ["10.0.0.1/8"], "ALLOWED_PRIVATE_NETWORKS names '10.0.0.1/8'"),
        ],
    )
    def test_what_production_lacks_is_told(self, in_service: Any, name: str, value: Any, begins: str) -> None:
        setattr(in_service, name, value)

        [(_, text)] = bad(configuration.configuration())

        assert text.startswith(begins)
        assert "short" not in text

    def test_several_processes_on_sqlite(self, in_service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(in_service.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")

        assert [severity for severity, _ in bad(configuration.configuration())] == [Severity.ERROR]

    def test_names_that_nothing_reads(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(configuration, "BASE_DIR", tmp_path)
        (tmp_path / ".env.example").write_text("# Hours.\n#CATCH_UP_HOURS=24\n#SECRET_KEY=\n")
        (tmp_path / ".env").write_text(
            "SECRET_KEY=secret-value\nexport CATCHUP_HOURS=12\nCOLOUR=red\n#NO=1\n"
        )

        found = [it for it in configuration.configuration() if it.severity is Severity.WARNING]

        assert [(it.text, it.remedy) for it in found] == [
            (".env sets CATCHUP_HOURS, which nothing reads.", "Did you mean CATCH_UP_HOURS?"),
            (
                ".env sets COLOUR, which nothing reads.",
                "Take the line out; .env.example lists all there are.",
            ),
        ]


class TestKeys:
    def test_no_secret_needs_no_key(self) -> None:
        assert [found.text.split(".")[0] for found in looked_at()] == ["No secret is stored yet"]

    def test_every_secret_opens_with_the_key(self) -> None:
        factories.account()

        [found] = looked_at()

        assert found.text.startswith("All stored secrets that were looked at (1) open with the key.")

    def test_from_a_new_key_to_an_old_one_that_is_not_needed_any_more(self, settings: Any) -> None:
        owner = factories.account().owner
        TOTP.activate(owner, "JBSWY3DPEHPK3PXP")
        RecoveryCodes.activate(owner)
        old, new = settings.ENCRYPTION_KEYS[0], Fernet.generate_key().decode()
        settings.ENCRYPTION_KEYS = [new, old]
        factories.account()

        assert bad(looked_at()) == [
            (Severity.WARNING, "3 of 4 stored secrets are still encrypted with an old key.")
        ]

        call_command("rotate_keys", stdout=io.StringIO())
        [found] = looked_at()

        assert found.severity is Severity.OK
        assert found.text.startswith("All stored secrets that were looked at (4) open with the first key.")

    @pytest.mark.parametrize("whose", ["account", "second step"])
    def test_secret_whose_key_is_gone(self, settings: Any, whose: str) -> None:
        if whose == "account":
            factories.account()
        else:
            TOTP.activate(factories.user(), "JBSWY3DPEHPK3PXP")
        settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
        factories.account()

        assert bad(looked_at()) == [
            (Severity.ERROR, "1 of 2 stored secrets that were looked at can be opened with no key.")
        ]

    def test_of_many_logins_the_oldest_and_the_newest_are_looked_at(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keys, "SAMPLE", 4)
        made = [factories.account() for _ in range(6)]
        LinkedAccount.objects.filter(pk__in=[made[2].pk, made[3].pk]).update(sealed=b"in the middle")
        assert bad(looked_at()) == []

        LinkedAccount.objects.filter(pk=made[0].pk).update(sealed=b"oldest")
        assert bad(looked_at()) == [
            (Severity.ERROR, "1 of 4 stored secrets that were looked at can be opened with no key.")
        ]


class TestDisk:
    def test_folder_that_can_be_written_to_is_left_as_it_was(self, settings: Any, tmp_path: Path) -> None:
        settings.VAR_DIR = tmp_path

        [found] = running.disk()

        assert found.severity is Severity.OK
        assert list(tmp_path.iterdir()) == []

    def test_folder_that_is_not_there(self, settings: Any, tmp_path: Path) -> None:
        settings.VAR_DIR = tmp_path / "gone"

        assert bad(running.disk()) == [
            (
                Severity.ERROR,
                f"Nothing can be written to VAR_DIR {tmp_path / 'gone'}: No such file or directory.",
            )
        ]

    @pytest.mark.parametrize(
        ("free", "inodes", "severity"),
        [
            (2 * 1024**3, 1000, Severity.OK),
            (600 * 1024**2, 1000, Severity.WARNING),
            (100 * 1024**2, 1000, Severity.ERROR),
            (2 * 1024**3, 10, Severity.ERROR),
        ],
    )
    def test_room_that_is_left(
        self, monkeypatch: pytest.MonkeyPatch, free: int, inodes: int, severity: Severity
    ) -> None:
        monkeypatch.setattr(running.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
        monkeypatch.setattr(running.os, "statvfs", lambda _: SimpleNamespace(f_files=1000, f_favail=inodes))

        assert [found.severity for found in running.disk()] == [severity]


class TestProcesses:
    @pytest.fixture
    def installed(self) -> Installation:
        return Installation.objects.create(pk=1, public_url="http://a.example", mark=1, marked_at=clock.now())

    def test_nothing_has_run_yet(self) -> None:
        assert bad(running.processes()) == [(Severity.WARNING, "Nothing has run on this database yet.")]

    def test_one_process_that_runs(self, installed: Installation) -> None:
        assert [found.text for found in running.processes()] == [
            "Beat and a worker run.",
            "What is due is being worked on.",
            "No account is read by a stream.",
        ]

    def test_beat_or_workers_that_ended(self, installed: Installation) -> None:
        Installation.objects.update(marked_at=clock.now() - timedelta(minutes=5))

        assert bad(running.processes()) == [
            (
                Severity.ERROR,
                "Beat or the workers have shown no sign of life for 5 minutes: nothing is polled or sent.",
            )
        ]

    def test_workers_that_meet_in_redis(
        self, installed: Installation, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        known = store()
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        monkeypatch.setattr(pulse, "store", lambda: known)
        assert bad(running.processes()) == [(Severity.ERROR, "No worker has been seen for a minute.")]

        known.mark("worker:here:1")
        known.mark("worker:here:2")
        assert [text for _, text in bad(running.processes())] == [
            "No sweep is known of: beat or the workers do not run, or just started."
        ]
        known.mark(pulse.SWEEP)
        assert [found.text for found in running.processes()][:2] == [
            "2 workers run.",
            "Sweeps come and are worked off.",
        ]

    def test_relay_that_is_stopped_says_why(self, installed: Installation) -> None:
        Installation.objects.update(stopped_because="This may be a copy. Run manage.py relay_resume.")

        assert bad(running.processes()) == [
            (
                Severity.ERROR,
                "The relay is stopped. This may be a copy. Run manage.py relay_resume.",
            )
        ]

    def test_accounts_that_nobody_listens_to(self, installed: Installation) -> None:
        factories.tube(factories.seat(factories.account(kind="stub", stream_fence=1)))

        assert bad(running.processes()) == [
            (Severity.ERROR, "Nobody listens to the streams: no `manage.py listen` runs.")
        ]
