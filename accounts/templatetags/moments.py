"""Moments as people speak of them, with the exact time for whoever hovers and for programs."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils.formats import date_format
from django.utils.html import format_html

from sameroom import clock

register = template.Library()

MINUTE, HOUR, DAY = 60, 60 * 60, 24 * 60 * 60
MONTH = 30 * DAY  # what is older is told by its date


@register.filter
def ago(value: datetime) -> str:
    """How long a moment is over, in one unit: a page changes by it with the minute, not the second."""
    seconds = (clock.now() - value).total_seconds()
    if seconds < MINUTE:  # also where another clock runs ahead
        return "just now"
    for length, unit, below in ((MINUTE, "minute", HOUR), (HOUR, "hour", DAY), (DAY, "day", MONTH)):
        if seconds < below:
            number = int(seconds // length)
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return f"on {date_format(value, 'j F Y')}"


@register.simple_tag
def moment(value: datetime, css: str = "when") -> str:
    """A `<time>` element, by the exact moment for programs and, in its title, for whoever hovers over it.

    `static/js/site.js` keeps its words true while the page stays open.
    """
    return format_html(
        '<time data-ago{} datetime="{}" title="{} UTC">{}</time>',
        format_html(' class="{}"', css) if css else "",
        value.isoformat(timespec="seconds"),
        date_format(value, "j F Y, H:i:s"),
        ago(value),
    )
