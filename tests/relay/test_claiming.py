"""Rooms of shared accounts: proved by a code typed there, for one user, once, and by nothing of ours."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from accounts.leaving import user_remove
from accounts.models import LinkedAccount, User
from accounts.services import account_refresh_rooms, account_remove
from connectors.base import Author, IncomingEvent, Recent, RoomId, RoomInfo, UserId
from connectors.echo import connector as echo
from connectors.echo.connector import EchoConnector
from connectors.errors import LoginRejected, RetryLater, RoomGone
from sameroom import clock
from tests import factories
from tests.relay.conftest import Clock, Pair, drain_all, texts
from tests.relay.sandboxed import PEOPLE, Sides
from tubes import tasks
from tubes.forms import candidates
from tubes.models import Post, Room, RoomClaim, RoomListing, Seat, Tube
from tubes.relay import reading
from tubes.services import (
    ClaimRefused,
    TubeRefused,
    claim_begin,
    claim_code,
    claiming,
    listing_forget,
    shared_accounts,
    tube_open,
    tube_state,
)

pytestmark = pytest.mark.django_db

KARL = Author(id=UserId("person-karl"), name="Karl", username="karl")


@pytest.fixture
def bot(db: None) -> LinkedAccount:
    """An account of Sameroom's own at the echo service, held by an operator."""
    operator = factories.user("operator@example.com", is_staff=True)
    return factories.account(operator, team="acme", is_shared=True, remote_user_name="Helper")


@pytest.fixture
def karl(db: None) -> User:
    return factories.user("karl@example.com")


def say(room: str, text: str, author: Author = KARL) -> None:
    echo.house("acme").say(RoomId(room), author, text)


def begin(owner: User, bot: LinkedAccount, room: str = "Lobby") -> tuple[RoomClaim, str]:
    claim = claim_begin(owner=owner, account=bot, room_name=room)
    return claim, claim_code(claim)


def rooms_of(user: User) -> list[str]:
    return [listing.name for listing in RoomListing.objects.owned_by(user).order_by("name")]


def test_whoever_types_the_code_in_the_room_may_pick_it_and_nobody_else(
    bot: LinkedAccount, karl: User
) -> None:
    claim, code = begin(karl, bot, "lobby ")
    assert re.fullmatch(r"[A-Z2-7]{5}-[A-Z2-7]{5}", code)  # 50 random bits
    say("lobby", f"here it is: {code.lower()}.")

    assert claiming.codes_look(bot.pk) == 1

    assert rooms_of(karl) == ["Lobby"]
    assert rooms_of(bot.owner) == rooms_of(factories.user()) == []
    claim.refresh_from_db()
    assert claim.listing == RoomListing.objects.get()


def test_a_code_is_good_once(bot: LinkedAccount, karl: User) -> None:
    _, code = begin(karl, bot)
    say("lobby", code)
    claiming.codes_look(bot.pk)
    RoomListing.objects.all().delete()

    say("lobby", code)

    assert (claiming.codes_look(bot.pk), rooms_of(karl)) == (0, [])


def test_a_code_is_good_for_ten_minutes(bot: LinkedAccount, karl: User, time: Clock) -> None:
    _, code = begin(karl, bot)
    time.forward(601)
    say("lobby", code)

    assert (claiming.codes_look(bot.pk), claiming.accounts_due()) == (0, [])


def test_a_new_code_ends_the_one_before(bot: LinkedAccount, karl: User) -> None:
    _, first = begin(karl, bot)
    _, second = begin(karl, bot)
    say("lobby", first)
    assert claiming.codes_look(bot.pk) == 0

    say("lobby", second)
    assert claiming.codes_look(bot.pk) == 1


def test_a_code_counts_only_in_the_room_that_was_named(bot: LinkedAccount, karl: User) -> None:
    _, code = begin(karl, bot, "Garden")
    say("lobby", code)

    assert (claiming.codes_look(bot.pk), rooms_of(karl)) == (0, [])


def test_a_wrong_code_and_one_of_a_stranger_give_nothing_to_who_did_not_get_it(
    bot: LinkedAccount, karl: User
) -> None:
    stranger = factories.user()
    begin(karl, bot)
    _, strange = begin(stranger, bot)
    say("lobby", "AAAAA-22222")
    say("lobby", strange)

    assert claiming.codes_look(bot.pk) == 1

    assert (rooms_of(karl), rooms_of(stranger)) == ([], ["Lobby"])


def test_a_room_is_found_among_many_of_its_name_and_a_code_among_many(
    bot: LinkedAccount, karl: User, time: Clock
) -> None:
    rooms, house = [RoomId(f"general-{number}") for number in range(20)], echo.house("acme")
    house.made.update(dict.fromkeys(rooms, "GÉNÉRAL"))
    house.lines.update({room: [] for room in rooms})
    for _ in range(8):
        begin(factories.user(), bot, "Général")
    _, code = begin(karl, bot, "général")
    say("general-19", code)

    looks = 0
    while not claiming.codes_look(bot.pk):
        looks += 1
        time.forward(10)
        assert looks < 55, "not within the code's ten minutes"  # each look passes it over 7 times of 10

    assert RoomListing.objects.get().remote_id == "general-19"


def test_a_room_that_cannot_be_read_spoils_nobody_elses_code(
    bot: LinkedAccount, karl: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recent(self: EchoConnector, room: RoomId) -> Recent:
        if room == "attic":
            raise RoomGone("The bot was thrown out.")
        return real(self, room)

    def enter(self: EchoConnector, room: RoomId) -> RoomInfo:
        if room == "cellar":
            raise RoomGone("The invitation was withdrawn.")
        return entered(self, room)

    real, entered = EchoConnector.recent, EchoConnector.room
    cellar = RoomInfo(RoomId("cellar"), "Cellar", is_invitation=True)
    listed = [*EchoConnector.list_rooms(bot.connector()), cellar]  # type: ignore[arg-type]
    monkeypatch.setattr(EchoConnector, "recent", recent)
    monkeypatch.setattr(EchoConnector, "room", enter)
    monkeypatch.setattr(EchoConnector, "list_rooms", lambda _: iter(listed))
    begin(factories.user(), bot, "Attic")
    begin(factories.user(), bot, "Cellar")
    _, code = begin(karl, bot)
    say("lobby", code)

    assert claiming.codes_look(bot.pk) == 1

    assert rooms_of(karl) == ["Lobby"]


def test_a_look_is_at_a_few_rooms(bot: LinkedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [RoomInfo(RoomId(f"general-{number}"), "General") for number in range(20)]
    looked_at: list[str] = []
    monkeypatch.setattr(EchoConnector, "list_rooms", lambda _: iter(names))
    monkeypatch.setattr(
        EchoConnector, "recent", lambda _, room: looked_at.append(room) or Recent((), whole=True)
    )
    begin(factories.user(), bot, "General")

    claiming.codes_look(bot.pk)

    assert len(set(looked_at)) == len(looked_at) == claiming.MOST_LOOKED_AT


def test_codes_are_limited_and_so_are_the_looks(bot: LinkedAccount, karl: User, time: Clock) -> None:
    for _ in range(claiming.MOST_AN_HOUR):
        begin(karl, bot)
    with pytest.raises(ClaimRefused, match=r"Try again in \d+ minutes"):
        begin(karl, bot)
    begin(factories.user(), bot)

    assert claiming.accounts_due() == [bot.pk]
    assert claiming.accounts_due() == []
    time.forward(claiming.LOOK_EVERY.total_seconds() + 1)
    assert claiming.accounts_due() == [bot.pk]
    time.forward(3601)
    begin(karl, bot)


def test_the_sweep_looks_while_a_code_is_out(
    bot: LinkedAccount, karl: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    monkeypatch.setattr(tasks.look_for_codes, "delay", looked.append)
    tasks.sweep()
    assert looked == []

    _, code = begin(karl, bot)
    say("lobby", code)
    tasks.sweep()

    assert looked == [bot.pk]
    tasks.look_for_codes(bot.pk)
    assert rooms_of(karl) == ["Lobby"]


# ------------------------------------------------------------------ nothing of ours proves anything


def test_a_code_posted_by_an_account_of_ours_proves_nothing(bot: LinkedAccount, karl: User) -> None:
    _, code = begin(karl, bot)
    other = factories.account(team="acme")
    for account in (bot, other):
        say("lobby", code, Author(id=UserId(account.remote_user_id), name="Bot", username="bot"))

    assert claiming.codes_look(bot.pk) == 0


def test_a_code_that_crossed_a_tube_proves_nothing(
    pair: Pair, bot: LinkedAccount, karl: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Posted under its author's name, as services do that let us: only the id tells that it is ours."""
    claim, code = begin(karl, bot, "Garden")
    LinkedAccount.objects.filter(pk=bot.pk).update(space="echo#globex", team_id="globex")
    bot = LinkedAccount.objects.get(pk=bot.pk)
    bot.credentials = {"team": "globex", "name": "helper", "token": "x"}
    bot.save()
    pair.say(f"my code is {code}")
    drain_all()
    [line] = echo.house("globex").lines[RoomId("garden")]
    Post.objects.all().delete()  # not noted yet
    monkeypatch.setattr(echo.Line, "event", _as_person(echo.Line.event))

    assert claiming.codes_look(bot.pk) == 0
    Post.objects.create(room=pair.there.room, remote_id=line.id)
    assert claiming.codes_look(bot.pk) == 0
    assert rooms_of(karl) == []
    claim.refresh_from_db()
    assert claim.found_at is None


def _as_person(event: Callable[[echo.Line], IncomingEvent]) -> Callable[[echo.Line], IncomingEvent]:
    return lambda self: replace(event(self), author=KARL)


def test_in_a_room_that_is_read_a_code_counts_once_it_was_taken_in_as_a_persons(
    pair: Pair, bot: LinkedAccount, karl: User
) -> None:
    _, code = begin(karl, bot)
    say("lobby", code)
    assert claiming.codes_look(bot.pk) == 0

    reading.poll(pair.here.account_id)
    Room.objects.filter(pk=pair.here.room_id).update(next_poll_at=clock.now() - timedelta(seconds=1))
    reading.poll(pair.here.account_id)

    assert claiming.codes_look(bot.pk) == 1


# ------------------------------------------------------------------ what follows from it


def proved(owner: User, bot: LinkedAccount, room: str = "Lobby") -> RoomListing:
    _, code = begin(owner, bot, room)
    say(room.lower(), code)
    assert claiming.codes_look(bot.pk) == 1
    return RoomListing.objects.get(owner=owner, name=room)


def test_seats_in_a_proved_room_are_their_owners_each(bot: LinkedAccount, karl: User) -> None:
    other = factories.user()
    mine = [proved(owner, bot) for owner in (karl, other)]
    for number, owner in enumerate((karl, other)):
        own = factories.listing(factories.account(owner, team=f"own{number}"), "Attic", "attic")
        tube_open(owner=owner, listing_a=mine[number], listing_b=own)

    lobby = Room.objects.get(kind="echo", space="echo#acme", remote_id="lobby")
    assert sorted(seat.owner.email for seat in lobby.seats.all()) == sorted([karl.email, other.email])
    assert {seat.account for seat in lobby.seats.all()} == {bot}
    assert Tube.objects.owned_by(karl).count() == Tube.objects.owned_by(other).count() == 1
    say("lobby", "hello")
    reading.poll(bot.pk)
    drain_all()
    assert [texts(f"own{number}", "attic")[-1][-5:] for number in (0, 1)] == ["hello", "hello"]


def test_a_proved_room_of_somebody_else_cannot_be_joined(bot: LinkedAccount, karl: User) -> None:
    listing = proved(karl, bot)
    thief = factories.user()
    own = factories.listing(factories.account(thief, team="globex"), "Attic", "attic")

    with pytest.raises(TubeRefused, match="not reached through an account of yours"):
        tube_open(owner=thief, listing_a=listing, listing_b=own)

    assert list(candidates(karl)) == [listing]
    assert list(candidates(bot.owner)) == []


def test_a_shared_account_that_fails_is_its_operators_to_mend(bot: LinkedAccount, karl: User) -> None:
    own = factories.listing(factories.account(karl, team="globex"), "Attic", "attic")
    tube_open(owner=karl, listing_a=proved(karl, bot), listing_b=own)
    LinkedAccount.objects.filter(pk=bot.pk).update(status="needs_login", status_reason="Token 7 refused.")

    state = tube_state(Tube.objects.with_sides().get(), karl)

    assert (state.name, state.reason, state.fix_account) == (
        "failed",
        "Sameroom's own account needs attention.",
        None,
    )


def test_a_listing_of_a_shared_account_shows_nobody_its_rooms(bot: LinkedAccount, karl: User) -> None:
    listing = proved(karl, bot)
    proved(karl, bot, "Garden")
    RoomListing.objects.filter(pk=listing.pk).update(name="Old name")
    echo.ROOMS, kept = {RoomId("lobby"): "Lobby", RoomId("attic"): "Attic"}, echo.ROOMS
    try:
        account_refresh_rooms(account=bot)
    finally:
        echo.ROOMS = kept

    assert (rooms_of(karl), rooms_of(bot.owner)) == (["Lobby"], [])


def test_a_room_can_be_taken_off_ones_list_by_its_owner_only(bot: LinkedAccount, karl: User) -> None:
    listing = proved(karl, bot)

    assert not listing_forget(owner=factories.user(), account=bot, code=listing.code)
    assert listing_forget(owner=karl, account=bot, code=listing.code)
    assert rooms_of(karl) == []


def test_users_and_shared_accounts_go_with_what_was_proved(bot: LinkedAccount, karl: User) -> None:
    other = factories.user()
    mine = [proved(owner, bot) for owner in (karl, other)]
    for number, owner in enumerate((karl, other)):
        own = factories.listing(factories.account(owner, team=f"own{number}"), "Attic", "attic")
        tube_open(owner=owner, listing_a=mine[number], listing_b=own)

    user_remove(user=karl)
    assert list(RoomListing.objects.filter(account=bot)) == [
        RoomListing.objects.get(account=bot, owner=other)
    ]
    assert (Seat.objects.filter(account=bot).count(), RoomClaim.objects.count()) == (1, 1)

    account_remove(account=bot)
    assert (Tube.objects.count(), RoomClaim.objects.count()) == (0, 0)
    assert other.notices.get().text == "The Tube to Lobby is closed: its other side was removed."


# ------------------------------------------------------------------ services in trouble


def test_trouble_is_told_to_who_waits_and_passes(
    bot: LinkedAccount, karl: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, code = begin(karl, bot)
    say("lobby", code)

    def away(self: EchoConnector, room: RoomId) -> None:
        raise RetryLater("Echo is away.")

    with monkeypatch.context() as patch:
        patch.setattr(EchoConnector, "recent", away)
        assert claiming.codes_look(bot.pk) == 0
        claim.refresh_from_db()
        assert claim.trouble == "Echo is away."

    assert claiming.codes_look(bot.pk) == 1
    claim.refresh_from_db()
    assert claim.trouble == ""


def test_a_refused_login_of_a_shared_account_is_noted(
    bot: LinkedAccount, karl: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(karl, bot)

    def refused(self: EchoConnector) -> None:
        raise LoginRejected("refused")

    monkeypatch.setattr(EchoConnector, "list_rooms", refused)
    assert claiming.codes_look(bot.pk) == 0

    bot.refresh_from_db()
    assert bot.status == "needs_login"
    assert shared_accounts() == []
    assert claiming.codes_look(bot.pk) == 0


def test_only_shared_accounts_that_can_look_are_offered(bot: LinkedAccount) -> None:
    factories.account()
    factories.account(is_shared=True, kind="fax")
    unreadable = factories.account(is_shared=True)
    LinkedAccount.objects.filter(pk=unreadable.pk).update(sealed=b"unreadable")

    assert shared_accounts() == [bot]


# ------------------------------------------------------------------ at real services


def test_a_hipchat_room_is_proved_and_joined(sides: Sides) -> None:
    operator, karl = factories.user(), factories.user()
    account = sides.tube.side_a.account
    LinkedAccount.objects.filter(pk=account.pk).update(is_shared=True, owner=operator)
    Tube.objects.all().delete()
    Seat.objects.all().delete()
    RoomListing.objects.filter(account=account).delete()
    account = LinkedAccount.objects.get(pk=account.pk)
    claim = claim_begin(owner=karl, account=account, room_name="support")
    sides.server.world.clear_counts()
    claiming.codes_look(account.pk)
    RoomClaim.objects.update(next_look_at=clock.now())
    [counts] = sides.server.world.request_counts().values()
    assert counts == {"GET room-list": 1, "GET history-latest": 1, "total": 2}

    assert PEOPLE["Acme"] == ("Ann Lee", "Support")
    sides.say("Acme", f"{claim_code(claim)}")
    assert claiming.codes_look(account.pk) == 1

    assert rooms_of(karl) == ["Support"]
    mine = factories.listing(factories.account(karl, team="globex"), "Attic", "attic")
    tube_open(owner=karl, listing_a=RoomListing.objects.get(account=account, owner=karl), listing_b=mine)
    sides.say("Acme", "hello from Support")
    sides.relay()
    assert texts("globex", "attic")[-1].endswith("hello from Support")
