import requests


def control(server, action, arguments=None, **options):
    return requests.post(f"{server.url}/_sandbox/{action}", json=arguments or {}, timeout=5, **options)


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
    counts = requests.get(f"{server.url}/_sandbox/request_counts", timeout=5).json()
    assert counts[api.token.token] == {"total": 3, "GET room-list": 2, "GET history-latest": 1}
    control(server, "clear_counts")
    assert server.world.request_counts() == {}


def test_dump_has_each_room_with_its_messages_in_order(server, api):
    api.say("A", "B")
    state = requests.get(f"{server.url}/_sandbox/dump", timeout=5).json()
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
    assert requests.get(f"{server.url}/_sandbox/reset", timeout=5).status_code == 405


def test_web_pages_and_other_machines_are_kept_out(server):
    form = requests.post(f"{server.url}/_sandbox/reset", data={"a": "b"}, timeout=5)
    assert form.status_code == 400
    assert control(server, "reset", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 403
