"""Web server, worker, listener and beat as threads of this process."""

import logging
import os
import sys
import threading
import time
from collections.abc import Sequence

from django.db import connections

from standalone.parts import Part
from standalone.worker import Worker

logger = logging.getLogger(__name__)

STOP_WITHIN = 4.0  # seconds for all parts together; the promise is five


def serve(parts: Sequence[Part], stop: threading.Event) -> int:
    """Run the parts until told to stop or until one of them ends. Returns the exit code."""
    code = 0
    for part in parts:
        part.start()
    while not stop.wait(0.25):
        broken = [part.label for part in parts if not part.is_alive()]
        if broken:
            logger.critical("The %s ended by itself; stopping the rest.", " and the ".join(broken))
            code = 1
            break
    stop_parts(parts)
    connections.close_all()
    return code


def stop_parts(parts: Sequence[Part]) -> None:
    """Ask each part in turn, last started first: the web stays up while tasks end, since they call it."""
    deadline = time.monotonic() + STOP_WITHIN
    for part in reversed(parts):
        part.ask_to_stop()
        if not part.ended(min(part.patience, deadline - time.monotonic())) and isinstance(part, Worker):
            logger.warning(
                "%d task(s) cut off while waiting for an answer; the next start takes them up again.",
                part.unfinished(),
            )


def leave(code: int) -> None:
    """End the process, also where a thread hangs in a call that nobody can interrupt."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # sys.exit would join the worker's threads without end
