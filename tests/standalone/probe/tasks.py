import socket
import threading
import time
from collections import Counter
from typing import Any

from celery import shared_task
from django.core.cache import cache
from django.db import connection
from django.db.backends.signals import connection_created
from django.dispatch import receiver

from monitor import counting

opened: Counter[int] = Counter()  # database connections, by the thread that opened them
known: list[Any] = []


@receiver(connection_created)
def count(connection: Any, **_kwargs: Any) -> None:
    """Not one that comes out of the pool again."""
    if not any(connection.connection is one for one in known):
        known.append(connection.connection)
        opened[threading.get_ident()] += 1


@shared_task
def mark(key: str) -> None:
    """Note when this ran, and how many database connections its thread has opened so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    cache.set(key, {"at": time.time(), "connections": opened[threading.get_ident()]})


@shared_task
def tally(events: int) -> None:
    """Count as the relay does."""
    counting.events_in("message", "hipchat", events)
    counting.delivery_ended("hipchat", "sent", 0.2)


@shared_task
def fail(words: str) -> None:
    """Break as only the database can."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::int", [words])


@shared_task
def hang() -> None:
    """Wait for an answer that never comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).recv(1)
