"""The fields of every object the API answers with: no more, no less."""

STUB = {"id", "links", "mention_name", "name", "version"}
ROOM_STUB = {"id", "is_archived", "links", "name", "privacy", "version"}
MESSAGE = {"date", "from", "id", "mentions", "message", "type"}
PAGE = {"items", "links", "maxResults", "startIndex"}
SESSION = {"access_token", "client", "expires_in", "owner", "owner_type", "scopes"}


def test_session(api):
    told = api.get(f"oauth/token/{api.token.token}").json()
    assert set(told) == SESSION
    assert set(told["owner"]) == STUB
    assert set(told["client"]) == {"allowed_scopes", "id", "links", "name", "room"}


def test_rooms(api):
    page = api.get("room").json()
    assert set(page) == PAGE
    private, support, _ = page["items"]
    assert set(private) == set(support) == ROOM_STUB
    assert set(support["links"]) == {"participants", "self", "webhooks"}
    assert set(private["links"]) == {"members", "participants", "self", "webhooks"}
    more = {"avatar_url", "created", "delegate_admin_visibility", "guest_access_url", "is_guest_accessible"}
    more |= {"last_active", "owner", "participants", "statistics", "topic", "xmpp_jid"}
    room = api.get(f"room/{api.room.id}").json()
    assert set(room) == ROOM_STUB | more
    assert set(room["owner"]) == set(room["participants"][0]) == STUB
    assert set(room["statistics"]) == {"links"}
    assert set(api.get(f"room/{api.room.id}/statistics").json()) == {"last_active", "links", "messages_sent"}


def test_users(api):
    user = api.with_scopes("view_group").get(f"user/{api.user.id}").json()
    more = {"atlassian_id", "created", "email", "group", "is_deleted", "is_group_admin", "is_guest"}
    more |= {"last_active", "photo_url", "presence", "roles", "timezone", "title", "xmpp_jid"}
    assert set(user) == STUB | more
    assert set(user["presence"]) == {"client", "idle", "is_online", "show", "status"}
    assert set(user["group"]) == {"id", "links", "name"}


def test_emoticons_and_webhooks(api):
    api = api.with_scopes("view_group", "admin_room")
    assert set(api.get("emoticon").json()["items"][0]) == {"id", "links", "shortcut", "url"}
    more = {"audio_path", "creator", "height", "type", "width"}
    assert set(api.get("emoticon/heart").json()) == {"id", "links", "shortcut", "url"} | more
    path = f"room/{api.room.id}/webhook"
    made = api.post(path, {"url": "http://127.0.0.1:9/", "event": "room_enter"}).json()
    assert set(made) == {"id", "links"}
    (hook,) = api.get(path).json()["items"]
    assert set(hook) == {"event", "id", "key", "links", "name", "pattern", "url"}


def test_items_of_a_history(api):
    world, room, user = api.world, api.room, api.user
    (said,) = api.say("@bo hi")
    world.post_file(room.id, user.id, name="a.txt", content=b"x")
    world.post_file(room.id, user.id, name="a.png", content=b"x")
    world.post_notification(room.id, "CI", "hi")
    world.post_notification(room.id, "CI", "hi", attach_to=said.id, card={"style": "link"}, client_id="c")
    world.set_topic(room.id, user.id, "New")
    world.delete_message(said.id)
    deleted, file, picture, plain, full, topic = api.latest()
    assert set(deleted) == set(topic) == MESSAGE
    assert set(deleted["from"]) == set(deleted["mentions"][0]) == STUB
    assert set(file) == set(picture) == MESSAGE | {"file"}
    assert set(file["file"]) == {"name", "size", "url"}
    assert set(picture["file"]) == {"name", "size", "url", "thumb_url"}
    notification = MESSAGE | {"color", "message_format", "notification_sender"}
    assert set(plain) == notification
    assert set(full) == notification | {"attach_to", "card"}
    assert set(full["notification_sender"]) == {"type", "id", "client_id"}
    assert len(said.id) == 36


def test_errors(api):
    told = api.get("room/nope").json()
    assert told == {"error": {"code": 404, "message": "Room nope not found", "type": "Not Found"}}
