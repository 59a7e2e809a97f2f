"""`manage.py demo`: start Sameroom in a folder of its own, relay a conversation, stop it."""

from argparse import ArgumentParser
from typing import Any

import requests
from django.core.management.base import BaseCommand, CommandError

from standalone import demo
from standalone.throwaway import DidNotStart, started
from standalone.visitor import UnexpectedPage


class Command(BaseCommand):
    help = "Sign up, link two sandbox accounts, open a Tube and talk through it, both ways."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--url", default="", help="a running Sameroom with its sandbox; else one is started"
        )
        parser.add_argument("--count", type=int, default=10, help="messages each way")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["url"]:
                demo.run(options["url"].rstrip("/"), options["count"], self._tell)
            else:
                with started() as sameroom:
                    self._tell(f"Sameroom is up at {sameroom.address}")
                    demo.run(sameroom.address, options["count"], self._tell)
        except (demo.DemoFailed, DidNotStart, UnexpectedPage, requests.RequestException) as error:
            raise CommandError(f"The demo failed: {error}") from error
        self._tell("Done: both directions arrived.")

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
