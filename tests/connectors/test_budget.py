"""One request budget per credential, shared by all workers."""

import threading
from collections import Counter
from datetime import UTC, datetime

import pytest
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache

from connectors import budget as budget_module
from connectors.budget import MOST_REQUESTS, Budget, Left, Limit, Use
from connectors.shares import Shares
from sameroom import clock

START = 1_800_000_000.0  # the first second of a window of 300


class Clock:
    def __init__(self):
        self.time = START

    def now(self):
        return datetime.fromtimestamp(self.time, UTC)


@pytest.fixture
def ticking(monkeypatch):
    fake = Clock()
    monkeypatch.setattr(clock, "now", fake.now)
    return fake


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def hundred(ticking):
    return Budget("abc", Limit(100, 300))


def count(budget, use, most=1000):
    """How many requests of this kind go ahead before the first has to wait."""
    for number in range(most):
        if budget.take(use):
            return number
    return most


# ------------------------------------------------------------------------------ shares
def test_sends_leave_a_third_for_polls_and_some_for_settling(hundred):
    assert [count(hundred, use) for use in (Use.SEND, Use.POLL, Use.SETTLE, Use.OTHER)] == [62, 33, 5, 0]


def test_polls_take_at_most_sixty_percent_and_leave_settling_its_own(hundred):
    assert [count(hundred, use) for use in (Use.POLL, Use.SEND, Use.SETTLE)] == [60, 35, 5]


def test_settling_may_use_the_share_of_sends_but_not_of_polls(hundred):
    assert [count(hundred, use) for use in (Use.SETTLE, Use.SEND, Use.POLL)] == [67, 0, 33]


def test_limit_on_sends_alone_keeps_nothing_for_polls(ticking):
    flood = Budget("abc", Limit(30, 60), only_sends=True)

    assert [count(flood, use) for use in (Use.SEND, Use.SETTLE)] == [28, 2]


@pytest.mark.parametrize("requests", [*range(1, 41), 500, MOST_REQUESTS])
def test_shares_add_up(requests):
    shares = Shares.of(requests, only_sends=False)

    assert shares.sends + shares.polls_kept + shares.rest == requests
    assert shares.sends >= 1
    assert 1 <= shares.polls <= requests
    assert shares.polls_kept == requests // 3
    if requests >= 8:
        assert shares.rest >= 2


@pytest.mark.parametrize("requests", range(1, 12))
def test_small_limit_is_never_passed(ticking, requests):
    budget = Budget("abc", Limit(requests, 60))

    assert sum(count(budget, use) for use in (Use.POLL, Use.SEND, Use.SETTLE, Use.POLL)) <= requests
    assert count(Budget("other", Limit(requests, 60)), Use.SEND) >= 1


def test_credentials_have_budgets_of_their_own(hundred):
    count(hundred, Use.SEND)

    assert Budget("xyz", Limit(100, 300)).take(Use.SEND) == 0.0


# ------------------------------------------------------------------------------ windows
def test_wait_lasts_to_the_end_of_the_window_and_then_all_is_free(hundred, ticking):
    ticking.time += 100
    count(hundred, Use.SEND)

    assert hundred.take(Use.SEND) == pytest.approx(200)
    ticking.time += 199
    assert hundred.take(Use.SEND) == pytest.approx(1)
    ticking.time += 1
    assert count(hundred, Use.SEND) == 62


def test_window_moves_to_where_the_service_has_it_and_what_was_used_moves_along(hundred, ticking):
    ticking.time += 250
    for _ in range(10):
        hundred.take(Use.SEND)

    hundred.learn(limit=100, remaining=90, reset_in=300)

    ticking.time += 60  # our own window would be new by now
    assert count(hundred, Use.SEND) == 52
    assert hundred.take(Use.SEND) == pytest.approx(240)
    ticking.time += 240
    assert count(hundred, Use.SEND) == 62


def test_rounding_of_the_reset_does_not_move_the_window(hundred, ticking):
    hundred.learn(limit=100, remaining=100, reset_in=200)
    count(hundred, Use.SEND)
    for drift in (1, -1, -3):
        hundred.learn(limit=100, remaining=38, reset_in=200 + drift)

    assert hundred.take(Use.SEND) == pytest.approx(200)


def test_our_end_of_a_window_is_never_before_the_services(hundred, ticking):
    hundred.learn(limit=100, remaining=100, reset_in=200)
    count(hundred, Use.SEND)
    hundred.learn(limit=100, remaining=38, reset_in=202.5)

    assert hundred.take(Use.SEND) == pytest.approx(202.5)
    ticking.time += 202.5
    assert count(hundred, Use.SEND) == 62


def test_what_was_used_in_a_window_that_is_over_is_not_carried_into_the_next(hundred, ticking):
    hundred.learn(limit=100, remaining=100, reset_in=300)
    assert count(hundred, Use.POLL) == 60
    hundred.learn(limit=100, remaining=40, reset_in=300)
    ticking.time += 298  # the service's window was shorter by what is rounded, and it has begun anew
    hundred.learn(limit=100, remaining=97, reset_in=300)

    assert [count(hundred, use) for use in (Use.POLL, Use.SEND, Use.SETTLE)] == [58, 35, 4]


def test_what_was_on_its_way_when_a_window_began_anew_counts_in_it(hundred, ticking):
    hundred.learn(limit=100, remaining=100, reset_in=300)
    assert count(hundred, Use.POLL) == 60
    hundred.learn(limit=100, remaining=60, reset_in=300)  # 20 are on their way
    ticking.time += 298
    hundred.learn(limit=100, remaining=99, reset_in=300)

    assert sum(count(hundred, use) for use in (Use.POLL, Use.SEND, Use.SETTLE)) == 80


def test_what_is_taken_while_the_window_moves_is_counted_in_it(hundred, ticking, monkeypatch):
    ticking.time += 250
    other = Budget("abc", Limit(100, 300))
    real = other._remember

    def taken_meanwhile(*args):
        for _ in range(10):
            assert hundred.take(Use.SEND) == 0.0
        real(*args)

    monkeypatch.setattr(other, "_remember", taken_meanwhile)
    other.learn(limit=100, remaining=100, reset_in=300)

    ticking.time += 60  # our own window would be new by now
    assert count(hundred, Use.SEND) == 52


def test_what_is_taken_from_a_window_that_has_just_moved_is_counted_in_the_new_one(
    hundred, ticking, monkeypatch
):
    ticking.time += 250
    other = Budget("abc", Limit(100, 300))
    real = other._bill_as

    def moved_meanwhile(use, window):
        monkeypatch.setattr(other, "_bill_as", real)
        hundred.learn(limit=100, remaining=100, reset_in=300)
        return real(use, window)

    monkeypatch.setattr(other, "_bill_as", moved_meanwhile)
    assert other.take(Use.SEND) == 0.0

    ticking.time += 60
    assert count(hundred, Use.SEND) == 61


def test_late_answer_of_the_window_before_is_not_held_against_this_one(hundred, ticking):
    hundred.learn(limit=100, remaining=100, reset_in=300)
    ticking.time += 301
    hundred.learn(limit=100, remaining=0, reset_in=0)

    assert count(hundred, Use.SEND) == 62


def test_window_that_ends_later_at_the_service_is_waited_out(hundred, ticking):
    hundred.learn(limit=100, remaining=100, reset_in=300)
    ticking.time += 301
    hundred.learn(limit=100, remaining=0, reset_in=1.5)

    assert hundred.take(Use.SEND) == pytest.approx(1.5)
    ticking.time += 1.5
    assert count(hundred, Use.SEND) == 62


def test_longer_window_of_the_service_is_believed(hundred, ticking):
    hundred.learn(limit=100, remaining=100, reset_in=3600)
    count(hundred, Use.SEND)

    ticking.time += 3000
    assert hundred.take(Use.SEND) == pytest.approx(600)


# ------------------------------------------------------------------------------ learning
def test_learned_limit_wins_and_is_forgotten_when_nothing_confirms_it(hundred, ticking):
    hundred.learn(limit=100_000, remaining=None, reset_in=None)
    assert count(hundred, Use.SEND, 5000) == 5000

    ticking.time += 2 * 300
    hundred.learn(limit=None, remaining=None, reset_in=None)
    assert count(hundred, Use.SEND, 500) == 500
    ticking.time += 2 * 300
    assert count(hundred, Use.SEND, 500) == 62


def test_lower_learned_limit_wins_too(hundred):
    hundred.learn(limit=30, remaining=30, reset_in=None)

    assert count(hundred, Use.SEND) == 30 - 10 - 2


def test_learned_limit_above_the_counters_is_capped(hundred):
    hundred.learn(limit=10**12, remaining=10**12, reset_in=None)

    assert count(hundred, Use.SEND, 500) == 500


def test_what_others_use_with_the_same_token_counts(hundred):
    for _ in range(10):
        hundred.take(Use.SEND)
    hundred.learn(limit=100, remaining=30, reset_in=None)  # 60 are not ours

    # Of the 40 that are ours in this window: 13 for polls, 2 for settling, 25 for sends.
    assert [count(hundred, use) for use in (Use.SEND, Use.POLL, Use.SETTLE)] == [15, 13, 2]


@pytest.mark.parametrize("behind", [0.000_01, 0.5, 40.0])
def test_what_was_learned_after_one_has_looked_at_the_clock_counts(hundred, ticking, behind):
    """By another thread meanwhile, or by a host whose clock is ahead."""
    ticking.time += 100
    hundred.learn(limit=100, remaining=1, reset_in=150)
    ticking.time -= behind

    assert hundred.take(Use.SEND) == 0.0
    assert hundred.take(Use.SEND) == pytest.approx(150 + behind)


def test_what_was_learned_before_the_clock_was_set_back_is_forgotten(hundred, ticking):
    hundred.learn(limit=50, remaining=0, reset_in=150)
    ticking.time -= 1000

    assert hundred.take(Use.SEND) == 0.0


def test_nothing_goes_when_the_service_says_nothing_remains(hundred, ticking):
    hundred.learn(limit=100, remaining=0, reset_in=120)

    assert [hundred.take(use) for use in Use] == [pytest.approx(120)] * 4
    ticking.time += 120
    assert hundred.take(Use.SEND) == 0.0


def test_use_by_others_is_known_again_after_the_cache_was_lost(hundred):
    count(hundred, Use.SEND)
    cache.clear()
    assert hundred.take(Use.SEND) == 0.0
    hundred.learn(limit=100, remaining=37, reset_in=None)

    assert count(hundred, Use.SEND) + count(hundred, Use.POLL) + count(hundred, Use.SETTLE) <= 37


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -5.0, 1e12])
def test_nonsense_from_the_service_is_not_believed(hundred, ticking, value):
    hundred.learn(limit=-1, remaining=None, reset_in=value)
    hundred.learn(limit=0, remaining=None, reset_in=value)

    assert count(hundred, Use.SEND) == 62
    assert hundred.take(Use.SEND) == pytest.approx(300)


# ------------------------------------------------------------------------------ refused
def test_nobody_asks_before_a_refusal_is_over(hundred, ticking):
    hundred.refused(retry_after=40, use=Use.SEND)
    hundred.refused(retry_after=10, use=Use.POLL)  # does not shorten it

    assert [Budget("abc", Limit(100, 300)).take(use) for use in Use] == [pytest.approx(40)] * 4
    ticking.time += 40
    assert hundred.take(Use.POLL) == 0.0


def test_refusal_without_a_time_waits_longer_each_time(hundred, ticking):
    waits = []
    for _ in range(8):
        hundred.refused(retry_after=None, use=Use.POLL)
        waits.append(round(hundred.take(Use.POLL)))
        ticking.time += waits[-1]

    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]


@pytest.mark.parametrize(("said", "wait"), [(0, 1), (200_000, 3600), (float("nan"), 5), (-3, 5)])
def test_refusal_with_an_odd_time_is_bounded(hundred, said, wait):
    hundred.refused(retry_after=said, use=Use.SEND)

    assert hundred.take(Use.SEND) == pytest.approx(wait)


def test_refusal_says_how_long_it_lasts(hundred):
    assert hundred.refused(retry_after=40, use=Use.SEND) == 40
    assert [hundred.refused(retry_after=None, use=Use.SEND) for _ in range(2)] == [5, 10]


@pytest.mark.parametrize(("said", "wait"), [(7, 7), (200_000, 3600), (float("nan"), 0), (-3, 0), (0, 0)])
def test_service_that_wants_to_be_left_alone_is(hundred, ticking, said, wait):
    hundred.pause(said)

    assert [hundred.take(use) for use in Use] == [pytest.approx(wait)] * 4


# ------------------------------------------------------------------------------ poll interval
def test_poll_interval_uses_what_idle_sends_leave(hundred):
    assert hundred.poll_interval(1, fastest=1) == pytest.approx(5)
    assert hundred.poll_interval(20, fastest=1) == pytest.approx(100)
    assert hundred.poll_interval(1, fastest=7) == 7
    assert hundred.poll_interval(0, fastest=2) == 2


def test_poll_interval_falls_back_to_the_kept_third_while_many_send(hundred, ticking):
    count(hundred, Use.SEND)

    assert hundred.poll_interval(1, fastest=1) == pytest.approx(300 / 33)
    ticking.time += 300  # the window before counts as well
    assert hundred.poll_interval(1, fastest=1) == pytest.approx(300 / 33)
    ticking.time += 300
    assert hundred.poll_interval(1, fastest=1) == pytest.approx(5)


def test_poll_interval_is_kept_while_sends_stay_under_what_polls_leave(hundred):
    for _ in range(35):
        hundred.take(Use.SEND)

    assert hundred.poll_interval(1, fastest=1) == pytest.approx(5)
    hundred.take(Use.SEND)
    assert hundred.poll_interval(1, fastest=1) > 5.5


def test_what_is_left_for_polls_is_spread_over_the_window(hundred, ticking):
    for _ in range(30):
        hundred.take(Use.POLL)
    count(hundred, Use.SEND)
    ticking.time += 150

    assert hundred.poll_interval(1, fastest=1) == pytest.approx(150 / 3)
    count(hundred, Use.POLL)
    assert hundred.poll_interval(1, fastest=1) == pytest.approx(150)


def test_poll_interval_follows_the_learned_limit(hundred):
    hundred.learn(limit=100_000, remaining=99_999, reset_in=None)

    assert hundred.poll_interval(3, fastest=0.5) == 0.5


def test_polling_at_the_interval_stays_inside_the_budget(hundred, ticking):
    hundred.learn(limit=100, remaining=100, reset_in=300)
    refused = 0
    for _ in range(200):
        refused += hundred.take(Use.POLL) > 0
        ticking.time += hundred.poll_interval(1, fastest=1)

    assert refused == 0


# ------------------------------------------------------------------------------ announced rooms
def test_announced_rooms_are_read_at_once_while_half_of_the_polls_is_left(hundred, ticking):
    assert hundred.reread_after(fastest=0.25) == 0.25
    for _ in range(31):
        hundred.take(Use.POLL)

    assert hundred.reread_after(fastest=0.25) == pytest.approx(300 / 29)
    ticking.time += 290
    assert hundred.reread_after(fastest=0.25) == pytest.approx(10 / 29)
    ticking.time += 10
    assert hundred.reread_after(fastest=0.25) == 0.25
    assert Budget("abc", None).reread_after(fastest=0.25) == 0.25


# ------------------------------------------------------------------------------ what is left
def test_left_is_as_many_polls_as_then_go_ahead_and_takes_none(hundred):
    for _ in range(10):
        hundred.take(Use.POLL)
    for _ in range(45):
        hundred.take(Use.SEND)

    left = hundred.left()

    assert left == hundred.left() == 40
    assert count(hundred, Use.POLL) == 40
    assert hundred.left() == 0


def test_left_is_the_share_of_polls_while_nothing_is_used(hundred, ticking):
    assert hundred.left() == 60
    count(hundred, Use.POLL)
    ticking.time += 300
    assert hundred.left() == 60


def test_nothing_is_left_while_the_service_refuses(hundred, ticking):
    hundred.refused(retry_after=40, use=Use.SEND)

    assert hundred.left() == 0
    ticking.time += 40
    assert hundred.left() == 60


def test_left_heeds_what_the_service_said(hundred):
    hundred.learn(limit=1000, remaining=500, reset_in=300)

    assert hundred.left() == 300


def test_left_is_unknown_where_nobody_counts(ticking, monkeypatch):
    assert Budget("abc", None).left() is None
    monkeypatch.setattr(budget_module, "cache", BrokenCache())
    assert Budget("abc", Limit(100, 300)).left() is None


def test_standing_is_what_may_then_go_ahead_and_takes_nothing(hundred, ticking):
    for use, times in ((Use.POLL, 10), (Use.SEND, 45)):
        for _ in range(times):
            hundred.take(use)
    ticking.time += 100

    standing = hundred.standing()

    assert standing == hundred.standing() == Left(polls=40, sends=17, requests=100, seconds=200, blocked=0)
    assert count(hundred, Use.SEND) == 17


def test_standing_tells_for_how_long_a_service_wants_to_be_left_alone(hundred, ticking):
    hundred.refused(retry_after=40, use=Use.SEND)
    ticking.time += 10

    assert hundred.standing().blocked == 30
    ticking.time += 30
    assert hundred.standing().blocked == 0


def test_standing_is_unknown_where_nobody_counts(ticking, monkeypatch):
    assert Budget("abc", None).standing() is None
    monkeypatch.setattr(budget_module, "cache", BrokenCache())
    assert Budget("abc", Limit(100, 300)).standing() is None


# ------------------------------------------------------------------------------ many workers
def test_threads_together_never_pass_the_limit(ticking):
    granted = Counter()
    lock = threading.Lock()
    ready = threading.Barrier(8)

    def work(number):
        budget = Budget("abc", Limit(100, 300))
        ready.wait()
        for turn in range(60):
            use = list(Use)[(number + turn) % 4]
            if budget.take(use) == 0.0:
                with lock:
                    granted[use] += 1
            if turn % 10 == 0:
                budget.learn(limit=100, remaining=None, reset_in=300)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 95 <= granted.total() <= 100
    assert granted[Use.POLL] <= 60


# ------------------------------------------------------------------------------ a cache that fails
class BrokenCache(LocMemCache):
    def __init__(self):
        super().__init__("broken", {})

    def get(self, *args, **kwargs):
        raise ConnectionError("no cache")

    incr = get_many = set = add = get


def test_without_a_cache_requests_go_on(hundred, monkeypatch, caplog):
    monkeypatch.setattr(budget_module, "cache", BrokenCache())

    assert hundred.take(Use.SEND) == 0.0
    hundred.learn(limit=1, remaining=0, reset_in=5)
    hundred.refused(retry_after=5, use=Use.SEND)
    assert hundred.poll_interval(1, fastest=1) == pytest.approx(5)
    assert "no cache" in caplog.text


def test_counter_that_went_below_zero_starts_again(hundred, ticking):
    hundred.take(Use.POLL)
    cache.set(f"budget:abc:{round((START + 300) * 1000)}", -(1 << 40), 60)

    assert count(hundred, Use.SEND) == 62


def test_cache_lost_in_the_middle_of_a_take_is_survived(hundred, monkeypatch):
    class Forgetful(LocMemCache):
        def incr(self, key, delta=1, version=None):
            self.clear()
            return super().incr(key, delta, version)

    monkeypatch.setattr(budget_module, "cache", Forgetful("forgetful", {}))

    assert hundred.take(Use.SEND) == 0.0
