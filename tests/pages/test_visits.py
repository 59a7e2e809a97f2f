"""Portals as those see them who follow their addresses."""

from datetime import timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts import limits
from accounts.limits import Limit
from accounts.models import Letter, LinkedAccount, User
from connectors.echo.connector import EchoConnector
from connectors.errors import RetryLater
from sameroom import clock
from tests import factories
from tubes import views_visits
from tubes.models import Portal, PortalRequest, RoomListing, Seat, Tube

FORM = {"email": "new@example.com", "password1": factories.PASSWORD, "password2": factories.PASSWORD}
UNKNOWN = "/p/AAAAAAAAAAAAAAAA"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def portal() -> Portal:
    """Bob's, to a room that everybody in this process is in."""
    account = factories.account(factories.user("bob@example.com"), team="acme", remote_user_name="Bobs Bot")
    return factories.portal(factories.seat(account, factories.room("lobby")))


@pytest.fixture
def garden(ann) -> RoomListing:
    return factories.listing(factories.account(ann, team="globex"), "Garden")


def join(page: Client, portal: Portal, listing: RoomListing):
    return page.post(portal.path, {"side_b": listing.code}, follow=True)


def shut(client: Client, portal: Portal, **values) -> tuple[int, str]:
    Portal.objects.filter(pk=portal.pk).update(**values)
    answer = client.get(portal.path)
    return answer.status_code, answer.text


# ------------------------------------------------------------------------------ signed out


def test_stranger_reads_which_room_it_leads_to_and_comes_back(client, portal):
    response = client.get(portal.path)

    assert response.status_code == 200
    assert "<h1>Join a room to Lobby</h1>" in response.text
    assert "Echo" in response.text
    for name in ("signup", "login"):
        assert f'href="{reverse(f"account_{name}")}?next={portal.path}"' in response.text
    assert "Acme" not in response.text
    assert "bob" not in response.text.lower()


def test_address_with_a_slash_at_its_end_leads_there_too(client, portal):
    assert client.get(f"{portal.path}/")["Location"] == portal.path


@pytest.mark.parametrize(
    ("signup", "sentence"),
    [("invite", "New people need an invitation"), ("closed", "New people cannot sign up here.")],
)
def test_where_signing_up_is_not_open_it_is_not_offered(client, portal, settings, signup, sentence):
    settings.SIGNUP = signup

    text = client.get(portal.path).text

    assert sentence in text
    assert "/user/signup/" not in text


def test_who_signs_up_comes_back_by_way_of_the_account_that_is_missing(client, portal, settings):
    settings.ACCOUNT_RATE_LIMITS = False
    client.get(portal.path)

    signed_up = client.post("/user/signup/", {**FORM, "next": portal.path})
    without_account = client.get(portal.path).text
    accounts = client.get("/accounts/").text
    data = {"team": "globex", "name": "new-bot", "token": "open-sesame"}
    linked = client.post("/accounts/add/echo/", data)
    with_account = client.get(portal.path).text
    later = client.post("/accounts/add/echo/", {**data, "name": "second-bot"})

    assert signed_up["Location"] == portal.path
    assert "First, an account" in without_account
    assert f'<a href="{portal.path}">Go on to the Portal to Lobby</a>' in accounts
    assert linked["Location"] == portal.path
    assert "new-bot of globex" in with_account
    assert later["Location"] == "/accounts/"  # they have arrived


def test_who_confirms_by_the_link_in_a_mail_comes_back_although_it_names_no_page(client, portal, settings):
    settings.ACCOUNT_RATE_LIMITS = False
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    client.get(portal.path)
    client.post("/user/signup/", {**FORM, "next": portal.path})
    link = next(word for word in str(mail.outbox[0].body).split() if "/confirm-email/" in word)
    client.post(link)

    signed_in = client.post("/user/login/", {"login": FORM["email"], "password": factories.PASSWORD})

    assert signed_in["Location"] == portal.path


def test_where_somebody_was_going_is_forgotten_after_hours(client, portal, monkeypatch):
    client.get(portal.path)
    factories.user("late@example.com")
    now = clock.now()
    monkeypatch.setattr("accounts.returning.clock.now", lambda: now + timedelta(hours=3))

    signed_in = client.post("/user/login/", {"login": "late@example.com", "password": factories.PASSWORD})

    assert signed_in["Location"] == "/accounts/"


# ------------------------------------------------------------------------------ who is not let in


def test_each_closed_door_says_why(client, portal):
    now = clock.now()
    unknown = client.get(UNKNOWN)
    expired = shut(client, portal, expires_at=now - timedelta(days=1))
    factories.tube(portal.seat, factories.seat(), portal=portal)
    full = shut(client, portal, expires_at=None, most_tubes=1)
    Seat.objects.update(failure="Kicked out by Eve.")
    out_of_reach = shut(client, portal, most_tubes=None)
    deleted = shut(client, portal, deleted_at=now)

    assert (unknown.status_code, "This Portal does not exist" in unknown.text) == (404, True)
    assert [status for status, _ in (expired, full, out_of_reach, deleted)] == [410, 409, 503, 410]
    assert "This Portal has expired" in expired[1]
    assert "This Portal is full" in full[1]
    assert "This Portal is out of reach" in out_of_reach[1]
    assert "Eve" not in out_of_reach[1]
    assert "This Portal was deleted" in deleted[1]
    assert "Lobby" not in deleted[1]


def test_closed_door_takes_no_room_either(page, portal, garden):
    Portal.objects.update(expires_at=clock.now() - timedelta(days=1))

    answers = [
        page.post(portal.path, {"side_b": garden.code}),
        page.post(reverse("tubes:portal-visit-enter", args=[portal.key, garden.account.code])),
        page.post(reverse("tubes:portal-visit-make", args=[portal.key, garden.account.code])),
    ]

    assert [answer.status_code for answer in answers] == [410, 410, 410]
    assert not Tube.objects.exists()


def test_owner_is_sent_to_its_address(client, portal):
    client.force_login(portal.seat.owner)

    response = client.get(portal.path)

    assert "Your Portal to Lobby" in response.text
    assert f'href="/portals/{portal.key}/"' in response.text


# ------------------------------------------------------------------------------ picking a room


@pytest.mark.parametrize("rows", [1, 3])
def test_visit_asks_as_much_for_three_rooms_as_for_one(page, ann, portal, rows, django_assert_num_queries):
    for number in range(rows):
        account = factories.account(ann)
        factories.listing(account, f"Room {number}")
        factories.portal_request(portal, account, remote_id=f"other-{number}")

    # Session, user, the Portal, has an account; joined rooms (2), rooms, requests, accounts; notices.
    with django_assert_num_queries(10):
        response = page.get(portal.path)

    assert [listing.name for listing in response.context["found"].rooms] == [
        f"Room {number}" for number in range(rows)
    ]
    assert len(response.context["waiting"]) == rows


def test_visitor_searches_their_own_rooms_and_not_the_portals(page, ann, portal, garden):
    factories.listing(garden.account, "Attic")
    factories.listing(factories.account(ann, team="acme"), "Lobby")  # the same physical room
    factories.listing(portal.seat.account, "Bobs room")

    everything = page.get(portal.path)
    found = page.get(portal.path, {"q": "att"}, headers={"HX-Request": "true"})

    assert [listing.name for listing in everything.context["found"].rooms] == ["Attic", "Garden"]
    assert [listing.name for listing in found.context["found"].rooms] == ["Attic"]
    assert "<html" not in found.text
    for private in ("bob@example.com", "Bobs Bot", "Bobs room"):
        assert private not in everything.text


def test_picking_a_room_opens_the_tube_and_names_both(page, ann, portal, garden):
    response = join(page, portal, garden)

    tube = Tube.objects.get()
    assert response.redirect_chain == [(f"/tubes/{tube.code}/", 302)]
    assert (tube.portal, tube.side_a, tube.side_b.owner, tube.opened_by) == (portal, portal.seat, ann, ann)
    assert "<strong>Lobby</strong> and <strong>Garden</strong> are one" in response.text
    assert response.text.count('<span class="tag">theirs</span>') == 1
    for private in ("bob@example.com", "Bobs Bot", "Acme"):
        assert private not in response.text


def test_worker_is_asked_to_write_to_its_owner(
    page, portal, garden, monkeypatch, django_capture_on_commit_callbacks
):
    sent = []
    monkeypatch.setattr(
        "accounts.outbox.current_app.send_task", lambda name, args, **options: sent.append((name, args))
    )

    with django_capture_on_commit_callbacks(execute=True):
        join(page, portal, garden)

    mails = [args for name, args in sent if name == "accounts.tasks.post_letter"]
    assert mails == [(Letter.objects.get(to="bob@example.com").pk,)]


def test_room_that_is_joined_already_is_not_offered_and_refused(page, portal, garden):
    join(page, portal, garden)
    Tube.objects.update(created_at=clock.now() - timedelta(minutes=2))

    offered = page.get(portal.path).context["found"].rooms
    again = page.post(portal.path, {"side_b": garden.code})

    assert offered == []
    assert again.context["refusal"] == "That room cannot be picked any more. Pick another one."
    assert Tube.objects.count() == 1


def test_room_that_a_colleague_has_joined_says_so(page, portal, garden):
    colleague = factories.account(team="globex")
    factories.tube(
        portal.seat, factories.seat(colleague, factories.room("garden", team="globex")), portal=portal
    )

    response = join(page, portal, garden)

    assert "<strong>The rooms were not joined.</strong>" in response.text
    assert "Garden is joined to this Portal’s room already, by somebody else." in response.text
    assert colleague.owner.email not in response.text


def test_trouble_of_the_portals_account_is_not_for_visitors(page, portal, garden, monkeypatch):
    def newest(*args: object) -> None:
        raise RetryLater("Echo is angry with Bobs Bot.")

    monkeypatch.setattr(EchoConnector, "newest", newest)

    response = join(page, portal, garden)

    assert "cannot be reached at the moment" in response.text
    assert "Bobs Bot" not in response.text


def test_typed_in_room_is_entered_and_joined(page, portal, garden):
    path = reverse("tubes:portal-visit-enter", args=[portal.key, garden.account.code])
    offered = page.get(portal.path, {"q": "#attic"}).text

    refused = page.post(path, {"address": "#cellar"}, follow=True)
    entered = page.post(path, {"address": "#attic"}, follow=True)

    assert f'formaction="{path}"' in offered
    assert [str(message) for message in refused.context["messages"]] == ["Echo has no such room."]
    assert entered.redirect_chain == [(f"/tubes/{Tube.objects.get().code}/", 302)]


def test_new_room_is_made_and_joined(page, portal, garden):
    path = reverse("tubes:portal-visit-make", args=[portal.key, garden.account.code])

    question = page.get(path, {"name": "Club"}).text
    page.post(path, {"name": "Club"})

    assert "Then it is joined to Lobby." in question
    assert f'href="{portal.path}">Back to the rooms' in question
    assert Tube.objects.get().side_b.room.name == "Club"


def test_rooms_and_accounts_of_others_are_not_there(page, portal, garden):
    theirs = factories.account(team="umbra")
    their_room = factories.listing(theirs, "Theirs")

    picked = page.post(portal.path, {"side_b": their_room.code})
    by_account = [
        page.post(reverse(f"tubes:portal-visit-{verb}", args=[portal.key, theirs.code])).status_code
        for verb in ("enter", "make")
    ]

    assert picked.context["refusal"] == "That room cannot be picked any more. Pick another one."
    assert by_account == [404, 404]
    assert not Tube.objects.exists()


# ------------------------------------------------------------------------------ waiting


def test_visitor_waits_sees_how_it_stands_and_may_withdraw(page, portal, garden):
    Portal.objects.update(needs_approval=True)

    offered = page.get(portal.path).text
    asked = join(page, portal, garden)
    again = join(page, portal, garden)
    request = PortalRequest.objects.get()
    manage = page.get("/manage/").text
    visit = page.get(portal.path).text
    page.post(reverse("tubes:portal-withdraw", args=[request.code]))

    assert ">Ask</span>" in offered
    assert asked.redirect_chain == [(f"/p/requests/{request.code}/", 302)]
    assert "<h1>Waiting for approval</h1>" in asked.text
    assert "You have asked for Garden already." in again.text
    assert "waits to be joined to" in manage
    assert "waits for the owner’s approval" in visit
    assert not Tube.objects.exists()
    assert "You have withdrawn this" in page.get(reverse("tubes:portal-request", args=[request.code])).text
    for private in ("bob@example.com", "Bobs Bot", "Acme"):
        assert private not in asked.text + manage + visit


@pytest.mark.parametrize(
    ("status", "heading"),
    [("approved", "The owner has approved"), ("declined", "The owner has declined")],
)
def test_what_was_decided_is_said(page, ann, portal, garden, status, heading):
    tube = factories.tube(portal.seat, factories.seat(garden.account), portal=portal)
    request = factories.portal_request(portal, garden.account, status=status)
    if status == "approved":
        PortalRequest.objects.update(tube=tube)

    text = page.get(reverse("tubes:portal-request", args=[request.code])).text

    assert f"<h1>{heading}</h1>" in text
    assert (f'href="/tubes/{tube.code}/"' in text) == (status == "approved")
    assert "hx-get" not in text.split("<main")[1]  # nothing more is coming


def test_declined_request_stays_on_manage_until_it_is_dismissed(page, portal, garden):
    request = factories.portal_request(portal, garden.account, status="declined")

    before = page.get("/manage/").text
    page.post(reverse("tubes:portal-withdraw", args=[request.code]))

    assert "its owner declined" in before
    assert "its owner declined" not in page.get("/manage/").text


# ------------------------------------------------------------------------------ limits


def test_guesses_are_limited_per_address(client, portal, monkeypatch):
    monkeypatch.setitem(views_visits.VISITS, "stranger", "3/m/ip")

    statuses = [client.get(UNKNOWN).status_code for _ in range(4)]
    elsewhere = client.get(UNKNOWN, REMOTE_ADDR="192.0.2.7").status_code
    known = client.get(portal.path)

    assert statuses == [404, 404, 404, 429]
    assert elsewhere == 404
    assert known.status_code == 429
    assert "Too many tries" in known.text


def test_visits_are_limited_per_user_wherever_they_come_from(page, portal, garden, monkeypatch):
    monkeypatch.setitem(views_visits.VISITS, "visitor", "100/m/ip,2/m/user")

    statuses = [page.get(portal.path, REMOTE_ADDR=f"192.0.2.{number}").status_code for number in range(3)]
    other = Client()
    other.force_login(factories.user())

    assert statuses == [200, 200, 429]
    assert other.get(portal.path).status_code == 200


def test_joining_is_limited_more_narrowly_than_looking(page, portal, garden, monkeypatch):
    monkeypatch.setattr(limits, "JOINING", Limit("joining", 1, timedelta(hours=1)))
    enter = reverse("tubes:portal-visit-enter", args=[portal.key, garden.account.code])

    first = page.post(portal.path, {"side_b": "nothing"}).status_code
    statuses = [page.post(path).status_code for path in (portal.path, enter)]
    look = page.get(portal.path).status_code

    assert (first, statuses, look) == (200, [429, 429], 200)
    assert User.objects.count() == 2
    assert LinkedAccount.objects.count() == 2
