"""Web, worker, listener and beat as processes of their own, watched by the run command."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from sameroom.env import BASE_DIR

logger = logging.getLogger(__name__)

STOP_WITHIN = 4.0  # seconds before a child that does not end is killed; the promise is five

WEB = ("gunicorn", "-c", "python:standalone.gunicorn_conf")
WORKER = (
    *("celery", "--quiet", "-A", "sameroom", "worker", "--pool=threads", "--loglevel=WARNING"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)
# Celery warns root of pickle, which we do not accept.
WARNINGS = ",".join(
    filter(None, (os.environ.get("PYTHONWARNINGS"), "ignore:You're running the worker with superuser"))
)
BEAT = ("celery", "--quiet", "-A", "sameroom", "beat", "--loglevel=WARNING", "--pidfile=")
LISTENER = ("manage", "listen")


@dataclass
class Child:
    """One process: what people call it, how it is started."""

    label: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it in a session of its own: Ctrl-C reaches it through us, once."""
        self.process = subprocess.Popen(  # noqa: S603 - the commands are the ones above
            [sys.executable, "-m", *self.command],
            cwd=BASE_DIR,
            env={**os.environ, "PYTHONWARNINGS": WARNINGS},
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )

    def ended(self) -> int | None:
        """Its exit code; None while it runs."""
        return None if self.process is None else self.process.poll()


def _end_with_parent() -> None:
    """Ask Linux to end this child when we are killed: nobody would be left to do it."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def children() -> list[Child]:
    """What runs beside each other on one server."""
    return [
        Child("web server", WEB),
        Child("worker", WORKER),
        Child("listener", LISTENER),
        Child("beat", BEAT),
    ]


def serve(family: Sequence[Child], stop: threading.Event) -> int:
    """Run the children until told to stop or until one of them ends. Returns the exit code."""
    code = 0
    for child in family:
        child.start()
    while not stop.wait(0.25):
        dead = [child for child in family if child.ended() is not None]
        for child in dead:
            logger.critical("The %s ended with code %s; stopping the rest.", child.label, child.ended())
        if dead:
            code = 1
            break
    stop_children(family)
    return code


def stop_children(family: Sequence[Child]) -> None:
    """SIGTERM to all, then SIGKILL to those that do not end: their rows wait in the database."""
    running = [child for child in family if child.ended() is None and child.process]
    for child in running:
        _signal(child, signal.SIGTERM)
    deadline = time.monotonic() + STOP_WITHIN
    while running and time.monotonic() < deadline:
        time.sleep(0.05)
        running = [child for child in running if child.ended() is None]
    for child in running:
        logger.warning("The %s did not end in %.0f s and was killed.", child.label, STOP_WITHIN)
        _signal(child, signal.SIGKILL)


def _signal(child: Child, number: signal.Signals) -> None:
    """To the child; a kill goes to its whole session, so that gunicorn's workers go with it."""
    if child.process is None or child.process.poll() is not None:
        return
    if number is signal.SIGKILL:
        os.killpg(child.process.pid, number)
        child.process.wait()
    else:
        child.process.send_signal(number)
