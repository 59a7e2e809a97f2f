"""All tests: what touches the database on PostgreSQL and Redis, then everything on SQLite.

python tests/run.py [--only sqlite|servers|rabbitmq] [what pytest takes]

Two processes of pytest, because a Django process has one database for life. What depends on the broker
runs on RabbitMQ only where it is asked for: few machines have one.
"""

import argparse
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests import servers  # noqa: E402
from tests.conftest import REQUIRE_ALL  # noqa: E402

# Tests that share a costly fixture carry an xdist_group mark, and meet in one process.
PARALLEL = ("-n", "2", "--dist", "loadgroup")
NO_TESTS = 5  # pytest's exit code where the chosen ones do not touch the database


def pytest(arguments: list[str], **stores: str) -> int:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SAMEROOM_TESTS_")}
    command = [sys.executable, "-m", "pytest", *PARALLEL, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment | stores, check=False).returncode


def on_servers(arguments: list[str], *, rabbitmq: bool = False) -> int:
    """The second half of the promise: the same behaviour on what larger installations use."""
    try:
        with ExitStack() as running:
            database, cache = (
                running.enter_context(servers.postgres()),
                running.enter_context(servers.redis()),
            )
            stores = {"SAMEROOM_TESTS_DATABASE": database.url, "SAMEROOM_TESTS_REDIS": cache.url}
            programs = [database.command[0], cache.command[0]]
            if rabbitmq:
                broker = running.enter_context(servers.rabbitmq())
                stores["SAMEROOM_TESTS_BROKER"] = broker.url
                programs.append(broker.command[0])
            print(f"On {', '.join(programs)}:", flush=True)
            code = pytest(arguments, **stores)
            return 0 if code == NO_TESTS else code
    except servers.Unavailable as error:
        print(f"LEFT OUT: {error}", flush=True)
        return int(REQUIRE_ALL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, add_help=False)
    parser.add_argument("--only", choices=("sqlite", "servers", "rabbitmq"))
    chosen, arguments = parser.parse_known_args()
    codes = []
    if chosen.only in (None, "servers", "rabbitmq"):
        codes.append(on_servers(arguments, rabbitmq=chosen.only == "rabbitmq"))
    if chosen.only in (None, "sqlite"):
        print("On SQLite:", flush=True)
        codes.append(pytest(arguments))
    return max(codes, key=abs)


if __name__ == "__main__":
    sys.exit(main())
