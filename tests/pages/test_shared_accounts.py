"""The page of an account of Sameroom's own: what it shows is the viewer's alone."""

import pytest

from connectors.base import Author, RoomId, UserId
from connectors.echo import connector as echo
from tests import factories
from tubes.models import RoomClaim, RoomListing
from tubes.services import claim_begin, claim_code, claiming

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def bot():
    operator = factories.user("operator@example.com", is_staff=True)
    return factories.account(operator, is_shared=True, remote_user_name="Helper")


def path(bot) -> str:
    return f"/accounts/shared/{bot.code}/"


def proved(owner, bot, room="lobby") -> RoomListing:
    claim = claim_begin(owner=owner, account=bot, room_name=room)
    echo.house("acme").say(RoomId(room), Author(UserId("karl"), "Karl"), claim_code(claim))
    assert claiming.codes_look(bot.pk) == 1
    return RoomListing.objects.get(owner=owner, remote_id=room)


def test_shared_accounts_are_offered_beside_the_services(page, bot):
    text = page.get("/accounts/").text

    assert f'href="{path(bot)}"' in text
    assert "Helper" in text
    assert "operator@example.com" not in text


def test_without_shared_accounts_nothing_is_offered(page):
    assert "Sameroom’s own" not in page.get("/accounts/").text


def test_an_account_that_is_not_shared_has_no_such_page(page, ann):
    assert page.get(path(factories.account(ann))).status_code == 404
    assert page.get("/accounts/shared/nothing/").status_code == 404


def test_asking_for_a_code_shows_it_until_it_was_read(page, ann, bot):
    page.post(path(bot), {"room_name": "Lobby"})

    code = claim_code(RoomClaim.objects.get())
    waiting = page.get(path(bot)).text
    assert f'value="{code}"' in waiting
    assert 'hx-trigger="every 3s"' in waiting
    echo.house("acme").say(RoomId("lobby"), Author(UserId("karl"), "Karl"), code)
    claiming.codes_look(bot.pk)

    part = page.get(path(bot), headers=HTMX).text
    assert "<html" not in part
    assert code not in part
    assert "hx-trigger" not in part
    assert f"/open-a-tube/{RoomListing.objects.get().code}/" in part


def test_the_page_says_whether_the_room_was_found(page, bot):
    page.post(path(bot), {"room_name": "Nowhere"})
    assert "Looking for the room." in page.get(path(bot)).text
    claiming.codes_look(bot.pk)
    assert "sees no room of this name yet" in page.get(path(bot)).text

    RoomClaim.objects.update(trouble="Echo is away.")
    assert "Echo is away. It is being tried again." in page.get(path(bot)).text


def test_a_name_is_wanted_and_codes_are_limited(page, bot):
    assert "Type the room’s name first." in page.post(path(bot), {"room_name": " "}).text
    for _ in range(claiming.MOST_AN_HOUR):
        page.post(path(bot), {"room_name": "Lobby"})

    refusal = "You have asked for 10 codes within an hour. Try again in 60 minutes."
    assert refusal in page.post(path(bot), {"room_name": "x"}).text


def test_codes_and_rooms_of_others_are_not_shown(page, ann, bot):
    other = factories.user()
    theirs = proved(other, bot)
    code = claim_code(claim_begin(owner=other, account=bot, room_name="Secret garden"))

    text = page.get(path(bot)).text
    refused = page.post(path(bot), {"forget": theirs.code})

    assert "Lobby" not in text
    assert "Secret garden" not in text
    assert code not in text
    assert refused.status_code == 302
    assert RoomListing.objects.filter(pk=theirs.pk).exists()
    assert page.get(f"/open-a-tube/{theirs.code}/").status_code == 404
    assert page.get("/open-a-tube/?q=lobby").context["found"].rooms == []


def test_own_rooms_are_listed_picked_and_forgotten(page, ann, bot):
    mine = proved(ann, bot)

    assert f"/open-a-tube/{mine.code}/" in page.get(path(bot)).text
    assert "Lobby" in page.get("/open-a-tube/").text  # without an account of one's own
    page.post(path(bot), {"forget": mine.code})

    assert not RoomListing.objects.exists()


def test_an_expired_code_is_said_to_be_one(page, bot):
    page.post(path(bot), {"room_name": "Lobby"})
    claim = RoomClaim.objects.get()
    RoomClaim.objects.update(expires_at=claim.created_at)

    text = page.get(path(bot)).text

    assert "The code for Lobby was not read in time." in text
    assert claim_code(claim) not in text


def test_whoever_is_not_signed_in_is_sent_to_sign_in(client, bot):
    assert client.get(path(bot)).status_code == 302
