"""A channel of a Slack workspace: the shared app is invited there, and the code is read."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from tests import factories
from tests.connectors.slack.harness import SlackHarness, start
from tubes.models import RoomClaim, RoomListing
from tubes.services import claim_begin, claim_code, claiming

pytestmark = pytest.mark.django_db


@pytest.fixture
def slack() -> Iterator[SlackHarness]:
    cache.clear()
    with start() as harness:
        yield harness
    cache.clear()


@pytest.mark.parametrize("is_private", [False, True], ids=["public", "private"])
def test_code_is_read_in_a_channel_once_the_app_was_invited(slack: SlackHarness, *, is_private: bool) -> None:
    bot = factories.account(
        kind="slack",
        server=slack.login.server,
        space=slack.login.server,
        team_id=slack.login.team_id,
        remote_user_id=slack.login.user_id,
        scopes=slack.login.scopes,
        credentials=dict(slack.login.credentials),
        is_shared=True,
    )
    karl = factories.user()
    kitchen = slack.slack.channel("kitchen", slack.person, is_private=is_private)
    claim = claim_begin(owner=karl, account=bot, room_name="kitchen")
    slack.slack.say(kitchen, slack.person, f"It is {claim_code(claim)}")

    assert claiming.codes_look(bot.pk) == 0
    slack.slack.join(kitchen, slack.bot, inviter=slack.person)
    RoomClaim.objects.update(listed_at=None)

    assert claiming.codes_look(bot.pk) == 1
    listing = RoomListing.objects.get()
    assert (listing.owner, listing.remote_id, listing.name) == (karl, kitchen.id, "kitchen")
