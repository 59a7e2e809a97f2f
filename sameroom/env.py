"""The environment, read once: `.env` beside manage.py, then what the process was given."""

import os
import secrets
from pathlib import Path

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if (BASE_DIR / ".env").exists():
    env.read_env(str(BASE_DIR / ".env"))


def required(name: str, *, how: str) -> str:
    """The value of `name`, or a refusal to start that says how to get one."""
    value: str = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {how}")
    return value


def one_of(name: str, *, choices: tuple[str, ...], default: str) -> str:
    """The value of `name`, which has to be one of `choices`."""
    value: str = env.str(name, default=default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}; it has to be one of: {', '.join(choices)}.")
    return value


def keep_local_keys(folder: Path) -> None:
    """Make the local default's keys on its first start and keep them, readable by this user only.

    Never called in production: there a missing key is a refusal, because a key that somebody
    else does not have a copy of is a key whose loss nobody noticed in time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "local-keys.env"
    if not path.exists():
        lines = f"SECRET_KEY={secrets.token_urlsafe(50)}\nENCRYPTION_KEYS={Fernet.generate_key().decode()}\n"
        fresh = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(lines)
        try:
            os.link(fresh, path)  # the first of two starters wins, the other one reads its keys
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    env.read_env(str(path))
