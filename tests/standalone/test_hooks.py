"""Webhooks end to end: the sandbox pushes to the Sameroom that it runs in, limits as HipChat has them."""

import time

import pytest
import requests

from standalone import demo
from standalone.demo import Group, Sandbox
from standalone.throwaway import Sameroom
from standalone.visitor import Visitor
from tests.starting import started
from tests.waiting import until

SPOKEN = 5


def stands(sameroom: Sameroom, room: int, text: str) -> bool:
    """Whether a text stands in a room; asked of the control plane, which has no limits."""
    rooms = requests.get(f"{sameroom.address}/sandbox/_sandbox/dump", timeout=30).json()["rooms"]
    return any(text in (said["text"] or "") for one in rooms if one["id"] == room for said in one["messages"])


def seen_after(sameroom: Sameroom, sandbox: Sandbox, here: Group, there: Group, text: str) -> float:
    """Seconds until what is said here stands there."""
    began = time.monotonic()
    sandbox.say(here, text)
    until(lambda: stands(sameroom, there.room_id, text))
    return time.monotonic() - began


def are_hooked(sandbox: Sandbox, *groups: Group) -> bool:
    """Whether each of these rooms has a hook for every kind of news."""
    answers = [
        sandbox._call("GET", f"/room/{group.room_id}/webhook", group.person_token).json() for group in groups
    ]
    return all(len(answer["items"]) == 3 for answer in answers)


def test_what_is_said_is_seen_within_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "SCOPES", [*demo.SCOPES, "admin_room"])
    with started(SANDBOX_REQUEST_LIMIT="100", SANDBOX_FLOOD_LIMIT="30") as sameroom:
        sandbox = Sandbox(f"{sameroom.address}/sandbox")
        here = sandbox.group("Acme", "Ann Lee", "Support")
        there = sandbox.group("Globex", "Dana Fox", "Helpdesk")
        demo.link_and_open(Visitor(sameroom.address), sandbox, here, there)
        until(lambda: are_hooked(sandbox, here, there), look=1.0)  # by the sweep; each look is a request
        seen_after(sameroom, sandbox, here, there, "the first is heard")

        lags = []
        for number in range(SPOKEN):
            time.sleep(1.7)  # polled, one would be seen after five seconds
            lags.append(seen_after(sameroom, sandbox, here, there, f"number {number}"))

    assert min(lags) < 1, lags
    assert max(lags) < 4, lags  # on a machine that is busy with other things; polled, one would take five
