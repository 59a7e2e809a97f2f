"""`manage.py sandbox`: a HipChat to try Sameroom against, without Sameroom."""

import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sandbox.server import SandboxServer


class Command(BaseCommand):
    help = "Serve a HipChat sandbox of its own until Ctrl-C. It needs no database but its own file."
    requires_system_checks: list[str] = []  # noqa: RUF012 - as Django declares it

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8001, help="0 picks a free one (default: 8001)")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument(
            "--database", default=settings.SANDBOX_DATABASE, help="its SQLite file, or :memory:"
        )
        parser.add_argument(
            "--request-limit",
            type=int,
            default=settings.SANDBOX_REQUEST_LIMIT,
            help="requests per token and 5 minutes (HipChat: 100)",
        )
        parser.add_argument(
            "--flood-limit",
            type=int,
            default=settings.SANDBOX_FLOOD_LIMIT,
            help="sends per token, room and minute (HipChat: 30)",
        )
        parser.add_argument("--certificate", default="", help="serve HTTPS with the certificate in this file")
        parser.add_argument("--key", default="", help="file of its key, if that is another one")

    def handle(self, *args: Any, **options: Any) -> None:
        stopped = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopped.set())
        if options["database"] != ":memory:":
            Path(options["database"]).parent.mkdir(parents=True, exist_ok=True)
        server = _server(options)
        try:
            server.start()
        except OSError as error:
            raise CommandError(f"Cannot listen on {options['host']}:{options['port']}: {error}") from error
        self.stdout.write(f"HipChat sandbox at {server.url}/ (API: {server.url}/v2)", ending="\n")
        self.stdout.flush()
        stopped.wait()
        server.stop()


def _server(options: dict[str, Any]) -> SandboxServer:
    certificate = options["certificate"]
    try:
        return SandboxServer(
            options["database"],
            host=options["host"],
            port=options["port"],
            request_limit=options["request_limit"],
            flood_limit=options["flood_limit"],
            certificate=(certificate, options["key"] or certificate) if certificate else None,
        )
    except OSError as error:
        raise CommandError(f"Cannot use the certificate {certificate}: {error}") from error
