"""Rooms found by what people type: in capitals or not, in any alphabet, on either database."""

import re
import unicodedata
from importlib import import_module

import pytest
from django.apps import apps

from accounts.services import account_refresh_rooms
from connectors.base import RoomId, RoomInfo
from connectors.echo.connector import EchoConnector
from connectors.markup.sanitize import fold
from tests import factories
from tubes.filters import ManageFilter
from tubes.forms import RoomSearchForm
from tubes.models import Room, RoomListing, Tube
from tubes.models.portals import Portal
from tubes.relay import access

pytestmark = pytest.mark.django_db

ROOMS = (
    "ÉQUIPE Überall",
    "ПРИВЕТ",
    "ΣΊΣΥΦΟΣ",
    "straße",
    "Cafe\N{COMBINING ACUTE ACCENT}",
    "１２ＡＢ",
    "100% sure_",
)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("équipe", "ÉQUIPE Überall"),
        ("ÜBER équ", "ÉQUIPE Überall"),
        (unicodedata.normalize("NFD", "équipe"), "ÉQUIPE Überall"),
        ("привет", "ПРИВЕТ"),
        ("σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("STRASSE", "straße"),
        ("CAFÉ", "Cafe\N{COMBINING ACUTE ACCENT}"),
        ("12ab", "１２ＡＢ"),
        ("0% s", "100% sure_"),
        ("e_", "100% sure_"),
    ],
)
def test_a_room_is_found_however_its_name_is_written(typed: str, found: str) -> None:
    account = factories.account()
    for name in ROOMS:
        seat = factories.seat(account, factories.room(name=name))
        factories.listing(account, name)
        factories.tube(seat, factories.seat(account, factories.room(name="Attic")))
        factories.portal(seat)

    form = RoomSearchForm({"q": typed})
    chosen = ManageFilter({"q": typed})

    assert [room.name for room in form.find(account.owner).rooms] == [found]
    tubes = chosen.tubes(Tube.objects.owned_by(account.owner), account.owner)
    assert [tube.side_a.room.name for tube in tubes] == [found]
    portals = chosen.portals(Portal.objects.owned_by(account.owner))
    assert [portal.seat.room.name for portal in portals] == [found]


@pytest.mark.parametrize("typed", ["äcme", "HÉLPER", "äcme hélper lobby"])
def test_teams_and_logins_are_found_so_too(typed: str) -> None:
    account = factories.account(team_name="ÄCME", remote_user_name="Hélper Bot")
    factories.listing(account, "Lobby")
    factories.listing(factories.account(account.owner, team_name="Globex"), "Lobby")

    [room] = RoomSearchForm({"q": typed}).find(account.owner).rooms

    assert room.account == account


def test_each_word_counts_and_what_two_names_hold_together_is_in_neither() -> None:
    account = factories.account(team_name="Acme", remote_user_name="Bot")
    factories.listing(account, "Lobby")

    found = [
        RoomSearchForm({"q": words}).find(account.owner).total for words in ("acme lob", "acme x", "ebot")
    ]

    assert found == [1, 0, 0]


def test_searching_costs_a_query_more_than_listing(django_assert_num_queries) -> None:
    account = factories.account()
    factories.listing(account, "Lobby")

    with django_assert_num_queries(1):
        assert len(RoomListing.objects.owned_by(account.owner).search(" ")) == 1
    with django_assert_num_queries(2):
        assert len(RoomListing.objects.owned_by(account.owner).search("lob acme")) == 1


def test_a_search_asks_for_ones_own_rooms_by_their_index_alone() -> None:
    """Any other condition in its place has the database go through the rooms of everybody."""
    mine = RoomListing.objects.owned_by(factories.user())

    assert re.search(r'WHERE "tubes_roomlisting"."owner_id" = \d+$', str(mine.query))


@pytest.mark.parametrize("model", [Room, RoomListing])
def test_whatever_writes_a_name_folds_it(model: type) -> None:
    account = factories.account()
    row = factories.room(name="ÉTÉ") if model is Room else factories.listing(account, "ÉTÉ", "a")

    def folded() -> str:
        return str(model._default_manager.values_list("folded_name", flat=True).get())

    assert folded() == "été"
    model._default_manager.update(name="Ñ")
    assert folded() == "ñ"
    row.name = "Ö"
    model._default_manager.bulk_update([row], ["name"])
    assert folded() == "ö"
    row.name = "Å"
    row.save()
    assert folded() == "å"


def test_a_renamed_room_is_found_by_its_new_name(monkeypatch: pytest.MonkeyPatch) -> None:
    seat = factories.seat()
    factories.tube(seat)
    factories.listing(seat.account, seat.room.name, seat.room.remote_id)
    info = RoomInfo(RoomId(seat.room.remote_id), "ÎLE")
    monkeypatch.setattr(EchoConnector, "room", lambda *_: info)
    monkeypatch.setattr(EchoConnector, "list_rooms", lambda _: iter([info]))

    access.check(seat.pk)
    account_refresh_rooms(account=seat.account)

    assert [room.name for room in RoomSearchForm({"q": "île"}).find(seat.owner).rooms] == ["ÎLE"]
    assert ManageFilter({"q": "île"}).tubes(Tube.objects.all(), seat.owner).count() == 1


def test_names_from_before_are_folded_by_the_migration() -> None:
    listing, room = factories.listing(factories.account(), "ÉTÉ"), factories.room(name="ŻÓŁW")
    RoomListing.objects.update(folded_name="")
    Room.objects.update(folded_name="")

    import_module("tubes.migrations.0020_folded_names").fold_names(apps, None)

    listing.refresh_from_db()
    room.refresh_from_db()
    assert (listing.folded_name, room.folded_name) == (fold("ÉTÉ"), fold("ŻÓŁW"))
