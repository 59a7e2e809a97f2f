"""The environment, read once: `.env` beside manage.py, then what the process was given."""

import os
import secrets
from pathlib import Path
from typing import Any

import environ
from cryptography.fernet import Fernet, MultiFernet
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
HOW_TO_MAKE_A_FERNET_KEY = (
    "Make one with: .venv/bin/python -c "
    "'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'."
)


class Env(environ.Env):  # type: ignore[misc]
    """django-environ, with a sentence instead of a traceback for what is no number."""

    def int(self, var: str, default: Any = environ.Env.NOTSET) -> int:
        try:
            return int(super().int(var, default=default))
        except ValueError as error:
            raise ImproperlyConfigured(f"{var} is {self.str(var)!r}; it has to be a whole number.") from error


env = Env()
if (BASE_DIR / ".env").exists():
    env.read_env(str(BASE_DIR / ".env"))


def required(name: str, *, how: str) -> str:
    """The value of `name`, or a refusal to start that says how to get one."""
    value: str = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {how}")
    return value


def fernet_keys(text: str) -> list[str]:
    """The keys of a comma-separated list, each of which has to be a Fernet key."""
    keys = [key.strip() for key in text.split(",") if key.strip()]
    try:
        MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(
            f"ENCRYPTION_KEYS holds something that is no Fernet key. {HOW_TO_MAKE_A_FERNET_KEY}"
        ) from error
    return keys


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
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
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
