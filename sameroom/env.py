"""The environment, read once: `.env` beside manage.py, then what the process was given."""

import importlib.util
import ipaddress
import math
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from warnings import catch_warnings

import environ
from cryptography.fernet import Fernet, MultiFernet
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
HOW_TO_MAKE_A_FERNET_KEY = (
    "Make one with: .venv/bin/python -c "
    "'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'."
)


YES: Final = ("1", "true", "yes", "on")
NO: Final = ("0", "false", "no", "off")
STORES: Final = ("sqlite", "postgresql", "postgres")
BROKERS: Final = ("redis", "rediss", "redis+socket", "amqp", "amqps", "memory")


class Env(environ.Env):  # type: ignore[misc]
    """django-environ, with a sentence in place of a traceback, or of a guess, for what cannot be read.

    No sentence quotes an address: passwords stand in them.
    """

    def int(
        self, var: str, default: Any = environ.Env.NOTSET, *, least: int = 0, most: float = math.inf
    ) -> int:
        """A whole number from `least` to `most`."""
        try:
            number = int(super().int(var, default=default))
        except ValueError as error:
            raise ImproperlyConfigured(f"{var} is {self.str(var)!r}; it has to be a whole number.") from error
        if not least <= number <= most:
            bounds = f"{least} or more" if math.isinf(most) else f"from {least} to {most}"
            raise ImproperlyConfigured(f"{var} is {number}; it has to be {bounds}.")
        return number

    def flag(self, var: str, *, default: bool) -> bool:
        """Whether something is switched on. Other words are refused: a misspelt one would switch off."""
        word = self.str(var, default="").strip().lower()
        if not word:
            return default
        if word not in (*YES, *NO):
            raise ImproperlyConfigured(f"{var} is {word!r}; it has to be 1 (yes) or 0 (no).")
        return word in YES

    def address(self, var: str, *, schemes: Sequence[str]) -> str:
        """An address of a store or broker, or "" where none is set."""
        url: str = self.str(var, default="")
        scheme, separator, _ = url.partition("://")
        if url and (not separator or scheme not in schemes):
            raise ImproperlyConfigured(
                f"{var} has to begin with {', '.join(f'{one}://' for one in schemes[:-1])} or {schemes[-1]}://."
            )
        return url

    def networks(self, var: str, *, default: Sequence[str]) -> list[str]:
        """Networks, comma separated."""
        networks = [text.strip() for text in self.list(var, default=list(default)) if text.strip()]
        for text in networks:
            try:
                ipaddress.ip_network(text, strict=False)
            except ValueError as error:
                raise ImproperlyConfigured(
                    f"{var} names {text!r}, which is no network; write one as 10.1.0.0/16 or 192.168.7.9/32."
                ) from error
        return networks

    def pairs(self, var: str) -> dict[str, str]:
        """Names and what they mean, as `name=meaning,name=meaning`."""
        pairs = [text.strip().partition("=") for text in self.list(var, default=[]) if text.strip()]
        for name, _, meaning in pairs:
            if not name or not meaning:
                raise ImproperlyConfigured(f"{var} holds {name!r}, of which it does not say what it means.")
        return {name: meaning for name, _, meaning in pairs}

    def db_url_config(self, url: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As the library's; a refusal does not repeat the address, which holds a password."""
        with catch_warnings(action="ignore"):  # they repeat it, too
            try:
                found: dict[str, Any] = super().db_url_config(url, *args, **kwargs)
            except Exception:  # noqa: BLE001 - of whatever kind
                found = {}
        if not str(found.get("ENGINE", "")).endswith(("sqlite3", "postgresql")):
            raise ImproperlyConfigured(
                "DATABASE_URL is no address of a PostgreSQL or SQLite database. Write "
                "postgres://user:password@host:5432/name, or sqlite:////path/to/file; "
                "signs such as @ and / in a password are written as %40 and %2F."
            )
        return found

    def mail(self, var: str, *, default: str) -> dict[str, Any]:
        """Django's settings for a mail server that is told as an address."""
        try:
            settings: dict[str, Any] = self.email_url_config(self.str(var, default="") or default)
        except Exception:  # noqa: BLE001 - of whatever kind
            raise ImproperlyConfigured(
                f"{var} cannot be read; write it as smtp+tls://user:password@host:587. Signs such as @ and / "
                "in a password are written as %40 and %2F."
            ) from None
        return settings

    def applications(self, var: str, *, default: Sequence[str]) -> list[str]:
        """The packages of connectors: folders of connectors/ or, with a dot, somebody's own."""
        kinds = [kind.strip() for kind in self.list(var, default=list(default)) if kind.strip()]
        found = [kind if "." in kind else f"connectors.{kind}" for kind in kinds]
        for kind, package in zip(kinds, found, strict=True):
            if not _exists(package):
                raise ImproperlyConfigured(f"{var} names {kind!r}; there is no package {package}.")
        return found


def _exists(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # not even the package around it
        return False


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
