import threading
from collections.abc import Callable

import pytest

from monitor.probe import ABANDONED, Probe
from sameroom import clock
from tests.waiting import PATIENCE


class Question:
    """Counts how often it is asked; answers with the number, once it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.began = threading.Semaphore(0)
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self) -> int:
        self.asked += 1
        number = self.asked
        self.began.release()
        assert self.may_answer.wait(PATIENCE)
        if number == 3:
            raise LookupError("the third")
        return number


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def move(seconds: float) -> None:
        monkeypatch.setattr(clock, "monotonic", lambda: 1000 + seconds)

    move(0)
    return move


def test_answer_serves_all_while_it_is_fresh_and_an_error_is_one(at: Callable[[float], None]) -> None:
    question = Question()
    probe = Probe("test", question, fresh=5)

    first = [probe.start().result(PATIENCE) for _ in range(3)]
    at(4.9)
    still = probe.start().result(PATIENCE)
    at(5)
    anew = probe.start().result(PATIENCE)
    at(10)

    assert (first, still, anew) == ([1, 1, 1], 1, 2)
    for _ in range(2):
        with pytest.raises(LookupError, match="the third"):
            probe.start().result(PATIENCE)


def test_question_without_an_answer_is_asked_once_and_abandoned_in_the_end(
    at: Callable[[float], None],
) -> None:
    question = Question()
    question.may_answer.clear()
    probe = Probe("test", question, fresh=5)

    waiting = {probe.start() for _ in range(3)}
    assert question.began.acquire(timeout=PATIENCE)
    at(ABANDONED - 0.1)
    waiting.add(probe.start())
    at(ABANDONED)
    anew = probe.start()
    question.may_answer.set()

    assert [future.result(PATIENCE) for future in waiting] == [1]
    assert anew.result(PATIENCE) == 2
    assert question.asked == 2
