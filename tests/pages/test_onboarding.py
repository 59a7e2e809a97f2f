import pytest
from django.urls import reverse

from accounts.models import User
from tests import factories
from tubes.models import RoomListing

MANAGE = "/manage/"
ACCOUNTS = "/accounts/"
LIVE = "/manage/first-steps/"
HTMX = {"HX-Request": "true"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def newcomer(client) -> User:
    user = factories.user("new@example.com", onboarded_at=None)
    client.force_login(user)
    return user


def ticked(client, path: str = MANAGE) -> str:
    steps = client.get(path).context["first_steps"]
    return steps.seen if steps else ""


def test_steps_are_ticked_by_what_was_done(client, newcomer):
    before = ticked(client)
    here = factories.account(newcomer)
    one = ticked(client)
    there = factories.account(newcomer, team="globex")
    both = ticked(client, ACCOUNTS)
    tube = factories.tube(factories.seat(here), factories.seat(there))
    joined = ticked(client, reverse("tubes:tube-detail", args=[tube.code]))

    assert [before, one, both, joined] == ["----", "x---", "xx--", "xxx-"]


def test_a_room_at_an_account_of_the_installations_own_counts_as_one(client, newcomer):
    shared = factories.account(is_shared=True)
    RoomListing.objects.create(account=shared, name="Lobby", remote_id="lobby", owner=newcomer)

    assert ticked(client) == "x---"


def test_one_account_that_sees_both_rooms_is_enough(client, newcomer):
    account = factories.account(newcomer)
    factories.tube(factories.seat(account), factories.seat(account))

    assert ticked(client) == "xxx-"


@pytest.mark.parametrize("to", ["side_a", "side_b"])
def test_they_are_gone_when_what_was_said_has_arrived(client, newcomer, to):
    tube = factories.tube(factories.seat(factories.account(newcomer)), factories.seat(factories.account()))
    origin = tube.side_b if to == "side_a" else tube.side_a
    factories.delivery(factories.event(origin.room), getattr(tube, to), status="sent")

    assert "Your first Tube" not in client.get(MANAGE).text
    newcomer.refresh_from_db()
    assert newcomer.onboarded_at is not None


@pytest.mark.parametrize(
    ("status", "is_from_the_tube"), [("queued", True), ("failed", True), ("sent", False)]
)
def test_what_has_not_arrived_from_the_other_room_is_no_hello(client, newcomer, status, is_from_the_tube):
    tube = factories.tube(factories.seat(factories.account(newcomer)))
    origin = tube.side_b.room if is_from_the_tube else factories.room()
    factories.delivery(factories.event(origin), tube.side_a, status=status)

    assert ticked(client) == "xxx-"


def test_a_page_that_stays_open_is_told_what_has_changed_and_the_end(client, newcomer):
    tube = factories.tube(factories.seat(factories.account(newcomer)))

    first = client.get(LIVE, {"seen": "----"}, headers=HTMX)
    same = client.get(LIVE, {"seen": "xxx-"}, headers=HTMX)
    factories.delivery(factories.event(tube.side_b.room), tube.side_a, status="sent")
    last, in_another_tab = (client.get(LIVE, {"seen": "xxx-"}, headers=HTMX) for _ in range(2))

    assert "3 of 4 done" in first.text
    assert (same.status_code, same.content) == (204, b"")
    assert "The two rooms are talking" in last.text
    assert "hx-get" not in last.text
    assert in_another_tab.text == last.text
    assert "The two rooms are talking" not in client.get(MANAGE).text


def test_they_can_be_put_away_and_got_back(client, newcomer):
    away = client.post(reverse("tubes:first-steps-end"), follow=True)
    assert "Your first Tube" not in away.text
    assert client.get(LIVE, {"seen": "----"}, headers=HTMX).content == b""
    assert f'formaction="{reverse("tubes:first-steps-again")}"' in away.text

    again = client.post(reverse("tubes:first-steps-again"), follow=True)
    assert "Your first Tube" in again.text


@pytest.mark.parametrize("tubes", [1, 3])
def test_asking_how_far_they_are_takes_one_query(client, newcomer, tubes, django_assert_num_queries):
    account = factories.account(newcomer)
    for _ in range(tubes):
        factories.tube(factories.seat(account), factories.seat(account))

    # Session, user, how far.
    with django_assert_num_queries(3):
        client.get(LIVE, {"seen": "xxx-"}, headers=HTMX)


def test_opened_by_itself_the_live_part_leads_to_its_page(client, newcomer):
    assert client.get(LIVE)["Location"] == MANAGE


def test_whoever_signs_up_is_shown_them(client):
    form = {"email": "new@example.com", "password1": factories.PASSWORD, "password2": factories.PASSWORD}

    page = client.post(reverse("account_signup"), form, follow=True)

    assert "Your first Tube" in page.text
    assert "0 of 4 done" in page.text
