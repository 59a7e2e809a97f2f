from datetime import datetime

import pytest
import requests

from sandbox.records import SCOPES


def texts(items):
    return [item["message"] for item in items]


def test_capabilities_need_no_token(server):
    answer = requests.get(f"{server.url}/v2/capabilities", timeout=30)
    assert answer.status_code == 200
    assert answer.json()["capabilities"]["hipchatApiProvider"]["url"] == f"{server.url}/v2/"


@pytest.mark.parametrize("path", ["capabilities", "health-check"])
def test_what_needs_no_token_counts_as_the_request_of_one(api, path):
    url = f"{api.server.url}/v2/{path}"
    assert requests.get(url, timeout=30).headers["X-Ratelimit-Remaining"] == "100"
    assert requests.get(url, params={"auth_token": "bad"}, timeout=30).status_code == 200
    assert api.get(path).headers["X-Ratelimit-Remaining"] == "99"
    assert requests.post(url, timeout=30).status_code == 405


def test_scopes_are_described_by_the_capabilities(server):
    told = requests.get(f"{server.url}/v2/capabilities", timeout=30).json()
    scopes = told["capabilities"]["hipchatApiProvider"]["availableScopes"]
    assert set(scopes) == set(SCOPES)
    assert scopes["view_room"]["name"] == "View Room"
    assert "not what is said" in scopes["view_room"]["description"]


def test_session_tells_owner_scopes_and_time_left(api):
    info = api.get(f"oauth/token/{api.token.token}").json()
    assert info["owner"]["id"] == api.user.id
    assert info["scopes"] == ["send_message", "view_messages", "view_room"]
    assert info["owner_type"] == "user"
    assert 365 * 86400 - 60 < info["expires_in"] <= 365 * 86400
    assert info["client"]["name"] == "Relay"


def test_deleted_session_is_over(api):
    assert api.call("DELETE", f"oauth/token/{api.token.token}").status_code == 204
    assert api.get("room").status_code == 401


def test_token_dies_after_a_year(api):
    api.world.advance_clock(365 * 86400 + 1)
    assert api.get("room").status_code == 401


def test_token_may_be_in_the_query(api):
    answer = requests.get(f"{api.server.url}/v2/room", params={"auth_token": api.token.token}, timeout=30)
    assert answer.status_code == 200


def test_addon_token_has_no_owner_and_may_not_speak_as_a_user(api):
    api.token = api.world.create_addon_token(
        77, ["send_message", "send_notification"], label="CI", room_id=api.room.id
    )
    info = api.get(f"oauth/token/{api.token.token}").json()
    assert (info["owner"], info["owner_type"], info["client"]["room"]["id"]) == (None, "client", api.room.id)
    assert api.post(f"room/{api.room.id}/message", {"message": "hi"}).status_code == 403
    assert api.post(f"room/{api.room.id}/notification", {"message": "hi"}).status_code == 204
    other = api.world.room_named("Watercooler")
    assert api.post(f"room/{other.id}/notification", {"message": "hi"}).status_code == 403


@pytest.mark.parametrize("path", ["room//message", "room/1/message"])
def test_wrong_method_or_empty_room_is_405(api, path):
    assert api.call("PUT", path).status_code == 405


def test_unknown_path_is_404_in_json(api):
    assert api.get("nonsense").json()["error"]["type"] == "Not Found"


def test_room_is_found_by_name_in_any_case_and_with_a_slash_at_the_end(api):
    room = api.get("room/sUPPort/").json()
    assert room["id"] == api.room.id
    assert room["xmpp_jid"] == "77_support@conf.hipchat.com"
    assert "members" not in room["links"]


def test_room_name_with_a_slash_is_found(api):
    room = api.world.create_room(api.user.id, "R&D/Ops now")
    assert api.get("room/R%26D%2FOps%20now").json()["id"] == room.id


def test_expanded_list_has_the_details(api):
    rooms = api.get("room", expand="items").json()["items"]
    assert [room["topic"] for room in rooms] == [
        "Shared with our partner",
        "Questions from customers",
        "Anything but work",
    ]


def test_private_room_is_hidden_from_outsiders(api):
    outsider = api.world.user_named("Chidi Okafor")
    private = api.world.room_named("Globex project")
    api.token = api.world.create_token(outsider.id, ["view_room", "send_message"])
    assert [room["name"] for room in api.get("room").json()["items"]] == ["Support", "Watercooler"]
    assert api.get(f"room/{private.id}").status_code == 403
    api.world.set_switches(forbidden_room="404")
    assert api.get(f"room/{private.id}").status_code == 404


def test_room_of_another_group_does_not_exist(api):
    assert api.get(f"room/{api.world.room_named('Helpdesk').id}").status_code == 404


def test_archived_room_is_not_listed_and_takes_no_messages(api):
    api.world.archive_room(api.room.id)
    assert "Support" not in [room["name"] for room in api.get("room").json()["items"]]
    answer = api.post(f"room/{api.room.id}/message", {"message": "hi"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (403, "Room is archived")
    assert api.latest() == []


def test_room_is_made_changed_and_deleted(api):
    admin = api.with_scopes("manage_rooms", "admin_room", "view_room")
    made = admin.post("room", {"name": "New", "privacy": "private"})
    assert made.status_code == 201
    path = f"room/{made.json()['id']}"
    assert admin.post("room", {"name": "new"}).status_code == 400
    assert admin.call("PUT", f"{path}/topic", json={"topic": "T"}).status_code == 204
    bo = api.world.user_named("Bo Ray")
    assert admin.call("PUT", f"{path}/member/{bo.id}").status_code == 204
    assert [user["name"] for user in admin.get(f"{path}/member").json()["items"]] == ["Ann Lee", "Bo Ray"]
    assert admin.call("DELETE", f"{path}/member/@bo").status_code == 204
    assert admin.call("PUT", path, json={"name": "Renamed"}).status_code == 400
    change = {
        "name": "Renamed",
        "privacy": "private",
        "is_archived": False,
        "is_guest_accessible": False,
        "topic": "U",
        "owner": {"id": api.user.id},
    }
    assert admin.call("PUT", path, json=change).status_code == 204
    room = admin.get(path).json()
    assert (room["name"], room["topic"], room["xmpp_jid"]) == ("Renamed", "U", "77_new@conf.hipchat.com")
    assert admin.call("DELETE", path).status_code == 204
    assert admin.get(path).status_code == 404


def test_statistics_count_messages(api):
    api.say("A", "B")
    assert api.get(f"room/{api.room.id}/statistics").json()["messages_sent"] == 2


def test_members_of_an_open_room_are_not_listed(api):
    assert api.get(f"room/{api.room.id}/member").status_code == 404
    assert len(api.get(f"room/{api.room.id}/participant").json()["items"]) == 4


def test_mentions_are_resolved_and_all_is_expanded(api):
    api.say("@bo and @nobody, mail@Chidi", "@all hello")
    first, second = api.latest()
    assert [user["name"] for user in first["mentions"]] == ["Bo Ray"]
    assert [user["name"] for user in second["mentions"]] == ["Bo Ray", "Chidi Okafor", "Sameroom Bot"]


def test_timestamps_rise_even_when_the_clock_stands_still(api, monkeypatch):
    monkeypatch.setattr(api.world.clock, "micros", lambda: 1_600_000_000_000_000)
    api.say("A", "B", "C")
    dates = [item["date"] for item in api.latest()]
    assert dates == [f"2020-09-13T12:26:40.00000{number}+00:00" for number in range(3)]


def test_rooms_and_users_are_dated_in_seconds(api, monkeypatch):
    monkeypatch.setattr(api.world.clock, "micros", lambda: 1_600_000_000_123_456)
    room = api.world.create_room(api.user.id, "Timely")
    api.world.post_message(room.id, api.user.id, "A")
    told = api.get(f"room/{room.id}").json()
    assert (told["created"], told["last_active"]) == ("2020-09-13T12:26:40+00:00",) * 2
    assert api.get(f"room/{room.id}/statistics").json()["last_active"] == "2020-09-13T12:26:40+00:00"


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2020-09-13T12:26:40.000001Z", ["A", "B"]),
        ("2020-09-13T12:26:40.000000%2B00:00", ["A"]),
        ("2020-09-13T21:26:40%2B0900", ["A"]),
        ("2020-09-13T12:26:39", []),
        ("2020-09-13", []),
    ],
)
def test_dates_may_be_written_in_several_ways(api, monkeypatch, date, expected):
    monkeypatch.setattr(api.world.clock, "micros", lambda: 1_600_000_000_000_000)
    api.say("A", "B")
    answer = api.call("GET", f"room/{api.room.id}/history?date={date}")
    assert texts(answer.json()["items"]) == expected


@pytest.mark.parametrize("date", ["2020-09-13T12:26:40+00:00", "yesterday", "2020-13-01"])
def test_what_is_no_date_is_refused(api, date):
    """A plus sign that is not escaped is a space."""
    assert api.call("GET", f"room/{api.room.id}/history?date={date}").status_code == 400


def test_names_of_parameters_are_taken_as_they_are_written(api):
    _, second = api.say("A", "B")
    api.world.delete_message(second.id)
    path = f"room/{api.room.id}/history/latest"
    wrong = {"not_before": second.id, "max_results": 1, "include-deleted": "false"}
    assert texts(api.call("GET", path, params=wrong).json()["items"]) == ["A", None]


def test_timezone_moves_the_offset(api):
    api.say("A")
    (plain,), (moved,) = api.latest(), api.latest(timezone="Asia/Tokyo")
    assert moved["date"].endswith("+09:00")
    assert datetime.fromisoformat(moved["date"]) == datetime.fromisoformat(plain["date"])
    assert api.get(f"room/{api.room.id}/history/latest", timezone="Nowhere").status_code == 400


def test_unknown_anchor_is_ignored_or_refused(api):
    api.say("A", "B")
    assert texts(api.latest(not_before="nothing")) == ["A", "B"]
    api.world.set_switches(unknown_not_before="404")
    assert api.get(f"room/{api.room.id}/history/latest", not_before="nothing").status_code == 404


def test_history_pages_backwards_from_a_date(api):
    api.say("A", "B", "C", "D", "E")
    third = api.latest()[2]["date"]
    path = f"room/{api.room.id}/history"
    page = api.get(path, date=third, max_results=2).json()
    assert texts(page["items"]) == ["B", "C"]
    assert "start-index=2" in page["links"]["next"]
    older = api.get(path, date=third, max_results=2, start_index=2).json()
    assert texts(older["items"]) == ["A"]
    assert "next" not in older["links"]
    newest_first = api.get(path, date=third, max_results=2, reverse="false").json()
    assert texts(newest_first["items"]) == ["C", "B"]
    assert texts(api.get(path, date="2100-01-01", end_date=third).json()["items"]) == ["C", "D", "E"]
    assert texts(api.get(path, max_results=1).json()["items"]) == ["E"]


def test_date_queries_can_lag(api):
    api.say("A")
    api.world.set_switches(date_lag_seconds=30)
    path = f"room/{api.room.id}/history"
    assert api.get(path, date="2100-01-01").json()["items"] == []
    api.world.advance_clock(31)
    assert texts(api.get(path, date="2100-01-01").json()["items"]) == ["A"]


def test_one_message_is_wrapped_or_bare(api):
    (message,) = api.say("A")
    path = f"room/{api.room.id}/history/{message.id}"
    assert api.get(path).json()["message"]["message"] == "A"
    api.world.set_switches(history_item="bare")
    assert api.get(path).json()["message"] == "A"
    assert api.get(f"room/{api.room.id}/history/none").status_code == 404


def test_reply_and_link_become_messages(api):
    (parent,) = api.say("A")
    reply = {"parentMessageId": parent.id, "message": "B"}
    assert api.post(f"room/{api.room.id}/reply", reply).status_code == 204
    assert api.post(f"room/{api.room.id}/reply", reply | {"parentMessageId": "x"}).status_code == 400
    shared = {"link": "https://example.com/x", "message": "look"}
    assert api.post(f"room/{api.room.id}/share/link", shared).status_code == 204
    assert texts(api.latest()) == ["A", "B", "look https://example.com/x"]


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("text/plain", b"plain", ("plain", "text")),
        ("text/html", b"<b>html</b>", ("<b>html</b>", "html")),
        ("application/x-www-form-urlencoded", b"message=form&message_format=text", ("form", "text")),
    ],
)
def test_notification_in_other_content_types(api, kind, body, expected):
    sender = api.with_scopes("send_notification")
    answer = sender.call(
        "POST", f"room/{api.room.id}/notification", data=body, headers={"Content-Type": kind}
    )
    assert answer.status_code == 204
    (item,) = api.latest()
    assert (item["message"], item["message_format"]) == expected


def test_two_json_parts_are_refused(api):
    part = '--b\nContent-Type: application/json\nContent-Disposition: attachment; name="{}"\n\n{{}}\n'
    answer = api.call(
        "POST",
        f"room/{api.room.id}/share/file",
        data=part.format("metadata") + part.format("file") + "--b--\n",
        headers={"Content-Type": "multipart/related; boundary=b"},
    )
    assert answer.status_code == 400


def test_authenticated_file_takes_a_call_to_fetch(api):
    api.world.set_switches(authenticated_files=True)
    api.world.post_file(api.room.id, api.user.id, name="a b.txt", content_type="text/plain", content=b"hello")
    (item,) = api.latest()
    found = api.get(f"file/{item['authenticated_file']['id']}").json()
    download = requests.get(found["temp_download_url"], timeout=30)
    assert download.content == b"hello"
    assert download.headers["Content-Disposition"].startswith("attachment")


def test_users_and_private_messages(api):
    both = api.with_scopes("view_group", "send_message", "view_messages")
    assert [user["name"] for user in both.get("user").json()["items"]][:2] == ["Ann Lee", "Bo Ray"]
    assert both.get("user/@bo").json()["group"]["name"] == "Acme"
    assert both.post("user/@bo/message", {"message": "psst"}).status_code == 204
    assert texts(both.get("user/@bo/history/latest").json()["items"]) == ["psst"]
    assert texts(both.get("user/@bo/history").json()["items"]) == ["psst"]
    assert both.get("user/none").status_code == 404
    assert api.get("user").status_code == 403


def test_emoticons_are_listed(api):
    viewer = api.with_scopes("view_group")
    assert viewer.get("emoticon", max_results=1).json()["items"][0]["shortcut"] == "allthethings"
    heart = viewer.get("emoticon/heart").json()
    assert viewer.get(f"emoticon/{heart['id']}").json() == heart
    assert viewer.get("emoticon/none").status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        {"max-results": "1001"},
        {"max-results": "-1"},
        {"start-index": "x"},
        {"start-index": "0" * 12 + "9" * 30},
    ],
)
def test_bad_page_is_refused(api, query):
    assert api.call("GET", "room", params=query).status_code == 400


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"message": 5}', b"{}", b"\xff", b'{"message": "a", "x": "\\ud800"}']
)
def test_bad_body_is_refused(api, body):
    path = f"room/{api.room.id}/message"
    answer = api.call("POST", path, data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "Bad Request"


def test_reset_header_can_be_a_delta(api):
    api.world.set_switches(reset_as_delta=True)
    api.world.exhaust_limit(api.token.token)
    answer = api.get("room")
    assert (answer.status_code, answer.headers["X-Ratelimit-Reset"]) == (429, "60")


def test_answers_escape_everything_beyond_ascii(api):
    api.say("é 😀")
    content = api.get(f"room/{api.room.id}/history/latest").content
    assert b"\\u00e9 \\ud83d\\ude00" in content
