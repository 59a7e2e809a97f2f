from collections.abc import Callable, Iterable
from itertools import count

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.leaving import user_remove
from accounts.models import LinkedAccount, User
from accounts.secrets import SecretsUnreadable
from accounts.services import (
    LinkRefused,
    account_link,
    account_refresh_quietly,
    account_refresh_rooms,
    account_remove,
)
from accounts.tasks import refresh_rooms
from connectors.base import RoomId, RoomInfo
from connectors.echo.connector import EchoConnector, EchoCredentialsForm
from connectors.errors import LoginRejected, RetryLater
from tests import factories
from tubes.models import Room, RoomListing, Tube
from tubes.relay import health

pytestmark = pytest.mark.django_db


def form(token: str = "secret-token", team: str = "acme") -> EchoCredentialsForm:
    filled = EchoCredentialsForm({"team": team, "name": "bot", "token": token}, connector_class=EchoConnector)
    assert filled.is_valid()
    return filled


def test_a_linked_account_is_what_the_service_says_it_is() -> None:
    owner = factories.user()

    account = account_link(owner=owner, form=form())

    assert (account.owner, account.kind, account.space, account.status) == (
        owner,
        "echo",
        "echo#acme",
        "connected",
    )
    assert LinkedAccount.objects.get().credentials == {"team": "acme", "name": "bot", "token": "secret-token"}


def test_linking_the_same_login_again_renews_it() -> None:
    owner = factories.user()
    first = account_link(owner=owner, form=form())
    LinkedAccount.objects.update(status="needs_login")

    again = account_link(owner=owner, form=form())

    assert (again.pk, LinkedAccount.objects.get().status) == (first.pk, "connected")


def test_a_login_linked_by_somebody_else_is_refused() -> None:
    account_link(owner=factories.user(), form=form())

    with pytest.raises(LinkRefused, match="somebody else"):
        account_link(owner=factories.user(), form=form())
    assert LinkedAccount.objects.count() == 1


def test_a_refused_login_is_an_error_of_the_form_and_saves_nothing() -> None:
    data = {"team": "acme", "name": "bot", "token": "wrong"}
    refused = EchoCredentialsForm(data, connector_class=EchoConnector)

    assert not refused.is_valid()
    assert refused.non_field_errors() == ["Echo does not know this token. Use any other word."]
    assert LinkedAccount.objects.count() == 0


def stored() -> bytes:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM accounts_linkedaccount")
        return bytes(cursor.fetchone()[0])


def test_a_secret_is_encrypted_at_rest() -> None:
    account_link(owner=factories.user(), form=form())

    assert b"secret-token" not in stored()


def test_rotated_keys_open_old_secrets_until_the_old_key_is_taken_out(settings: object) -> None:
    from cryptography.fernet import Fernet

    account_link(owner=factories.user(), form=form())
    old, new = settings.ENCRYPTION_KEYS, Fernet.generate_key().decode()  # type: ignore[attr-defined]
    settings.ENCRYPTION_KEYS = [new, *old]  # type: ignore[attr-defined]
    before = stored()
    call_command("rotate_keys", verbosity=0)
    assert stored() != before

    settings.ENCRYPTION_KEYS = [new]  # type: ignore[attr-defined]
    assert LinkedAccount.objects.get().credentials["token"] == "secret-token"
    settings.ENCRYPTION_KEYS = old  # type: ignore[attr-defined]
    with pytest.raises(SecretsUnreadable):
        LinkedAccount.objects.get().connector()


def test_refreshing_rooms_adds_renames_and_drops() -> None:
    account = factories.account()
    factories.listing(account, "Old name", "lobby")
    factories.listing(account, "Cellar")

    assert account_refresh_rooms(account=account) == 3
    assert list(RoomListing.objects.order_by("name").values_list("name", flat=True)) == [
        "Attic",
        "Garden",
        "Lobby",
    ]


def lists(monkeypatch: pytest.MonkeyPatch, rooms: Callable[[], Iterable[RoomInfo]]) -> None:
    monkeypatch.setattr(EchoConnector, "list_rooms", lambda connector: rooms())


def test_a_room_listed_on_two_pages_is_stored_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lists(monkeypatch, lambda: [RoomInfo(id=RoomId("r"), name=name) for name in ("Old", "New")])

    assert account_refresh_rooms(account=factories.account()) == 1
    assert RoomListing.objects.get().name == "New"


def test_a_list_of_rooms_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    lists(monkeypatch, lambda: (RoomInfo(id=RoomId(str(number)), name="x") for number in count()))

    with pytest.raises(RetryLater, match="more rooms than"):
        account_refresh_rooms(account=factories.account())
    assert not RoomListing.objects.exists()


def test_a_login_refused_while_listing_asks_for_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> Iterable[RoomInfo]:
        raise LoginRejected("revoked")

    account = factories.account()
    lists(monkeypatch, refused)

    refresh_rooms(account.pk)

    account.refresh_from_db()
    assert (account.status, account.status_reason) == ("needs_login", "revoked")


def test_a_refresh_that_breaks_off_keeps_the_former_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    account = factories.account()
    factories.listing(account, "Lobby")

    original = EchoConnector.list_rooms

    def broken(self: EchoConnector) -> object:
        yield from original(self)
        raise RetryLater("cut off")

    monkeypatch.setattr(EchoConnector, "list_rooms", broken)
    with pytest.raises(RetryLater):
        account_refresh_rooms(account=account)
    assert list(RoomListing.objects.values_list("name", flat=True)) == ["Lobby"]


@pytest.mark.parametrize("name", ["list_rooms", "refresh_people"])
def test_people_who_cannot_be_looked_up_are_no_trouble_with_rooms(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: EchoConnector) -> object:
        raise RetryLater("wants fewer requests")

    account = factories.account()
    monkeypatch.setattr(EchoConnector, name, fails)

    account_refresh_quietly(account=account)

    account.refresh_from_db()
    assert account.status_reason == ("wants fewer requests" if name == "list_rooms" else "")


def test_removing_an_account_ends_its_tubes_and_stops_reading_their_rooms() -> None:
    tube = factories.tube()

    account_remove(account=tube.side_a.account)

    assert Tube.objects.count() == 0
    assert list(Room.objects.values_list("next_poll_at", flat=True)) == [None, None]


def test_login_made_for_us_ends_with_its_account(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    monkeypatch.setattr(EchoConnector, "sign_out", lambda self: ended.append(self.login.user_id))
    first, second = factories.account(), factories.account()

    account_remove(account=first)
    user_remove(user=second.owner)

    assert ended == [first.remote_user_id, second.remote_user_id]


@pytest.mark.parametrize("goes", ["account", "user"])
def test_a_login_that_ends_as_it_is_removed_is_news_to_nobody(
    monkeypatch: pytest.MonkeyPatch, goes: str
) -> None:
    """Whoever listens by it is refused at that moment."""
    near, far = factories.seat(), factories.seat()
    factories.tube(near, far)
    listening = LinkedAccount.objects.get(pk=near.account_id)
    monkeypatch.setattr(EchoConnector, "sign_out", lambda _: health.needs_login(listening, "Signed out."))

    account_remove(account=near.account) if goes == "account" else user_remove(user=near.owner)

    assert [notice.kind for notice in far.notices.all()] == ["closed"]


def test_account_is_removed_also_where_its_service_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(self: EchoConnector) -> None:
        raise RetryLater("Echo is away.")

    monkeypatch.setattr(EchoConnector, "sign_out", away)

    account_remove(account=factories.account())

    assert not LinkedAccount.objects.exists()


def test_search_finds_rooms_by_room_team_and_account_and_only_ones_own() -> None:
    mine = factories.account(team="acme")
    lobby = factories.listing(mine, "Lobby")
    factories.listing(mine, "Garden")
    factories.listing(factories.account(team="acme"), "Lobby")

    assert list(RoomListing.objects.owned_by(mine.owner).search("acme lob")) == [lobby]


def test_an_email_address_is_one_login_whatever_its_case() -> None:
    user = User.objects.create_user("Ann@Example.COM", "x")

    assert user.email == "ann@example.com"
