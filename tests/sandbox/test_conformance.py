"""The conformance vectors of HipChat API v2, over HTTP. Their numbers are in the tests' names."""

import base64
import json

import pytest
import requests

NO_TOKEN = "Authenticated requests only. See https://www.hipchat.com/docs/apiv2/auth for more information."


def texts(items):
    return [item["message"] for item in items]


def error(answer):
    return answer.status_code, answer.json()["error"]["message"]


def test_01_not_before_is_inclusive(api):
    _, second, _ = api.say("A", "B", "C")
    assert texts(api.latest(not_before=second.id)) == ["B", "C"]


def test_02_nothing_new_answers_the_anchor_alone(api):
    *_, newest = api.say("A", "B", "C")
    assert texts(api.latest(not_before=newest.id)) == ["C"]


def test_03_a_gap_hides_the_anchor(api):
    messages = api.say(*(f"#{number}" for number in range(1, 121)))
    items = api.latest(not_before=messages[0].id, max_results=50)
    assert texts(items) == [f"#{number}" for number in range(71, 121)]


def test_04_one_result_is_the_newest(api):
    api.say("A", "B", "C")
    assert texts(api.latest(max_results=1)) == ["C"]


def test_05_default_is_the_newest_75_oldest_first(api):
    api.say(*(str(number) for number in range(100)))
    assert texts(api.latest()) == [str(number) for number in range(25, 100)]


def test_06_deleted_message_has_a_null_text(api):
    _, second, _ = api.say("A", "B", "C")
    api.world.delete_message(second.id)
    items = api.latest()
    assert texts(items) == ["A", None, "C"]
    assert items[1]["id"] == second.id


def test_07_deleted_messages_can_be_left_out(api):
    _, second, _ = api.say("A", "B", "C")
    api.world.delete_message(second.id)
    answer = api.call("GET", f"room/{api.room.id}/history/latest", params={"include_deleted": "false"})
    assert texts(answer.json()["items"]) == ["A", "C"]


def test_08_history_wants_view_messages(api):
    answer = api.with_scopes("send_message", "view_room").get(f"room/{api.room.id}/history/latest")
    assert error(answer) == (403, "This action requires one of the following scopes: [u'view_messages']")
    assert answer.json()["error"]["type"] == "Forbidden"
    assert answer.json()["error"]["code"] == 403


def test_09_room_list_wants_a_view_scope(api):
    answer = api.with_scopes("send_message").get("room")
    expected = "This action requires one of the following scopes: [u'view_group', u'view_room']"
    assert error(answer) == (403, expected)


@pytest.mark.parametrize("path", ["room", "room/1/history/latest", "oauth/token/x"])
def test_10_unknown_token_is_an_invalid_session(api, path):
    answer = api.call("GET", path, headers={"Authorization": "Bearer " + "0" * 30})
    assert error(answer) == (401, "Invalid OAuth session")
    assert answer.json()["error"]["type"] == "Unauthorized"


def test_11_no_token_is_told_to_authenticate(server):
    assert error(requests.get(f"{server.url}/v2/room", timeout=30)) == (401, NO_TOKEN)


def test_12_unknown_room_is_named(api):
    assert error(api.get("room/nope")) == (404, "Room nope not found")


@pytest.mark.parametrize("text", ["x" * 1001, "", "   ", "a\0b", "half \ud800 pair"])
def test_13_message_of_the_wrong_length_or_make_is_refused(api, text):
    answer = api.call(
        "POST",
        f"room/{api.room.id}/message",
        data=json.dumps({"message": text}),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert api.latest() == []


@pytest.mark.parametrize("text", ["x" * 1000, "😀" * 1000, "two\nlines 👩‍🚀"])
def test_14_accepted_message_is_found_by_its_id(api, text):
    answer = api.post(f"room/{api.room.id}/message", {"message": text, "room_id": "ignored"})
    assert answer.status_code == 201
    (item,) = api.latest()
    assert (item["id"], item["message"]) == (answer.json()["id"], text)
    assert set(item) == {"date", "from", "id", "mentions", "message", "type"}
    assert item["from"]["id"] == api.user.id


def test_15_request_101_is_too_many(api):
    for _ in range(100):
        assert api.get(f"room/{api.room.id}").status_code == 200
    answer = api.get(f"room/{api.room.id}")
    assert error(answer) == (429, "Rate Limit exceeded")
    assert answer.headers["X-Ratelimit-Limit"] == "100"
    assert answer.headers["X-Ratelimit-Remaining"] == "0"
    reset = int(answer.headers["X-Ratelimit-Reset"])
    assert 0 < reset - api.world.clock.now() <= 301
    api.world.advance_clock(300)
    assert api.get(f"room/{api.room.id}").status_code == 200


def test_16_send_31_is_a_flood(api):
    for number in range(30):
        assert api.post(f"room/{api.room.id}/message", {"message": str(number)}).status_code == 201
    answer = api.post(f"room/{api.room.id}/message", {"message": "31"})
    assert answer.status_code == 429
    assert answer.headers["X-FloodControl-Remaining"] == "0"
    assert int(answer.headers["X-Ratelimit-Remaining"]) == 69
    assert len(api.latest()) == 30
    api.world.advance_clock(60)
    assert api.post(f"room/{api.room.id}/message", {"message": "31"}).status_code == 201


def test_17_next_page_is_absolute_and_there_is_no_page_before_the_first(api):
    for name in ("Fourth", "Fifth"):
        api.world.create_room(api.user.id, name)
    page = api.get("room", max_results=2, include_private="true").json()
    address = f"{api.server.url}/v2/room"
    assert page["links"] == {
        "self": address,
        "next": f"{address}?include-private=true&start-index=2&max-results=2",
    }
    assert [room["name"] for room in page["items"]] == ["Fifth", "Fourth"]
    second = api.call("GET", page["links"]["next"].removeprefix(f"{api.server.url}/v2/")).json()
    assert second["startIndex"] == 2
    assert second["links"]["prev"].endswith("start-index=0&max-results=2")


def test_18_auth_test_stores_nothing(api):
    answer = api.call("POST", f"room/{api.room.id}/message?auth_test=true", json={"message": "hi"})
    assert answer.status_code == 202
    message = "This auth_token has access to use this method."
    assert answer.json() == {"success": {"code": 202, "message": message, "type": "Accepted"}}
    assert api.latest() == []


def test_19_notification_comes_from_a_name(api):
    sender = api.with_scopes("send_notification")
    body = {"message": "<b>Built</b>", "color": "green", "from": "CI"}
    assert sender.post(f"room/{api.room.id}/notification", body).status_code == 204
    (item,) = api.latest()
    assert item["type"] == "notification"
    assert item["from"] == "Ann Lee · CI"
    assert (item["color"], item["message_format"]) == ("green", "html")
    assert item["notification_sender"]["type"] == "user"


def test_20_card_is_json_in_a_string(api):
    card = {"style": "application", "id": "c42", "title": "Build"}
    sender = api.with_scopes("send_notification")
    sender.post(f"room/{api.room.id}/notification", {"message": "Built", "card": card})
    (item,) = api.latest()
    assert json.loads(item["card"]) == card


PICTURE = b"\x89PNG\r\n\r\n\x00--binary\n--\xff"


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("described", [False, True])
def test_21_shared_file_arrives_whole(api, end, encoded, described):
    coding = [b"Content-Transfer-Encoding: base64"] if encoded else []
    content = base64.encodebytes(PICTURE) if encoded else PICTURE
    metadata = [
        b"--b_1",
        b"Content-Type: application/json; charset=UTF-8",
        b'Content-Disposition: attachment; name="metadata"',
        b"",
        b'{"message": "see this"}',
    ]
    lines = [
        *(metadata if described else []),
        b"--b_1",
        b"Content-Type: image/png",
        'Content-Disposition: attachment; name="file"; filename="my shöt.png"'.encode(),
        *coding,
        b"",
        content,
        b"--b_1--",
        b"",
    ]
    kind = 'multipart/related; boundary="b_1"; charset=UTF-8'
    answer = api.call(
        "POST", f"room/{api.room.id}/share/file", data=end.join(lines), headers={"Content-Type": kind}
    )
    assert answer.status_code == 204, answer.text
    (item,) = api.latest()
    assert item["message"] == ("see this" if described else "")
    assert (item["file"]["name"], item["file"]["size"]) == ("my shöt.png", len(PICTURE))
    for key in ("url", "thumb_url"):
        assert requests.get(item["file"][key], timeout=30).content == PICTURE


def test_22_end_date_with_timezone_is_refused_by_mistake(api):
    query = {"end-date": "2018-01-01", "timezone": "UTC", "date": "2019-01-01T00:00:00Z"}
    path = f"room/{api.room.id}/history"
    assert api.call("GET", path, params=query).status_code == 401
    api.world.set_switches(timezone_with_end_date="accept")
    assert api.call("GET", path, params=query).status_code == 200


def test_23_json_without_a_content_type_is_refused(api):
    answer = api.call("POST", f"room/{api.room.id}/message", data=b'{"message": "hi"}')
    assert error(answer) == (400, "Invalid content type: None")
