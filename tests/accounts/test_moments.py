from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template

from accounts.templatetags.moments import ago
from sameroom import clock

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.mark.parametrize(
    ("over", "words"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=23, minutes=59), "23 hours ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=29), "29 days ago"),
        (timedelta(days=30), "on 21 October 2026"),
    ],
)
def test_a_moment_is_told_in_one_unit(over: timedelta, words: str) -> None:
    assert ago(NOW - over) == words


def test_a_moment_says_exactly_when_to_programs_and_to_whoever_hovers() -> None:
    page = Template("{% load moments %}{% moment at %}|{% moment at '' %}")

    text = page.render(Context({"at": NOW - timedelta(hours=3, seconds=1)}))

    inner = 'datetime="2026-11-20T08:59:59+00:00" title="20 November 2026, 08:59:59 UTC">3 hours ago</time>'
    assert text == f'<time data-ago class="when" {inner}|<time data-ago {inner}'


def test_lean_takes_indentation_away_and_keeps_words_apart() -> None:
    page = Template(
        "{% load lean %}{% lean %}\n  <ul>\n    <li>one\n      two <b>three</b></li>\n  </ul>\n{% endlean %}"
    )

    assert page.render(Context()).strip() == "<ul><li>one\ntwo <b>three</b></li></ul>"
