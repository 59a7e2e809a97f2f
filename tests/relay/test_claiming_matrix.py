"""A room of a real homeserver: the shared account accepts the invitation, and the code is read there."""

from collections.abc import Iterator

import pytest

from connectors.matrix import memory
from tests import factories
from tests.connectors.matrix.harness import MARKS, MatrixHarness, start
from tubes.models import RoomClaim, RoomListing
from tubes.services import claim_begin, claim_code, claiming

pytestmark = [pytest.mark.django_db, *MARKS]


@pytest.fixture
def matrix() -> Iterator[MatrixHarness]:
    memory.forget()
    with start() as harness:
        yield harness


def test_an_invited_account_enters_the_room_and_reads_the_code(matrix: MatrixHarness) -> None:
    bot = factories.account(
        kind="matrix",
        server=matrix.server.url,
        space=matrix.server.url,
        team_id="localhost",
        team_name="localhost",
        remote_user_id=matrix.relay.id,
        credentials={"token": matrix.relay.token},
        is_shared=True,
    )
    karl = factories.user()
    room = matrix.person.make_room(name="Kitchen", invite=[matrix.relay.id])
    claim = claim_begin(owner=karl, account=bot, room_name="Kitchen")

    assert claiming.codes_look(bot.pk) == 0
    assert RoomClaim.objects.get().candidates == [room]
    matrix.person.say(room, f"It is {claim_code(claim)}")

    assert claiming.codes_look(bot.pk) == 1
    listing = RoomListing.objects.get()
    assert (listing.owner, listing.remote_id, listing.name) == (karl, room, "Kitchen")
