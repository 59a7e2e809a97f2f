"""The project's settings as the tests run them: everything on, nothing outside the machine."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet


def _worker_folder() -> Path:
    """A folder for this process: parallel test processes share no file."""
    if "SAMEROOM_TESTS_DIR" not in os.environ:
        os.environ["SAMEROOM_TESTS_DIR"] = tempfile.mkdtemp(prefix="sameroom-tests-")
        atexit.register(shutil.rmtree, os.environ["SAMEROOM_TESTS_DIR"], ignore_errors=True)
    return Path(os.environ["SAMEROOM_TESTS_DIR"]) / os.environ.get("PYTEST_XDIST_WORKER", "main")


# Set before the settings are read, so that neither a .env nor the shell of whoever runs the tests counts.
# DATABASE_URL and REDIS_URL come from tests/run.py, which starts the servers they name.
_folder = _worker_folder()
os.environ.update(
    LOCAL="1",
    DEBUG="0",
    VAR_DIR=str(_folder),
    SECRET_KEY="only-for-tests",
    ENCRYPTION_KEYS=os.environ.setdefault("SAMEROOM_TESTS_KEY", Fernet.generate_key().decode()),
    CONNECTORS="hipchat,matrix,irc,slack,echo,stub.connector",
    PUBLIC_URL="http://127.0.0.1:8000",
    CELERY_BROKER_URL="memory://localhost",
    DATABASE_URL=os.environ.get("SAMEROOM_TESTS_DATABASE", ""),
    REDIS_URL=os.environ.get("SAMEROOM_TESTS_REDIS", ""),
)
if os.environ["REDIS_URL"]:
    # One numbered Redis database per parallel process.
    os.environ["REDIS_URL"] += "/" + (os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw") or "15")
    os.environ["CELERY_BROKER_URL"] = os.environ.get("SAMEROOM_TESTS_BROKER", os.environ["REDIS_URL"])

from sameroom.settings import *  # noqa: E402, F403
from sameroom.settings import DATABASES  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file: threads of one test have to meet in the same database, as they do in service.
    DATABASES["default"]["TEST"] = {"NAME": str(_folder / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] = (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA foreign_keys=ON;"
    )

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # hashing strength is not under test
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
