"""Charts as pages draw them: what is counted, as lines in a box of WIDTH × HEIGHT. No I/O.

The box is stretched to the width there is, and its words stand beside it as text: so a chart can be read on
a phone, follows the page's colours, and needs no script.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from operating.history import Stretch

WIDTH: Final = 1000.0
HEIGHT: Final = 200.0
MARKS: Final = 4  # on the axis of time
FAST, SLOW = 0.01, 100_000.0  # seconds: the ends of the axis of lag, at the most

Value = Callable[[Stretch], float | None]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing counted: its name, its colour's class, and the path of its line."""

    label: str
    css: str
    path: str
    latest: str  # its last value in words


@dataclass(frozen=True, slots=True)
class Column:
    """One stretch of time: where it stands, what was counted in it, and where its link leads."""

    x: str
    width: str
    since: datetime
    until: datetime
    values: list[str]  # one for each line, in words
    sentence: str  # all of it, for who points at it
    query: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, ready to be drawn."""

    name: str
    title: str
    lines: list[Line]
    columns: list[Column]
    scale: list[str]  # words along the upright axis, from the top
    grid: str  # the path of a line beside each of them
    marks: list[str]  # words along the axis of time, from the left


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line to be drawn."""

    label: str
    css: str
    of: Value
    words: Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Frame:
    """The time a chart shows."""

    since: datetime
    until: datetime

    def x(self, moment: datetime) -> float:
        """How far to the right."""
        share = (moment - self.since) / (self.until - self.since)
        return min(max(share, 0.0), 1.0) * WIDTH


def rates(
    name: str, title: str, wanted: Sequence[Wanted], stretches: Sequence[Stretch], frame: Frame
) -> Chart:
    """A chart that begins at zero."""
    most = max((line.of(stretch) or 0.0 for line in wanted for stretch in stretches), default=0.0)
    top = _round_up(most)
    scale = [_number(top), _number(top / 2), "0"]
    return _chart(name, title, wanted, stretches, frame, lambda value: 1 - value / top, scale)


def times(
    name: str, title: str, wanted: Sequence[Wanted], stretches: Sequence[Stretch], frame: Frame
) -> Chart:
    """A chart of seconds, each step ten times the one below."""
    known = [line.of(stretch) for line in wanted for stretch in stretches]
    values = [min(max(value, FAST), SLOW) for value in known if value is not None]
    low = math.floor(math.log10(min(values, default=0.01)))
    high = max(math.ceil(math.log10(max(values, default=1.0))), low + 1)

    def height(value: float) -> float:
        return 1 - (math.log10(min(max(value, 10.0**low), 10.0**high)) - low) / (high - low)

    scale = [seconds(10.0**power) for power in range(high, low - 1, -1)]
    return _chart(name, title, wanted, stretches, frame, height, scale)


def seconds(value: float) -> str:
    """A time in words, as short as it can be."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 120:
        return f"{value:.3g} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.0f} h"


def per_minute(value: float) -> str:
    """A rate in words."""
    return f"{_number(value)}/min"


def _chart(
    name: str,
    title: str,
    wanted: Sequence[Wanted],
    stretches: Sequence[Stretch],
    frame: Frame,
    height: Callable[[float], float],
    scale: list[str],
) -> Chart:
    lines = [_line(line, stretches, frame, height) for line in wanted]
    columns = [_column(wanted, stretch, frame) for stretch in stretches]
    steps = [HEIGHT * number / (len(scale) - 1) for number in range(len(scale))]
    grid = "".join(f"M0 {y:.1f}H{WIDTH:.0f}" for y in steps)
    return Chart(name, title, lines, columns, scale, grid, _marks(frame))


def _line(line: Wanted, stretches: Sequence[Stretch], frame: Frame, height: Callable[[float], float]) -> Line:
    """A level for each stretch, joined where nothing is missing between them."""
    path, is_drawing = [], False
    values = [line.of(stretch) for stretch in stretches]
    for stretch, value in zip(stretches, values, strict=True):
        if value is not None:
            y = min(max(height(value), 0.0), 1.0) * HEIGHT
            begins = "V" if is_drawing else f"M{frame.x(stretch.since):.1f} "
            path.append(f"{begins}{y:.1f}H{frame.x(stretch.until):.1f}")
        is_drawing = value is not None
    latest = values[-1] if values else None
    return Line(line.label, line.css, "".join(path), "–" if latest is None else line.words(latest))


def _column(wanted: Sequence[Wanted], stretch: Stretch, frame: Frame) -> Column:
    values = [_words(line, stretch) for line in wanted]
    told = ", ".join(f"{line.label} {value}" for line, value in zip(wanted, values, strict=True))
    sentence = f"{stretch.since:%d %b %H:%M:%S} to {stretch.until:%H:%M:%S} UTC: {told}"
    left, right = frame.x(stretch.since), frame.x(stretch.until)
    # Whole seconds, and nothing of this stretch outside of them.
    query = f"since={math.floor(stretch.since.timestamp())}&until={math.ceil(stretch.until.timestamp())}"
    width = f"{max(right - left, 0.5):.1f}"
    return Column(f"{left:.1f}", width, stretch.since, stretch.until, values, sentence, query)


def _words(line: Wanted, stretch: Stretch) -> str:
    value = line.of(stretch)
    return "–" if value is None else line.words(value)


def _marks(frame: Frame) -> list[str]:
    span = frame.until - frame.since
    return [*(f"–{_long(span * (MARKS - number) / MARKS)}" for number in range(MARKS)), "now"]


def _long(time: timedelta) -> str:
    minutes = time.total_seconds() / 60
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.3g} h" if minutes < 2880 else f"{minutes / 1440:.2g} d"


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50, …; at least 1."""
    power = 10.0 ** math.floor(math.log10(max(value, 1.0)))
    return next(power * step for step in (1, 2, 5, 10) if value <= power * step)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:.1f}"
