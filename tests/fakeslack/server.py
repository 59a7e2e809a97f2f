"""The fake behind a socket: aiohttp, in a thread of whoever asks for it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from tests.fakeslack.control import FakeSlack
from tests.fakeslack.slack import Slack
from tests.fakeslack.web import Api

MOST_BYTES = 64 * 2**20  # of a request
START = 20.0  # seconds


def application(slack: Slack) -> web.Application:
    """Everything that is answered."""
    app = web.Application(client_max_size=MOST_BYTES)
    app.router.add_route("*", "/api/{method}", Api(slack).__call__)
    app.router.add_get("/", slack.files.sign_in)
    app.router.add_get("/client", slack.pages.channels)
    app.router.add_get("/client/{channel}", slack.pages.channel)
    app.router.add_post("/client/{channel}", slack.pages.act)
    app.router.add_get("/link/", slack.sockets.serve)
    app.router.add_get("/oauth/v2/authorize", slack.oauth.authorize)
    app.router.add_post("/oauth/v2/authorize", slack.oauth.decide)
    app.router.add_get("/apps", slack.oauth.review)
    app.router.add_post("/apps", slack.oauth.create)
    app.router.add_post("/upload/v1/{key}", slack.files.upload)
    app.router.add_get("/files-pri/{file}/{name}", slack.files.download)
    app.router.add_get("/files-pri/{file}/download/{name}", slack.files.download)
    app.router.add_post("/commands/{team}/{key}", slack.commands.respond)
    return app


async def _serve(
    slack: Slack, listener: socket.socket, started: threading.Event, ended: asyncio.Event
) -> None:
    runner = web.AppRunner(application(slack), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    started.set()
    await ended.wait()
    await slack.close()
    await runner.cleanup()


@contextmanager
def running(port: int = 0) -> Iterator[FakeSlack]:
    """A Slack of one's own on a free port of the loopback address, until the end of the block."""
    slack, started, loop, ended = Slack(), threading.Event(), asyncio.new_event_loop(), asyncio.Event()
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    slack.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def serve() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(_serve(slack, listener, started, ended))

    thread = threading.Thread(target=serve, name="fakeslack", daemon=True)
    thread.start()
    if not started.wait(START):
        raise RuntimeError("the fake Slack did not start")
    try:
        yield FakeSlack(slack, loop)
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)
        listener.close()
