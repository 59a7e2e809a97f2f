"""Tubes between channels of real IRC servers: sent by the connections of a listener, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from accounts.models import LinkedAccount, User
from connectors.irc.connector import IrcConnector
from tests import factories, ircservers
from tests.connectors.irc.living import FAST, login
from tests.irchuman import Crowd, people
from tests.relay.listening import running
from tests.waiting import until
from tubes.models import Delivery, Event, Room, Seat
from tubes.relay import guard, sessions
from tubes.relay.listening import keeper, pacing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("ircd")]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "check_in", lambda: "")
    monkeypatch.setattr(keeper, "LOOK", 0.1)
    monkeypatch.setattr(pacing, "FIRST", 0.05)
    monkeypatch.setattr(pacing, "MOST", 0.5)
    guard.forget()


class Towns:
    """Two networks, with people in a channel of each."""

    def __init__(self, plain: ircservers.Ircd, modern: ircservers.Ircd, crowds: tuple[Crowd, Crowd]) -> None:
        self.plain, self.modern, self.crowds = plain, modern, crowds
        self.ann = crowds[0].enter("ann", "#here")
        self.ben = crowds[1].enter("ben", "#there")

    def seat(self, server: ircservers.Ircd, room: str, nick: str, owner: User) -> Seat:
        """A Seat by an account of its own, linked as the form does."""
        identity = IrcConnector(login(server.url, nick)).verify()
        account = factories.account(
            owner,
            kind="irc",
            server=identity.server,
            space=identity.space,
            team_id=identity.team_id,
            team_name=identity.team_name,
            remote_user_id=identity.user_id,
            scopes=list(identity.scopes),
            credentials={**login(server.url, nick).credentials, **FAST},
        )
        row = Room.objects.filter(space=identity.space, remote_id=room).first()
        seat = factories.seat(
            account, row or factories.room(room, kind="irc", space=identity.space, name=room)
        )
        Room.objects.update(next_poll_at=None)
        return seat

    def joined(self, owner: User, number: str = "") -> list[Seat]:
        """#here at the one joined to #there at the other."""
        seats = [
            self.seat(self.plain, "#here", f"relay{number}", owner),
            self.seat(self.modern, "#there", f"relay{number}", owner),
        ]
        factories.tube(*seats)
        return seats


@pytest.fixture
def towns() -> Iterator[Towns]:
    with ExitStack() as stack:
        servers = [stack.enter_context(made()) for made in (ircservers.ngircd, ircservers.inspircd)]
        crowds = [stack.enter_context(people(server.url)) for server in servers]
        yield Towns(servers[0], servers[1], (crowds[0], crowds[1]))


def stand(count: int) -> None:
    until(lambda: len(sessions.accounts()) == count)


def ends() -> set[str]:
    return set(Delivery.objects.values_list("status", flat=True))


def test_pastes_cross_both_ways_in_order_and_nothing_comes_back(towns: Towns) -> None:
    towns.joined(factories.user())
    here, there = [f"here {number}" for number in range(30)], [f"there {number}" for number in range(30)]
    with running():
        stand(2)
        towns.ben.paste("#there", there)
        towns.ann.paste("#here", here)
        towns.ann.wait(lambda: len(towns.ann.texts("#here")) >= 30, within=60)
        towns.ben.wait(lambda: len(towns.ben.texts("#there")) >= 30, within=60)
        until(lambda: ends() == {"sent"})

    assert [text.split("]")[-1].strip("\x02 \x0f") for text in towns.ann.texts("#here")] == there
    assert [text.split("]")[-1].strip("\x02 \x0f") for text in towns.ben.texts("#there")] == here
    assert Event.objects.count() == 60


def test_two_accounts_in_the_same_channels_make_no_loop(towns: Towns) -> None:
    towns.joined(factories.user())
    towns.joined(factories.user(), "two")
    with running():
        stand(4)
        for number in range(5):
            towns.ann.say("#here", f"from here {number}")
            towns.ben.say("#there", f"from there {number}")
        until(lambda: Delivery.objects.filter(status="sent").count() >= 10, within=60)
        towns.ann.wait(lambda: len(towns.ann.texts("#here")) >= 5)
        towns.ann.say("#here", "last")
        towns.ben.wait(lambda: any("last" in text for text in towns.ben.texts("#there")), within=20)

    assert len(towns.ben.texts("#there")) == 6
    assert len(towns.ann.texts("#here")) == 5
    assert Delivery.objects.count() == 11  # what one account hears of the other's posts leads nowhere


def test_who_comes_and_goes_is_told_where_that_is_wanted_and_not_of_us(towns: Towns) -> None:
    _, there = towns.joined(factories.user())
    towns.joined(factories.user(), "two")
    Seat.objects.filter(pk=there.pk).update(takes_presence=True)

    def told(count: int) -> list[str]:
        towns.ben.wait(lambda: len(towns.ben.texts("#there")) >= count, within=20)
        return [text.split("]")[-1].strip("\x02\x0f\x1d ") for text in towns.ben.texts("#there")]

    with running():
        stand(4)
        eve = towns.crowds[0].enter("eve", "#here")
        told(1)
        towns.ann.topic("#here", "Lunch")
        told(2)
        eve.quit()
        told(3)
        towns.ben.say("#there", "goodbye")
        towns.ann.wait(lambda: towns.ann.texts("#here"), within=20)

    joined, topic, left = told(3)[:3]
    assert (joined, topic) == ("has joined", "has set the topic to: Lunch")
    assert left.startswith("has left")
    assert "eve" in towns.ben.texts("#there")[0].replace("\u200b", "")
    assert len(towns.ann.texts("#here")) == 1
    assert set(Event.objects.filter(is_presence=True).values_list("author_id", flat=True)) == {"eve", "ann"}


def test_what_is_said_while_the_other_network_is_down_is_posted_later(towns: Towns) -> None:
    towns.joined(factories.user())
    with running():
        stand(2)
        towns.modern.kill()
        stand(1)
        towns.ann.paste("#here", [f"line {number}" for number in range(10)])
        until(lambda: Event.objects.count() == 10)
        towns.modern.start()
        towns.ben.connect()
        towns.ben.join("#there")
        until(lambda: ends() == {"sent"}, within=60)
        assert Delivery.objects.count() == 10
        towns.ann.say("#here", "line 10")
        towns.ben.wait(lambda: any("line 10" in text for text in towns.ben.texts("#there")))

    # The server confirmed each of them; Ben has heard those that came after him, whoever was back first.
    heard = [text.split()[-1] for text in towns.ben.texts("#there")]
    assert heard == [str(number) for number in range(11)][-len(heard) :]


def test_channel_that_shuts_us_out_fails_with_its_reason(towns: Towns) -> None:
    _, there = towns.joined(factories.user())
    with running():
        stand(2)
        towns.ben.mode("#there", "+b", "*!*@127.0.0.1")
        towns.ben.kick("#there", "relay")
        until(lambda: Seat.objects.get(pk=there.pk).failure, within=30)

    assert "banned" in Seat.objects.get(pk=there.pk).failure
    assert LinkedAccount.objects.get(pk=there.account_id).status == "connected"
