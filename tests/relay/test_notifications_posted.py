"""HipChat posts under the authors' names, where an owner wants that: still once each, still no loops."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from accounts.services import account_link, account_refresh_rooms
from connectors.base import Support
from connectors.budget import Use
from connectors.hipchat.client import HipChatClient
from connectors.hipchat.connector import HipChatConnector
from connectors.hipchat.forms import HipChatCredentialsForm
from sameroom import clock
from sandbox.server import SandboxServer
from tests import factories
from tests.connectors.hipchat.harness import SCOPES
from tests.relay.conftest import Clock, statuses
from tests.relay.test_hipchat import Sides
from tubes.models import Event, Room, RoomListing
from tubes.relay import reading
from tubes.services import tube_open

pytestmark = pytest.mark.django_db


def form(server: SandboxServer, group: str, *more: str, notifications: str = "on") -> HipChatCredentialsForm:
    user = server.world.user_named("Sameroom Bot", group=group)
    token = server.world.create_token(user.id, [*SCOPES, *more]).token
    data = {"server": server.url, "token": token, "team_name": group, "notifications": notifications}
    return HipChatCredentialsForm(data, connector_class=HipChatConnector)


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    cache.clear()
    with SandboxServer(request_limit=1_000_000, flood_limit=1_000_000) as running:
        yield running


@pytest.fixture
def sides(server: SandboxServer) -> Sides:
    owner = factories.user()
    for group in ("Acme", "Globex"):
        filled = form(server, group, "send_notification")
        assert filled.is_valid(), filled.errors
        account_refresh_rooms(account=account_link(owner=owner, form=filled))
    a, b = RoomListing.objects.get(name="Support"), RoomListing.objects.get(name="Helpdesk")
    return Sides(server, tube_open(owner=owner, listing_a=a, listing_b=b))


def senders(sides: Sides, room: str) -> list[str | None]:
    world = sides.server.world
    return [message.sender for message in world.messages.all(world.room_named(room).chat)]


def test_authors_stand_beside_their_words_and_nothing_comes_back(sides: Sides) -> None:
    texts = ["Has the parcel left?", "@all (heart) :) <b>&amp;</b>", "/me waves", "s/left/right/"]
    for text in texts:
        sides.say("Acme", text)
    sides.relay()
    sides.say("Globex", "An hour ago.")
    sides.relay(rounds=5)

    assert senders(sides, "Helpdesk")[0] == "Sameroom Bot · Ann Lee"
    assert sides.texts("Helpdesk")[0] == "Has the parcel left?"
    assert sides.texts("Support")[-1] == "An hour ago."
    assert (len(sides.texts("Support")), set(statuses())) == (5, {"sent"})
    assert Event.objects.filter(author_name__startswith="Sameroom Bot").count() == 0


@pytest.mark.parametrize("cut", ["before", "inside"])
@pytest.mark.parametrize("path", ["/notification", "/history/latest.*max-results=20"])
def test_a_cut_off_notification_is_neither_lost_nor_doubled(
    path: str, cut: str, sides: Sides, time: Clock
) -> None:
    sides.server.world.add_fault(path=path, cut=cut)
    for number in range(3):
        sides.say("Acme", f"line {number}")
    sides.relay(rounds=1)
    time.forward(20)
    sides.server.world.advance_clock(20)
    sides.relay(rounds=5)

    assert sides.texts("Helpdesk") == [f"line {number}" for number in range(3)]
    assert sides.texts("Support") == [f"line {number}" for number in range(3)]
    assert set(statuses()) == {"sent"}


def test_a_notification_read_before_its_id_is_known_is_no_new_message(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    latest, account = HipChatClient.latest, sides.tube.side_b.account_id
    read: list[int] = []

    def read_first(self: HipChatClient, room: str, *, use: Use, **how: Any) -> Any:
        if use is Use.SETTLE and not read:
            read.append(account)
            Room.objects.update(next_poll_at=clock.now())
            reading.poll(account)
        return latest(self, room, use=use, **how)

    monkeypatch.setattr(HipChatClient, "latest", read_first)
    sides.say("Acme", "hello")
    sides.relay(rounds=4)

    assert read == [account]
    assert Event.objects.filter(held="waiting").count() == 0
    assert (sides.texts("Support"), sides.texts("Helpdesk")) == (["hello"], ["hello"])


def test_it_is_off_unless_its_owner_turns_it_on(server: SandboxServer) -> None:
    off, on = (form(server, "Acme", "send_notification", notifications=text) for text in ("", "on"))
    assert off.is_valid()
    assert on.is_valid()
    owner = factories.user()

    first = account_link(owner=owner, form=off).connector().capabilities
    second = account_link(owner=owner, form=on).connector().capabilities

    assert (first.sender_override, first.files) == (Support.NONE, Support.NATIVE)
    assert (second.sender_override, second.files) == (Support.NATIVE, Support.IMITATED)


def test_a_token_that_may_not_notify_is_told_so(server: SandboxServer) -> None:
    filled = form(server, "Acme")

    assert not filled.is_valid()
    assert filled.errors["notifications"][0].startswith("This token lacks Send Notification.")
