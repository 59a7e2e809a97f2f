"""Rooms that are found nowhere: entered by what was typed, or made, and then picked."""

import pytest
from django.urls import reverse

from accounts.models import LinkedAccount
from connectors.base import RoomInfo
from connectors.echo.connector import EchoConnector
from connectors.errors import ConnectorError, LoginRejected, RetryLater, RoomGone
from tests import factories
from tubes.models import RoomListing, Tube

pytestmark = pytest.mark.django_db
ENCRYPTED = "This room is encrypted, and nobody here can read it."


@pytest.fixture
def acme(ann):
    return factories.account(ann, team="acme")


@pytest.fixture
def lobby(acme):
    return factories.listing(acme, "Lobby")


def enter_path(account: LinkedAccount, side_a: RoomListing | None = None) -> str:
    if side_a:
        return reverse("tubes:room-enter-side-b", args=[side_a.code, account.code])
    return reverse("tubes:room-enter", args=[account.code])


def make_path(account: LinkedAccount, side_a: RoomListing | None = None) -> str:
    if side_a:
        return reverse("tubes:room-make-side-b", args=[side_a.code, account.code])
    return reverse("tubes:room-make", args=[account.code])


def said(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


# ------------------------------------------------------------------------------ offered


def test_what_is_found_nowhere_can_be_entered_or_made_with_each_account(page, ann, acme, lobby):
    globex = factories.account(ann, team="globex")

    for path, side_a in (
        ("/open-a-tube/", None),
        (reverse("tubes:tube-open-side-b", args=[lobby.code]), lobby),
    ):
        text = page.get(path, {"q": "#attic & co"}).text

        for account in (acme, globex):
            assert f'formaction="{enter_path(account, side_a)}"' in text
            assert f'href="{make_path(account, side_a)}?name=%23attic%20%26%20co"' in text
        assert 'value="#attic &amp; co"' in text
        assert "Make a new room called #attic &amp; co" in text


def test_offers_come_with_the_list_that_htmx_asks_for(page, acme, lobby):
    response = page.get("/open-a-tube/", {"q": "#attic"}, headers={"HX-Request": "true"})

    assert "Enter #attic" in response.text
    assert '<form id="enter"' not in response.text  # that stays in the page


def test_what_is_like_a_listed_room_can_be_entered_as_well(page, acme):
    factories.listing(acme, "#dev-ops")

    text = page.get("/open-a-tube/", {"q": "#dev"}).text

    _, _, behind = text.partition("<summary>None of these?</summary>")
    folded, _, _ = behind.partition("</details>")
    assert (f'formaction="{enter_path(acme)}"' in folded, 'value="#dev"' in folded) == (True, True)


def test_nothing_is_offered_where_nothing_was_typed_or_no_account_can(page, acme, lobby, monkeypatch):
    found = page.get("/open-a-tube/")
    LinkedAccount.objects.update(status="needs_login")
    unusable = page.get("/open-a-tube/", {"q": "#attic"})
    LinkedAccount.objects.update(status="connected")
    can = EchoConnector.capabilities
    monkeypatch.setattr(EchoConnector, "capabilities", type(can)(max_text_length=400, limit=can.limit))
    unable = page.get("/open-a-tube/", {"q": "#attic"})

    assert [response.context["found"].offers for response in (found, unusable, unable)] == [[], [], []]


@pytest.mark.parametrize("rows", [1, 3])
def test_offers_of_three_accounts_cost_as_much_as_of_one(page, ann, rows, django_assert_num_queries):
    for _ in range(rows):
        factories.account(ann)

    with django_assert_num_queries(7):
        assert len(page.get("/open-a-tube/", {"q": "#attic"}).context["found"].offers) == rows


# ------------------------------------------------------------------------------ entered


def test_room_that_was_entered_is_side_a(page, acme):
    response = page.post(enter_path(acme), {"address": "#attic"})

    listing = RoomListing.objects.get()
    assert (listing.account, listing.remote_id, listing.name) == (acme, "attic", "Attic")
    assert response["Location"] == reverse("tubes:tube-open-side-b", args=[listing.code])


def test_room_that_was_entered_as_side_b_opens_the_tube(page, acme, lobby):
    response = page.post(enter_path(acme, lobby), {"address": "#attic"}, follow=True)

    tube = Tube.objects.get()
    assert (tube.side_a.room.name, tube.side_b.room.name) == ("Lobby", "Attic")
    assert response.redirect_chain == [(f"/tubes/{tube.code}/", 302)]


def test_room_that_is_listed_already_stays_one(page, acme, lobby):
    page.post(enter_path(acme), {"address": "#lobby"})

    assert list(RoomListing.objects.all()) == [lobby]


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("", "Type the room’s address first."),
        ("x" * 256, "No room has so long an address. Type it again."),
        ("attic", "This is no address of an Echo room. Type something like #lobby."),
        ("#cellar", "Echo has no such room."),
    ],
)
def test_refused_address_says_why_and_stays_in_the_box(page, acme, address, sentence):
    response = page.post(enter_path(acme), {"address": address}, follow=True)

    assert said(response) == [sentence]
    assert sentence in response.text
    assert response.context["form"]["q"].value() == (address[:200] or None)
    assert not RoomListing.objects.exists()


@pytest.mark.parametrize(
    "error", [RoomGone(ENCRYPTED), RoomGone("Have the user invited."), RetryLater("example.org broke off.")]
)
def test_what_a_service_refuses_is_told_at_both_sides(page, acme, lobby, monkeypatch, error: ConnectorError):
    def enter(*args: object) -> RoomInfo:
        raise error

    monkeypatch.setattr(EchoConnector, "enter", enter)

    for side_a in (None, lobby):
        response = page.post(enter_path(acme, side_a), {"address": "#attic"}, follow=True)
        assert said(response) == [str(error)]
        assert response.context["side_a"] == side_a
    assert list(RoomListing.objects.all()) == [lobby]


def test_refused_login_asks_its_owner(page, acme, monkeypatch):
    def enter(*args: object) -> RoomInfo:
        raise LoginRejected("The session was signed out.")

    monkeypatch.setattr(EchoConnector, "enter", enter)

    first = page.post(enter_path(acme), {"address": "#attic"}, follow=True)
    second = page.post(enter_path(acme), {"address": "#attic"}, follow=True)

    assert said(first) == ["The session was signed out."]
    assert said(second) == [f"The account {acme} needs attention first: see Accounts."]
    assert LinkedAccount.objects.get().status == "needs_login"


def test_archived_room_is_not_entered(page, acme, monkeypatch):
    archived = RoomInfo(id="attic", name="Attic", is_archived=True)  # type: ignore[arg-type]
    monkeypatch.setattr(EchoConnector, "enter", lambda *args: archived)

    response = page.post(enter_path(acme), {"address": "#attic"}, follow=True)

    assert said(response) == ["Attic is archived at Echo. Unarchive it there first."]


def test_tube_that_cannot_be_opened_to_the_entered_room_is_told(page, acme, lobby):
    response = page.post(enter_path(acme, lobby), {"address": "#lobby"}, follow=True)

    [why] = said(response)
    assert why == "The Tube was not opened. A Tube needs two different rooms; these two are the same one."
    assert not Tube.objects.exists()


def test_no_service_is_called_inside_a_transaction(
    page, acme, monkeypatch, django_capture_on_commit_callbacks
):
    from django.db import transaction

    depths = []
    monkeypatch.setattr(
        EchoConnector, "enter", lambda *args: depths.append(len(transaction.get_connection().savepoint_ids))
    )

    with pytest.raises(AttributeError):  # it returned no room; only the call is looked at
        page.post(enter_path(acme), {"address": "#attic"})

    assert depths == [0]


def test_accounts_and_rooms_of_others_are_not_there(page, ann, acme, lobby):
    theirs = factories.account(team="globex")
    their_room = factories.listing(theirs, "Theirs")

    for path in (enter_path, make_path):
        answers = [page.post(path(theirs, lobby)), page.post(path(theirs)), page.post(path(acme, their_room))]
        assert [answer.status_code for answer in answers] == [404, 404, 404]


# ------------------------------------------------------------------------------ made


def test_new_room_is_confirmed_on_a_page_of_its_own(page, acme, lobby):
    response = page.get(make_path(acme, lobby), {"name": "Book club"})

    assert 'value="Book club"' in response.text
    assert "Everybody in this process is in it." in response.text
    assert "Then the Tube from Lobby to it is opened." in response.text
    assert list(RoomListing.objects.all()) == [lobby]


@pytest.mark.parametrize("is_side_b", [True, False])
def test_new_room_is_picked(page, acme, lobby, is_side_b):
    response = page.post(make_path(acme, lobby if is_side_b else None), {"name": " Book club "}, follow=True)

    made = RoomListing.objects.exclude(pk=lobby.pk).get()
    assert (made.name, made.account) == ("Book club", acme)
    assert said(response) == ["The room Book club is made."]
    if is_side_b:
        assert Tube.objects.get().side_b.room.name == "Book club"
    else:
        assert response.context["side_a"] == made


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"name": " "}, "Give the room a name."),
        ({"name": "x" * 101}, "A name has 100 characters at the most."),
        (
            {"name": "x", "invited": " ".join(f"u{number}" for number in range(21))},
            "Invite 20 people at the most",
        ),
        ({"name": "x", "invited": "bob, bob eve"}, "Echo has nobody to invite."),
    ],
)
def test_room_that_cannot_be_made_says_why(page, acme, data, sentence):
    response = page.post(make_path(acme), data)

    assert sentence in response.text
    assert f'value="{data["name"].strip()}"' in response.text or not data["name"].strip()
    assert not RoomListing.objects.exists()


def test_people_are_invited_once_each(page, acme, monkeypatch):
    asked = []

    def create(connector: EchoConnector, name: str, invited: list[str]) -> RoomInfo:
        asked.append((name, invited))
        return RoomInfo(id="new", name=name)  # type: ignore[arg-type]

    monkeypatch.setattr(EchoConnector, "create_room", create)

    response = page.post(make_path(acme), {"name": "Club", "invited": " @bob:x,@eve:x  @bob:x "}, follow=True)

    assert asked == [("Club", ["@bob:x", "@eve:x"])]
    assert said(response) == ["The room Club is made. Invited: @bob:x, @eve:x."]


def test_account_of_a_service_that_makes_no_rooms_has_no_such_page(page, acme, monkeypatch):
    can = EchoConnector.capabilities
    monkeypatch.setattr(EchoConnector, "capabilities", type(can)(max_text_length=400, limit=can.limit))

    assert page.get(make_path(acme)).status_code == 404


# ------------------------------------------------------------------------------ invitations


def test_invitation_is_marked_until_a_tube_is_opened_to_it(page, acme, lobby):
    attic = factories.listing(acme, "Attic")
    RoomListing.objects.filter(pk=attic.pk).update(is_invitation=True)
    side_b = reverse("tubes:tube-open-side-b", args=[lobby.code])

    assert page.get(side_b).text.count("Opening a Tube accepts the invitation.") == 1
    page.post(side_b, {"side_b": attic.code})

    assert not RoomListing.objects.filter(is_invitation=True).exists()
