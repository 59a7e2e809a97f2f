"""Rooms entered by an address: what lets us in is kept with the secrets, and given to who sits there."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from accounts.models import LinkedAccount
from accounts.services import account_link, account_refresh_rooms
from connectors.base import Cursor, RoomId, RoomInfo
from connectors.echo import connector as echo
from connectors.echo.connector import EchoConnector
from connectors.errors import RoomGone
from tests import factories
from tubes.models import RoomListing
from tubes.services import RoomRefused, TubeRefused, offers_of, room_enter, tube_open

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    echo.clear()
    monkeypatch.setattr("tubes.relay.bell._ring", lambda *args, **kwargs: None)


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rooms of the echo service need a key: `lobby sesame` leads into the lobby."""

    def enter(connector: EchoConnector, address: str) -> RoomInfo:
        room, _, key = address.partition(" ")
        if key == "wrong":
            raise RoomGone("The key is wrong. Ask who runs the room for it.")
        return RoomInfo(RoomId(room), room.title(), key=key)

    monkeypatch.setattr(EchoConnector, "enter", enter)


def fresh(account: LinkedAccount) -> LinkedAccount:
    return LinkedAccount.objects.get(pk=account.pk)


@pytest.mark.usefixtures("locked")
def test_the_key_of_a_room_is_kept_sealed_and_handed_to_the_connector() -> None:
    account = factories.account()

    listing = room_enter(account=account, address="lobby sesame")

    login = fresh(account).connector().login
    assert (listing.name, login.key_of(RoomId("lobby")), login.key_of(RoomId("attic"))) == (
        "Lobby",
        "sesame",
        "",
    )
    assert b"sesame" not in bytes(fresh(account).sealed)
    assert "sesame" not in repr(login)


@pytest.mark.usefixtures("locked")
def test_a_newer_key_replaces_the_old_one_and_none_forgets_it() -> None:
    account = factories.account()
    for address, key in (("lobby sesame", "sesame"), ("lobby open", "open"), ("lobby", "")):
        room_enter(account=account, address=address)
        assert fresh(account).connector().login.key_of(RoomId("lobby")) == key


@pytest.mark.usefixtures("locked")
def test_a_refused_key_keeps_nothing() -> None:
    account = factories.account()
    before = bytes(fresh(account).sealed)

    with pytest.raises(RoomRefused, match="The key is wrong"):
        room_enter(account=account, address="lobby wrong")

    assert (bytes(fresh(account).sealed), RoomListing.objects.count()) == (before, 0)


@pytest.mark.usefixtures("locked")
def test_keys_outlive_a_renewed_login() -> None:
    account = factories.account()
    room_enter(account=account, address="lobby sesame")

    form = EchoConnector.credentials_form(
        {"token": "another", "team": account.team_id, "name": account.remote_user_name},
        connector_class=EchoConnector,
    )
    assert form.is_valid(), form.errors
    form.identity = replace(form.identity, server=account.server, user_id=account.remote_user_id)
    renewed = account_link(owner=account.owner, form=form)

    assert (renewed.pk, fresh(account).connector().login.key_of(RoomId("lobby"))) == (account.pk, "sesame")


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize("lists_all", [True, False])
def test_rooms_that_no_list_shows_stay_while_they_are_in_use(
    lists_all: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        EchoConnector, "capabilities", replace(EchoConnector.capabilities, lists_all=lists_all)
    )
    account = factories.account()
    for address in ("secret sesame", "hidden", "lobby"):
        room_enter(account=account, address=address)
    factories.listing(account, "Typed once")
    factories.seat(account, factories.room("hidden"))

    account_refresh_rooms(account=fresh(account))

    names = set(RoomListing.objects.values_list("remote_id", flat=True))
    assert names == {"lobby", "garden", "attic"} | (set() if lists_all else {"secret", "hidden"})


@pytest.mark.parametrize("proves", [True, False])
def test_where_being_let_in_proves_it_a_second_owner_needs_no_common_message(
    proves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        EchoConnector, "capabilities", replace(EchoConnector.capabilities, entering_proves=proves)
    )

    def nothing(connector: EchoConnector, room: RoomId, count: int = 1) -> Sequence[Cursor]:
        return []

    monkeypatch.setattr(EchoConnector, "newest", nothing)
    _open_from_lobby("globex")
    if proves:
        _open_from_lobby("initech")
    else:
        with pytest.raises(TubeRefused, match="does not match"):
            _open_from_lobby("initech")


def _open_from_lobby(other: str) -> None:
    """A Tube of a new owner, from the lobby that all know to a room of another team."""
    owner = factories.user()
    here, there = factories.account(owner, team="acme"), factories.account(owner, team=other)
    tube_open(
        owner=owner, listing_a=factories.listing(here, "Lobby"), listing_b=factories.listing(there, "Garden")
    )


def test_rooms_of_sameroom_s_own_accounts_are_not_entered_but_proved() -> None:
    bot = factories.account(is_shared=True)
    RoomListing.objects.create(account=bot, owner=factories.user(), name="Lobby", remote_id="lobby")

    with pytest.raises(RoomRefused, match="Ask for a code under Accounts"):
        room_enter(account=bot, address="lobby")

    assert RoomListing.objects.count() == 1
    assert offers_of(bot.owner) == []
