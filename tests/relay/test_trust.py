"""Who may see and use what: Seats that lost their room, closed Tubes, removed accounts."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from accounts.leaving import user_remove
from accounts.models import LinkedAccount
from accounts.services import account_remove
from connectors.base import MessageId, OutgoingMessage, RoomId
from connectors.echo import connector as echo
from connectors.echo.connector import EchoConnector
from sameroom import clock
from tests import factories
from tests.relay.conftest import Clock, Pair, drain_all, statuses, take, texts
from tubes import tasks
from tubes.models import Delivery, Event, Post, Room, Seat, Tube
from tubes.relay import health, lanes
from tubes.relay.rendering import fingerprint
from tubes.services import tube_close

pytestmark = pytest.mark.django_db


@dataclass
class Other:
    """A second owner, with a Seat of their own in the lobby and a Tube from there to an attic."""

    here: Seat
    far: Seat
    tube: Tube


@pytest.fixture
def other(pair: Pair) -> Other:
    owner = factories.user()
    here = factories.seat(factories.account(owner, team="acme"), pair.here.room)
    far = factories.seat(factories.account(owner, team="initech"), factories.room("attic", team="initech"))
    return Other(here, far, factories.tube(here, far))


def reader() -> Seat | None:
    return Room.objects.get(remote_id="lobby").reader


def test_a_seat_that_lost_its_room_hears_nothing_from_it_any_more(pair: Pair, other: Other) -> None:
    health.seat_failed(pair.here, "kicked")
    pair.say("said after the first owner was thrown out")

    drain_all()

    assert (texts("globex", "garden"), len(texts("initech", "attic"))) == ([], 1)


def test_nothing_is_walked_on_through_a_seat_that_lost_its_room(pair: Pair, other: Other) -> None:
    health.seat_failed(pair.here, "kicked")
    take(pair.there.room, factories.said("from the garden"))

    assert list(Delivery.objects.values_list("room", flat=True)) == [pair.here.room_id]


def test_where_an_account_on_the_way_needs_a_login_its_messages_wait(
    pair: Pair, other: Other, time: Clock
) -> None:
    health.needs_login(pair.here.account, "expired")
    pair.say("waits")
    drain_all()
    assert (texts("globex", "garden"), len(texts("initech", "attic"))) == ([], 1)

    LinkedAccount.objects.filter(pk=pair.here.account_id).update(status="connected")
    time.forward(61)
    drain_all()
    assert texts("globex", "garden") == ["[Ann, Acme] waits"]


def test_after_its_last_tube_closed_an_account_reads_for_nobody(pair: Pair, other: Other) -> None:
    assert reader() == pair.here

    tube_close(tube=pair.tube, by=pair.here.owner)

    assert reader() == other.here


def test_after_its_account_was_removed_another_seat_reads(pair: Pair, other: Other) -> None:
    account_remove(account=pair.here.account)

    assert reader() == other.here


def test_after_a_user_was_removed_another_seat_reads(pair: Pair, other: Other) -> None:
    user_remove(user=pair.here.owner)

    assert (reader(), LinkedAccount.objects.count()) == (other.here, 2)


@pytest.mark.parametrize("change", [{"reader": None}, {}])
def test_the_sweep_finds_a_reader_where_one_is_missing(
    change: dict[str, None], pair: Pair, other: Other
) -> None:
    LinkedAccount.objects.filter(pk=pair.here.account_id).update(status="needs_login")
    Room.objects.filter(remote_id="lobby").update(**change)

    tasks.sweep()

    assert reader() == other.here


def test_what_a_removed_account_posted_is_still_known_as_ours(pair: Pair, other: Other) -> None:
    take(pair.there.room, factories.said("hello"))
    drain_all()
    posted = Post.objects.get(room=pair.here.room)
    account_remove(account=pair.here.account)
    bot = pair.here.account.remote_user_id

    take(other.here.room, factories.said("[Ann, Globex] hello", id=posted.remote_id, user_id=bot))

    assert Event.objects.filter(room=other.here.room).count() == 0


def test_a_dead_lane_does_not_hold_up_what_others_say(pair: Pair, other: Other, time: Clock) -> None:
    """A send into the lobby is undecided, and its account then needs a login: it settles nothing."""
    undecided = factories.delivery(
        factories.event(pair.there.room), pair.here, status="sending", sending_since=clock.now()
    )
    LinkedAccount.objects.filter(pk=pair.here.account_id).update(status="needs_login")
    health.choose_reader(pair.here.room)
    take(other.here.room, factories.said("typed by hand", user_id=pair.here.account.remote_user_id))
    assert Event.objects.filter(held="waiting").count() == 1

    time.forward(13)
    tasks.sweep()
    drain_all()

    assert Delivery.objects.get(pk=undecided.pk).status == "sending"
    assert len(texts("initech", "attic")) == 1


def test_an_unknown_send_that_is_seen_later_was_sent(pair: Pair) -> None:
    pair.say("one")
    Delivery.objects.update(
        status="unknown",
        finished_at=clock.now() - timedelta(minutes=5),
        fingerprint=fingerprint("[Ann, Acme] one"),
    )
    bot = pair.there.account.remote_user_id

    take(pair.there.room, factories.said("[Ann, Acme]  one", id="seen-1", user_id=bot))

    assert (statuses(), Post.objects.get().remote_id) == (["sent"], "seen-1")
    assert Event.objects.filter(room=pair.there.room).count() == 0


def test_a_refusal_of_the_old_login_does_not_undo_the_new_one(pair: Pair) -> None:
    stale = LinkedAccount.objects.get(pk=pair.here.account_id)
    LinkedAccount.objects.filter(pk=stale.pk).update(status_since=clock.now())

    health.needs_login(stale, "the old token is refused")

    assert LinkedAccount.objects.get(pk=stale.pk).status == "connected"


def test_a_secret_that_no_key_opens_asks_for_a_login(pair: Pair) -> None:
    pair.say("one")
    LinkedAccount.objects.filter(pk=pair.there.account_id).update(sealed=b"written with a lost key")

    drain_all(rounds=1)

    account = LinkedAccount.objects.get(pk=pair.there.account_id)
    assert (account.status, statuses()) == ("needs_login", ["queued"])


def test_a_send_whose_secret_no_key_opens_is_recognised_all_the_same(pair: Pair) -> None:
    pair.say("one")
    sent = fingerprint("[Ann, Acme] one")
    Delivery.objects.update(status="unknown", finished_at=clock.now(), fingerprint=sent)
    LinkedAccount.objects.filter(pk=pair.there.account_id).update(sealed=b"written with a lost key")
    bot = pair.there.account.remote_user_id

    assert take(pair.there.room, factories.said("[Ann, Acme] one", user_id=bot)) == 0
    assert statuses() == ["sent"]


# ----------------------------------------------------------------- removed while something is on its way


@pytest.mark.parametrize("is_read_first", [True, False])
@pytest.mark.django_db(transaction=True)
def test_what_an_account_is_posting_while_it_is_removed_is_known_as_ours(
    pair: Pair, other: Other, monkeypatch: pytest.MonkeyPatch, is_read_first: bool
) -> None:
    bot, real = pair.here.account.remote_user_id, EchoConnector.send
    seen = factories.said("[Ann, Globex] hello", id="acme-1", user_id=bot)

    def send(self: EchoConnector, room: RoomId, message: OutgoingMessage) -> MessageId:
        remote_id = real(self, room, message)
        if room == pair.here.room.remote_id:
            account_remove(account=pair.here.account)
            if is_read_first:
                take(other.here.room, replace(seen, id=remote_id, dedupe_key=remote_id))
        return remote_id

    monkeypatch.setattr(EchoConnector, "send", send)
    take(pair.there.room, factories.said("hello"))

    assert lanes.drain(pair.here.pk) is None
    posted = texts_with_ids("acme", "lobby")
    for remote_id, text in posted:
        take(other.here.room, factories.said(text, id=remote_id, user_id=bot))

    assert [text for _, text in posted] == ["[Ann, Globex] hello"]
    assert not Event.objects.filter(room=other.here.room, body__isnull=False).exists()


def test_what_waits_at_a_removed_account_goes_by_another_owners_tube(pair: Pair) -> None:
    far = factories.seat(factories.account(team="globex"), pair.there.room)
    factories.tube(factories.seat(factories.account(far.owner, team="acme"), pair.here.room), far)
    pair.say("one", "two")
    assert set(Delivery.objects.values_list("seat", flat=True)) == {pair.there.pk}

    account_remove(account=pair.there.account)
    pair.say("three")
    drain_all()

    assert texts("globex", "garden") == ["[Ann, Acme] one", "[Ann, Acme] two", "[Ann, Acme] three"]


def test_what_may_have_been_sent_by_a_removed_user_is_known_when_it_is_seen(pair: Pair, other: Other) -> None:
    text = "[Ann, Globex] hello"
    factories.delivery(
        factories.event(pair.there.room),
        pair.here,
        status="unknown",
        finished_at=clock.now(),
        fingerprint=fingerprint(text),
    )
    bot = pair.here.account.remote_user_id
    user_remove(user=pair.here.owner)

    take(other.here.room, factories.said(text, user_id=bot))
    assert texts_relayed(other) == []

    take(other.here.room, factories.said(text, name="Eve"))
    assert len(texts_relayed(other)) == 1


def texts_relayed(other: Other) -> list[str]:
    drain_all()
    return texts("initech", "attic")


def texts_with_ids(team: str, room: str) -> list[tuple[str, str]]:
    return [(line.id, line.text) for line in echo.house(team).lines[RoomId(room)]]
