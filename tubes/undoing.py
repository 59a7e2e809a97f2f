"""Toasts with a button that takes back what was just done."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest
from django.template.loader import render_to_string


def undoable(request: HttpRequest, text: str, *, undo: str) -> None:
    """Say what was done, beside a button that posts to the address `undo`."""
    said = render_to_string("_undoable.html", {"text": text, "undo": undo})
    messages.success(request, said)
