"""Every call there is: which scopes it takes, whose tokens, and that auth_test does nothing."""

import pytest

from sandbox.records import SCOPES
from sandbox.wire.urls import urlpatterns

VIEW = ("view_group", "view_room")
CALLS = [
    ("GET", "capabilities", ()),
    ("GET", "health-check", ()),
    ("GET", "oauth/token/{token}", ()),
    ("DELETE", "oauth/token/{token}", ()),
    ("GET", "room", VIEW),
    ("POST", "room", ("manage_rooms",)),
    ("GET", "room/{room}", VIEW),
    ("PUT", "room/{room}", ("admin_room",)),
    ("DELETE", "room/{room}", ("manage_rooms",)),
    ("GET", "room/{room}/statistics", VIEW),
    ("PUT", "room/{room}/topic", ("admin_room",)),
    ("GET", "room/{room}/participant", VIEW),
    ("GET", "room/{room}/member", VIEW),
    ("PUT", "room/{room}/member/{user}", ("admin_room",)),
    ("DELETE", "room/{room}/member/{user}", ("admin_room",)),
    ("POST", "room/{room}/invite/{user}", ("admin_room",)),
    ("GET", "room/{room}/history", ("view_messages",)),
    ("GET", "room/{room}/history/latest", ("view_messages",)),
    ("GET", "room/{room}/history/{message}", ("view_messages",)),
    ("POST", "room/{room}/message", ("send_message",)),
    ("POST", "room/{room}/reply", ("send_message",)),
    ("POST", "room/{room}/share/link", ("send_message",)),
    ("POST", "room/{room}/share/file", ("send_message",)),
    ("POST", "room/{room}/notification", ("send_notification",)),
    ("GET", "room/{room}/webhook", ("admin_room",)),
    ("POST", "room/{room}/webhook", ("admin_room",)),
    ("GET", "room/{room}/webhook/{hook}", ("admin_room",)),
    ("DELETE", "room/{room}/webhook/{hook}", ("admin_room",)),
    ("PUT", "room/{room}/extension/webhook/mine", ("admin_room",)),
    ("GET", "file/{file}", ("view_messages",)),
    ("GET", "user", ("view_group",)),
    ("GET", "user/{user}", ("view_group",)),
    ("GET", "user/{user}/history", ("view_messages",)),
    ("GET", "user/{user}/history/latest", ("view_messages",)),
    ("POST", "user/{user}/message", ("send_message",)),
    ("POST", "user/{user}/share/link", ("send_message",)),
    ("POST", "user/{user}/share/file", ("send_message",)),
    ("GET", "emoticon", ("view_group",)),
    ("GET", "emoticon/heart", ("view_group",)),
]
OF_USERS = ("room/{room}/message", "room/{room}/reply", "/share/", "user/{user}/")
every_call = pytest.mark.parametrize(("method", "path", "scopes"), CALLS)


@pytest.fixture
def there(api):
    """A thing of every kind to fill the paths with."""
    world, room, user = api.world, api.room, api.user
    message = world.post_file(room.id, user.id, name="a.txt", content=b"x")
    hook = world.webhooks.create(room.id, client_id="", url="http://127.0.0.1:9/", event="room_message")
    return {
        "room": room.id,
        "user": world.user_named("Bo Ray").id,
        "message": message.id,
        "file": message.extra["upload"]["id"],
        "hook": hook.id,
    }


def tried(api, method, path, there):
    """What an auth_test of the call answers."""
    path = path.format(**there, token=api.token.token)
    return api.call(method, path, params={"auth_test": "true"})


@every_call
def test_each_scope_suffices_and_a_test_does_nothing(api, there, method, path, scopes):
    before = api.world.dump()
    for scope in scopes or ["view_room"]:
        answer = tried(api.with_scopes(scope), method, path, there)
        assert answer.status_code == 202
        assert answer.json()["success"]["message"] == "This auth_token has access to use this method."
    after = api.world.dump()
    for part in ("rooms", "users", "webhooks"):
        assert after[part] == before[part]
    assert [token["is_revoked"] for token in after["tokens"]] == [False] * len(after["tokens"])


@every_call
def test_all_other_scopes_do_not(api, there, method, path, scopes):
    if not scopes:
        assert tried(api.with_scopes(*SCOPES), method, path, there).status_code == 202
        return
    answer = tried(api.with_scopes(*set(SCOPES) - set(scopes)), method, path, there)
    listed = ", ".join(f"u'{scope}'" for scope in scopes)
    assert answer.status_code == 403
    assert (
        answer.json()["error"]["message"] == f"This action requires one of the following scopes: [{listed}]"
    )


@every_call
def test_tokens_of_addons_are_taken_where_no_user_acts(api, there, method, path, scopes):
    of_user = any(part in path for part in OF_USERS)
    api.token = api.world.create_addon_token(77, SCOPES)
    assert tried(api, method, path, there).status_code == (403 if of_user else 202)
    api.token = api.world.create_addon_token(77, SCOPES, room_id=api.room.id)
    is_group_wide = (method, path) == ("GET", "room")
    assert tried(api, method, path, there).status_code == (403 if of_user or is_group_wide else 202)


def test_table_names_every_call(api, there):
    caller = api.with_scopes(*SCOPES)
    for method, path, _ in CALLS:
        tried(caller, method, path, there)
    called = {name.split()[1] for name in api.world.request_counts()[caller.token.token] if " " in name}
    assert called == {pattern.name for pattern in urlpatterns if pattern.name}


def test_other_values_of_auth_test_mean_nothing(api):
    answer = api.call("POST", f"room/{api.room.id}/message?auth_test=1", json={"message": "hi"})
    assert answer.status_code == 201


def test_checks_come_in_their_order(api):
    """Method, token, rate limit, scope, room, permission, body, flood: each hides those behind it."""
    world, path = api.world, "room/nope/message"
    private = world.create_room(world.user_named("Bo Ray").id, "Secret", privacy="private")
    silent = api.with_scopes("view_room")
    for token in (api.token, silent.token):
        world.exhaust_limit(token.token)
    seen = [api.call("PATCH", path, headers={"Authorization": "Bearer x"}).status_code]
    seen.append(api.call("POST", path, headers={"Authorization": "Bearer x"}).status_code)
    seen.append(silent.call("POST", path).status_code)
    world.limits.requests.clear()
    seen.append(silent.call("POST", path).status_code)
    seen.append(api.call("POST", path).status_code)
    seen.append(api.call("POST", f"room/{private.id}/message").status_code)
    world.exhaust_flood(api.token.token, api.room.id)
    seen.append(api.call("POST", f"room/{api.room.id}/message").status_code)
    seen.append(api.post(f"room/{api.room.id}/message", {"message": "hi"}).status_code)
    assert seen == [405, 401, 429, 403, 404, 403, 400, 429]
