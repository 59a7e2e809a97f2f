"""The walk through the network, by example and for any graph of Tubes with any directions."""

from collections import defaultdict
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from sameroom import clock
from tests import factories
from tubes.models import Event, Room, Seat, Tube
from tubes.relay.routing import destinations

Edge = tuple[int, int, str, str, str]


def reachable(edges: list[Edge], start: int) -> set[int]:
    """What the promise says, written down another way: the transitive closure over open edges."""
    ways: dict[int, set[int]] = defaultdict(set)
    for a, b, direction_a, direction_b, status in edges:
        if status == "active":
            if direction_a != "in" and direction_b != "out":
                ways[a].add(b)
            if direction_b != "in" and direction_a != "out":
                ways[b].add(a)
    found, todo = {start}, [start]
    while todo:
        for following in ways[todo.pop()] - found:
            found.add(following)
            todo.append(following)
    return found - {start}


directions = st.sampled_from(["both", "in", "out"])
edges_of = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, 5),
        directions,
        directions,
        st.sampled_from(["active", "paused", "closed"]),
    ).filter(lambda edge: edge[0] != edge[1]),
    max_size=10,
)


class AnyNetwork(TestCase):
    @given(edges=edges_of, start=st.integers(0, 5))
    def test_each_room_is_reached_once_and_exactly_when_it_is_reachable(
        self, edges: list[Edge], start: int
    ) -> None:
        rooms = [factories.room(f"{number}") for number in range(6)]
        try:
            for a, b, direction_a, direction_b, status in edges:
                side_a = factories.seat(factories.account(), rooms[a], direction=direction_a)
                side_b = factories.seat(factories.account(), rooms[b], direction=direction_b)
                factories.tube(side_a, side_b, status=status)
            event = factories.event(rooms[start])

            found = destinations(event)

            assert set(found) == {rooms[number].pk for number in reachable(edges, start)}
            seats = dict(Seat.objects.filter(pk__in=found.values()).values_list("pk", "room"))
            assert all(seats[seat] == room for room, seat in found.items())
        finally:
            Tube.objects.all().delete()
            Room.objects.all().delete()


@pytest.fixture
def line(db: None) -> list[Seat]:
    return [factories.seat() for _ in range(4)]


def test_a_shorter_path_chooses_the_seat(line: list[Seat]) -> None:
    a, b, c, _ = line
    far_seat = factories.seat(factories.account(), c.room)
    factories.tube(a, b)
    factories.tube(b, far_seat)
    factories.tube(a, c)

    assert destinations(factories.event(a.room)) == {b.room.pk: b.pk, c.room.pk: c.pk}


def test_of_two_tubes_the_older_one_chooses_the_seat(line: list[Seat]) -> None:
    a, b, _, _ = line
    other_seat = factories.seat(factories.account(), b.room)
    factories.tube(a, b)
    factories.tube(a, other_seat)

    assert destinations(factories.event(a.room)) == {b.room.pk: b.pk}


def test_one_room_linked_through_two_accounts_is_visited_once(line: list[Seat]) -> None:
    a, b, _, _ = line
    same_room = factories.seat(factories.account(), a.room)
    factories.tube(a, b)
    factories.tube(b, same_room)

    assert destinations(factories.event(a.room)) == {b.room.pk: b.pk}


def test_what_was_said_before_the_tube_opened_does_not_cross(line: list[Seat]) -> None:
    a, b, _, _ = line
    opened = clock.now()
    factories.tube(a, b, marker_a_id="m-1", marker_a_time=opened)

    def cross(seconds: int, remote_id: str) -> bool:
        event = factories.event(a.room, said_at=opened + timedelta(seconds=seconds), remote_id=remote_id)
        return bool(destinations(event))

    assert [cross(-1, "m-0"), cross(0, "m-1"), cross(0, "m-2"), cross(1, "m-3")] == [False, False, True, True]


def test_a_further_tube_opened_later_carries_only_what_was_accepted_since(line: list[Seat]) -> None:
    a, b, c, _ = line
    factories.tube(a, b)
    factories.tube(b, c, status_since=clock.now() + timedelta(seconds=10))
    event = factories.event(a.room)

    assert destinations(event) == {b.room.pk: b.pk}
    Event.objects.filter(pk=event.pk).update(accepted_at=clock.now() + timedelta(seconds=11))
    assert destinations(Event.objects.get(pk=event.pk)) == {b.room.pk: b.pk, c.room.pk: c.pk}


def test_a_chain_of_any_length_costs_one_query(line: list[Seat], django_assert_num_queries: object) -> None:
    for here, there in pairwise(line):
        factories.tube(here, there)
    event = factories.event(line[0].room)

    with django_assert_num_queries(1):  # type: ignore[operator]
        destinations(event)
