"""What an owner sends again goes through the lane like everything else."""

from dataclasses import replace

import pytest

from connectors.echo.connector import EchoConnector
from connectors.errors import DeliveryUnknown, MessageRejected
from sameroom import clock
from tests.relay.conftest import Clock, Pair, Service, drain_all, statuses, texts
from tubes.models import Delivery, Seat, Tube
from tubes.services import delivery_send_again

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(pair: Pair) -> Pair:
    """One whose rooms hear no notices."""
    Seat.objects.update(takes_notices=False)
    return pair


def send_again(pair: Pair) -> None:
    [delivery] = Delivery.objects.filter(status__in=("failed", "unknown"))
    delivery_send_again(delivery=delivery, by=pair.there.owner)


def test_a_message_that_was_refused_follows_after_what_was_said_since(pair: Pair, service: Service) -> None:
    service.refuse(MessageRejected("Echo does not like this word."))
    pair.say("one", "two")
    drain_all()
    before = texts("globex", "garden")
    send_again(pair)
    pair.say("three")
    drain_all()

    assert before == ["[Ann, Acme] two"]
    assert texts("globex", "garden") == ["[Ann, Acme] two", "[Ann, Acme] one", "[Ann, Acme] three"]
    assert statuses() == ["sent", "sent", "sent"]


def test_what_may_have_arrived_then_stands_there_twice(
    pair: Pair, service: Service, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody_tells = replace(EchoConnector.capabilities, history=False)
    monkeypatch.setattr(EchoConnector, "capabilities", nobody_tells)
    service.store_then(DeliveryUnknown("The answer was cut off."))
    pair.say("one")
    for _ in range(4):
        drain_all(3)
        time.forward(20)
    time.forward(120)
    before = statuses()
    send_again(pair)
    drain_all()

    assert (before, statuses()) == (["unknown"], ["sent"])
    assert [text.endswith("one") for text in texts("globex", "garden")] == [True, True]


def test_a_pause_after_sending_again_holds_it_back(pair: Pair, service: Service) -> None:
    service.refuse(MessageRejected("Echo does not like this word."))
    pair.say("one")
    drain_all()
    send_again(pair)
    Tube.objects.update(status="paused", status_since=clock.now())
    drain_all()

    assert (statuses(), texts("globex", "garden")) == (["skipped"], [])
