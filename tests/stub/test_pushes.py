import json

import requests

from stub.control import Stub
from stub.pushes import signature
from tests.stub.conftest import Receiver
from tests.waiting import until

TOKEN = "relay:pass"


def hooked(stub: Stub, receiver: Receiver, **flags: object) -> None:
    stub.switch(**flags)
    stub.add_rooms(["hall", "yard"])
    stub.hook(TOKEN, receiver.url, "hook-secret")


def test_pushes_are_signed_and_hold_everything_in_order(stub: Stub, receiver: Receiver) -> None:
    stub.say("hall", "Ann", "before the hook")
    hooked(stub, receiver)
    id_ = stub.say("hall", "Ann", "one")
    stub.edit("hall", id_, "two")
    stub.react("hall", id_, "Bob", "👍")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    requests.post(
        f"{stub.url}/rooms/hall/messages", json={"text": "own", "reply_to": id_}, headers=headers, timeout=30
    )
    stub.delete("hall", id_)

    until(lambda: stub.counts().events_waiting == 0)

    events = [event for push in receiver.pushes() for event in push["events"]]
    told = [(event["kind"], event["author_id"], event.get("text"), event.get("target")) for event in events]
    assert told == [
        ("message", "u-Ann", "one", None),
        ("edit", "u-Ann", "two", id_),
        ("reaction", "u-Bob", None, id_),
        ("message", "u-relay", "own", None),
        ("delete", "u-Ann", None, id_),
    ]
    assert [event["seq"] for event in events] == [2, 3, 4, 5, 6]
    assert {push["room"] for push in receiver.pushes()} == {"hall"}
    for headers, body in zip(receiver.headers, receiver.bodies, strict=True):
        assert headers["x-stub-signature"] == signature("hook-secret", body)


def test_refused_push_is_repeated_until_it_is_taken(stub: Stub, receiver: Receiver) -> None:
    hooked(stub, receiver)
    receiver.statuses = [500, 503, 404]

    stub.say("hall", "Ann", "one")

    until(lambda: stub.counts().events_waiting == 0)
    assert receiver.texts() == ["one"] * 4
    assert (stub.counts().pushes_acknowledged, stub.counts().pushes_refused) == (1, 3)


def test_pushes_of_a_room_come_one_at_a_time_in_small_batches(stub: Stub, receiver: Receiver) -> None:
    hooked(stub, receiver, push_size=3)
    receiver.seconds = 0.05
    texts = [str(number) for number in range(20)]

    stub.say_many([("hall", "Ann", text) for text in texts])

    until(lambda: stub.counts().events_waiting == 0)
    assert receiver.texts() == texts
    assert receiver.most_under_way == 1
    assert max(len(push["events"]) for push in receiver.pushes()) == 3


def test_rooms_do_not_wait_for_each_other(stub: Stub, receiver: Receiver) -> None:
    hooked(stub, receiver)
    receiver.meet = 2

    stub.say_many([("hall", "Ann", "x"), ("yard", "Ann", "y")])

    until(lambda: stub.counts().events_waiting == 0)
    assert receiver.most_under_way == 2


def test_hook_may_want_some_rooms_only_and_may_change_its_secret(stub: Stub, receiver: Receiver) -> None:
    hooked(stub, receiver, push=False)
    stub.say_many([("hall", "Ann", "x"), ("yard", "Ann", "y")])
    stub.hook(TOKEN, receiver.url, "another", rooms=["yard"])

    stub.switch(push=True)

    until(lambda: stub.counts().events_waiting == 0)
    assert receiver.texts() == ["y"]
    assert receiver.headers[0]["x-stub-signature"] == signature("another", receiver.bodies[0])


def test_without_ids_a_push_tells_messages_and_their_numbers_only(stub: Stub, receiver: Receiver) -> None:
    hooked(stub, receiver, ids=False)
    id_ = stub.say("hall", "Ann", "one")
    stub.edit("hall", id_, "two")
    stub.say("hall", "Ann", "three")

    until(lambda: stub.counts().events_waiting == 0)

    events = [event for push in receiver.pushes() for event in push["events"]]
    assert [set(event) for event in events] == [
        {"seq", "kind", "author_id", "author_name", "said_at", "text"}
    ] * 2
    assert [(event["seq"], event["text"]) for event in events] == [(1, "one"), (3, "three")]
    assert len({push["session"] for push in receiver.pushes()}) == 1


def test_duplicated_push_comes_twice_as_it_was(stub: Stub, receiver: Receiver) -> None:
    hooked(stub, receiver)
    stub.fault("push_duplicate", count=1)

    stub.say("hall", "Ann", "one")

    until(lambda: len(receiver.bodies) == 2)
    assert receiver.bodies[0] == receiver.bodies[1]


def test_dropped_answer_brings_the_push_again(stub: Stub, receiver: Receiver) -> None:
    hooked(stub, receiver)
    stub.fault("push_drop_answer", count=2, room="hall")

    stub.say("hall", "Ann", "one")

    until(lambda: stub.counts().events_waiting == 0)
    assert receiver.texts() == ["one"] * 3


def test_late_push_is_overtaken_and_its_message_marked(stub: Stub, receiver: Receiver) -> None:
    hooked(stub, receiver)
    stub.fault("push_late", count=1, delay=3)

    for text in ("one", "two"):
        stub.say("hall", "Ann", text)

    until(lambda: len(receiver.texts()) == 2)
    assert receiver.texts() == ["two", "one"]
    assert [(item.text, item.is_late) for item in stub.history("hall")] == [("one", True), ("two", False)]


def test_receiver_that_is_away_loses_nothing(stub: Stub, receiver: Receiver) -> None:
    stub.hook(TOKEN, "http://127.0.0.1:9/hooks/", "s")
    hooked(stub, receiver)
    receiver.statuses = [500] * 5
    texts = [str(number) for number in range(30)]
    stub.say_many([("hall", "Ann", text) for text in texts])

    until(lambda: receiver.texts()[-1:] == ["29"])

    taken = [push["events"] for push in receiver.pushes()[5:]]
    assert [event["text"] for events in taken for event in events] == texts
    assert json.loads(receiver.bodies[0]) == json.loads(receiver.bodies[5])
