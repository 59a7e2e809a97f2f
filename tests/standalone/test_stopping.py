"""Pausing and closing while a queue waits, against the very process that `make run` starts."""

import re
import time

import requests

from standalone import demo
from standalone.demo import Group, Sandbox
from standalone.visitor import Visitor
from tests.starting import started
from tests.waiting import until

SAID = 40
EACH_TAKES = 0.5  # seconds a send: the queue would last twenty
WITHIN = 1.0  # seconds after the act nothing crosses any more
WATCHED = 4.0  # seconds


class Rooms:
    """Two rooms with a Tube between them, and how many of a burst's lines stand in the second."""

    def __init__(self, address: str) -> None:
        self.control = f"{address}/sandbox/_sandbox"
        sandbox = Sandbox(f"{address}/sandbox")
        self.here = sandbox.group("Acme", "Ann Lee", "Support")
        self.there = sandbox.group("Globex", "Dana Fox", "Helpdesk")
        self.site = Visitor(address)
        demo.link_and_open(self.site, sandbox, self.here, self.there)
        self.tube = self.site.address.rstrip("/").rpartition("/")[2]
        into = f"/room/{self.there.room_id}/(message|notification)"
        self.do("add_fault", path=into, method="POST", latency=EACH_TAKES, count=-1)

    def do(self, action: str, **arguments: object) -> dict[str, list[dict[str, object]]]:
        answer = requests.post(f"{self.control}/{action}", json=arguments, timeout=30)
        answer.raise_for_status()
        return answer.json()  # type: ignore[no-any-return]

    def room(self, group: Group) -> dict[str, object]:
        return next(room for room in self.do("dump")["rooms"] if room["id"] == group.room_id)

    def burst(self, name: str) -> None:
        [ann, *_] = [user for user in self.do("dump")["users"] if user["name"] == self.here.person]
        for number in range(SAID):
            text = f"{name} {number}."
            self.do("post_message", room_id=self.here.room_id, user_id=ann["id"], text=text)

    def arrived(self, name: str) -> int:
        said = self.room(self.there)["messages"]
        texts = " ".join(message["text"] or "" for message in said)  # type: ignore[attr-defined]
        return len(set(re.findall(rf"{name} \d+\.", texts)))

    def act(self, verb: str) -> None:
        """Press the button of a page, as its form does."""
        self.site.open(f"/tubes/{self.tube}/")
        self.site.address = f"{self.site.base}/tubes/{self.tube}/{verb}/"
        self.site.submit({})


def stopped_within_a_second(rooms: Rooms, verb: str) -> None:
    """Press the button in the middle of a burst, and count."""
    rooms.burst(verb)
    until(lambda: rooms.arrived(verb) >= 3)
    rooms.act(verb)
    time.sleep(WITHIN)
    after_a_second = rooms.arrived(verb)
    time.sleep(WATCHED)

    assert 3 <= after_a_second < SAID / 2
    assert rooms.arrived(verb) == after_a_second


def test_nothing_crosses_a_second_after_pausing_or_closing() -> None:
    with started(SANDBOX_REQUEST_LIMIT="10000", SANDBOX_FLOOD_LIMIT="1000") as sameroom:
        rooms = Rooms(sameroom.address)

        stopped_within_a_second(rooms, "pause")
        rooms.act("resume")
        stopped_within_a_second(rooms, "close")
