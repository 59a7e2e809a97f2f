import base64
import inspect

import pytest
import requests

from sandbox import control as control_plane
from sandbox.world import World
from tests.sandbox.conftest import tabled


def control(server, action, arguments=None, **options):
    return requests.post(f"{server.url}/_sandbox/{action}", json=arguments or {}, timeout=30, **options)


def test_actions_build_a_world(server, api):
    group = control(server, "create_group", {"name": "Initech"}).json()
    user = control(server, "create_user", {"group_id": group["id"], "name": "Gus Hall"}).json()
    room = control(server, "create_room", {"owner_id": user["id"], "name": "Floor"}).json()
    message = {"room_id": room["id"], "user_id": user["id"], "text": "hello 😀"}
    posted = control(server, "post_message", message).json()
    token = control(server, "create_token", {"user_id": user["id"], "scopes": ["view_messages"]}).json()
    api.token, api.room = server.world.tokens.get(token["token"]), server.world.rooms.get(room["id"])
    assert [(item["id"], item["message"]) for item in api.latest()] == [(posted["id"], "hello 😀")]
    control(server, "edit_message", {"message_id": posted["id"], "text": "bye"})
    assert api.latest()[0]["message"] == "bye"
    control(server, "delete_message", {"message_id": posted["id"]})
    assert api.latest()[0]["message"] is None


def test_rooms_and_tokens_come_to_an_end(server, api):
    api = api.with_scopes("view_room")
    assert control(server, "rename_room", {"room_id": api.room.id, "name": "Other"}).status_code == 200
    assert api.get(f"room/{api.room.id}").json()["name"] == "Other"
    control(server, "archive_room", {"room_id": api.room.id})
    assert api.get(f"room/{api.room.id}").json()["is_archived"] is True
    control(server, "delete_room", {"room_id": api.room.id})
    assert api.get(f"room/{api.room.id}").status_code == 404
    control(server, "expire_token", {"token": api.token.token})
    assert api.get("room").status_code == 401
    control(server, "revoke_token", {"token": api.token.token})
    assert api.get("room").status_code == 401


def test_notification_of_the_unfurler(server, api):
    (message,) = api.say("http://example.com")
    control(
        server,
        "post_notification",
        {
            "room_id": api.room.id,
            "sender": "Link",
            "text": "Example",
            "color": "gray",
            "sender_id": "hipchat-clinky",
            "attach_to": message.id,
        },
    )
    item = api.latest()[-1]
    assert (item["from"], item["attach_to"]) == ("Link", message.id)
    assert item["notification_sender"] == {"type": "addon", "id": "hipchat-clinky"}


def test_limits_clock_and_counts(server, api):
    control(server, "set_limits", {"requests": 1})
    assert [api.get("room").status_code for _ in range(2)] == [200, 429]
    control(server, "advance_clock", {"seconds": 301})
    assert api.get(f"room/{api.room.id}/history/latest").status_code == 200
    counts = requests.get(f"{server.url}/_sandbox/request_counts", timeout=30).json()
    assert counts[api.token.token] == {
        "total": 3,
        "GET room-list": 2,
        "GET history-latest": 1,
        "over the rate limit": 1,
    }
    control(server, "clear_counts")
    assert server.world.request_counts() == {}


def test_dump_has_each_room_with_its_messages_in_order(server, api):
    api.say("A", "B")
    state = requests.get(f"{server.url}/_sandbox/dump", timeout=30).json()
    (room,) = [room for room in state["rooms"] if room["id"] == api.room.id]
    assert [message["text"] for message in room["messages"]] == ["A", "B"]
    assert [group["name"] for group in state["groups"]] == ["Acme", "Globex"]
    assert len(state["users"]) == 8
    assert [token["token"] for token in state["tokens"]] == [api.token.token]


def test_reset_forgets_everything(server, api):
    api.say("A")
    control(server, "set_switches", {"reset_as_delta": True})
    control(server, "add_fault", {"status": 500})
    control(server, "reset")
    assert api.get("room").status_code == 401
    assert server.world.switches.reset_as_delta is False
    control(server, "reset", {"seeded": False})
    assert server.world.directory.groups() == []


def test_bad_requests_are_told_why(server):
    assert control(server, "explode").status_code == 404
    assert control(server, "close").status_code == 404
    assert control(server, "delete_room", {"room_id": 1}).json() == {"error": "Room 1 not found"}
    assert "room_id" in control(server, "delete_room").json()["error"]
    assert control(server, "set_switches", {"unknown_not_before": "x"}).status_code == 400
    assert control(server, "add_fault", {"color": "red"}).status_code == 400
    assert control(server, "create_group", {"name": "Twice", "group_id": 77}).status_code == 400
    assert control(server, "add_fault", {"path": "("}).status_code == 400
    assert requests.get(f"{server.url}/_sandbox/reset", timeout=30).status_code == 405


def test_web_pages_and_other_machines_are_kept_out(server):
    form = requests.post(f"{server.url}/_sandbox/reset", data={"a": "b"}, timeout=30)
    assert form.status_code == 400
    assert control(server, "reset", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 403


def test_table_names_every_action_and_its_arguments():
    assert sorted(tabled(control_plane.__doc__)) == sorted(control_plane.ACTIONS)
    for line in control_plane.__doc__.splitlines():
        actions, arguments, _ = [*line.split("|"), "", "", ""][1:4]
        for action in (name.strip(" *") for name in actions.split(",")):
            if action in control_plane.ACTIONS - {"set_switches", "add_fault"}:
                known = set(inspect.signature(getattr(World, action)).parameters) - {"self"}
                missing = [name for name in known if name not in arguments]
                assert missing == [], action


def test_file_is_posted(server, api):
    content = base64.b64encode(b"\x00\xff" * 2_000_000).decode()
    where = {"room_id": api.room.id, "user_id": api.user.id}
    posted = control(
        server, "post_file", where | {"name": "a b.png", "content": content, "text": "see"}
    ).json()
    (item,) = api.latest()
    assert (item["id"], item["message"]) == (posted["id"], "see")
    assert (item["file"]["name"], item["file"]["size"]) == ("a b.png", 4_000_000)
    download = requests.get(item["file"]["url"], timeout=30)
    assert (download.headers["Content-Type"], download.content) == ("image/png", b"\x00\xff" * 2_000_000)


@pytest.mark.parametrize("content", ["not base64!", 5, None])
def test_file_that_is_no_base64_is_refused(server, api, content):
    where = {"room_id": api.room.id, "user_id": api.user.id, "name": "a"}
    answer = control(server, "post_file", where | {"content": content})
    assert (answer.status_code, answer.json()["error"]) == (400, "content has to be the file in base64.")


def test_anything_can_be_put_into_a_history(server, api):
    room = {"room_id": api.room.id}
    control(server, "post_item", room | {"text": None})
    control(
        server, "post_item", room | {"kind": "room-presence", "user_id": api.user.id, "missing": ["mentions"]}
    )
    control(
        server, "post_item", room | {"text": "A", "extra": {"from": 5, "id": "same"}, "missing": ["type"]}
    )
    nobody, presence, odd = api.latest()
    assert (nobody["from"], nobody["message"]) == (None, None)
    assert (presence["type"], presence["from"]["name"]) == ("room-presence", "Ann Lee")
    assert "mentions" not in presence
    assert (odd["from"], odd["id"], odd.get("type")) == (5, "same", None)
    assert control(server, "post_item", room | {"user_id": 1}).status_code == 404


def test_card_that_is_no_json_can_be_posted(server, api):
    body = {"room_id": api.room.id, "sender": "CI", "text": "x", "card": "{oops"}
    assert control(server, "post_notification", body).status_code == 200
    assert api.latest()[0]["card"] == "{oops"


def test_flood_control_is_forced(server, api):
    control(server, "exhaust_flood", {"token": api.token.token, "room_id": api.room.id})
    path = f"room/{api.room.id}/message"
    answer = api.post(path, {"message": "hi"})
    assert answer.status_code == 429
    assert int(answer.headers["X-Ratelimit-Remaining"]) > 0
    control(server, "advance_clock", {"seconds": 61})
    assert api.post(path, {"message": "hi"}).status_code == 201
    counts = api.world.request_counts()[api.token.token]
    assert counts == {"total": 2, "POST message": 2, "over flood control": 1}


def test_addon_has_five_times_the_requests_and_an_administrator_can_set_them(server, api):
    addon = api.world.create_addon_token(77, ["view_room"])
    mine, api.token = api.token, addon
    assert api.get("room").headers["X-Ratelimit-Limit"] == "500"
    control(server, "set_limits", {"requests": 2, "token": addon.token})
    assert [api.get("room").status_code for _ in range(3)] == [200, 200, 429]
    api.token = mine
    assert api.get("room").headers["X-Ratelimit-Limit"] == "100"
    control(server, "reset")
    assert api.world.limits.own == {}


def test_people_come_and_go(server, api):
    def present():
        return [user["name"] for user in api.get(f"room/{api.room.id}/participant").json()["items"]]

    bo = {"user_id": api.world.user_named("Bo Ray").id}
    everybody = present()
    control(server, "leave_room", bo | {"room_id": api.room.id})
    assert present() == [name for name in everybody if name != "Bo Ray"]
    control(server, "enter_room", bo | {"room_id": api.room.id})
    assert present() == everybody
    control(server, "set_online", bo | {"online": False})
    assert "Bo Ray" not in present()
    private = api.world.create_room(api.user.id, "Secret", privacy="private")
    assert control(server, "enter_room", bo | {"room_id": private.id}).status_code == 400
