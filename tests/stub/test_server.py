import subprocess
import sys
import threading
import time
from typing import Any

import pytest
import requests

from stub.control import Item, Stub
from tests.waiting import PATIENCE, until

ANN = {"Authorization": "Bearer Ann:pass"}


def call(stub: Stub, method: str, path: str, token: str = "relay:pass", **options: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.request(method, f"{stub.url}{path}", headers=headers, timeout=30, **options)


def post(stub: Stub, text: str, room: str = "hall", **more: str) -> requests.Response:
    return call(stub, "POST", f"/rooms/{room}/messages", json={"text": text, **more})


@pytest.fixture
def stub(stub: Stub) -> Stub:
    stub.add_rooms(["hall"])
    return stub


def history(stub: Stub) -> list[tuple[str, str, list[str], bool]]:
    return [(item.author_name, item.text, item.edits, item.is_deleted) for item in stub.history("hall")]


def test_token_is_the_user_of_its_name(stub: Stub) -> None:
    assert call(stub, "GET", "/me").json() == {"id": "u-relay", "name": "relay"}
    assert [call(stub, "GET", "/me", token).status_code for token in ("relay:wrong", "relay", ":x")] == [
        401
    ] * 3


def test_rooms_are_listed_and_a_missing_one_is_told(stub: Stub) -> None:
    stub.say("a/b &c", "Ann", "hello")

    rooms = [{"id": "hall", "name": "hall"}, {"id": "a/b &c", "name": "a/b &c"}]
    assert call(stub, "GET", "/rooms").json() == {"rooms": rooms}
    assert call(stub, "GET", "/rooms/a%2Fb%20%26c").json() == rooms[1]
    gone = call(stub, "GET", "/rooms/cellar")
    assert (gone.status_code, gone.json()) == (404, {"error": "room"})


def test_item_holds_everything_that_was_sent(stub: Stub) -> None:
    first = stub.say("hall", "Ann", "hello")
    more = {"key": "k1", "sender_name": "Bob", "sender_avatar_url": "http://x/y.png", "reply_to": first}

    sent = post(stub, "welcome", **more).json()["id"]

    [_, item] = stub.history("hall")
    wanted = Item(
        sent,
        "u-relay",
        "relay",
        "welcome",
        item.said_at,
        "k1",
        first,
        "Bob",
        "http://x/y.png",
        [],
        False,
        False,
        {},
    )
    assert item == wanted
    assert abs(item.said_at - time.time()) < 60


def test_edits_deletions_and_reactions_are_kept_once(stub: Stub) -> None:
    id_ = post(stub, "one").json()["id"]
    path = f"/rooms/hall/messages/{id_}"
    for _ in range(2):
        assert call(stub, "PUT", path, json={"text": "two"}).status_code == 200
        assert call(stub, "PUT", f"{path}/reactions/%F0%9F%91%8D").status_code == 200

    [item] = stub.history("hall")
    assert (item.text, item.edits, item.now, item.reactions) == ("one", ["two"], "two", {"👍": ["u-relay"]})
    assert call(stub, "DELETE", f"{path}/reactions/%F0%9F%91%8D").status_code == 200
    assert [call(stub, "DELETE", path).status_code for _ in range(2)] == [200, 200]
    [item] = stub.history("hall")
    assert (item.is_deleted, item.reactions) == (True, {"👍": []})
    events = call(stub, "GET", "/rooms/hall/messages").json()["events"]
    assert [event["kind"] for event in events] == ["message", "edit", "reaction", "unreaction", "delete"]


def test_message_of_somebody_else_can_not_be_changed(stub: Stub) -> None:
    path = f"/rooms/hall/messages/{stub.say('hall', 'Ann', 'mine')}"

    assert call(stub, "PUT", path, json={"text": "yours"}).status_code == 403
    assert call(stub, "DELETE", path).status_code == 403
    gone = call(stub, "PUT", "/rooms/hall/messages/m0", json={"text": "x"})
    assert (gone.status_code, gone.json()) == (404, {"error": "message"})
    assert history(stub) == [("Ann", "mine", [], False)]


def test_history_is_read_from_the_end_and_after_an_entry(stub: Stub) -> None:
    ids = stub.say_many([("hall", "Ann", str(number)) for number in range(5)])
    stub.edit("hall", ids[0], "zero")

    def read(query: str) -> dict[str, Any]:
        told: dict[str, Any] = call(stub, "GET", f"/rooms/hall/messages?{query}").json()
        return told | {"events": [(event["kind"], event.get("text")) for event in told["events"]]}

    last = [("message", "4"), ("edit", "zero")]
    assert read("limit=2") == {"events": last, "whole": False}
    assert read("limit=6")["whole"] is True
    assert read(f"after={ids[3]}") == {"events": last, "more": False, "gap": False}
    assert read(f"after={ids[1]}&limit=1") == {"events": [("message", "2")], "more": True, "gap": False}
    assert len(read("after=")["events"]) == 6
    assert (len(read("after=m0")["events"]), read("after=m0")["gap"]) == (6, True)


def test_repeated_key_of_one_user_gives_the_first_message(stub: Stub) -> None:
    first = post(stub, "once", key="k").json()["id"]

    assert post(stub, "twice", key="k").json()["id"] == first
    assert len(stub.history("hall")) == 1
    stub.switch(key_life=0)
    assert post(stub, "thrice", key="k").json()["id"] != first
    stub.switch(key_life=60, keys=False)
    assert [post(stub, "x", key="k").ok for _ in range(2)] == [True, True]
    assert len(stub.history("hall")) == 4


def test_what_is_switched_off_is_refused(stub: Stub) -> None:
    id_ = post(stub, "one").json()["id"]
    path = f"/rooms/hall/messages/{id_}"
    stub.switch(
        edits=False, deletes=False, reactions=False, history=False, sender=False, replies=False, ids=False
    )

    refused = [
        call(stub, "PUT", path, json={"text": "two"}),
        call(stub, "DELETE", path),
        call(stub, "PUT", f"{path}/reactions/x"),
        call(stub, "GET", "/rooms/hall/messages"),
    ]
    assert [answer.status_code for answer in refused] == [405] * 4
    assert post(stub, "two", sender_name="Bob", reply_to=id_).json() == {}
    last = stub.history("hall")[-1]
    assert (last.sender_name, last.reply_to) == ("", "")
    with pytest.raises(RuntimeError, match="no such switch: colour"):
        stub.switch(colour="red")


def test_text_that_is_too_long_is_refused(stub: Stub) -> None:
    stub.switch(max_text=3)

    assert [post(stub, text).status_code for text in ("abc", "abcd")] == [200, 413]


@pytest.mark.parametrize("stored", [False, True])
def test_faulty_status_stores_or_not(stub: Stub, stored: bool) -> None:
    stub.fault("status", status=502, count=1, stored=stored)

    assert [post(stub, "x").status_code for _ in range(2)] == [502, 200]
    assert len(stub.history("hall")) == 1 + stored
    assert stub.counts().faults == {"status": 1}


def test_throttle_says_how_long(stub: Stub) -> None:
    stub.fault("throttle", retry_after=7, count=1)
    stub.fault("throttle", seconds=60, room="hall")
    stub.add_rooms(["yard"])

    answers = [post(stub, "x"), post(stub, "x"), post(stub, "x", "yard")]

    assert [(answer.status_code, answer.headers.get("Retry-After")) for answer in answers] == [
        (429, "7"),
        (429, "60"),
        (200, None),
    ]
    stub.clear_faults()
    assert post(stub, "x").status_code == 200


def test_fault_ends_with_its_time_and_spares_what_it_is_not_for(stub: Stub) -> None:
    stub.fault("status", seconds=0.3, on="send")

    assert call(stub, "GET", "/rooms").status_code == 200
    assert post(stub, "x").status_code == 500
    until(lambda: post(stub, "x").status_code == 200)
    stub.fault("status", on="read", count=1)
    assert (post(stub, "x").status_code, call(stub, "GET", "/me").status_code) == (200, 500)


@pytest.mark.parametrize("stored", [False, True])
def test_hang_reads_and_never_answers(stub: Stub, stored: bool) -> None:
    stub.fault("hang", count=1, stored=stored)

    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{stub.url}/rooms/hall/messages", json={"text": "x"}, headers=ANN, timeout=0.3)

    until(lambda: len(stub.history("hall")) == stored)  # it may still be on its way
    until(lambda: stub.counts().in_flight == 0)
    assert len(stub.history("hall")) == stored


@pytest.mark.parametrize("stored", [False, True])
def test_reset_comes_after_the_request(stub: Stub, stored: bool) -> None:
    stub.fault("reset", count=1, stored=stored)

    with pytest.raises(requests.ConnectionError, match="reset"):
        post(stub, "x")
    assert len(stub.history("hall")) == stored
    assert post(stub, "y").status_code == 200


def test_drip_answers_byte_by_byte(stub: Stub) -> None:
    stub.fault("drip", count=1, pause=0.03)
    begun = time.monotonic()

    answer = post(stub, "x")

    assert time.monotonic() - begun > 0.03 * len('{"id": ""}')
    assert answer.json() == {"id": stub.history("hall")[0].id}


def test_latency_stores_half_way(stub: Stub) -> None:
    stub.fault("latency", delay=1.0)
    begun = time.time()
    post(stub, "x")
    answered = time.time()

    [stored] = [item.said_at for item in stub.history("hall")]
    assert begun + 0.4 < stored < answered - 0.2
    stub.clear_faults()
    stub.switch(latency=0.2)
    begun = time.monotonic()
    post(stub, "y")
    assert time.monotonic() - begun >= 0.2


def test_counts_tell_what_is_in_flight(stub: Stub) -> None:
    stub.switch(latency=2.0)
    threads = [threading.Thread(target=post, args=(stub, str(number))) for number in range(3)]
    for thread in threads:
        thread.start()
    until(lambda: stub.counts().in_flight == 3)
    for thread in threads:
        thread.join()

    counts = stub.counts()
    assert (counts.sends, counts.in_flight, counts.most_in_flight, counts.stored) == (3, 0, 3, {"hall": 3})


def test_forgetting_starts_anew_but_repeats_no_id(stub: Stub) -> None:
    first = stub.say("hall", "Ann", "x")
    stub.switch(keys=False)
    stub.fault("status")

    stub.forget()

    assert call(stub, "GET", "/rooms").json() == {"rooms": []}
    assert stub.say("hall", "Ann", "x") != first
    assert post(stub, "y", key="k").json() == post(stub, "y", key="k").json()


def test_unknown_action_is_refused(stub: Stub) -> None:
    with pytest.raises(RuntimeError, match="no such fault: flood"):
        stub.fault("flood")
    with pytest.raises(RuntimeError, match="room"):
        stub.edit("cellar", "m1", "x")
    assert requests.post(f"{stub.url}/_control/_service", timeout=30).status_code == 404


def test_process_prints_its_address_and_stops() -> None:
    command = [sys.executable, "-m", "stub", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        client = Stub(process.stdout.readline().strip())
        client.say("hall", "Ann", "x")
        assert len(client.history("hall")) == 1
        client.close()
        process.terminate()
        assert process.wait(PATIENCE) in (0, -15)
