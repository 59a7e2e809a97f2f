"""The bulkhead around services that hang."""

from contextlib import AbstractContextManager, ExitStack, suppress

import pytest

from tests.relay.conftest import Clock
from tubes.relay.destinations import Destinations

SICK, WELL, THIRD = ("stub", "sick"), ("stub", "well"), ("stub", "third")


@pytest.fixture
def known() -> Destinations:
    return Destinations(16)  # a quarter: 4


@pytest.fixture
def calls() -> ExitStack:
    return ExitStack()


def begin(known: Destinations, calls: ExitStack, place: tuple[str, str], count: int = 1) -> None:
    for _ in range(count):
        calls.enter_context(known.calling(*place))


def fail(call: AbstractContextManager[None]) -> None:
    with suppress(TimeoutError):
        call.__exit__(TimeoutError, TimeoutError(), None)


def test_one_service_gets_a_quarter_of_the_threads(known: Destinations, calls: ExitStack) -> None:
    begin(known, calls, SICK, 3)
    assert known.admits(*SICK)

    begin(known, calls, SICK)

    assert (known.admits(*SICK), known.admits(*WELL)) == (False, True)
    calls.close()
    assert known.admits(*SICK)


def test_those_that_were_let_in_count_until_they_leave(known: Destinations) -> None:
    assert known.enter(*SICK)
    known._known[SICK].inside |= {-1, -2, -3}  # other threads

    assert (known.enter(*SICK), known.enter(*WELL)) == (False, True)
    with known.calling(*SICK):
        pass
    assert not known.enter(*SICK)  # between two calls it is still there
    known.leave(*SICK)
    assert known._known[SICK].inside == {-1, -2, -3}
    assert known.enter(*SICK)


def test_all_that_wait_long_stay_within_the_quarter(
    known: Destinations, calls: ExitStack, time: Clock
) -> None:
    begin(known, calls, SICK, 2)
    begin(known, calls, THIRD, 2)
    begin(known, calls, WELL)
    time.forward(1.5)
    assert known.waiting() == 5
    begin(known, calls, WELL)

    assert (known.admits(*SICK), known.admits(*THIRD), known.admits(*WELL)) == (False, False, False)
    calls.close()
    assert (known.admits(*SICK), known.admits(*THIRD), known.admits(*WELL)) == (True, True, True)


def test_a_service_that_failed_after_a_long_wait_is_tried_by_one_thread(
    known: Destinations, calls: ExitStack, time: Clock
) -> None:
    call = known.calling(*SICK)
    call.__enter__()
    time.forward(10)
    fail(call)

    assert known.admits(*SICK)
    begin(known, calls, SICK)
    assert (known.admits(*SICK), known.admits(*WELL)) == (False, True)


def test_a_probe_that_works_lets_the_others_in(known: Destinations, calls: ExitStack, time: Clock) -> None:
    call = known.calling(*SICK)
    call.__enter__()
    time.forward(10)
    fail(call)

    with known.calling(*SICK):
        assert not known.admits(*SICK)

    begin(known, calls, SICK, 3)
    assert known.admits(*SICK)


def test_a_quick_refusal_is_no_sign_of_hanging(known: Destinations, calls: ExitStack) -> None:
    call = known.calling(*SICK)
    call.__enter__()
    fail(call)

    begin(known, calls, SICK, 3)

    assert known.admits(*SICK)


def test_an_old_failure_does_not_count_after_a_later_success(
    known: Destinations, calls: ExitStack, time: Clock
) -> None:
    slow = known.calling(*SICK)
    slow.__enter__()
    time.forward(5)
    with known.calling(*SICK):
        pass
    time.forward(5)
    fail(slow)  # it had begun before the one that worked

    begin(known, calls, SICK, 3)

    assert known.admits(*SICK)
