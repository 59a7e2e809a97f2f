"""Nothing stays under way for ever."""

import pytest

from connectors.echo.connector import EchoConnector
from connectors.errors import DeliveryUnknown, RetryLater
from sameroom import clock
from tests import factories
from tests.relay.conftest import Clock, Pair, Service, drain_all, held, statuses, take
from tubes import tasks
from tubes.models import Delivery, Notice
from tubes.relay import expiry, handover, retention

pytestmark = pytest.mark.django_db


@pytest.fixture
def broken(pair: Pair) -> Pair:
    """The account stopped working while one message was on the wire, one half posted, and one waited."""
    pair.say("on the wire", "half posted", "waits")
    wire, half, _ = Delivery.objects.order_by("pk")
    Delivery.objects.filter(pk=wire.pk).update(
        status="sending", sending_since=clock.now(), fingerprint="f" * 32
    )
    Delivery.objects.filter(pk=half.pk).update(part=1, parts=[{"text": "a"}, {"text": "b"}])
    pair.there.account.status = "needs_login"
    pair.there.account.save()
    return pair


def test_what_a_broken_account_had_begun_ends_after_the_catch_up_age(broken: Pair, time: Clock) -> None:
    time.forward(23 * 3600)
    assert (expiry.skip_where_nobody_works(), statuses()) == (0, ["sending", "queued", "queued"])

    time.forward(2 * 3600)

    assert expiry.skip_where_nobody_works() == 3
    assert statuses()[:3] == ["unknown", "failed", "skipped"]
    kinds = Notice.objects.order_by("kind").values_list("kind", "owner")
    assert list(kinds) == [(kind, broken.there.owner_id) for kind in ("catch_up", "loss", "unknown")]
    assert expiry.skip_where_nobody_works() == 0


def test_its_texts_are_erased_a_day_later(broken: Pair, time: Clock) -> None:
    time.forward(25 * 3600)
    expiry.skip_where_nobody_works()
    time.forward(25 * 3600)

    assert retention.erase_bodies() == 3
    assert not Delivery.objects.filter(event__room=broken.here.room).exclude(event__body=None).exists()
    assert set(Delivery.objects.values_list("parts", flat=True)) == {None}


def test_what_was_mended_in_time_goes_on(broken: Pair, time: Clock) -> None:
    time.forward(3600)
    broken.there.account.status = "connected"
    broken.there.account.save()

    drain_all()
    time.forward(25 * 3600)

    assert expiry.skip_where_nobody_works() == 0


def test_a_send_that_can_never_be_looked_up_holds_its_lane_for_the_catch_up_age_at_most(
    pair: Pair, service: Service, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recent(*args: object) -> None:
        raise RetryLater("the history is closed")

    monkeypatch.setattr(EchoConnector, "recent", recent)
    service.store_then(DeliveryUnknown("connection reset"))
    pair.say("one")
    for _ in range(12):
        drain_all(rounds=1)
        time.forward(3600)
    assert statuses() == ["sending"]

    time.forward(13 * 3600)
    pair.say("two")
    drain_all()

    assert statuses()[:2] == ["unknown", "sent"]


def test_one_seat_that_makes_trouble_does_not_stop_the_sweep(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    factories.delivery(factories.event(pair.here.room), pair.there, status="sending")
    take(pair.there.room, factories.said(id="m-1", user_id=pair.there.account.remote_user_id))
    Delivery.objects.update(status="failed")
    pair.say("one")
    type(pair.tube).objects.update(status="closed")

    def retire(seat_id: int) -> None:
        raise KeyError(seat_id)

    monkeypatch.setattr(handover, "retire", retire)

    tasks.sweep()

    assert held() == ["no", "no", "no"]
    assert "The sweep met an unexpected error" in caplog.text
