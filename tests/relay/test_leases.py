import threading

import pytest
from django.db import connection

from tests import factories
from tests.relay.conftest import Clock
from tubes.models import Seat
from tubes.relay.leases import claim


@pytest.mark.django_db
def test_a_lease_is_held_by_one_and_free_after_its_release() -> None:
    seat = factories.seat()
    lease = claim(Seat, seat.pk, "lane")

    assert lease is not None
    assert claim(Seat, seat.pk, "lane") is None
    lease.release()
    assert claim(Seat, seat.pk, "lane") is not None


@pytest.mark.django_db
def test_an_expired_lease_goes_to_the_next_one_and_is_lost_to_the_former(time: Clock) -> None:
    seat = factories.seat()
    former = claim(Seat, seat.pk, "lane")
    time.forward(31)
    following = claim(Seat, seat.pk, "lane")

    assert former is not None
    assert following is not None
    assert (former.renew(), following.renew()) == (False, True)
    former.release()
    assert claim(Seat, seat.pk, "lane") is None


@pytest.mark.django_db
def test_a_ring_with_a_passed_fence_is_void() -> None:
    seat = factories.seat()
    lease = claim(Seat, seat.pk, "lane")
    assert lease is not None
    lease.release()

    assert claim(Seat, seat.pk, "lane", fence=lease.fence - 1 or 99) is None
    assert claim(Seat, seat.pk, "lane", fence=lease.fence) is not None


@pytest.mark.django_db
def test_the_lease_of_a_row_that_is_gone_is_refused() -> None:
    assert claim(Seat, 12345, "lane") is None


@pytest.mark.django_db(transaction=True)
def test_of_many_that_claim_at_once_one_wins() -> None:
    seat = factories.seat()
    won = []
    start = threading.Barrier(6)

    def contend() -> None:
        start.wait()
        try:
            if lease := claim(Seat, seat.pk, "lane"):
                won.append(lease)
        finally:
            connection.close()

    threads = [threading.Thread(target=contend) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1
