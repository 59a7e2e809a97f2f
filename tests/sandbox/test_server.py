import dataclasses
import gc
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from sandbox.records import SandboxError
from sandbox.seed import PLANS, seed_group
from sandbox.server import SandboxServer
from sandbox.world import World

ROOT = Path(__file__).parents[2]


def test_two_worlds_in_one_process_do_not_meet():
    with SandboxServer() as one, SandboxServer(request_limit=7) as other:
        assert one.url != other.url
        user = one.world.user_named("Ann Lee")
        token = one.world.create_token(user.id, ["view_room"])
        headers = {"Authorization": f"Bearer {token.token}"}
        here = requests.get(f"{one.url}/v2/room", headers=headers, timeout=30)
        there = requests.get(f"{other.url}/v2/room", headers=headers, timeout=30)
        assert (here.status_code, there.status_code) == (200, 401)
        assert here.headers["X-Ratelimit-Limit"] == "100"
        assert there.headers["X-Ratelimit-Limit"] == "7"


def test_everything_survives_a_restart(tmp_path):
    database = str(tmp_path / "sandbox.sqlite3")
    with SandboxServer(database) as server:
        world = server.world
        user, room = world.user_named("Ann Lee"), world.room_named("Support")
        token = world.create_token(user.id, ["view_messages"])
        world.post_message(room.id, user.id, "kept @bo")
        world.post_file(room.id, user.id, name="a.txt", content_type="text/plain", content=b"file")
        before = world.dump()
    with SandboxServer(database) as server:
        after = server.world.dump()
        for part in ("groups", "users", "rooms", "tokens"):
            assert after[part] == before[part]
        query = {"auth_token": token.token}
        latest = requests.get(f"{server.url}/v2/room/{room.id}/history/latest", params=query, timeout=30)
        first, second = latest.json()["items"]
        assert (first["message"], first["mentions"][0]["name"]) == ("kept @bo", "Bo Ray")
        assert requests.get(second["file"]["url"], timeout=30).content == b"file"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # cheroot forgets a socket
def test_port_is_taken():
    with SandboxServer() as server:
        second = SandboxServer(port=server.port)
        with pytest.raises(OSError, match="in use"):
            second.start()
        del second
        gc.collect()


def test_stop_does_not_wait_for_slow_answers():
    server = SandboxServer().start()
    server.world.add_fault(latency=60)
    done = threading.Event()

    def ask():
        requests.get(f"{server.url}/v2/capabilities", timeout=30)
        done.set()

    threading.Thread(target=ask).start()
    while server.world.faults._waiting:
        time.sleep(0.005)
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 2
    assert done.wait(20)


def test_threads_do_not_disturb_each_other():
    world = World()
    user, room = world.user_named("Ann Lee"), world.room_named("Support")

    def write(name):
        for number in range(50):
            world.post_message(room.id, user.id, f"{name}-{number}")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    messages = world.messages.all(room.chat)
    assert len(messages) == 200
    stamps = [message.stamp for message in messages]
    assert stamps == sorted(set(stamps))
    world.close()


def test_failed_transaction_leaves_nothing():
    world = World()
    plan = dataclasses.replace(PLANS[0], id=5, people=(("Ann Lee", "Ann", ""), ("Bo Ray", "Ann", "")))
    with pytest.raises(SandboxError, match="taken"), world.store.transaction():
        seed_group(world, plan)
    assert [group.name for group in world.directory.groups()] == ["Acme", "Globex"]
    world.close()


def test_ten_thousand_messages_do_not_slow_the_newest_down():
    world = World()
    user, room = world.user_named("Ann Lee"), world.room_named("Support")
    with world.store.transaction():
        for number in range(10_000):
            world.messages.add(room.chat, str(number), user_id=user.id)
    plan = world.store.rows(
        "EXPLAIN QUERY PLAN SELECT * FROM messages"
        " WHERE chat = ? AND stamp >= 0 ORDER BY stamp DESC LIMIT 75",
        room.chat,
    )
    assert [row["detail"] for row in plan] == [
        "SEARCH messages USING INDEX messages_by_time (chat=? AND stamp>?)"
    ]
    world.close()


def test_refused_certificate_does_not_stop_the_server(certificate):
    with SandboxServer(certificate=(str(certificate), str(certificate))) as server:
        url = f"{server.url}/v2/capabilities"
        assert url.startswith("https://")
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(url, timeout=30)
        told = requests.get(url, timeout=30, verify=str(certificate)).json()
        assert told["links"]["self"] == url


@pytest.fixture
def start(tmp_path):
    """Start `manage.py sandbox` on a free port, with a database address that leads nowhere."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "sameroom.settings",
        "LOCAL": "1",
        "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none",
        "PYTHONUNBUFFERED": "1",
        "VAR_DIR": str(tmp_path),
    }
    started = []

    def start(*more):
        own = ["--port", "0", "--database", str(tmp_path / "sub" / "own.sqlite3"), "--request-limit", "3"]
        process = subprocess.Popen(
            [sys.executable, "manage.py", "sandbox", *own, *more],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_command_serves_and_stops_at_once(start, number):
    command = start()
    line = command.stdout.readline()
    url = re.search(r"http://127\.0\.0\.1:\d+", line)[0]
    assert requests.get(f"{url}/", timeout=30).status_code == 200
    answer = requests.get(f"{url}/v2/capabilities", timeout=30)
    assert answer.headers["X-Ratelimit-Limit"] == "3"
    started = time.monotonic()
    command.send_signal(number)
    assert command.wait(timeout=5) == 0
    assert time.monotonic() - started < 2


def test_command_serves_https(start, certificate):
    line = start("--certificate", str(certificate)).stdout.readline()
    url = re.search(r"https://127\.0\.0\.1:\d+", line)[0]
    assert requests.get(f"{url}/", timeout=30, verify=str(certificate)).status_code == 200


def test_certificate_that_is_none_is_said_in_a_sentence(start, tmp_path):
    command = start("--certificate", str(tmp_path / "none.pem"))
    output, _ = command.communicate(timeout=30)
    assert command.returncode == 1
    assert "Cannot use the certificate" in output
    assert "Traceback" not in output
