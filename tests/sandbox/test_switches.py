"""Each switch, in the position that is not the default; the default is what the other tests see."""

import json
import re
from dataclasses import fields
from datetime import datetime

import pytest
import requests

from sandbox.switches import Switches
from tests.sandbox.conftest import tabled
from tests.sandbox.test_conformance import error, texts

JSON = {"Content-Type": "application/json"}


def test_table_names_every_switch():
    assert tabled(Switches.__doc__) == [field.name for field in fields(Switches)]


@pytest.fixture
def switch(world):
    return world.set_switches


@pytest.mark.parametrize(
    "wrong",
    [
        {"unknown": "x"},
        {"forbidden_room": "500"},
        {"forbidden_room": 403},
        {"reset_as_delta": "yes"},
        {"file_bytes": -1},
        {"date_lag_seconds": float("inf")},
        {"date_lag_seconds": True},
        {"ids": ["numbers"]},
    ],
)
def test_what_is_no_position_is_refused(server, world, wrong):
    answer = requests.post(
        f"{server.url}/_sandbox/set_switches", data=json.dumps(wrong), headers=JSON, timeout=30
    )
    assert answer.status_code == 400
    assert world.switches == Switches()


def test_capabilities_may_want_a_token(api, switch):
    switch(capabilities="closed")
    assert requests.get(f"{api.server.url}/v2/capabilities", timeout=30).status_code == 401
    assert api.get("capabilities").status_code == 200


def test_token_of_the_query_may_win(api, switch):
    good = {"params": {"auth_token": api.token.token}, "headers": {"Authorization": "Bearer bad"}}
    assert api.call("GET", "room", **good).status_code == 401
    switch(header_or_query="query")
    assert api.call("GET", "room", **good).status_code == 200


def test_session_may_tell_its_whole_life(api, switch):
    api.world.advance_clock(1000)
    path = f"oauth/token/{api.token.token}"
    assert api.get(path).json()["expires_in"] <= 365 * 86400 - 1000
    switch(expires_in="whole")
    assert api.get(path).json()["expires_in"] == 365 * 86400


def test_unknown_session_may_be_404(api, switch):
    switch(unknown_session="404")
    assert api.get("oauth/token/other").status_code == 404
    assert api.call("GET", "oauth/token/x", headers={"Authorization": "Bearer x"}).status_code == 404
    assert api.call("GET", "room", headers={"Authorization": "Bearer x"}).status_code == 401


def test_missing_room_may_be_told_before_a_missing_scope(api, switch):
    silent = api.with_scopes("view_group")
    assert silent.post("room/nope/message", {}).status_code == 403
    switch(told_first="room")
    assert silent.post("room/nope/message", {}).status_code == 404
    assert silent.post(f"room/{api.room.id}/message", {}).status_code == 403


def test_auth_test_may_look_at_the_body(api, switch):
    def test(body):
        return api.call("POST", f"room/{api.room.id}/message?auth_test=true", json=body).status_code

    assert test({}) == 202
    switch(auth_test_body="checked")
    assert [test({}), test({"message": "hi"})] == [400, 202]
    assert api.latest() == []


def test_404_may_be_plain(api, switch):
    switch(not_found_text="plain")
    assert error(api.get("room/nope")) == (404, "Room not found")
    assert error(api.with_scopes("view_group").get("user/nope")) == (404, "User not found")


def test_400_may_have_details(api, switch):
    path = f"room/{api.room.id}/message"
    assert set(api.post(path, {"message": "x" * 1001}).json()["error"]) == {"code", "message", "type"}
    switch(error_details=True)
    told = api.post(path, {"message": "x" * 1001}).json()["error"]
    assert (told["field"], told["expected"], told["validation"]) == (
        "message",
        "1 to 1000 characters",
        "1001 characters",
    )


def test_taken_name_may_be_a_conflict(api, switch):
    admin = api.with_scopes("manage_rooms")
    expected = "Another room exists with that name."
    assert error(admin.post("room", {"name": "Support"})) == (400, expected)
    switch(name_taken="409")
    assert error(admin.post("room", {"name": "Support"})) == (409, expected)


@pytest.mark.parametrize(("position", "status"), [("404", 404), ("accept", 201)])
def test_archived_room_may_be_gone_or_open(api, switch, position, status):
    api.world.archive_room(api.room.id)
    switch(archived_room=position)
    assert api.post(f"room/{api.room.id}/message", {"message": "hi"}).status_code == status


def test_group_admin_may_see_private_rooms(api, switch):
    private = api.world.create_room(api.world.user_named("Bo Ray").id, "Secret", privacy="private")
    assert api.user.is_group_admin
    assert api.get(f"room/{private.id}").status_code == 403
    switch(group_admin="all")
    assert api.get(f"room/{private.id}").status_code == 200
    assert "Secret" in [room["name"] for room in api.get("room").json()["items"]]


def test_requests_may_be_counted_by_user(api, switch):
    other = api.with_scopes("view_room")
    api.world.set_limits(requests=1)
    assert [api.get("room").status_code, other.get("room").status_code] == [200, 200]
    switch(rate_key="user")
    assert [api.get("room").status_code, other.get("room").status_code] == [200, 429]


@pytest.mark.parametrize(
    ("position", "statuses"),
    [("token_and_room", [201, 201, 201]), ("token", [201, 429, 201]), ("room", [201, 201, 429])],
)
def test_flood_may_be_counted_otherwise(api, switch, position, statuses):
    elsewhere = api.world.room_named("Watercooler")
    other = api.with_scopes("send_message")
    api.world.set_limits(sends=1)
    switch(flood_key=position)
    sends = [(api, api.room), (api, elsewhere), (other, api.room)]
    seen = [who.post(f"room/{room.id}/message", {"message": "hi"}).status_code for who, room in sends]
    assert seen == statuses


def after(api, *seconds):
    """Statuses of requests that come so many seconds after each other."""
    statuses = []
    for wait in seconds:
        api.world.advance_clock(wait)
        statuses.append(api.get("room").status_code)
    return statuses


def test_window_may_slide(api, switch):
    api.world.set_limits(requests=2)
    assert after(api, 0, 299, 2, 1) == [200, 200, 200, 200]
    api.world.set_limits(requests=2)
    switch(window="sliding")
    assert after(api, 0, 299, 2, 1, 298) == [200, 200, 200, 429, 200]


def test_refused_calls_may_extend_the_window(api, switch):
    api.world.set_limits(requests=1)
    assert after(api, 0, 200, 101) == [200, 429, 200]
    api.world.set_limits(requests=1)
    switch(refused_calls="extend")
    assert after(api, 0, 200, 101, 301) == [200, 429, 429, 200]


@pytest.mark.parametrize("position", ["relative", "with_token"])
def test_page_links_may_be_others(api, switch, position):
    switch(page_links=position)
    query = {"auth_token": api.token.token, "max-results": 1}
    link = requests.get(f"{api.server.url}/v2/room", params=query, timeout=30).json()["links"]["next"]
    known = {
        "relative": "/v2/room?start-index=1&max-results=1",
        "with_token": f"{api.server.url}/v2/room?auth_token={api.token.token}&start-index=1&max-results=1",
    }
    assert link == known[position]


def test_page_beyond_the_end_may_be_404(api, switch):
    assert api.get("room", start_index=99).json()["items"] == []
    switch(start_beyond_end="404")
    assert api.get("room", start_index=99).status_code == 404


def test_rooms_may_be_ordered_by_id(api, switch):
    switch(room_order="id")
    numbers = [room["id"] for room in api.get("room").json()["items"]]
    assert numbers == sorted(numbers)
    assert api.get("room").json()["items"][0]["name"] == "Support"


def test_room_names_may_want_their_case(api, switch):
    assert api.get("room/sUPPORT").status_code == 200
    switch(room_names="exact")
    assert [api.get("room/sUPPORT").status_code, api.get("room/Support").status_code] == [404, 200]


def test_name_in_digits_may_win(api, switch):
    named = api.world.create_room(api.user.id, str(api.room.id))
    assert api.get(f"room/{api.room.id}").json()["id"] == api.room.id
    switch(numeric_name="name")
    assert api.get(f"room/{api.room.id}").json()["id"] == named.id


def test_members_of_an_open_room_may_be_listed(api, switch):
    switch(public_members="list")
    room = api.get(f"room/{api.room.id}").json()
    people = api.call("GET", room["links"]["members"].removeprefix(f"{api.server.url}/v2/")).json()["items"]
    assert len(people) == 4


def test_timezone_may_be_ignored(api, switch):
    api.say("A")
    switch(timezone="ignored")
    assert api.latest(timezone="Asia/Tokyo")[0]["date"].endswith("+00:00")


def test_start_index_may_be_missing(api, switch):
    switch(start_index="missing")
    assert set(api.get(f"room/{api.room.id}/history/latest").json()) == {"items", "links", "maxResults"}


def test_deleted_message_may_be_from_nobody(api, switch):
    switch(deleted_from="null")
    (message,) = api.say("A")
    api.world.delete_message(message.id)
    (item,) = api.latest()
    assert (item["from"], item["message"], item["id"]) == (None, None, message.id)


@pytest.mark.parametrize(
    ("position", "expected"),
    [("topic", ["New"]), ("sentence", ["Ann Lee changed the topic to: New"]), ("none", [])],
)
def test_topic_may_be_told_otherwise(api, switch, position, expected):
    switch(topic_item=position)
    api.world.set_topic(api.room.id, api.user.id, "New")
    items = api.latest()
    assert texts(items) == expected
    assert {item["type"] for item in items} <= {"topic"}


def test_guest_access_may_be_told_by_the_server(api, switch):
    api.world.set_guest_access(api.room.id, api.user.id)
    switch(guest_access_item="server")
    api.world.set_guest_access(api.room.id, api.user.id)
    by_user, by_server = api.latest()
    assert (by_user["type"], by_user["from"]["name"]) == ("guest_access", "Ann Lee")
    assert (by_server["type"], by_server["from"]) == ("guest_access", "HipChat")
    assert by_server["message"] == api.get(f"room/{api.room.id}").json()["guest_access_url"]


def test_blank_message_may_be_taken(api, switch):
    switch(blank_message="accept")
    assert api.post(f"room/{api.room.id}/message", {"message": "  "}).status_code == 201
    assert api.post(f"room/{api.room.id}/message", {"message": ""}).status_code == 400
    assert texts(api.latest()) == ["  "]


def test_timestamp_may_be_as_in_exports(api, switch):
    path = f"room/{api.room.id}/message"
    datetime.fromisoformat(api.post(path, {"message": "hi"}).json()["timestamp"])
    switch(timestamp="export")
    stamp = api.post(path, {"message": "hi"}).json()["timestamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \d{6}", stamp)


def test_reply_may_quote(api, switch):
    (parent,) = api.say("A")
    switch(reply_text="quoted")
    api.post(f"room/{api.room.id}/reply", {"parentMessageId": parent.id, "message": "B"})
    assert texts(api.latest()) == ["A", "> A\nB"]


def test_shared_link_may_have_a_preview(api, switch):
    switch(shared_link="preview")
    url = "https://example.com/x"
    api.post(f"room/{api.room.id}/share/link", {"link": url})
    (item,) = api.latest()
    (told,) = item["message_links"]
    assert (told["type"], told["url"], told["link"]["fullUrl"]) == ("link", url, url)


def test_links_may_be_unfurled(api, switch):
    switch(link_previews="unfurler")
    api.say("see http://example.com/a and http://example.com/b", "http://example.com/x.png", "plain")
    page, unfurled, picture, plain = api.latest()
    assert (unfurled["from"], unfurled["attach_to"], unfurled["color"]) == ("Link", page["id"], "gray")
    assert unfurled["notification_sender"] == {"type": "addon", "id": "hipchat-clinky"}
    assert "http://example.com/b" in unfurled["message"]
    assert "message_links" not in page
    assert picture["message_links"][0]["image"]["image"] == "http://example.com/x.png"
    assert "message_links" not in plain


@pytest.mark.parametrize(("position", "name"), [("both", "CI · main"), ("label", "main"), ("sender", "CI")])
def test_label_of_a_notification_may_stand_alone(api, switch, position, name):
    switch(notification_from=position)
    api.world.post_notification(api.room.id, "CI", "hi", label="main")
    api.world.post_notification(api.room.id, "CI", "hi")
    assert [item["from"] for item in api.latest()] == [name, "CI"]


def test_largest_file_is_told_by_a_switch(api, switch):
    switch(file_bytes=3)

    def share(content):
        body = f'--b\nContent-Disposition: attachment; name="file"; filename="a.txt"\n\n{content}\n--b--\n'
        headers = {"Content-Type": "multipart/related; boundary=b"}
        return api.call("POST", f"room/{api.room.id}/share/file", data=body, headers=headers).status_code

    assert [share("abc"), share("abcd")] == [204, 400]


@pytest.mark.parametrize(
    ("position", "form"),
    [
        ("microseconds", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"),
        ("seconds", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"),
        ("naive", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"),
    ],
)
def test_dates_may_be_shorter(api, switch, position, form):
    switch(dates=position)
    api.say("2020-01-01T00:00:00.000001+00:00")
    (item,) = api.latest()
    assert re.fullmatch(form, item["date"])
    assert item["message"] == "2020-01-01T00:00:00.000001+00:00"
    created = api.get(f"room/{api.room.id}").json()["created"]
    assert created.endswith("+00:00") is (position != "naive")


def test_messages_of_one_second_share_a_date_and_keep_their_order(api, switch, monkeypatch):
    monkeypatch.setattr(api.world.clock, "micros", lambda: 1_600_000_000_000_000)
    switch(dates="seconds")
    api.say(*"ABCDE")
    items = api.latest()
    assert texts(items) == list("ABCDE")
    assert len({item["date"] for item in items}) == 1


def test_early_payloads_have_ids_as_strings(api, switch, receiver):
    switch(ids="strings")
    admin = api.with_scopes("admin_room")
    admin.post(f"room/{api.room.id}/webhook", {"url": receiver.url, "event": "room_message"})
    api.say("@bo hi")
    (item,) = api.latest()
    assert item["from"]["id"] == str(api.user.id)
    assert item["mentions"][0]["id"] == str(api.world.user_named("Bo Ray").id)
    payload = receiver.next()["item"]
    assert (payload["message"], payload["room"]["id"]) == (item, str(api.room.id))


def test_early_servers_told_less(api, switch):
    switch(stubs="bare")
    room = api.get("room", include_private="true").json()["items"][0]
    assert (set(room), set(room["links"])) == ({"id", "name", "links"}, {"self", "webhooks"})
    api.say("A")
    (item,) = api.latest()
    assert set(item["from"]) == {"id", "links", "mention_name", "name"}


def test_answer_of_a_fault_stays_as_it_is(api, switch):
    switch(ids="strings")
    api.world.add_fault(status=200, body={"id": 5})
    assert api.get("room").json() == {"id": 5}
