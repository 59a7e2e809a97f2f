"""Two groups of one HipChat sandbox, relayed between."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.core.cache import cache

from accounts.models import LinkedAccount
from accounts.services import account_link, account_refresh_rooms
from connectors.hipchat.connector import HipChatConnector
from connectors.hipchat.forms import HipChatCredentialsForm
from sameroom import clock
from sandbox.server import SandboxServer
from tests import factories
from tests.connectors.hipchat.harness import SCOPES
from tests.relay.conftest import drain_all
from tubes.models import Room, RoomListing, Tube
from tubes.relay import reading
from tubes.services import tube_open

PEOPLE = {"Acme": ("Ann Lee", "Support"), "Globex": ("Dana Fox", "Helpdesk")}


@dataclass
class Sides:
    """Two groups of one sandbox, linked by one owner, with a Tube between a room of each."""

    server: SandboxServer
    tube: Tube

    def say(self, group: str, text: str) -> str:
        person, room = PEOPLE[group]
        world = self.server.world
        return world.post_message(
            world.room_named(room).id, world.user_named(person, group=group).id, text
        ).id

    def share(self, group: str, name: str, content: bytes, text: str = "") -> str:
        person, room = PEOPLE[group]
        world = self.server.world
        user = world.user_named(person, group=group)
        return world.post_file(
            world.room_named(room).id,
            user.id,
            name=name,
            content_type="application/octet-stream",
            content=content,
            text=text,
        ).id

    def texts(self, room: str) -> list[str]:
        world = self.server.world
        return [message.text or "" for message in world.messages.all(world.room_named(room).chat)]

    def files(self, room: str) -> list[tuple[str, bytes]]:
        """Name and content of every file that stands there."""
        world = self.server.world
        found = []
        for message in world.messages.all(world.room_named(room).chat):
            if "upload" in message.extra:
                upload = world.uploads.get(message.extra["upload"]["id"])
                found.append((upload.name, upload.content))
        return found

    def relay(self, rounds: int = 3) -> None:
        """Read every due room and drain every lane, a few times over."""
        for _ in range(rounds):
            Room.objects.filter(next_poll_at__isnull=False).update(
                next_poll_at=clock.now() - timedelta(seconds=1)
            )
            for account in LinkedAccount.objects.values_list("pk", flat=True):
                reading.poll(account)
            drain_all()


@contextmanager
def started() -> Iterator[Sides]:
    cache.clear()
    owner = factories.user()
    with SandboxServer(request_limit=1_000_000, flood_limit=1_000_000) as server:
        for group in ("Acme", "Globex"):
            token = server.world.create_token(
                server.world.user_named("Sameroom Bot", group=group).id, SCOPES
            ).token
            data = {"server": server.url, "token": token, "team_name": group}
            form = HipChatCredentialsForm(data, connector_class=HipChatConnector)
            assert form.is_valid(), form.errors
            account_refresh_rooms(account=account_link(owner=owner, form=form))
        a, b = RoomListing.objects.get(name="Support"), RoomListing.objects.get(name="Helpdesk")
        yield Sides(server, tube_open(owner=owner, listing_a=a, listing_b=b))
