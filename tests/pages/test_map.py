"""The map: for whoever holds its address, for a day, with names and nothing else."""

import re
import time as real_time
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from sameroom import clock
from tests import factories
from tests.pages.test_manage import tube_of
from tubes.models import MapLink, Seat, Tube
from tubes.services import drawing_of, map_link_make, network_of, rows_of

pytestmark = pytest.mark.django_db


def path(seat: Seat) -> str:
    return reverse("tubes:network-map", args=[map_link_make(seat=seat).key])


@pytest.fixture
def chain(db: None) -> list[Seat]:
    """Three rooms of two owners, joined one behind the other; the last Tube is paused and lets out only."""
    ann, bob = factories.user("ann-owner@example.com"), factories.user("bob-owner@example.com")
    names = ("Lobby & bar", "Garden", "Attic")
    accounts = (
        factories.account(ann),
        factories.account(ann, team="globex"),
        factories.account(bob, team="initech"),
    )
    seats = [
        factories.seat(account, factories.room(name, team=account.team_id))
        for account, name in zip(accounts, names, strict=True)
    ]
    factories.tube(seats[0], seats[1])
    factories.tube(seats[1], seats[2], status="paused")
    Seat.objects.filter(pk=seats[2].pk).update(direction="out")
    return seats


def test_the_map_shows_the_whole_network_to_whoever_has_its_address(
    client: Client, chain: list[Seat]
) -> None:
    answer = client.get(path(chain[0]))
    page = answer.content.decode()

    assert answer.status_code == 200
    drawn = re.findall(r'<text class="name"[^>]*>([^<]*)</text>', page)
    assert drawn == ["Lobby &amp; bar", "Garden", "Attic"]
    rows = re.findall(
        r"<tr>\s*<th scope=\"row\">([^<]*)<.*?<td>([^<]*)<.*?<td>([^<]*)<.*?badge (\w+)", page, re.S
    )
    assert rows == [
        ("Lobby &amp; bar", "Garden", "both ways", "active"),
        ("Garden", "Attic", "only to Side A", "paused"),
    ]
    assert 'aria-labelledby="map-title map-desc"' in page
    assert "<desc" in page
    assert "/connectors/echo/logo.svg" in page


def test_the_map_tells_nothing_but_names(client: Client, chain: list[Seat]) -> None:
    Seat.objects.filter(pk=chain[2].pk).update(failure="The token of bob-owner was refused.")

    page = client.get(path(chain[0])).content.decode()

    hidden = ["@example.com", "refused", "echo#", *(seat.code for seat in chain)]
    hidden += [seat.account.code for seat in chain] + [tube.code for tube in Tube.objects.all()]
    hidden += [seat.account.remote_user_name for seat in chain]
    assert [word for word in hidden if word in page] == []
    assert 'content="noindex"' in page


@pytest.mark.parametrize("direction", ["both", "in", "out"])
def test_arrows_show_which_way_messages_pass(client: Client, chain: list[Seat], direction: str) -> None:
    Seat.objects.filter(pk=chain[0].pk).update(direction=direction)

    page = client.get(path(chain[0])).content.decode()

    first = page.split('class="tube-line')[1]
    ends = ("marker-start" in first, "marker-end" in first)
    assert ends == {"both": (True, True), "in": (True, False), "out": (False, True)}[direction]


def test_an_expired_or_made_up_address_says_what_to_do(client: Client, chain: list[Seat]) -> None:
    address = path(chain[0])
    MapLink.objects.update(expires_at=clock.now() - timedelta(seconds=1))

    for gone in (address, reverse("tubes:network-map", args=["made-up"])):
        answer = client.get(gone)
        assert answer.status_code == 404
        assert "This map is not here any more" in answer.content.decode()
        assert "Attic" not in answer.content.decode()


def test_an_address_ends_with_the_tubes_it_was_made_for(client: Client, chain: list[Seat]) -> None:
    address = path(chain[0])
    Tube.objects.filter(side_a=chain[0]).update(status="closed")

    assert client.get(address).status_code == 404


def test_manage_and_the_page_of_a_tube_lead_to_its_map(page: Client, ann: object) -> None:
    tube = tube_of(ann, factories.user())
    address = reverse("tubes:tube-map", args=[tube.code])

    for where in (reverse("tubes:tube-list"), reverse("tubes:tube-detail", args=[tube.code])):
        assert f'href="{address}">Map</a>' in page.get(where).text

    shown = page.get(address).text
    assert shown.count('class="room-box') == 2
    assert "Whoever has this address" not in shown
    assert not MapLink.objects.exists()  # nobody else sees it for that


@pytest.mark.parametrize("rows", [1, 3])
def test_ones_own_map_asks_as_much_for_three_tubes_as_for_one(
    page: Client, ann: object, rows: int, django_assert_num_queries: object
) -> None:
    tube = tube_of(ann)
    for _ in range(rows - 1):
        factories.tube(tube.side_a)
    address = reverse("tubes:tube-map", args=[tube.code])
    page.get(address)

    with django_assert_num_queries(6):  # type: ignore[operator]
        assert page.get(address).text.count("<tr>") == rows + 1


def test_a_map_is_shown_to_others_by_an_address_that_is_made_for_it(page: Client, ann: object) -> None:
    tube = tube_of(ann, factories.user())
    make = reverse("tubes:map-make", args=[tube.code])
    assert f'action="{make}"' in page.get(reverse("tubes:tube-map", args=[tube.code])).text

    answer = page.post(make)

    link = MapLink.objects.get()
    assert answer["Location"] == reverse("tubes:network-map", args=[link.key])
    assert link.seat == tube.side_a
    assert Client().get(answer["Location"]).status_code == 200


def star(rooms: int) -> Seat:
    owner = factories.user()
    centre = factories.seat(factories.account(owner))
    account = factories.account(owner, team="globex")
    for _ in range(rooms - 1):
        factories.tube(centre, factories.seat(account))
    return centre


def test_200_rooms_are_drawn_within_a_second_and_a_few_queries(
    client: Client, django_assert_max_num_queries: object
) -> None:
    address = path(star(200))

    with django_assert_max_num_queries(6):  # type: ignore[operator]
        began = real_time.thread_time()  # ours alone: others may keep the machine busy
        page = client.get(address).content.decode()
        took = real_time.thread_time() - began

    assert page.count('class="room-box') == 200
    assert took < 1.0


def test_more_rooms_than_that_are_listed_without_a_picture(client: Client) -> None:
    page = client.get(path(star(202))).content.decode()

    assert "too many rooms for a picture" in page
    assert '<svg class="network' not in page
    assert page.count("<tr>") == 202


def test_no_two_boxes_overlap_whatever_the_network(chain: list[Seat]) -> None:
    owner = chain[0].owner
    more = [factories.seat(factories.account(owner)) for _ in range(6)]
    for number, seat in enumerate(more):
        factories.tube(chain[number % 3], seat)
        factories.tube(seat, more[(number + 1) % 6])

    drawing = drawing_of(network_of(chain[0].room))

    assert drawing is not None
    assert len(drawing.boxes) == 9
    boxes = [(box.x, box.y) for box in drawing.boxes]
    apart = [
        abs(x1 - x2) >= 150 or abs(y1 - y2) >= 52
        for number, (x1, y1) in enumerate(boxes)
        for x2, y2 in boxes[number + 1 :]
    ]
    assert all(apart)
    assert all(0 <= x <= drawing.width - 150 and 0 <= y <= drawing.height - 52 for x, y in boxes)


def test_several_tubes_between_two_rooms_are_one_line_that_shows_the_best(chain: list[Seat]) -> None:
    other = factories.account(factories.user())
    factories.tube(factories.seat(other, chain[2].room), factories.seat(other, chain[1].room))

    network = network_of(chain[0].room)
    drawing = drawing_of(network)

    assert drawing is not None
    assert sorted(line.state for line in drawing.lines) == ["active", "active"]
    assert [line.flow for line in drawing.lines] == ["both", "both"]
    assert len(rows_of(network)) == 3


def test_long_names_are_cut_in_the_picture_and_whole_in_the_table(client: Client, chain: list[Seat]) -> None:
    room = chain[1].room
    room.name = "集会所" * 10
    room.save()

    page = client.get(path(chain[0])).content.decode()

    assert ">集会所集会…</text>" in page
    assert page.count("集会所" * 10) >= 2
