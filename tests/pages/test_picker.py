from datetime import timedelta

import pytest
from django.urls import reverse

from sameroom import clock
from tests import factories
from tubes.models import RoomListing, Tube

SIDE_A = "/open-a-tube/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(ann):
    return factories.account(ann, team="acme")


@pytest.fixture
def lobby(acme):
    return factories.listing(acme, "Lobby")


def side_b(listing: RoomListing) -> str:
    return reverse("tubes:tube-open-side-b", args=[listing.code])


def rooms(response) -> list[str]:
    return [listing.name for listing in response.context["found"].rooms]


@pytest.mark.parametrize("rows", [1, 3])
def test_side_a_asks_as_much_for_three_rooms_as_for_one(page, ann, rows, django_assert_num_queries):
    for number in range(rows):
        factories.listing(factories.account(ann), f"Room {number}")

    with django_assert_num_queries(5):
        response = page.get(SIDE_A)

    assert response.status_code == 200
    assert rooms(response) == [f"Room {number}" for number in range(rows)]


@pytest.mark.parametrize("rows", [1, 3])
def test_side_b_asks_as_much_for_three_rooms_as_for_one(page, ann, lobby, rows, django_assert_num_queries):
    for number in range(rows):
        factories.listing(factories.account(ann), f"Room {number}")

    with django_assert_num_queries(8):
        response = page.get(side_b(lobby))

    assert response.status_code == 200
    assert rooms(response) == [f"Room {number}" for number in range(rows)]


def test_side_a_shows_only_my_rooms(page, lobby):
    factories.listing(factories.account(team="globex"), "Theirs")

    assert rooms(page.get(SIDE_A)) == ["Lobby"]


def test_search_looks_at_room_team_and_account(page, ann, lobby):
    globex = factories.account(ann, team="globex", remote_user_name="Relay")
    factories.listing(globex, "Support")

    found = [rooms(page.get(SIDE_A, {"q": words})) for words in ("lobb", "globex", "relay supp", "nothing")]

    assert found == [["Lobby"], ["Support"], ["Support"], []]


def test_search_answers_htmx_with_the_list_alone(page, lobby):
    response = page.get(SIDE_A, {"q": "lob"}, headers={"HX-Request": "true"})

    assert rooms(response) == ["Lobby"]
    assert "<html" not in response.text
    assert "HX-Request" in response["Vary"]


def test_list_ends_at_fifty_and_says_how_many_more(page, acme):
    for number in range(53):
        factories.listing(acme, f"Room {number:02}")

    response = page.get(SIDE_A)

    assert rooms(response) == [f"Room {number:02}" for number in range(50)]
    assert "3 more: type to narrow the list." in response.text


def test_rooms_behind_a_failing_account_come_last_and_lead_to_it(page, ann, lobby):
    broken = factories.account(ann, status="needs_login")
    factories.listing(broken, "Attic")

    response = page.get(SIDE_A)

    assert rooms(response) == ["Lobby", "Attic"]
    assert f'href="/accounts/#account-{broken.code}">Fix</a>' in response.text


def test_empty_states_say_what_to_do_first(page, ann):
    without_account = page.get(SIDE_A).text
    account = factories.account(ann)
    without_room = page.get(SIDE_A).text
    only = factories.listing(account)
    with_one = page.get(SIDE_A).text
    without_side_b = page.get(side_b(only)).text
    nothing_found = page.get(SIDE_A, {"q": "zzz"}).text

    assert "First, an account" in without_account
    assert "No rooms yet" in without_room
    assert "This is the only room your accounts see." in with_one
    assert "No other room to join it to" in without_side_b
    assert "No room matches “zzz”." in nothing_found


def test_side_b_hides_the_same_room_through_any_account(page, ann, acme, lobby):
    second = factories.account(ann, team="acme")
    factories.listing(second, "Lobby")
    factories.listing(second, "Garden")
    factories.listing(factories.account(ann, team="globex"), "Lobby")

    response = page.get(side_b(lobby))

    assert [(listing.name, listing.account.team_id) for listing in response.context["found"].rooms] == [
        ("Garden", "acme"),
        ("Lobby", "globex"),
    ]


@pytest.mark.parametrize("is_side_a", [True, False])
def test_side_b_hides_what_is_joined_already(page, acme, lobby, is_side_a):
    for name in ("Garden", "Attic"):
        factories.listing(acme, name)
    seats = [factories.seat(acme, factories.room(name)) for name in ("lobby", "garden")]
    factories.tube(*(seats if is_side_a else seats[::-1]))
    closed = factories.seat(acme, factories.room("attic"))
    factories.tube(seats[0], closed, status="closed")

    assert rooms(page.get(side_b(lobby))) == ["Attic"]


def test_picking_side_b_opens_the_tube_and_names_both_rooms(page, ann, acme, lobby):
    garden = factories.listing(acme, "Garden")

    response = page.post(side_b(lobby), {"side_b": garden.code}, follow=True)

    tube = Tube.objects.get()
    assert response.redirect_chain == [(f"/tubes/{tube.code}/", 302)]
    assert (tube.side_a.room.name, tube.side_b.room.name, tube.opened_by) == ("Lobby", "Garden", ann)
    assert "<strong>Lobby</strong> and <strong>Garden</strong> are one" in response.text


@pytest.mark.parametrize("order", [1, -1])
def test_picking_twice_leads_to_the_tube_there_is(page, acme, lobby, order):
    picked = [lobby, factories.listing(acme, "Garden")]
    first = page.post(side_b(picked[0]), {"side_b": picked[1].code})

    again = page.post(side_b(picked[::order][0]), {"side_b": picked[::order][1].code})

    assert again["Location"] == first["Location"]
    assert Tube.objects.count() == 1


def test_what_was_joined_before_is_refused(page, acme, lobby):
    garden = factories.listing(acme, "Garden")
    page.post(side_b(lobby), {"side_b": garden.code})
    Tube.objects.update(created_at=clock.now() - timedelta(minutes=2))

    response = page.post(side_b(lobby), {"side_b": garden.code})

    assert response.context["refusal"] == "That room cannot be picked any more. Pick another one."


def test_refused_tube_says_why_and_saves_nothing(page, acme):
    gone, garden = factories.listing(acme, "Gone"), factories.listing(acme, "Garden")

    response = page.post(side_b(gone), {"side_b": garden.code})

    assert response.status_code == 200
    assert "<strong>The Tube was not opened.</strong> Gone: Echo has no such room." in response.text
    assert not Tube.objects.exists()


def test_room_of_somebody_else_cannot_be_picked(page, lobby):
    theirs = factories.listing(factories.account(team="globex"), "Theirs")

    response = page.post(side_b(lobby), {"side_b": theirs.code})

    assert response.context["refusal"] == "That room cannot be picked any more. Pick another one."
    assert not Tube.objects.exists()


def test_ended_session_sends_the_whole_page_to_sign_in(client, lobby):
    response = client.get(SIDE_A, headers={"HX-Request": "true"})

    assert response["HX-Redirect"].startswith("/user/login/?next=")
