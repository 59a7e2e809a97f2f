from datetime import timedelta

import pytest

from connectors.markup import plain
from connectors.markup.tree import from_json
from sameroom import clock
from tests import factories
from tests.relay.conftest import Clock, Pair, Rings
from tubes.models import Delivery, Event, Notice
from tubes.relay import notices
from tubes.relay.notices import MOST_KEPT, MOST_SAID, lost, tell, unknown

pytestmark = pytest.mark.django_db

Kind = Notice.Kind


def told() -> list[tuple[str, str, int]]:
    return list(Notice.objects.order_by("pk").values_list("kind", "text", "count"))


def said() -> list[str]:
    """What waits in the lanes, as text."""
    events = Event.objects.filter(room=None).order_by("pk")
    return [plain.render(from_json(event.body)) for event in events]


def messages(count: int) -> str:
    return f"{count} message{'' if count == 1 else 's'} left out."


def test_a_notice_is_kept_for_the_owner_and_said_in_the_room(
    pair: Pair, rings: Rings, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        tell(pair.there, Kind.LOSS, "It rained.", in_room=True)

    notice = Notice.objects.get()
    assert (notice.owner, notice.seat, notice.kind, notice.text, notice.count) == (
        pair.there.owner,
        pair.there,
        "loss",
        "It rained.",
        1,
    )
    delivery = Delivery.objects.get()
    assert (delivery.room, delivery.seat, delivery.origin, delivery.status) == (
        pair.there.room,
        pair.there,
        None,
        "queued",
    )
    assert (delivery.event.room, delivery.event.kind, delivery.event.number) == (None, "notice", 0)
    assert said() == ["It rained."]
    assert rings.lanes == [pair.there.pk]


def test_a_room_that_takes_no_notices_and_a_notice_for_the_owner_only_stay_on_manage(pair: Pair) -> None:
    pair.here.takes_notices = False
    tell(pair.here, Kind.LOSS, "It rained.", in_room=True)
    tell(pair.there, Kind.BREAKER, "An echo.", in_room=False)

    assert told() == [("loss", "It rained.", 1), ("breaker", "An echo.", 1)]
    assert said() == []


def test_the_same_within_an_hour_is_counted_and_said_once(pair: Pair, time: Clock) -> None:
    for _ in range(3):
        tell(pair.there, Kind.LOSS, "It rained.", in_room=True)
    Delivery.objects.update(status="sent")
    tell(pair.there, Kind.LOSS, "It rained.", in_room=True)
    assert (told(), said()) == ([("loss", "It rained.", 4)], ["It rained."])

    time.forward(3601)
    tell(pair.there, Kind.LOSS, "It rained.", in_room=True)

    assert told() == [("loss", "It rained.", 4), ("loss", "It rained.", 1)]
    assert said() == ["It rained."] * 2


def test_another_sentence_another_kind_and_another_seat_are_other_notices(pair: Pair) -> None:
    tell(pair.there, Kind.LOSS, "It rained.", in_room=True)
    tell(pair.there, Kind.LOSS, "It snowed.", in_room=True)
    tell(pair.there, Kind.UNKNOWN, "It rained.", in_room=True)
    tell(pair.here, Kind.LOSS, "It rained.", in_room=True)

    assert [count for _, _, count in told()] == [1, 1, 1, 1]
    assert len(said()) == 4


def test_a_dismissed_notice_is_told_anew(pair: Pair) -> None:
    tell(pair.there, Kind.LOSS, "It rained.", in_room=False)
    Notice.objects.update(dismissed_at=clock.now())

    tell(pair.there, Kind.LOSS, "It rained.", in_room=False)

    assert [count for _, _, count in told()] == [1, 1]


def test_a_room_does_not_hear_anew_what_its_owner_put_away(pair: Pair, time: Clock) -> None:
    tell(pair.there, Kind.CATCH_UP, messages, in_room=True, times=2)
    Delivery.objects.update(status="sent")
    Notice.objects.update(dismissed_at=clock.now())

    tell(pair.there, Kind.CATCH_UP, messages, in_room=True, times=3)

    assert (len(told()), said()) == (2, ["2 messages left out."])
    time.forward(3601)
    tell(pair.there, Kind.CATCH_UP, messages, in_room=True, times=4)
    assert said() == ["2 messages left out.", "4 messages left out."]


def test_a_number_that_grows_is_named_also_where_the_notice_still_waits(pair: Pair, time: Clock) -> None:
    tell(pair.there, Kind.CATCH_UP, messages, in_room=True, times=2)
    time.forward(7200)  # a service that is down for long
    tell(pair.there, Kind.CATCH_UP, messages, in_room=True, times=3)

    assert (told(), said()) == ([("catch_up", "5 messages left out.", 5)], ["5 messages left out."])
    assert clock.now() - Event.objects.get().said_at < timedelta(minutes=1)


def test_a_notice_that_is_being_posted_keeps_its_words(pair: Pair) -> None:
    tell(pair.there, Kind.CATCH_UP, messages, in_room=True)
    Delivery.objects.update(status="sending")

    tell(pair.there, Kind.CATCH_UP, messages, in_room=True, times=3)

    assert (told(), said()) == ([("catch_up", "4 messages left out.", 4)], ["1 message left out."])


def test_a_room_hears_a_few_of_a_kind_in_an_hour_and_manage_shows_all(pair: Pair, time: Clock) -> None:
    for number in range(MOST_SAID + 5):
        tell(pair.there, Kind.LOSS, f"Reason {number}.", in_room=True)
    assert (len(told()), len(said())) == (MOST_SAID + 5, MOST_SAID)

    time.forward(3601)
    tell(pair.there, Kind.LOSS, "Reason x.", in_room=True)

    assert said()[-1] == "Reason x."


def test_an_owner_has_so_many_notices_and_the_oldest_go(pair: Pair) -> None:
    old = clock.now() - timedelta(days=1)
    Notice.objects.bulk_create(
        Notice(owner=pair.there.owner, kind="loss", text=str(number), created_at=old)
        for number in range(MOST_KEPT)
    )
    Notice.objects.create(owner=factories.user(), kind="loss", text="somebody else's", created_at=old)

    tell(pair.there, Kind.LOSS, "new", in_room=False)

    texts = [text for _, text, _ in told()]
    assert len(texts) == MOST_KEPT + 1
    assert (texts[0], texts[-2:]) == ("1", ["somebody else's", "new"])


def test_a_lost_message_is_told_with_its_rooms_and_its_reason_and_without_its_text(pair: Pair) -> None:
    pair.say("my secret")
    delivery = Delivery.objects.get()

    lost(delivery, "HipChat refuses it: too long.")
    unknown(delivery)

    assert told() == [
        ("loss", "A message from Lobby could not be delivered to Garden: HipChat refuses it: too long.", 1),
        (
            "unknown",
            "A message from Lobby may not have arrived in Garden: "
            "the connection broke and the service lets nobody check.",
            1,
        ),
    ]
    assert said() == [text for _, text, _ in told()]


@pytest.mark.parametrize(("kind", "name"), [("edit", "An edit"), ("delete", "A deletion")])
def test_what_was_lost_is_named(pair: Pair, kind: str, name: str) -> None:
    lost(factories.delivery(factories.event(pair.here.room, kind=kind), pair.there), "no")

    assert told() == [("loss", f"{name} from Lobby could not be delivered to Garden: no.", 1)]


def test_a_lost_notice_makes_no_other_notice(pair: Pair) -> None:
    tell(pair.there, Kind.LOSS, "It rained.", in_room=True)

    lost(Delivery.objects.get(), "no")

    assert told() == [("loss", "It rained.", 1)]


def test_an_owner_is_not_told_the_name_of_a_room_further_away(pair: Pair) -> None:
    stranger = factories.user()
    far = factories.seat(factories.account(stranger, team="initech"), factories.room("attic", team="initech"))
    tube = factories.tube(pair.there, far)

    assert notices.room_name(pair.there.room, stranger.pk) == "Garden"
    assert notices.room_name(pair.here.room, stranger.pk) == "another room"
    assert notices.room_name(far.room, pair.here.owner_id) == "Attic"

    tube.status = "closed"
    tube.save()
    assert notices.room_name(far.room, pair.here.owner_id) == "another room"
