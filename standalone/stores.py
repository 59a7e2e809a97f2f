"""Where data and wake-ups live: in words without secrets, and whether it answers."""

import socket
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import Error, connection
from kombu import Connection
from kombu.exceptions import KombuError

CONNECT_SECONDS = 5
PORTS = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671}  # where an address names none


class CannotStart(Exception):
    """A reason not to start, in a sentence for the operator."""


def one_process() -> bool:
    """A broker in memory reaches the threads of one process only; any other one means several."""
    return bool(settings.CELERY_BROKER_URL.startswith("memory"))


def database_in_words() -> str:
    """The database as printed at start: never with its password."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        return f"SQLite, {database['NAME']}"
    return f"PostgreSQL at {database.get('HOST') or 'the local socket'}, database {database['NAME']}"


def address_in_words(url: str) -> str:
    """A broker's or server's address: never with its password."""
    if url.startswith("memory"):
        return "in memory, inside this process"
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or PORTS.get(parts.scheme, '')}{parts.path}"


def check_port(host: str, port: int) -> None:
    """Refuse to start where somebody else listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStart(
                f"port {port} on {host} cannot be used: {(error.strerror or str(error)).lower()}. "
                f"Stop what uses it, or start with another one: PORT={port + 1} make run."
            ) from error


def check_database() -> None:
    """Refuse to start without the database."""
    try:
        connection.ensure_connection()
    except Error as error:
        reason = " ".join(str(error).split())
        raise CannotStart(
            f"the database does not answer ({database_in_words()}): {reason}. Look at DATABASE_URL."
        ) from error


def check_broker() -> None:
    """Refuse to start without the broker and Redis."""
    if settings.REDIS_URL:
        client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=CONNECT_SECONDS)
        try:
            client.ping()
        except redis.RedisError as error:
            raise CannotStart(
                f"Redis does not answer ({address_in_words(settings.REDIS_URL)}): {error}. Look at REDIS_URL."
            ) from error
        finally:
            client.close()
    if not one_process():
        _check_celery_broker(settings.CELERY_BROKER_URL)


def _check_celery_broker(url: str) -> None:
    with Connection(url, connect_timeout=CONNECT_SECONDS) as broker:
        refusals: tuple[type[BaseException], ...] = (KombuError, *broker.connection_errors)
        try:
            broker.ensure_connection(max_retries=1, timeout=CONNECT_SECONDS)
        except refusals as error:
            raise CannotStart(
                f"the Celery broker does not answer ({address_in_words(url)}): {error}. "
                "Look at CELERY_BROKER_URL."
            ) from error
