"""Forget now what is due: texts, ids, notices."""

from typing import Any

from django.core.management.base import BaseCommand

from tubes.relay import retention


class Command(BaseCommand):
    help = (
        "Erase texts BODY_HOURS after their last delivery ended, delete ids after ID_DAYS, and old notices. "
        "A worker does the same every ten minutes. May be repeated and interrupted."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for name, number in retention.purge().items():
            self.stdout.write(f"{number} {name}")
