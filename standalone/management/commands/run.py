"""`manage.py run`: everything Sameroom needs, until Ctrl-C."""

import os
import signal
import socket
import threading
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from standalone import one_process, processes, stores
from standalone.listener import Listening
from standalone.parts import Part
from standalone.web import Web
from standalone.worker import Beat, Worker

HOST = "127.0.0.1"


class Command(BaseCommand):
    help = (
        "Run Sameroom: one process on SQLite by default; web, worker, listener and beat as processes "
        "of their own where REDIS_URL (or CELERY_BROKER_URL) names a broker."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        stop = _stop_on_signals()
        try:
            stores.check_port(HOST, settings.PORT)
            stores.check_database()
            stores.check_broker()
            self._prepare_database()
            code = self._run_parts(stop) if stores.one_process() else self._run_processes(stop)
        except stores.CannotStart as error:
            raise CommandError(f"Sameroom does not start: {error}") from error
        self._say("Sameroom has stopped.")
        one_process.leave(code)

    def _say(self, text: str) -> None:
        """Print now, also where the output is a file or a pipe."""
        self.stdout.write(text)
        self.stdout.flush()

    def _prepare_database(self) -> None:
        """Bring the tables up to date, and the static files where their names carry a hash."""
        try:
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if plan:
                self._say(f"Bringing the database up to date ({len(plan)} steps) ...")
                call_command("migrate", interactive=False, verbosity=0)
        except DatabaseError as error:
            raise stores.CannotStart(f"the database cannot be brought up to date: {error}") from error
        finally:
            connection.close()
        if not (settings.LOCAL or settings.DEBUG):
            call_command("collectstatic", interactive=False, verbosity=0)

    def _run_parts(self, stop: threading.Event) -> int:
        web, worker = Web(HOST, settings.PORT), Worker()
        web.bind()
        parts: list[Part] = [web, worker, Listening(), Beat()]
        threading.Thread(target=self._greet, args=(stop, worker.ready.is_set), daemon=True).start()
        return one_process.serve(parts, stop)

    def _run_processes(self, stop: threading.Event) -> int:
        threading.Thread(target=self._greet, args=(stop, _answers), daemon=True).start()
        return processes.serve(processes.children(), stop)

    def _greet(self, stop: threading.Event, ready: Any) -> None:
        """Say where everything is, once it is there."""
        while not ready():
            if stop.wait(0.05):
                return
        self._say("\n".join(_greeting()))


def _answers() -> bool:
    try:
        socket.create_connection((HOST, settings.PORT), timeout=1).close()
    except OSError:
        return False
    return True


def _greeting() -> list[str]:
    shape = "one process" if stores.one_process() else "web, worker, listener and beat as separate processes"
    mail = settings.EMAIL_BACKEND.rsplit(".", 2)[-2]
    place = "are printed here" if mail == "console" else f"go out by {mail} ({settings.EMAIL_HOST})"
    prefix = "LOCAL=1 " if settings.LOCAL and os.environ.get("LOCAL") else ""
    lines = [
        "",
        f"Sameroom is at    {settings.PUBLIC_URL}",
        f"  listening on    http://{HOST}:{settings.PORT}",
        f"  runs as         {shape}",
        f"  database        {stores.database_in_words()}",
        f"  broker          {stores.address_in_words(settings.CELERY_BROKER_URL)}",
        f"  e-mails         {place}",
    ]
    if settings.SANDBOX:
        lines.append(f"  sandbox         {settings.PUBLIC_URL}/sandbox  (a chat service to try things with)")
    return [
        *lines,
        f"  first operator  {prefix}.venv/bin/python manage.py createsuperuser",
        "  stop            Ctrl-C",
        "",
    ]


def _stop_on_signals() -> threading.Event:
    """An event that SIGINT and SIGTERM set; a second one ends the process there and then."""
    stop = threading.Event()

    def on_signal(number: int, _frame: Any) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return stop
