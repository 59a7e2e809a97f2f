"""Deleting in the admin by the service that removes a row with all that goes along.

Django's own way asks for the right to delete each row that goes along, which nobody has where only the relay
moves them (a Seat, a second step), and does all of it inside one transaction: here chat services are told
first, which takes its time, and no row may be locked meanwhile.
"""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from django.contrib import admin
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import MediaDefiningClass
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect

from accounts.leaving import LeaveRefused
from accounts.models import User

MOST_AT_ONCE: Final = 20  # each may wait for its chat services


@dataclass(frozen=True, slots=True)
class Loss:
    """What goes with a row."""

    along: Sequence[str]  # a line each, for people
    counts: Counter[str]  # by what it is called, in the plural
    before: Sequence[str] = ()  # what has to be done first, a line each

    @property
    def words(self) -> str:
        """For the log of actions."""
        told = ", ".join(f"{what}: {number}" for what, number in self.counts.items() if number)
        return f"Removed, with {told}." if told else "Removed."


class _Abstract(ABCMeta, MediaDefiningClass):
    """Of an admin whose subclasses have to say how."""


class RemovingAdmin(admin.ModelAdmin, metaclass=_Abstract):
    """Who may delete the row may have it removed; the page says what goes along, the log that it is done."""

    @abstractmethod
    def loss_of(self, row: Any, request: HttpRequest) -> Loss:
        """What goes with a row. Database I/O."""

    @abstractmethod
    def remove(self, row: Any) -> None:
        """Remove it by its service. Network I/O, no transaction around it. May raise LeaveRefused."""

    @abstractmethod
    def called(self, row: Any) -> str:
        """What the log of actions calls a row that is gone: nothing that is personal."""

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        """What the page that asks shows; the rights that lack; what has to be done first."""
        rows = list(objs)
        losses = [self.loss_of(row, request) for row in rows]
        shown: list[Any] = []
        counts = Counter({str(self.opts.verbose_name_plural): len(rows)})
        for row, loss in zip(rows, losses, strict=True):
            shown += [str(row), list(loss.along)]
            counts += loss.counts
        forbidden = {str(row) for row in rows if not self.has_delete_permission(request, row)}
        before = [line for loss in losses for line in loss.before]
        if len(rows) > MOST_AT_ONCE:
            before.append(f"More than {MOST_AT_ONCE} at once take too long: choose fewer.")
        return shown, dict(counts), forbidden, before

    @method_decorator(csrf_protect)
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django's, without the transaction around it."""
        answer: HttpResponse = self._delete_view(request, object_id, extra_context)  # type: ignore[attr-defined]
        return answer

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        called, pk, loss = self.called(obj), obj.pk, self.loss_of(obj, request)
        try:
            self.remove(obj)
        except LeaveRefused as refusal:  # what stands against it is newer than the page that asked
            raise PermissionDenied(str(refusal)) from refusal
        LogEntry.objects.create(
            user=cast(User, request.user),
            content_type=ContentType.objects.get_for_model(obj),
            object_id=str(pk),
            object_repr=called,
            action_flag=DELETION,
            change_message=loss.words,
        )

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            self.delete_model(request, row)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:  # type: ignore[override]
        """Nothing yet, before the fact: each is logged once it is gone."""
