"""A worker's own threads, as Celery starts and stops them."""

import pytest
from django.db import OperationalError

from tubes import worker
from tubes.relay import guard
from tubes.worker import LaneStep


class Started:
    """A crew that only says whether it runs."""

    runs = False

    def start(self) -> None:
        type(self).runs = True

    def stop(self) -> None:
        type(self).runs = False


@pytest.fixture(autouse=True)
def _crews(monkeypatch: pytest.MonkeyPatch) -> None:
    # A browser test that ran in this process before leaves an event loop in its thread.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    Started.runs = False
    monkeypatch.setattr(worker, "Pollers", Started)
    monkeypatch.setattr(worker, "Runner", Started)
    monkeypatch.setattr(worker, "AGAIN", 0.0)


def test_it_waits_for_a_database_that_is_still_starting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [OperationalError("the database system is starting up"), OperationalError("refused"), None]

    def check_in() -> str:
        assert not Started.runs
        if error := answers.pop(0):
            raise error
        return ""

    monkeypatch.setattr(guard, "check_in", check_in)
    step = LaneStep(None)

    step.start(None)

    assert (answers, Started.runs) == ([], True)
    assert "The database does not answer; trying again. the database system is starting up" in caplog.text
    step.stop(None)
    assert not Started.runs


def test_it_may_be_stopped_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = iter([False, False, True])

    def check_in() -> str:
        raise OperationalError("refused")

    monkeypatch.setattr(guard, "check_in", check_in)
    monkeypatch.setattr(worker, "stopping", lambda: next(asked))
    step = LaneStep(None)

    step.start(None)
    step.stop(None)

    assert not Started.runs
