import dataclasses
import json
import time

import pytest
import requests

from sandbox.faults import Fault
from tests.sandbox.conftest import tabled
from tests.waiting import until


def test_fault_replaces_as_many_answers_as_it_says(api):
    api.world.add_fault(
        path="/history/latest", method="GET", status=502, body="<h1>Bad Gateway</h1>", count=2
    )
    assert api.get("room").status_code == 200
    path = f"room/{api.room.id}/history/latest"
    answers = [api.get(path) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [502, 502, 200]
    assert answers[0].headers["Content-Type"] == "text/html"
    assert answers[0].text == "<h1>Bad Gateway</h1>"


def test_fault_with_json_and_headers(api):
    api.world.add_fault(status=429, body={"error": {}}, headers={"Retry-After": "7"})
    answer = api.get("room")
    assert (answer.status_code, answer.json(), answer.headers["Retry-After"]) == (429, {"error": {}}, "7")


def test_fault_without_a_body_is_an_error_of_the_api(api):
    api.world.add_fault(status=503)
    assert api.get("room").json()["error"]["type"] == "Service Unavailable"


def test_fault_can_let_some_requests_pass(api):
    api.world.add_fault(status=500, skip=1)
    assert [api.get("room").status_code for _ in range(3)] == [200, 500, 200]


def test_replaced_answer_hides_whether_the_work_was_done(api):
    path = f"room/{api.room.id}/message"
    api.world.add_fault(method="POST", status=502)
    api.world.add_fault(method="POST", status=502, after=True)
    assert api.post(path, {"message": "lost"}).status_code == 502
    assert api.post(path, {"message": "kept"}).status_code == 502
    assert [item["message"] for item in api.latest()] == ["kept"]


@pytest.mark.parametrize("cut", ["before", "inside"])
def test_cut_answer_comes_after_the_message_is_stored(api, cut):
    api.world.add_fault(method="POST", cut=cut)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        api.post(f"room/{api.room.id}/message", {"message": "stored"})
    assert [item["message"] for item in api.latest()] == ["stored"]


def test_garbled_answer_is_no_json(api):
    api.world.add_fault(method="POST", cut="garbage")
    answer = api.post(f"room/{api.room.id}/message", {"message": "stored"})
    assert answer.status_code == 201
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_slow_answer_runs_into_a_time_limit(api):
    api.world.add_fault(latency=5)
    started = time.monotonic()
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{api.server.url}/v2/capabilities", timeout=0.1)
    assert time.monotonic() - started < 2


def test_message_can_be_read_before_its_sender_is_answered(api):
    api.world.add_fault(method="POST", delay=30)
    url = f"{api.server.url}/v2/room/{api.room.id}/message"
    headers = {"Authorization": f"Bearer {api.token.token}"}
    with pytest.raises(requests.ReadTimeout):
        requests.post(url, json={"message": "A"}, headers=headers, timeout=0.3)
    until(api.latest)  # it may still be on its way
    assert [item["message"] for item in api.latest()] == ["A"]


def test_dripped_answer_arrives_in_the_end(api):
    api.world.add_fault(drip=0.0001)
    assert api.get(f"room/{api.room.id}").json()["name"] == "Support"


def test_anchor_is_dropped(api):
    anchor, *_ = api.say("A", "B", "C")
    api.world.add_fault(drop_anchor=True, count=2)
    assert [item["message"] for item in api.latest(not_before=anchor.id)] == ["B", "C"]
    assert [item["message"] for item in api.latest(not_before=anchor.id, max_results=2)] == ["B", "C"]
    assert [item["message"] for item in api.latest(not_before=anchor.id)] == ["A", "B", "C"]


def test_every_field_of_a_fault_is_in_its_table():
    assert tabled(Fault.__doc__) == [field.name for field in dataclasses.fields(Fault)]


def test_card_is_malformed(api):
    card = {"style": "link", "id": "1", "title": "T"}
    api.world.post_notification(api.room.id, "CI", "text", card=card)
    api.world.add_fault(malformed_card=True)
    (item,) = api.latest()
    with pytest.raises(json.JSONDecodeError):
        json.loads(item["card"])


def test_answer_of_ten_megabytes(api):
    api.world.add_fault(padding=10_000_000)
    assert len(api.get("room").content) > 10_000_000


def test_faults_are_cleared(api):
    api.world.add_fault(status=500, count=-1)
    assert [api.get("room").status_code for _ in range(2)] == [500, 500]
    api.world.clear_faults()
    assert api.get("room").status_code == 200
