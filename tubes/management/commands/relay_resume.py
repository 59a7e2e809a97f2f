"""Let a stopped relay go on: from where the database stands, or from now."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tubes.models import Room
from tubes.relay import guard, restart
from tubes.relay.restart import Start


class Command(BaseCommand):
    help = "Let the relay go on after it was stopped because the database was moved, copied or restored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--from",
            choices=("now", "cursor"),
            required=True,
            dest="start",
            help="cursor: catch up on all that was said since this database last read, for an installation "
            "that has moved. now: drop what waits and go on with what is said next, for a restored backup.",
        )
        parser.add_argument(
            "--ignore-unreachable",
            action="store_true",
            help="With --from now: resume although rooms could not be asked for their newest item.",
        )

    def handle(self, *args: Any, start: str, ignore_unreachable: bool, **options: Any) -> None:
        reason = guard.find_out()
        if not reason:
            self.stdout.write("The relay is not stopped; there is nothing to do.")
            return
        self.stdout.write(f"The relay is stopped. {reason}")
        if start == "now":
            self._leave_out(ignore_unreachable)
        else:
            self.stdout.write("Catching up from where each room was read last; queued messages are sent.")
        guard.resume()
        self.stdout.write(f"Resumed as {settings.PUBLIC_URL}.")

    def _leave_out(self, ignore_unreachable: bool) -> None:
        rooms = restart.rooms_in_use()
        self.stdout.write(
            "Dropping what is queued, giving up on sends that were under way, and asking "
            f"{len(rooms)} rooms for their newest item, from which they go on."
        )
        starts = [self._look(room) for room in rooms]
        troubled = [start for start in starts if start.trouble]
        if troubled and not ignore_unreachable:
            raise CommandError(
                f"Not resumed, nothing was changed: {len(troubled)} of {len(rooms)} rooms did not answer. "
                "Try again, or add --ignore-unreachable: what was said there up to now is then left out."
            )
        dropped = restart.go_on_from(starts)
        self.stdout.write(
            f"{dropped.queued} queued deliveries skipped, {dropped.sending} sends marked as perhaps sent, "
            f"{dropped.held} held events let go."
        )

    def _look(self, room: Room) -> Start:
        start = restart.look(room)
        if start.trouble:
            self.stderr.write(f"{room.name} ({room.space}): {start.trouble}")
        elif not start.is_read:
            self.stdout.write(
                f"{room.name} ({room.space}): cannot be read; what was said up to now is left out."
            )
        return start
