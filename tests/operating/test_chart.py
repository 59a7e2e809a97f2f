from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from operating import chart
from operating.chart import Frame, Wanted
from operating.history import Stretch

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = Frame(NOON, NOON + timedelta(hours=1))


def stretch(begins: float, ends: float, count: int) -> Stretch:
    """What was counted between two minutes of the hour."""
    minutes = [NOON + timedelta(minutes=minute) for minute in (begins, ends)]
    return Stretch(minutes[0], minutes[1], Counter({"events|echo|message": count}))


EVENTS = Wanted("events", "events", lambda of: of.total("events") / of.minutes, chart.per_minute)
SECONDS = Wanted("lag", "lag", lambda of: of.total("events") / 100 or None, chart.seconds)


def test_a_rate_is_drawn_as_a_level_for_its_time() -> None:
    drawn = chart.rates("n", "t", [EVENTS], [stretch(0, 15, 75), stretch(15, 45, 300)], HOUR)

    assert drawn.lines[0].path == "M0.0 100.0H250.0V0.0H750.0"
    assert (drawn.scale, drawn.lines[0].latest) == (["10", "5", "0"], "10/min")
    assert [(one.x, one.width, one.values) for one in drawn.columns] == [
        ("0.0", "250.0", ["5/min"]),
        ("250.0", "500.0", ["10/min"]),
    ]
    assert drawn.columns[0].query == f"since={int(NOON.timestamp())}&until={int(NOON.timestamp()) + 900}"
    assert drawn.columns[0].sentence == "01 Mar 12:00:00 to 12:15:00 UTC: events 5/min"


def test_what_began_before_the_chart_is_cut_off_at_its_edge() -> None:
    drawn = chart.rates("n", "t", [EVENTS], [stretch(-60, 30, 90)], HOUR)

    assert drawn.lines[0].path == "M0.0 0.0H500.0"


def test_a_time_of_which_nothing_is_known_is_a_gap() -> None:
    drawn = chart.times(
        "n", "t", [SECONDS], [stretch(0, 15, 10), stretch(15, 30, 0), stretch(30, 60, 100)], HOUR
    )

    assert drawn.lines[0].path == "M0.0 200.0H250.0M500.0 0.0H1000.0"
    assert drawn.scale == ["1 s", "100 ms"]
    assert [one.values for one in drawn.columns] == [["100 ms"], ["–"], ["1 s"]]


def test_a_chart_of_nothing_can_be_drawn() -> None:
    for draw in (chart.rates, chart.times):
        drawn = draw("n", "t", [EVENTS], [], HOUR)
        assert (drawn.lines[0].path, drawn.lines[0].latest, drawn.columns) == ("", "–", [])
    assert drawn.marks == ["–60 min", "–45 min", "–30 min", "–15 min", "now"]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0054, "5 ms"), (0.25, "250 ms"), (1.0, "1 s"), (59.44, "59.4 s"), (300, "5 min"), (86_400, "24 h")],
)
def test_times_are_told_as_shortly_as_they_can_be(value: float, words: str) -> None:
    assert chart.seconds(value) == words
