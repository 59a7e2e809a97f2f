"""Portals as their owners see them: created, listed on Manage, changed, deleted, decided about."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from sameroom import clock
from tests import factories
from tubes.models import Portal, PortalRequest, RoomListing, Seat, Tube

CREATE, MANAGE = "/create-a-portal/", "/manage/"
OPTIONS = {"name_style": "both", "direction": "both", "shows_team": "on"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(ann):
    return factories.account(ann, team="acme")


@pytest.fixture
def lobby(acme) -> RoomListing:
    return factories.listing(acme, "Lobby")


@pytest.fixture
def portal(acme) -> Portal:
    return factories.portal(factories.seat(acme, factories.room("lobby")))


def of(name: str, row: Portal | PortalRequest) -> str:
    return reverse(f"tubes:portal-{name}", args=[row.key if isinstance(row, Portal) else row.code])


def joined(portal: Portal, **extra) -> Tube:
    return factories.tube(
        portal.seat, factories.seat(factories.account(team="globex")), portal=portal, **extra
    )


def said(response) -> list[str]:
    return [strip_tags(str(message)).strip() for message in response.context["messages"]]


# ------------------------------------------------------------------------------ created


@pytest.mark.parametrize("rows", [1, 3])
def test_picker_asks_as_much_for_three_rooms_as_for_one(page, ann, rows, django_assert_num_queries):
    for number in range(rows):
        factories.listing(factories.account(ann), f"Room {number}")

    with django_assert_num_queries(5):
        response = page.get(CREATE)

    assert [listing.name for listing in response.context["found"].rooms] == [
        f"Room {number}" for number in range(rows)
    ]


def test_room_is_picked_then_whom_it_lets_in(page, lobby):
    picked = page.get(CREATE)
    step = page.get(f"/create-a-portal/{lobby.code}/")

    assert f'href="/create-a-portal/{lobby.code}/"' in picked.text
    assert "Which room does it lead to?" in picked.text
    assert "<h1>A Portal to Lobby</h1>" in step.text
    assert "Lunch is served" in step.text  # the preview


def test_created_portal_shows_its_address_to_copy(page, ann, lobby):
    tomorrow = (clock.now() + timedelta(days=1)).date()
    data = OPTIONS | {"needs_approval": "on", "expires_on": tomorrow.isoformat(), "most_tubes": "3"}

    response = page.post(f"/create-a-portal/{lobby.code}/", data, follow=True)

    portal = Portal.objects.get()
    assert response.redirect_chain == [(f"/portals/{portal.key}/", 302)]
    assert (portal.seat.owner, portal.seat.room.name, portal.most_tubes) == (ann, "Lobby", 3)
    assert portal.needs_approval
    assert portal.expires_at is not None
    assert (portal.expires_at - timedelta(seconds=1)).date() == tomorrow
    assert portal.options == {
        "name_style": "both",
        "shows_team": True,
        "direction": "both",
        "rings_everybody": False,
        "posts_as_owner": False,
        "takes_files": False,
        "takes_presence": False,
        "takes_notices": False,
        "takes_news": False,
        "filtered_words": "",
    }
    assert f'value="http://127.0.0.1:8000/p/{portal.key}" readonly' in response.text
    assert f'data-copy="address-{portal.key}"' in response.text
    assert "js/copy.js" in response.text


def test_preview_alone_is_answered_to_htmx_and_nothing_is_saved(page, lobby):
    path = f"/create-a-portal/{lobby.code}/"

    response = page.post(path, OPTIONS, headers={"HX-Request": "true"})

    assert "Ann Lee (annlee), Acme" in response.text
    assert "<html" not in response.text
    assert not Portal.objects.exists()


def test_what_the_owner_says_may_stand_without_a_name_behind_a_portal(page, lobby):
    path = f"/create-a-portal/{lobby.code}/"

    previewed = page.post(path, OPTIONS | {"posts_as_owner": "on"}, headers={"HX-Request": "true"})
    page.post(path, OPTIONS | {"posts_as_owner": "on"})

    portal = Portal.objects.get()
    assert "I am on my way." in previewed.text
    assert portal.options["posts_as_owner"] is True
    assert not Seat.objects.get(pk=portal.seat.pk).posts_as_owner  # not before a room has joined it
    assert "I am on my way." in page.get(f"/portals/{portal.key}/options/").text


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"expires_on": "2020-01-01"}, "This day is over. Choose today or a later one."),
        ({"expires_on": "soon"}, "Write the day as 2030-12-31."),
        ({"most_tubes": "0"}, "At least one room, or leave it empty for any number."),
        ({"most_tubes": "many"}, "Write a whole number, such as 5."),
        ({"most_tubes": "10001"}, "10 000 rooms at the most"),
        ({"name_style": "odd"}, "Select a valid choice"),
    ],
)
def test_odd_values_are_explained_and_nothing_is_saved(page, lobby, data, sentence):
    response = page.post(f"/create-a-portal/{lobby.code}/", OPTIONS | data)

    assert response.status_code == 200
    assert sentence in response.text
    assert not Portal.objects.exists()


def test_room_that_cannot_be_read_says_why(page, acme):
    gone = factories.listing(acme, "Gone")

    response = page.post(f"/create-a-portal/{gone.code}/", OPTIONS)

    assert "Gone: Echo has no such room." in response.text
    assert not Portal.objects.exists()


def test_typed_in_and_new_rooms_lead_to_the_same_step(page, acme):
    entered = page.post(reverse("tubes:portal-enter", args=[acme.code]), {"address": "#attic"})
    question = page.get(reverse("tubes:portal-make", args=[acme.code]), {"name": "Book club"})
    made = page.post(reverse("tubes:portal-make", args=[acme.code]), {"name": "Book club"})
    refused = page.post(reverse("tubes:portal-enter", args=[acme.code]), {"address": "#cellar"})

    attic, club = RoomListing.objects.order_by("pk")
    assert [entered["Location"], made["Location"]] == [
        f"/create-a-portal/{attic.code}/",
        f"/create-a-portal/{club.code}/",
    ]
    assert "Then you say whom its Portal lets in." in question.text
    assert 'href="/create-a-portal/"' in question.text
    assert refused["Location"] == "/create-a-portal/?q=%23cellar"


def test_room_of_somebody_else_gets_no_portal(page):
    theirs = factories.listing(factories.account(team="globex"), "Theirs")

    assert page.post(f"/create-a-portal/{theirs.code}/", OPTIONS).status_code == 404


# ------------------------------------------------------------------------------ on Manage


@pytest.mark.parametrize("count", [1, 3])
def test_manage_asks_as_much_for_three_portals_as_for_one(page, acme, count, django_assert_num_queries):
    portals = [factories.portal(factories.seat(acme)) for _ in range(count)]
    for portal in portals:
        factories.portal_request(portal)
        joined(portal)

    with django_assert_num_queries(14):
        response = page.get(MANAGE)

    assert [it for it in response.context["page"] if isinstance(it, Portal)] == portals[::-1]
    assert response.text.count("asks to join") == count


def test_tubes_and_portals_are_one_list_newest_first(page, acme):
    first = factories.portal(factories.seat(acme))
    second = joined(first)
    third = factories.portal(factories.seat(acme))
    factories.portal(factories.seat(acme), deleted_at=clock.now())
    factories.portal()

    response = page.get(MANAGE)

    assert list(response.context["page"]) == [third, second, first]


def test_list_has_fifty_tubes_and_portals_a_page(page, acme):
    rows = [factories.portal(factories.seat(acme)) for _ in range(51)]

    pages = [list(page.get(MANAGE, {"page": number}).context["page"]) for number in (1, 2)]

    assert pages == [rows[:0:-1], rows[:1]]


@pytest.mark.parametrize(
    ("values", "word", "sentence"),
    [
        ({}, "Open", "1 room joined."),
        ({"most_tubes": 3, "needs_approval": True}, "Open", "1 of 3 room joined."),
        ({"most_tubes": 1}, "Full", "Nobody can join until one is closed"),
        ({"expires_at": clock.now() - timedelta(days=1)}, "Expired", "set another last day under Options"),
    ],
)
def test_every_state_of_a_portal_has_a_word_and_a_next_step(page, portal, values, word, sentence):
    joined(portal)
    joined(portal, status="closed")
    Portal.objects.update(**values)

    text = re.sub(r"\s+", " ", page.get(MANAGE).text)

    assert f">{word}</span>" in text
    assert sentence in text


def test_portal_behind_a_failing_account_leads_to_it(page, acme, portal):
    acme.status = "needs_login"
    acme.save()

    response = page.get(MANAGE)

    assert "Out of reach" in response.text
    assert f'href="/accounts/#account-{acme.code}">Fix</a>' in response.text


def test_live_list_changes_when_somebody_joins(page, portal):
    seen = page.get(MANAGE).context["seen"]
    same = page.get(MANAGE, {"seen": seen}, headers={"HX-Request": "true"})
    joined(portal)

    changed = page.get(MANAGE, {"seen": seen}, headers={"HX-Request": "true"})

    assert (same.status_code, changed.status_code) == (204, 200)


def test_other_side_is_a_room_and_a_service_and_nothing_more(page, portal):
    tube = joined(portal)
    factories.portal_request(portal)
    theirs = tube.side_b.account

    texts = [page.get(MANAGE).text, page.get(reverse("tubes:tube-detail", args=[tube.code])).text]
    texts += [page.get(of("detail", portal)).text, page.get(of("close", portal)).text]
    texts.append(page.get(reverse("accounts:account-remove", args=[portal.seat.account.code])).text)

    for text in texts:
        for private in (theirs.owner.email, theirs.remote_user_name, "Globex", theirs.code):
            assert private not in text
    assert tube.side_b.room.name in texts[0]


# ------------------------------------------------------------------------------ changed, ended


def test_options_are_shown_as_they_are_and_changed(page, portal):
    Portal.objects.update(
        options={"name_style": "username"}, most_tubes=2, expires_at=clock.now() + timedelta(days=3)
    )

    shown = page.get(of("options", portal)).text
    page.post(of("options", portal), OPTIONS | {"most_tubes": "7"})

    portal.refresh_from_db()
    assert '<option value="username" selected>' in shown
    assert 'name="most_tubes" value="2"' in shown
    assert (portal.most_tubes, portal.expires_at, portal.options["name_style"]) == (7, None, "both")
    assert Seat.objects.get(pk=portal.seat.pk).name_style == "display"  # the room's own are set elsewhere


def test_delete_asks_first_and_leaves_the_tubes(page, portal):
    tube = joined(portal)

    question = page.get(of("delete", portal))
    before = Portal.objects.not_deleted().count()
    page.post(of("delete", portal))

    assert "Delete this Portal?" in question.text
    assert tube.side_b.room.name in question.text
    assert [before, Portal.objects.not_deleted().count()] == [1, 0]
    assert Tube.objects.get().status == "active"
    assert page.get(of("detail", portal)).status_code == 404


def test_delete_takes_the_tubes_along_where_its_owner_says_so(page, portal):
    joined(portal)
    joined(portal)

    response = page.post(of("delete", portal), {"with_tubes": "on"}, follow=True)

    assert said(response) == ["The Portal to Lobby is deleted. Its 2 Tubes are closed. Undo"]
    assert set(Tube.objects.values_list("status", flat=True)) == {"closed"}


def test_delete_asks_nothing_where_there_is_nothing_to_ask(page, portal):
    plain = page.get(MANAGE).text
    Portal.objects.update(needs_approval=True)
    with_approval = page.get(MANAGE).text

    assert f'formaction="{of("delete", portal)}">Delete</button>' in plain
    assert f'href="{of("delete", portal)}">Delete …</a>' in with_approval


def test_delete_can_be_taken_back(page, portal):
    page.post(of("delete", portal), follow=True)

    response = page.post(of("restore", portal), follow=True)
    again = page.post(of("restore", portal), follow=True)

    assert said(response) == ["The Portal to Lobby is there again, at the same address."]
    assert Portal.objects.not_deleted().get() == portal
    assert said(again)[0].startswith("The Portal stays deleted.")


def test_delete_can_be_taken_back_with_the_tubes_it_has_closed(page, portal):
    there, away = (
        factories.seat(factories.account(team="globex"), factories.room(name, team="globex"))
        for name in ("garden", "gone")  # Echo has no such room as the second
    )
    for seat in (there, away):
        factories.tube(portal.seat, seat, portal=portal)
    page.post(of("delete", portal), {"with_tubes": "on"}, follow=True)

    response = page.post(of("restore", portal), follow=True)

    assert said(response) == [
        "The Portal to Lobby is there again, at the same address. Its Tube is open again.",
        "One of its Tubes stays closed. The other party's room cannot be read at the moment. "
        "Try again later.",
    ]
    assert [tube.side_b for tube in Tube.objects.not_closed()] == [there]


def test_closing_its_tubes_asks_first_with_the_rooms(page, portal):
    tubes = [joined(portal), joined(portal)]

    question = page.get(of("close", portal))
    before = Tube.objects.not_closed().count()
    page.post(of("close", portal))

    assert all(tube.side_b.room.name in question.text for tube in tubes)
    assert [before, Tube.objects.not_closed().count(), Portal.objects.not_deleted().count()] == [2, 0, 1]
    assert "Nothing to close" in page.get(of("close", portal)).text


def test_removing_an_account_names_the_portals_that_end(page, acme, portal):
    response = page.get(reverse("accounts:account-remove", args=[acme.code]))

    assert "the Portal to <strong>Lobby</strong>" in response.text
    assert "No Tube uses it" not in response.text


# ------------------------------------------------------------------------------ decided


def test_owner_approves_and_the_tube_is_open(page, portal):
    request = factories.portal_request(portal)

    response = page.post(of("approve", request), follow=True)

    tube = Tube.objects.get()
    assert response.redirect_chain == [(f"/tubes/{tube.code}/", 302)]
    assert (tube.portal, tube.side_a, tube.side_b.owner) == (portal, portal.seat, request.visitor)


def test_approving_twice_leads_to_the_tube_there_is(page, portal):
    asked = factories.portal_request(portal)
    path = f"/portals/asked/{asked.code}/approve/"

    answers = [page.post(path), page.post(path)]

    tube = Tube.objects.get()
    assert [answer["Location"] for answer in answers] == [f"/tubes/{tube.code}/"] * 2


def test_owner_declines_and_nothing_is_opened(page, portal):
    request = factories.portal_request(portal)

    response = page.post(of("decline", request), follow=True)
    again = page.post(of("approve", request), follow=True)

    assert said(response) == ["Garden is not joined to Lobby."]
    assert said(again) == ["The rooms were not joined. This request is not waiting any more."]
    assert not Tube.objects.exists()


def test_trouble_of_the_visitors_account_is_not_the_owners_to_read(page, portal):
    theirs = factories.account(team="globex", status="needs_login", remote_user_name="Secret Bot")
    request = factories.portal_request(portal, theirs)

    [why] = said(page.post(of("approve", request), follow=True))

    assert why == (
        "The rooms were not joined. Garden cannot be read at the moment. Try again later, or decline."
    )


def test_only_its_owner_decides_and_only_its_visitor_withdraws(page, ann, portal):
    mine = factories.portal_request(None, factories.account(ann))
    to_me = factories.portal_request(portal)

    answers = [
        page.post(path).status_code
        for path in (of("approve", mine), of("decline", mine), of("withdraw", to_me), of("request", to_me))
    ]

    assert answers[:3] == [404, 404, 404]
    assert page.get(of("request", to_me)).status_code == 404
    assert set(PortalRequest.objects.values_list("status", flat=True)) == {"waiting"}
