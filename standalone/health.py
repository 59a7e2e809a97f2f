"""Health checks of the containers: `python -m standalone.health web [port]`, or worker, listener, beat."""

import http.client
import os
import socket
import sys

import django

PATIENCE = 5  # seconds


def web(port: int = 8000) -> bool:
    """The site answers; that ALLOWED_HOSTS lacks 127.0.0.1 is an answer too."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


def _pong(node: str) -> bool:
    from sameroom.celery import app

    name = f"{node}@{socket.gethostname()}"
    return bool(app.control.ping(destination=[name], timeout=PATIENCE, limit=1))


def worker() -> bool:
    """This machine's worker answers through the broker."""
    return _pong("celery")


def listener() -> bool:
    """This machine's listener has said to the database that it lives."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sameroom.settings")
    django.setup()
    from monitor import streams  # it needs the settings

    return streams.listeners(socket.gethostname()) > 0


def beat() -> bool:
    """This machine's beat answers through the broker, which it does only while it ticks."""
    return _pong("celerybeat")


if __name__ == "__main__":
    part, *port = sys.argv[1:]
    check = {"web": web, "worker": worker, "listener": listener, "beat": beat}[part]
    sys.exit(not check(*map(int, port)))
