"""The sandbox of the local default is still there after Sameroom was stopped and started again."""

import base64
import sqlite3

import pytest
import requests

from sandbox.world import World
from tests.sandbox.conftest import receiving
from tests.standalone.conftest import Running


class Visitor:
    """Calls to the sandbox inside a running Sameroom."""

    def __init__(self, running):
        self.base = f"{running.url}/sandbox"

    def control(self, action, **arguments):
        answer = requests.post(f"{self.base}/_sandbox/{action}", json=arguments, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, path, token):
        return requests.get(f"{self.base}/v2/{path}", params={"auth_token": token}, timeout=30)


@pytest.fixture
def start(tmp_path):
    """Start Sameroom with everything at its default but the folder it keeps its files in."""
    started = []

    def start(port=""):
        running = Running(tmp_path, **({"PORT": port} if port else {}))
        started.append(running)
        running.wait_until_ready()
        return running

    yield start
    for running in started:
        if running.process.poll() is None:
            running.stop()


def test_world_outlives_the_process(start, tmp_path):
    running = start()
    visitor = Visitor(running)
    scopes = ["view_room", "view_messages", "send_message", "admin_room"]
    people = {user["name"]: user["id"] for user in visitor.control("dump")["users"]}
    ann = people["Ann Lee"]
    token = visitor.control("create_token", user_id=ann, scopes=scopes)["token"]
    revoked = visitor.control("create_token", user_id=ann, scopes=scopes)["token"]
    visitor.control("revoke_token", token=revoked)
    room = visitor.control(
        "create_room", owner_id=ann, name="Kept", members=[people["Bo Ray"]], privacy="private"
    )
    where = {"room_id": room["id"], "user_id": ann}
    visitor.control("post_message", **where, text="said @Bo 😀")
    gone = visitor.control("post_message", **where, text="deleted")
    visitor.control("delete_message", message_id=gone["id"])
    file = base64.b64encode(b"file").decode()
    visitor.control("post_file", **where, name="a.txt", content=file)
    visitor.control("create_emoticon", user_id=ann, shortcut="ours")
    visitor.control("leave_room", room_id=room["id"], user_id=people["Bo Ray"])
    with receiving() as receiver:
        hook = {"url": receiver.url, "event": "room_message"}
        path = f"{visitor.base}/v2/room/{room['id']}/webhook"
        assert requests.post(path, json=hook, params={"auth_token": token}, timeout=30).status_code == 201
        before = visitor.control("dump")
        history = visitor.get(f"room/{room['id']}/history/latest", token).json()
        assert running.stop()[0] == 0

        running = start(str(running.port))
        visitor = Visitor(running)
        after = visitor.control("dump")
        for part in ("groups", "users", "rooms", "tokens", "webhooks"):
            assert after[part] == before[part]
        # What is said now reaches the hook at once, with addresses that lead somewhere.
        visitor.control("post_message", **where, text="again")
        told = receiver.next()["item"]
        assert (told["message"]["message"], told["room"]["name"]) == ("again", "Kept")
        assert told["room"]["links"]["self"] == f"{visitor.base}/v2/room/{room['id']}"

    now = visitor.get(f"room/{room['id']}/history/latest", token).json()
    assert now["items"][:-1] == history["items"]
    assert [item["message"] for item in now["items"]] == ["said @Bo 😀", None, "", "again"]
    assert requests.get(now["items"][2]["file"]["url"], timeout=30).content == b"file"
    assert visitor.get("room", revoked).status_code == 401
    assert (tmp_path / "var" / "sandbox.sqlite3").exists()


def test_file_of_an_earlier_version_is_brought_up_to_date(tmp_path):
    path = str(tmp_path / "old.sqlite3")
    World(path).close()
    with sqlite3.connect(path) as connection:
        for column in ("is_guest", "is_deleted"):
            connection.execute(f"ALTER TABLE users DROP COLUMN {column}")
        connection.execute("DROP TABLE emoticons")
        connection.execute("DROP TABLE absent")
    connection.close()

    world = World(path)

    ann = world.user_named("Ann Lee")
    assert (ann.is_guest, ann.is_deleted) == (False, False)
    assert world.create_emoticon(ann.id, "new").shortcut == "new"
    assert ann in world.rooms.participants(world.room_named("Support"))
    world.close()
