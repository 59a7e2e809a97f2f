"""A Portal between two users, each with a group of their own at one HipChat-compatible server."""

import pytest
from django.core.cache import cache

from accounts.models import LinkedAccount, User
from accounts.services import account_link, account_refresh_rooms
from connectors.hipchat.connector import HipChatConnector
from connectors.hipchat.forms import HipChatCredentialsForm
from sandbox.server import SandboxServer
from tests import factories
from tests.connectors.hipchat.harness import SCOPES
from tests.relay.sandboxed import Sides
from tubes.models import Delivery, Event, Notice, PortalRequest, Room, RoomListing, Tube
from tubes.services import (
    Limits,
    portal_close_tubes,
    portal_create,
    portal_delete,
    portal_join,
    portal_request_approve,
    tube_close,
    tube_pause,
    tube_resume,
)

pytestmark = pytest.mark.django_db


def linked(server: SandboxServer, owner: User, group: str) -> LinkedAccount:
    bot = server.world.user_named("Sameroom Bot", group=group)
    token = server.world.create_token(bot.id, SCOPES).token
    data = {"server": server.url, "token": token, "team_name": group}
    form = HipChatCredentialsForm(data, connector_class=HipChatConnector)
    assert form.is_valid(), form.errors
    account = account_link(owner=owner, form=form)
    account_refresh_rooms(account=account)
    return account


@pytest.fixture
def server():
    cache.clear()
    with SandboxServer(request_limit=1_000_000, flood_limit=1_000_000) as running:
        yield running


@pytest.fixture
def host(server: SandboxServer) -> User:
    owner = factories.user("host@example.com")
    linked(server, owner, "Acme")
    return owner


@pytest.fixture
def guest(server: SandboxServer) -> User:
    visitor = factories.user("guest@example.com")
    linked(server, visitor, "Globex")
    return visitor


def listed(name: str) -> RoomListing:
    return RoomListing.objects.select_related("account").get(name=name)


def test_what_is_said_crosses_between_two_users_through_a_portal(
    server: SandboxServer, host: User, guest: User
) -> None:
    portal = portal_create(owner=host, listing=listed("Support"), limits=Limits(), options={})
    sides = Sides(server, Tube())
    sides.say("Acme", "nobody has come yet")
    sides.relay()
    alone = (Event.objects.filter(body__isnull=False).count(), Delivery.objects.count())

    tube = portal_join(portal=portal, visitor=guest, listing=listed("Helpdesk"))
    assert isinstance(tube, Tube)
    tube = Tube.objects.with_sides().get(pk=tube.pk)
    sides.say("Acme", "Has the parcel left?")
    sides.relay()
    sides.say("Globex", "An hour ago.")
    sides.relay()
    tube_pause(tube=tube, by=guest)
    sides.say("Acme", "paused by the guest")
    sides.relay()
    tube_resume(tube=tube, by=host)
    sides.say("Globex", "resumed by the host")
    sides.relay()
    tube_close(tube=tube, by=guest)
    sides.say("Acme", "closed by the guest")
    sides.relay()

    assert alone == (0, 0)  # what reaches nobody is stored without its text
    assert sides.texts("Helpdesk") == [
        "[Ann Lee, Acme] Has the parcel left?",
        "An hour ago.",
        "resumed by the host",
    ]
    assert sides.texts("Support") == [
        "nobody has come yet",
        "Has the parcel left?",
        "[Dana Fox, Globex] An hour ago.",
        "paused by the guest",
        "[Dana Fox, Globex] resumed by the host",
        "closed by the guest",
    ]
    assert {tube.side_a.owner, tube.side_b.owner} == {host, guest}
    through = Notice.objects.filter(kind="portal")
    assert [notice.owner for notice in through] == [host]


def test_a_portals_room_is_read_until_it_is_deleted(server: SandboxServer, host: User, guest: User) -> None:
    portal = portal_create(owner=host, listing=listed("Support"), limits=Limits(), options={})
    sides = Sides(server, Tube())
    sides.say("Acme", "heard")
    sides.relay()
    heard = Event.objects.count()
    portal_delete(portal=portal)
    sides.say("Acme", "not heard")
    sides.relay()

    assert (heard, Event.objects.count()) == (1, 1)
    assert Room.objects.get(name="Support").next_poll_at is None


def test_nothing_crosses_before_the_host_approves_and_after_all_are_closed(
    server: SandboxServer, host: User, guest: User
) -> None:
    portal = portal_create(
        owner=host, listing=listed("Support"), limits=Limits(needs_approval=True), options={"direction": "in"}
    )
    request = portal_join(portal=portal, visitor=guest, listing=listed("Helpdesk"))
    assert isinstance(request, PortalRequest)
    sides = Sides(server, Tube())
    sides.say("Globex", "before")
    sides.relay()
    portal_request_approve(request=PortalRequest.objects.with_rooms().get(), by=host)
    sides.say("Globex", "approved")
    sides.say("Acme", "stays here, as the Portal's options say")
    sides.relay()
    portal_close_tubes(portal=portal, by=host)
    sides.say("Globex", "after")
    sides.relay()

    assert "[Dana Fox, Globex] approved" in sides.texts("Support")
    assert len(sides.texts("Support")) == 2
    assert sides.texts("Helpdesk") == ["before", "approved", "after"]
