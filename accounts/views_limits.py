"""The page for whoever has tried too much. Needs no database."""

from __future__ import annotations

import math

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

# allauth's own limits, which are by the minute, do not tell how long one has to wait.
A_MINUTE = 60.0


def too_many(request: HttpRequest, seconds: float = A_MINUTE) -> HttpResponse:
    """429, with when to try again in words and in the header. No I/O."""
    left = max(1, math.ceil(seconds))
    response = render(request, "429.html", {"wait": words(left)}, status=429)
    response["Retry-After"] = str(left)
    return response


def words(seconds: int) -> str:
    """A time to wait, rounded up: "20 seconds", "3 minutes", "2 hours"."""
    for size, name in ((3600, "hour"), (60, "minute")):
        if seconds > size:
            return f"{math.ceil(seconds / size)} {name}s"
        if seconds == size:
            return f"1 {name}"
    return "a second" if seconds == 1 else f"{seconds} seconds"
