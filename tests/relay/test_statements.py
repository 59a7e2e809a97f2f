"""How many statements a relayed message costs: whoever adds one has to say so here."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import connection

from connectors.base import IncomingEvent, MessageId
from tests import factories
from tests.relay.conftest import Pair
from tests.relay.stubbed import edit_of
from tubes.relay import lanes, sql
from tubes.relay.intake import Arrival, accept

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("time")]

FRAME = ("BEGIN", "SAVEPOINT", "RELEASE", "PREPARE")
INTAKE = 8  # room, facts, event, loops, network, what is under way, delivery, numbering
LANE = 4  # lease, Seat, what waits, and when there is more to do


def statements(do: Callable[..., Any], *args: Any) -> int:
    """How many, but for those that begin and end transactions, or prepare others."""
    seen: list[str] = []

    def note(execute: Any, statement: str, *rest: Any) -> Any:
        if not statement.startswith(FRAME):
            seen.append(statement)
        return execute(statement, *rest)

    with connection.execute_wrapper(note):
        do(*args)
    return len(seen)


@pytest.fixture
def push(pair: Pair) -> Callable[..., None]:
    def said(*events: IncomingEvent) -> None:
        accept([Arrival(pair.here.room_id, events, is_pushed=True)])

    said(factories.said("one", id="m-1"))
    lanes.drain(pair.there.pk)
    return said


def of_posting(count: int) -> int:
    """PostgreSQL: one for each post, and one more. SQLite does the same piece by piece."""
    return count + 1 if sql.is_postgres() else 4 * count + 1


@pytest.mark.parametrize("count", [1, 10])
def test_messages_are_taken_in_and_posted_by_so_many(
    pair: Pair, push: Callable[..., None], count: int
) -> None:
    events = [factories.said(f"text {number}") for number in range(count)]

    assert statements(push, *events) == INTAKE
    assert statements(lanes.drain, pair.there.pk) == LANE + of_posting(count)


def test_an_answer_and_an_edit_look_up_what_they_are_about(pair: Pair, push: Callable[..., None]) -> None:
    answer = replace(factories.said("two"), reply_to=MessageId("m-1"))

    assert statements(push, answer) == INTAKE
    assert (
        statements(lanes.drain, pair.there.pk) == LANE + of_posting(1) + 3
    )  # the message, its copy, its posts
    assert statements(push, edit_of("m-1", "ONE")) == INTAKE + 3  # two look for other edits
    assert statements(lanes.drain, pair.there.pk) == LANE + of_posting(1) + 4


def test_a_lane_without_work_costs_five(pair: Pair, push: Callable[..., None]) -> None:
    assert statements(lanes.drain, pair.there.pk) == LANE + 1  # the lease is given back


@pytest.mark.parametrize(("values", "is_kept"), [(sql.MOST_VALUES, True), (sql.MOST_VALUES + 1, False)])
def test_only_statements_of_bounded_length_are_kept_prepared(values: int, is_kept: bool) -> None:
    known: dict[str, str] = {}
    cursor = Mock()
    statement = f"SELECT 1 WHERE 1 IN {sql.marks(range(values))}"

    call = sql._call(cursor, known, statement)

    assert (call == known.get(statement), cursor.execute.called) == (is_kept, is_kept)
    assert is_kept or call == statement


def test_lists_are_asked_for_in_few_lengths() -> None:
    assert [len(sql.padded(range(count))) for count in (0, 1, 2, 3, 5, 200)] == [0, 1, 2, 4, 8, 256]
