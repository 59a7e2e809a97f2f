"""`manage.py listen`: keep the streams of services that tell by a connection what is said."""

import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from standalone import one_process, stores
from tubes.relay.listening.process import Listener


class Command(BaseCommand):
    help = "Listen to the streams of linked accounts, until Ctrl-C. Several listeners share the accounts."

    def handle(self, *args: Any, **options: Any) -> None:
        if stores.one_process():
            raise CommandError(
                "The listener does not start: without REDIS_URL (or CELERY_BROKER_URL) all is one process, "
                "and `manage.py run` listens already. Set them for processes of their own: see .env.example."
            )
        listener = Listener()

        def on_signal(number: int, frame: FrameType | None) -> None:
            listener.ask_to_stop()

        signal.signal(signal.SIGINT, on_signal)
        signal.signal(signal.SIGTERM, on_signal)
        listener.serve()
        one_process.leave(0)  # a thread that hangs in a call to a service is not waited for
