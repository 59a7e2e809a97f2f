"""Prints docs/connectors.md's table."""

from typing import Any

from django.core.management.base import BaseCommand

from connectors.registry import connectors
from connectors.table import table


class Command(BaseCommand):
    help = "Print what each service can do, as the table of docs/connectors.md."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(table(connectors().values()))
