"""The judge must see every way in which a message can go wrong, or the suite proves nothing."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from chaos.generator import Said, text_of
from chaos.judge import Verdict, judge
from chaos.network import Link, Room
from chaos.rows import Unknown
from chaos.services import Line

HERE, THERE, BLIND, ELSEWHERE = Room("full-1"), Room("plain-1"), Room("blind-1"), Room("full-2")
PLAN = [Link("ann", HERE, THERE, False), Link("ann", HERE, BLIND, True)]


def said(number: int, **more: object) -> Said:
    one = Said(number, HERE, f"P{number}", 1, float(number), id=f"m{number}")
    for name, value in more.items():
        setattr(one, name, value)
    return one


def copy(one: Said, at: float, **more: object) -> Line:
    line = Line(f"c{at}", True, "relay", f"[{one.author}, Stub] {text_of(one)}", at)
    return replace(line, **more)  # type: ignore[arg-type]


def original(one: Said, **more: object) -> Line:
    return replace(Line(one.id, False, one.author, text_of(one), one.at), **more)  # type: ignore[arg-type]


ONE, TWO = said(1), said(2)
GOOD = [copy(ONE, 11), copy(TWO, 12)]


def verdict(
    there: Iterable[Line] = GOOD,
    blind: Iterable[Line] = GOOD,
    *,
    messages: Iterable[Said] = (ONE, TWO),
    here: Iterable[Line] = (),
    elsewhere: Iterable[Line] = (),
    unknown: Iterable[Unknown] = (),
) -> Verdict:
    stands = {
        HERE: [*map(original, messages), *here],
        THERE: list(there),
        BLIND: list(blind),
        ELSEWHERE: list(elsewhere),
    }
    return judge(list(messages), PLAN, stands, list(unknown))


def found(verdict: Verdict) -> list[tuple[str, int, str]]:
    return [(breach.what, breach.number, breach.room.name) for breach in verdict.breaches]


def test_everything_once_and_in_order_is_good() -> None:
    assert verdict() == Verdict([], [], [], late=0, copies=4)


def test_missing_copy_is_lost() -> None:
    assert found(verdict(GOOD[:1])) == [("lost", 2, "plain-1")]


def test_missing_piece_of_a_long_message_is_lost() -> None:
    long = said(1, pieces=3)
    first, second = text_of(long).rsplit("\n", 1)
    parts = [copy(long, 11, text=first), copy(long, 12, text=second)]

    assert found(verdict(parts, parts, messages=[long])) == []
    assert found(verdict(parts[:1], parts, messages=[long])) == [("lost", 1, "plain-1")]


def test_second_copy_is_doubled() -> None:
    assert found(verdict([*GOOD, copy(ONE, 13)])) == [("doubled", 1, "plain-1")]


def test_two_messages_in_one_post_are_two_copies() -> None:
    shared = copy(ONE, 11, text=f"{GOOD[0].text}\n{GOOD[1].text}")
    turned = copy(ONE, 11, text=f"{GOOD[1].text}\n{GOOD[0].text}")

    assert found(verdict([shared])) == []
    assert found(verdict([turned])) == [("out of order", 2, "plain-1")]


def test_overtaken_message_is_out_of_order_unless_it_was_pushed_late() -> None:
    turned = [copy(TWO, 11), copy(ONE, 12)]
    stands = {HERE: [original(ONE, is_late=True), original(TWO)], THERE: turned, BLIND: GOOD, ELSEWHERE: []}

    assert found(verdict(turned)) == [("out of order", 2, "plain-1")]
    late = judge([ONE, TWO], PLAN, stands, [])
    assert (late.breaches, late.late) == ([], 1)


def test_copy_where_it_came_from_or_where_nothing_leads_is_looped() -> None:
    assert found(verdict(here=[copy(ONE, 13)])) == [("looped", 1, "full-1")]
    assert found(verdict(elsewhere=[copy(ONE, 13)])) == [("looped", 1, "full-2")]


@pytest.mark.parametrize(
    ("versions", "is_good"),
    [([2], True), ([0, 2], True), ([0, 1, 2], True), ([0], False), ([0, 2, 1], False), ([0, 3], False)],
)
def test_last_version_has_to_be_the_last_of_its_origin(versions: list[int], is_good: bool) -> None:
    edited = said(1, version=2)
    lines = [
        copy(edited, 11 + place, text=f"[P1] ✎ {text_of(said(1, version=version))}")
        for place, version in enumerate(versions)
    ]

    seen = found(verdict(lines, [copy(edited, 11)], messages=[edited]))

    assert seen == ([] if is_good else [("mis-edited", 1, "plain-1")])


def test_deleted_message_is_gone_or_its_end_is_told() -> None:
    gone = said(1, author="D000001", is_deleted=True)
    posted, told = copy(gone, 11), Line("x", True, "", "[D000001, Stub] deleted a message of 11:00 UTC.", 12)
    native = Line("x", True, "D000001", "deleted a message of 11:00 UTC.", 12)

    for fine in ([], [replace(posted, is_deleted=True)], [posted, told], [posted, native], [told]):
        assert found(verdict(fine, [], messages=[gone])) == []
    assert found(verdict([posted], [], messages=[gone])) == [("mis-edited", 1, "plain-1")]


def test_edit_of_what_may_not_have_arrived_is_not_out_of_order() -> None:
    edited = said(1, version=1)
    lines = [copy(TWO, 12), copy(edited, 13, text=f"[P1] ✎ {text_of(edited)}")]
    hidden = Unknown(7, "blind-1", "m1", "", "message", is_told=True)

    assert (
        found(verdict([copy(edited, 11), *lines[:1]], lines, messages=[edited, TWO], unknown=[hidden])) == []
    )


def test_unknown_is_allowed_only_where_nobody_can_look() -> None:
    hidden = Unknown(7, "blind-1", "m2", "", "message", is_told=True)
    by_text = Unknown(8, "blind-1", "", "000002", "message", is_told=False)
    checkable = Unknown(9, "plain-1", "m2", "", "message", is_told=True)

    at_blind = verdict(blind=GOOD[:1], unknown=[hidden])
    assert (found(at_blind), len(at_blind.unknown), at_blind.untold) == ([], 1, [])
    untold = verdict(blind=GOOD[:1], unknown=[by_text])
    assert (found(untold), len(untold.untold)) == ([], 1)
    assert found(verdict(blind=GOOD[:1])) == [("lost", 2, "blind-1")]
    assert found(verdict(GOOD[:1], unknown=[checkable])) == [
        ("lost", 2, "plain-1"),
        ("unknown", 2, "plain-1"),
    ]
    assert found(verdict(blind=[*GOOD, copy(TWO, 13)], unknown=[hidden])) == [("doubled", 2, "blind-1")]


def test_reaction_in_doubt_does_not_excuse_its_message() -> None:
    hidden = Unknown(7, "blind-1", "", "000002", "reaction", is_told=True)

    without = verdict(blind=GOOD[:1], unknown=[hidden])

    assert found(without) == [("lost", 2, "blind-1")]
    assert [(one.what, one.number) for one in without.unknown] == [("unknown", 2)]
