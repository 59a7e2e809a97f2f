"""As it runs in service, at an address with https: asked of a process of its own, with its own settings."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

ROOT = Path(__file__).parents[2]
HOST = "sameroom.example.org"

ASK = f"""
import json
import django
django.setup()
from django.conf import settings
from django.test import Client
client = Client(headers={{"Host": "{HOST}"}})
page, plain = client.get("/robots.txt", secure=True), client.get("/robots.txt?x=1")
print(json.dumps({{
    "settings": {{name: getattr(settings, name) for name in (
        "DEBUG", "SANDBOX", "ADMIN_SECOND_STEP", "ALLOWED_PRIVATE_NETWORKS", "ALLOWED_HOSTS",
        "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "CSRF_COOKIE_HTTPONLY",
        "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SAMESITE", "ACCOUNT_EMAIL_VERIFICATION",
    )}},
    "headers": dict(page.headers),
    "plain": [plain.status_code, plain.headers["Location"]],
    "wrong_host": client.get("/robots.txt", secure=True, headers={{"Host": "evil.example"}}).status_code,
}}))
"""


def asked(folder: Path, **variables: str) -> dict[str, Any]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "sameroom.settings",
        "PUBLIC_URL": f"https://{HOST}",
        "SECRET_KEY": "k" * 50,
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "VAR_DIR": str(folder),
        "LOCAL": "0",
        "DEBUG": "0",
        "PYTHONPATH": str(ROOT),
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return asked(tmp_path_factory.mktemp("production"))


def test_cookies_go_by_https_alone_and_come_from_this_host(production: dict[str, Any]) -> None:
    told = production["settings"]

    assert told["SESSION_COOKIE_NAME"] == "__Host-sessionid"
    assert told["CSRF_COOKIE_NAME"] == "__Host-csrftoken"
    assert [
        told[f"{name}_COOKIE_{flag}"] for name in ("SESSION", "CSRF") for flag in ("SECURE", "HTTPONLY")
    ] == [True] * 4
    assert told["SESSION_COOKIE_SAMESITE"] == "Lax"


def test_browsers_stay_with_https(production: dict[str, Any]) -> None:
    assert (
        production["headers"]["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    )
    assert production["plain"] == [301, f"https://{HOST}/robots.txt?x=1"]


def test_what_is_for_try_outs_is_off(production: dict[str, Any]) -> None:
    told = production["settings"]

    assert (told["DEBUG"], told["SANDBOX"]) == (False, False)
    assert told["ADMIN_SECOND_STEP"] is True
    assert told["ALLOWED_PRIVATE_NETWORKS"] == []
    assert told["ACCOUNT_EMAIL_VERIFICATION"] == "mandatory"


def test_another_name_of_the_host_is_not_answered(production: dict[str, Any]) -> None:
    assert production["wrong_host"] == 400


def test_the_sandbox_beside_real_accounts_is_warned_of(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "sameroom.settings",
        "PUBLIC_URL": f"https://{HOST}",
    }
    environment |= {"SECRET_KEY": "k" * 50, "ENCRYPTION_KEYS": Fernet.generate_key().decode(), "SANDBOX": "1"}
    environment |= {"VAR_DIR": str(tmp_path), "LOCAL": "0", "DEBUG": "0"}
    check = [sys.executable, "manage.py", "check", "--deploy"]

    done = subprocess.run(check, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)

    assert "sandbox.W001" in done.stderr
    assert "SANDBOX=0" in done.stderr
