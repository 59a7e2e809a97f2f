"""A throw-away Matrix homeserver: Synapse, from the virtual environment that `make test` makes for it.

    with homeserver() as synapse:
        synapse.url, synapse.user("ann")

On a free port of the loopback address, on SQLite, with every limit off but those that are asked for.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests import servers

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / ".venv" / "synapse" / "bin" / "python"
START = 60.0  # seconds; cold, on a busy machine
SHARED_SECRET = "only-for-tests"
NO_LIMIT = {"per_second": 10_000, "burst_count": 10_000}
LIMITS = {
    **dict.fromkeys(
        (
            *("rc_message", "rc_registration", "rc_joins_per_room", "rc_admin_redaction", "rc_room_creation"),
            *("rc_media_create", "rc_delayed_event_mgmt", "rc_user_directory"),
        ),
        NO_LIMIT,
    ),
    "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), NO_LIMIT),
    "rc_joins": dict.fromkeys(("local", "remote"), NO_LIMIT),
    "rc_invites": dict.fromkeys(("per_room", "per_user", "per_issuer"), NO_LIMIT),
    "rc_presence": {"per_user": NO_LIMIT},
}


class Refused(Exception):
    """What the homeserver answered instead of 200."""

    def __init__(self, status: int, told: dict[str, Any]) -> None:
        super().__init__(f"{status} {told}")
        self.status, self.told = status, told


def call(
    url: str,
    method: str,
    path: str,
    body: Any = None,
    token: str = "",
    content_type: str = "application/json",
) -> Any:
    """One request; its JSON. Refused for anything but a good answer."""
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": content_type} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url + path, method=method, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=40) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            raise Refused(error.code, json.load(error)) from None


@dataclass
class Person:
    """A user of the homeserver, with one session."""

    url: str
    id: str
    token: str
    password: str
    sent: int = field(default=0, init=False)

    def ask(self, method: str, *parts: str, body: Any = None, api: str = "client/v3", query: str = "") -> Any:
        """A call of the Client-Server API."""
        path = "/".join([f"/_matrix/{api}", *(quote(part, safe="") for part in parts)])
        return call(self.url, method, path + query, body, self.token)

    def make_room(self, **options: Any) -> str:
        """A room that anybody may join, unless the options say otherwise; its id."""
        made = self.ask("POST", "createRoom", body={"preset": "public_chat", **options})
        return str(made["room_id"])

    def join(self, room: str) -> None:
        self.ask("POST", "join", room, body={})

    def send(self, room: str, content: dict[str, Any], kind: str = "m.room.message") -> str:
        self.sent += 1
        key = f"{self.sent}-{secrets.token_hex(4)}"
        return str(self.ask("PUT", "rooms", room, "send", kind, key, body=content)["event_id"])

    def say(self, room: str, text: str, **more: Any) -> str:
        return self.send(room, {"msgtype": "m.text", "body": text, **more})

    def set_state(self, room: str, kind: str, content: dict[str, Any]) -> None:
        self.ask("PUT", "rooms", room, "state", kind, "", body=content)

    def redact(self, room: str, event: str) -> str:
        key = secrets.token_hex(8)
        return str(self.ask("PUT", "rooms", room, "redact", event, key, body={})["event_id"])

    def history(self, room: str) -> list[dict[str, Any]]:
        """What stands in the room, oldest first, as this user is told."""
        told = self.ask("GET", "rooms", room, "messages", query="?dir=b&limit=1000")
        return list(reversed(told["chunk"]))

    def upload(self, content: bytes, content_type: str = "text/plain", name: str = "file") -> str:
        path = f"/_matrix/media/v3/upload?filename={quote(name)}"
        return str(call(self.url, "POST", path, content, self.token, content_type)["content_uri"])


@dataclass
class Homeserver:
    """A running homeserver."""

    server: servers.Server

    @property
    def url(self) -> str:
        return self.server.url

    @cached_property
    def _run(self) -> str:
        return secrets.token_hex(3)

    def person(self, name: str = "ann", *, display_name: str | None = None) -> Person:
        """A new user, whatever others are called."""
        name, password = f"{name}-{secrets.token_hex(4)}", secrets.token_hex(8)
        nonce = call(self.url, "GET", "/_synapse/admin/v1/register")["nonce"]
        signed = b"\0".join(part.encode() for part in (nonce, name, password, "notadmin"))
        mac = hmac.new(SHARED_SECRET.encode(), signed, hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": password, "admin": False, "mac": mac}
        made = call(self.url, "POST", "/_synapse/admin/v1/register", body)
        person = Person(self.url, made["user_id"], made["access_token"], password)
        if display_name is not None:
            person.ask("PUT", "profile", person.id, "displayname", body={"displayname": display_name})
        return person


def program() -> Path:
    """Synapse's own Python. Unavailable where it was never installed."""
    if PROGRAM.exists() and (PROGRAM.parent.parent / "ready").exists():
        return PROGRAM
    raise servers.Unavailable("no Synapse: make .venv/synapse/ready")


def _settings(folder: Path, port: int, more: dict[str, Any]) -> Path:
    key = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    (folder / "signing.key").write_text(f"ed25519 a_tests {key}\n")
    settings = {
        "server_name": "localhost",
        "report_stats": False,
        "pid_file": str(folder / "pid"),
        "signing_key_path": str(folder / "signing.key"),
        "media_store_path": str(folder / "media"),
        "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
        "listeners": [
            {
                "port": port,
                "type": "http",
                "bind_addresses": ["127.0.0.1"],
                "tls": False,
                "resources": [{"names": ["client"], "compress": False}],
            }
        ],
        "registration_shared_secret": SHARED_SECRET,
        "macaroon_secret_key": SHARED_SECRET,
        "form_secret": SHARED_SECRET,
        "bcrypt_rounds": 4,
        "trusted_key_servers": [],
        "federation_domain_whitelist": [],
        "url_preview_enabled": False,
        "presence": {"enabled": False},
        "max_upload_size": "20M",
        **LIMITS,
        **more,
    }
    path = folder / "homeserver.yaml"
    path.write_text(json.dumps(settings))  # JSON is YAML
    return path


def _answers(url: str) -> None:
    with urllib.request.urlopen(f"{url}/_matrix/client/versions", timeout=2):
        pass


@contextmanager
def homeserver(**settings: Any) -> Iterator[Homeserver]:
    """A homeserver of our own, with these settings on top."""
    python = program()
    with servers._folder(None) as folder:
        port = servers.free_port()
        path = _settings(folder, port, settings)
        command = [str(python), "-m", "synapse.app.homeserver", "-c", str(path)]
        server = servers.Server(
            command,
            f"http://127.0.0.1:{port}",
            folder,
            _answers,
            variables={"HOME": os.environ.get("HOME", "/")},
        )
        server.start(START)
        try:
            yield Homeserver(server)
        finally:
            server.stop()
