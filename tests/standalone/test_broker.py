import threading
import time

import pytest
from celery.worker import state
from kombu import Connection

from sameroom.celery import stopping
from standalone.broker import Transport

QUEUE = "broker-test"


def connection() -> Connection:
    return Connection("memory://localhost", transport=Transport)


def test_message_wakes_the_waiting_consumer() -> None:
    def put() -> None:
        time.sleep(0.2)
        with connection() as producer, producer.SimpleQueue(QUEUE) as queue:
            queue.put(time.monotonic())

    putter = threading.Thread(target=put)
    with connection() as consumer, consumer.SimpleQueue(QUEUE) as queue:
        putter.start()
        message = queue.get(timeout=5)
        late = time.monotonic() - message.payload
        message.ack()
    putter.join()

    assert late < 0.1


def test_acknowledgement_makes_room_for_the_next_message_at_once() -> None:
    with connection() as consumer, consumer.SimpleQueue(QUEUE) as queue:
        queue.consumer.qos(prefetch_count=1)
        queue.put(1)
        queue.put(2)
        first = queue.get(timeout=1)
        threading.Timer(0.2, first.ack).start()
        begun = time.monotonic()
        second = queue.get(timeout=5)
        waited = time.monotonic() - begun
        second.ack()

    assert waited < 0.5


def test_empty_queue_times_out() -> None:
    with connection() as consumer, consumer.SimpleQueue(QUEUE) as queue:
        begun = time.monotonic()
        with pytest.raises(queue.Empty):
            queue.get(timeout=0.3)

    assert 0.2 < time.monotonic() - begun < 1


def test_stopping_worker_does_not_wait_for_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "should_stop", 0)
    assert stopping()

    with connection() as consumer, consumer.SimpleQueue(QUEUE) as queue:
        begun = time.monotonic()
        with pytest.raises(queue.Empty):
            queue.get(timeout=5)

    assert time.monotonic() - begun < 1
