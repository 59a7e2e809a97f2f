"""What comes before the message that it is about, as the message's own push was not acknowledged at first."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sameroom import clock
from tests import factories
from tests.relay.conftest import Pair, held, statuses, take, texts
from tests.relay.stubbed import deletion_of, edit_of
from tubes.models import Delivery, Event
from tubes.relay import intake, lanes
from tubes.services.again import delivery_send_again

pytestmark = pytest.mark.django_db


def bodies() -> list[bool]:
    """Of which events a text is kept."""
    return [body is not None for body in Event.objects.order_by("pk").values_list("body", flat=True)]


def test_a_message_that_comes_after_its_deletion_is_not_said(pair: Pair) -> None:
    take(pair.here.room, deletion_of("m-1"))

    assert take(pair.here.room, factories.said("a secret", id="m-1"), factories.said("two")) == 1
    lanes.drain(pair.there.pk)

    assert texts("globex", "garden") == ["[Ann, Acme] two"]
    assert Event.objects.filter(remote_id="m-1", kind="message").count() == 0


def test_a_message_that_comes_after_its_edits_has_the_newest_words(pair: Pair) -> None:
    newest = edit_of("m-1", "ONE")
    nearly = replace(edit_of("m-1", "nearly"), said_at=newest.said_at - timedelta(seconds=5))
    take(pair.here.room, newest)
    take(pair.here.room, nearly)
    take(pair.here.room, factories.said("one", id="m-1"))
    assert bodies() == [True, False, True]
    lanes.drain(pair.there.pk)

    assert texts("globex", "garden") == ["[Ann, Acme] ONE"]


def test_a_message_that_failed_is_sent_again_with_the_words_of_its_early_edit(pair: Pair) -> None:
    take(pair.here.room, edit_of("m-1", "ONE"))
    take(pair.here.room, replace(edit_of("m-1", "nearly"), said_at=clock.now() - timedelta(seconds=5)))
    take(pair.here.room, factories.said("one", id="m-1"))
    Delivery.objects.update(status="failed", finished_at=clock.now())

    delivery_send_again(delivery=Delivery.objects.get(), by=pair.there.owner)
    lanes.drain(pair.there.pk)

    assert texts("globex", "garden") == ["[Ann, Acme] ONE"]


def test_edits_that_came_before_their_message_are_known_as_its_edits_afterwards(pair: Pair) -> None:
    early = edit_of("m-1", "ONE")
    take(pair.here.room, early)
    take(pair.here.room, factories.said("one", id="m-1"))
    lanes.drain(pair.there.pk)

    take(pair.here.room, replace(edit_of("m-1", "older"), said_at=early.said_at - timedelta(seconds=5)))
    take(pair.here.room, edit_of("m-1", "newer"))
    lanes.drain(pair.there.pk)

    assert texts("globex", "garden") == ["[Ann, Acme] ONE", "[Ann, Acme] ✎ newer"]


@pytest.mark.parametrize("change", [edit_of, deletion_of])
def test_what_comes_in_one_page_before_its_message_counts_after_it(pair: Pair, change) -> None:
    changed = change("m-1", "ONE") if change is edit_of else change("m-1")
    take(pair.here.room, changed, factories.said("one", id="m-1"), factories.said("two"))
    lanes.drain(pair.there.pk)

    assert texts("globex", "garden") == [
        *(["[Ann, Acme] ONE"] if change is edit_of else []),
        "[Ann, Acme] two",
    ]


def test_words_of_an_early_edit_are_kept_only_where_its_message_would_go_and_until_it_is_taken_back(
    pair: Pair,
) -> None:
    take(pair.here.room, edit_of("m-1", "ONE"))
    take(factories.seat(pair.here.account, factories.room("attic")).room, edit_of("m-9", "nowhere"))

    assert bodies() == [True, False]
    take(pair.here.room, deletion_of("m-1"))
    assert bodies() == [False, False, False]


def test_what_may_be_a_send_of_ours_is_held_though_a_moderator_was_faster(pair: Pair) -> None:
    bot = pair.here.account.remote_user_id
    factories.delivery(seat_=pair.here, status="sending")
    take(pair.here.room, deletion_of("m-1"))

    take(pair.here.room, factories.said("one", id="m-1", user_id=bot))

    assert held() == ["no", "no", "waiting"]


def test_a_held_message_has_the_words_of_its_early_edit_too(pair: Pair) -> None:
    bot = pair.here.account.remote_user_id
    waiting = factories.delivery(seat_=pair.here, status="sending")
    take(pair.here.room, edit_of("m-1", "ONE"))
    take(pair.here.room, factories.said("one", id="m-1", user_id=bot))
    assert held() == ["no", "no", "waiting"]

    waiting.delete()
    intake.release_held(pair.here.room_id)
    lanes.drain(pair.there.pk)

    assert statuses() == ["sent"]
    assert texts("globex", "garden") == ["[Ann, Acme] ONE"]
