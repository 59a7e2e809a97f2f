"""What `manage.py doctor` finds: how bad it is, what it is, and what to do. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"  # it works, but not as well as it should, or not for long
    ERROR = "error"  # something does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `remedy` says what to do, "" where nothing is. Neither holds a secret."""

    severity: Severity
    text: str
    remedy: str = ""


def ok(text: str) -> Finding:
    """All is well, and this is how."""
    return Finding(Severity.OK, text)


def warning(text: str, remedy: str) -> Finding:
    """It works, but should be looked after."""
    return Finding(Severity.WARNING, text, remedy)


def error(text: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(Severity.ERROR, text, remedy)
