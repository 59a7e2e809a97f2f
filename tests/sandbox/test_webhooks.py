import json

import pytest
import requests

from sandbox.webhooks import EVENTS
from tests.sandbox.conftest import receiving

FILE = {"name": "a.txt", "content": b"x"}


@pytest.fixture
def admin(api):
    return api.with_scopes("admin_room", "view_room")


@pytest.fixture
def hook(admin, receiver):
    """Ask to be called for an event; more fields may follow."""

    def hook(event, **more):
        made = admin.post(f"room/{admin.room.id}/webhook", {"url": receiver.url, "event": event, **more})
        assert made.status_code == 201, made.text
        return made.json()["id"]

    return hook


def test_hook_is_made_shown_and_deleted(admin):
    path = f"room/{admin.room.id}/webhook"
    body = {
        "url": "http://127.0.0.1:9/x",
        "event": "room_message",
        "pattern": "^/go",
        "name": "go",
        "key": "k",
    }
    made = admin.post(path, body).json()
    assert made["links"]["self"] == f"{admin.server.url}/v2/{path}/{made['id']}"
    shown = admin.get(f"{path}/{made['id']}").json()
    assert shown == body | made
    assert admin.get(path).json()["items"] == [shown]
    assert admin.call("DELETE", f"{path}/{made['id']}").status_code == 204
    assert admin.get(f"{path}/{made['id']}").status_code == 404
    assert admin.get(f"{path}/none").status_code == 404


def test_hooks_are_listed_in_pages(admin, hook):
    numbers = [hook("room_message") for _ in range(3)]
    page = admin.get(f"room/{admin.room.id}/webhook", max_results=2).json()
    assert [item["id"] for item in page["items"]] == numbers[:2]
    assert "start-index=2" in page["links"]["next"]


def test_hook_that_matches_is_called_with_the_message(api, hook, receiver):
    number = hook("room_message", pattern="^/go")
    _, message = api.say("nothing", "/go now")
    payload = receiver.next()
    (item,) = [item for item in api.latest() if item["id"] == message.id]
    room = next(room for room in api.get("room").json()["items"] if room["id"] == api.room.id)
    assert payload == {
        "event": "room_message",
        "item": {"message": item, "room": room},
        "webhook_id": number,
    }


def test_hook_of_an_addon_names_its_client(api, receiver):
    token = api.world.create_addon_token(77, ["admin_room"])
    api.token = token
    api.post(f"room/{api.room.id}/webhook", {"url": receiver.url, "event": "room_message"})
    api.say("hi")
    assert receiver.next()["oauth_client_id"] == token.client_id


def test_user_message_is_no_notification(api, hook, receiver):
    hook("room_notification")
    api.say("said")
    api.world.post_notification(api.room.id, "CI", "built", message_format="text", color="green")
    message = receiver.next()["item"]["message"]
    assert (message["from"], message["message"]) == ("CI", "built")
    assert (message["color"], message["message_format"]) == ("green", "text")


def act(world, event, room, person):
    """Let that happen in the room."""
    actions = {
        "room_archived": lambda: world.archive_room(room.id),
        "room_created": lambda: world.create_room(person.id, "Fresh"),
        "room_deleted": lambda: world.delete_room(room.id),
        "room_enter": lambda: world.enter_room(room.id, person.id),
        "room_exit": lambda: world.leave_room(room.id, person.id),
        "room_file_upload": lambda: world.post_file(room.id, person.id, **FILE),
        "room_message": lambda: world.post_message(room.id, person.id, "hi"),
        "room_notification": lambda: world.post_notification(room.id, "CI", "hi"),
        "room_topic_change": lambda: world.set_topic(room.id, person.id, "New"),
        "room_unarchived": lambda: world.archive_room(room.id, archived=False),
    }
    assert set(actions) == EVENTS
    actions[event]()


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_every_event_is_told(api, hook, receiver, event):
    hook(event)
    act(api.world, event, api.room, api.user)
    payload = receiver.next()
    assert payload["event"] == event
    assert payload["item"]["room"]["name"] == ("Fresh" if event == "room_created" else "Support")
    if event in ("room_created", "room_enter", "room_exit", "room_file_upload", "room_topic_change"):
        assert payload["item"]["sender"]["name"] == "Ann Lee"


def test_topic_and_file_are_in_what_is_told(api, hook, receiver):
    hook("room_topic_change", pattern="only messages have to match it")
    hook("room_file_upload")
    api.world.set_topic(api.room.id, api.user.id, "New")
    api.world.post_file(api.room.id, api.user.id, **FILE)
    topic, file = receiver.next()["item"], receiver.next()["item"]
    assert topic["topic"] == "New"
    assert (file["file"]["name"], file["file"]["size"]) == ("a.txt", 1)


def test_who_signs_out_leaves_and_is_no_participant(api, hook, receiver):
    hook("room_exit")
    bo = api.world.user_named("Bo Ray")
    api.world.set_online(bo.id, online=False)
    assert receiver.next()["item"]["sender"]["name"] == "Bo Ray"
    api.world.leave_room(api.room.id, api.user.id)
    names = [user["name"] for user in api.get(f"room/{api.room.id}/participant").json()["items"]]
    assert names == ["Chidi Okafor", "Sameroom Bot"]


def test_answer_is_posted_as_a_notification(api, admin, hook, receiver):
    receiver.answer = json.dumps({"message": "<b>done</b><script>x</script>", "color": "green"}).encode()
    hook("room_message", name="Doer")
    with receiving() as other:
        admin.post(f"room/{api.room.id}/webhook", {"url": other.url, "event": "room_notification"})
        api.say("do it")
        told = other.next()["item"]["message"]
    assert (told["from"], told["message"], told["color"]) == ("Doer", "<b>done</b>", "green")


@pytest.mark.parametrize("answer", [b"", b"no json", b"[1]", b'{"message": 5}', b'{"message": " "}'])
def test_other_answers_are_ignored(api, hook, receiver, answer):
    receiver.answer = answer
    hook("room_message")
    api.say("one", "two")
    assert [receiver.next()["item"]["message"]["message"] for _ in range(2)] == ["one", "two"]
    assert len(api.latest()) == 2


def test_receiver_that_is_gone_does_not_stop_the_others(api, admin, hook, receiver):
    admin.post(f"room/{api.room.id}/webhook", {"url": "http://127.0.0.1:9/", "event": "room_message"})
    hook("room_message")
    api.say("hi")
    assert receiver.next()["item"]["message"]["message"] == "hi"


def test_reset_drops_what_waits_to_be_told(api, hook, receiver):
    hook("room_message")
    receiver.gate.clear()
    api.say("old 1", "old 2", "old 3")
    api.world.reset()
    room, ann = api.world.room_named("Support"), api.world.user_named("Ann Lee")
    api.world.webhooks.create(room.id, client_id="", url=receiver.url, event="room_message")
    receiver.gate.set()
    api.world.post_message(room.id, ann.id, "new")
    told = [receiver.next()["item"]["message"]["message"]]
    if told == ["old 1"]:  # was under way
        told = [receiver.next()["item"]["message"]["message"]]
    assert told == ["new"]


@pytest.mark.parametrize(
    "url", ["http://example.com/", "ftp://127.0.0.1/", "http://10.0.0.1/", "http://[::/"]
)
def test_hook_stays_on_this_machine(admin, url):
    body = {"url": url, "event": "room_message"}
    assert admin.post(f"room/{admin.room.id}/webhook", body).status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [{"event": "room_fire"}, {"pattern": "("}, {"authentication": "basic"}, {"url": None}, {"name": 5}],
)
def test_hook_that_makes_no_sense_is_refused(admin, wrong):
    body = {"url": "http://127.0.0.1:9/", "event": "room_message"} | wrong
    assert admin.post(f"room/{admin.room.id}/webhook", body).status_code == 400


def test_hook_with_a_key_is_replaced(admin):
    path = f"room/{admin.room.id}/extension/webhook/mine"
    for event in ("room_message", "room_notification"):
        body = {"url": "http://127.0.0.1:9/", "event": event}
        assert admin.call("PUT", path, json=body).status_code == 201
    assert admin.call("PUT", path, json={"url": "http://127.0.0.1:9/", "event": "none"}).status_code == 400
    hooks = admin.get(f"room/{admin.room.id}/webhook").json()["items"]
    assert [(hook["event"], hook["key"]) for hook in hooks] == [("room_notification", "mine")]


def test_hooks_want_admin_room(api):
    path = f"{api.server.url}/v2/room/{api.room.id}/webhook"
    answer = requests.get(path, params={"auth_token": api.token.token}, timeout=30)
    assert answer.status_code == 403
    assert answer.json()["error"]["message"].endswith("[u'admin_room']")
