"""The demo: everything a newcomer does, through the pages and the sandbox's API, with a stopwatch."""

from __future__ import annotations

import random
import secrets
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import requests

from standalone.visitor import Visitor

SCOPES = ["send_message", "view_messages", "view_room"]
PATIENCE = 30.0  # seconds to wait for one message
LOOK = 0.02


class DemoFailed(Exception):
    """Something a newcomer would have seen is missing; the text says what."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group in the sandbox, as the demo uses it."""

    name: str
    bot_page: str
    person: str
    room: str
    room_id: int
    person_token: str
    bot_token: str

    @property
    def side(self) -> str:
        return f"{self.room} ({self.name})"


class Sandbox:
    """The sandbox, seen as its users see it: pages for tokens, the API for talk."""

    def __init__(self, base: str) -> None:
        self.base = base.rstrip("/")
        self._visitor = Visitor(f"{self.base}/")
        self._http = requests.Session()
        self._http.trust_env = False

    def group(self, name: str, person: str, room: str) -> Group:
        """A group's bot and one of its people, each with a fresh token from their API access page."""
        bot_page, bot_token = self._token(f"Sameroom Bot {name}")
        _, person_token = self._token(f"{person} {name}")
        rooms = self._call("GET", "/room", person_token).json()["items"]
        room_id = next(item["id"] for item in rooms if item["name"] == room)
        return Group(name, bot_page, person, room, room_id, person_token, bot_token)

    def say(self, group: Group, text: str) -> None:
        """Somebody of the group says something in its room."""
        self._call("POST", f"/room/{group.room_id}/message", group.person_token, {"message": text})

    def texts(self, group: Group) -> list[str]:
        """What stands in the group's room, oldest first."""
        items = self._call(
            "GET", f"/room/{group.room_id}/history/latest?max-results=1000", group.person_token
        )
        return [item["message"] for item in items.json()["items"] if item["message"]]

    def _token(self, who: str) -> tuple[str, str]:
        """Act as somebody, open API access, create a token with the three scopes, copy it."""
        self._visitor.open(f"{self.base}/")
        name, _, group = who.rpartition(" ")
        dump = requests.get(f"{self.base}/_sandbox/dump", timeout=PATIENCE).json()
        groups = {item["id"]: item["name"] for item in dump["groups"]}
        user = next(
            item["id"] for item in dump["users"] if item["name"] == name and groups[item["group_id"]] == group
        )
        page = f"{self.base}/as/{user}/api-access/"
        self._visitor.open(page)
        self._visitor.submit({"label": "sameroom", "scopes": list(SCOPES)})
        return page, self._visitor.value("token-1")

    def _call(
        self, method: str, path: str, token: str, body: dict[str, str] | None = None
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        answer = self._http.request(
            method, f"{self.base}/v2{path}", headers=headers, json=body, timeout=PATIENCE
        )
        answer.raise_for_status()
        return answer


def link_and_open(site: Visitor, sandbox: Sandbox, here: Group, there: Group) -> None:
    """Sign up, link both bots, open a Tube between the two rooms: all through the pages."""
    password = secrets.token_urlsafe(16)
    site.open("/user/signup/")
    email = f"demo-{secrets.token_hex(4)}@example.com"
    site.submit({"email": email, "password1": password, "password2": password})
    for group in (here, there):
        site.open("/accounts/add/hipchat/")
        fields = {"token": group.bot_token, "team_name": group.name, "server": sandbox.base}
        page = site.submit(dict(fields))
        if "is linked" not in page:
            raise DemoFailed(f"The account of {group.name} could not be linked.")
    _search(site, "/open-a-tube/", here, f"{here.room} Pick")
    site.follow(f"{here.room} Pick")
    _search(site, site.address, there, there.room)
    site.pick(there.room)
    if "/tubes/" not in site.address:
        raise DemoFailed("The Tube could not be opened.")


def _search(site: Visitor, page: str, group: Group, wanted: str) -> None:
    """Search for the group's room until it can be chosen: its account is listed in the background."""

    def found() -> bool:
        site.open(page, q=f"{group.room} {group.name}")
        return site.offers(wanted)

    _until(found, "rooms to be listed")


def relay(
    sandbox: Sandbox, here: Group, there: Group, count: int, tell: Callable[[str], None]
) -> list[float]:
    """Say `count` things in one room, one after the other, and see each in the other room; seconds each."""
    lags = []
    for number in range(1, count + 1):
        text = f"{here.name} {number}"
        wanted = f"[{here.person}, {here.name}] {text}"
        time.sleep(random.uniform(0, 0.5))  # noqa: S311 - people speak at any moment, not right after a poll
        began = time.monotonic()
        sandbox.say(here, text)
        _until(lambda wanted=wanted: wanted in sandbox.texts(there), f"{wanted!r} to arrive in {there.side}")  # type: ignore[misc]
        lags.append(time.monotonic() - began)
    arrived = [
        text for text in sandbox.texts(there) if text.startswith(f"[{here.person}, {here.name}] {here.name} ")
    ]
    if arrived != [f"[{here.person}, {here.name}] {here.name} {number}" for number in range(1, count + 1)]:
        raise DemoFailed(f"In {there.side} stands something else than was said: {arrived}")
    tell(f"{here.side} → {there.side}: {count} of {count} arrived, once each and in order; {summary(lags)}")
    return lags


def summary(lags: list[float]) -> str:
    """Median and 99th percentile, in milliseconds."""
    p99 = sorted(lags)[max(0, -(-len(lags) * 99 // 100) - 1)]
    return f"p50 {statistics.median(lags) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms"


def run(address: str, count: int, tell: Callable[[str], None]) -> None:
    """The whole demo against a running Sameroom with its sandbox. Raises DemoFailed."""
    sandbox = Sandbox(f"{address}/sandbox")
    here, there = sandbox.group("Acme", "Ann Lee", "Support"), sandbox.group("Globex", "Dana Fox", "Helpdesk")
    tell(f"Two tokens created in the sandbox at {sandbox.base}")
    link_and_open(Visitor(address), sandbox, here, there)
    tell(f"Signed up, linked both accounts, opened a Tube: {here.side} — {there.side}")
    relay(sandbox, here, there, count, tell)
    relay(sandbox, there, here, count, tell)
    for group in (here, there):
        own = [text for text in sandbox.texts(group) if text.startswith(f"[{group.person}, {group.name}]")]
        if own:
            raise DemoFailed(f"{group.side} got its own messages back: {own[:3]}")
    tell("No message came back to where it was said.")


def _until(true: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > ends:
            raise DemoFailed(f"Waited {PATIENCE:.0f} seconds in vain for {what}.")
        time.sleep(LOOK)
