"""Addresses that long lists repeat in every row, made without looking each up in the table of addresses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from django.urls import reverse

NAMES: Final = {
    "page": "tube-detail",
    "pause": "tube-pause",
    "resume": "tube-resume",
    "retry": "tube-retry",
    "close": "tube-close",
    "log": "crossing-list",
    "map": "tube-map",
}
_HOLE: Final = "-"  # in the place of the code


@dataclass(frozen=True, slots=True)
class TubeAddresses:
    """The addresses of one Tube: `addresses["pause"]`, or `row.to.pause` in a template."""

    code: str  # letters, digits, `-` and `_`, which stand in an address as they are

    def __getitem__(self, name: str) -> str:
        before, after = _around(NAMES[name])
        return f"{before}{self.code}{after}"


@cache
def _around(name: str) -> tuple[str, str]:
    before, after = reverse(f"tubes:{name}", args=[_HOLE]).split(f"/{_HOLE}/")
    return f"{before}/", f"/{after}"
