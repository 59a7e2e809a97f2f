"""Lists of the admin that may be long: looked through page by page, never counted, never sorted whole."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html

MOST_PAGES: Final = 100  # further back the database would read too much to pass over it; lists are narrowed


def listing(label: str, model: type[Model], **filters: Any) -> str:
    """A link to another admin list, filtered."""
    meta = model._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist", query=filters)
    return format_html('<a href="{}">{}</a>', address, label)


def following(label: str, page: str, *args: int, **query: Any) -> str:
    """A link to a page of the relay monitor."""
    return format_html(
        '<a href="{}">{}</a>', reverse(f"admin:operating_{page}", args=args, query=query), label
    )


class UncountedPaginator(Paginator):
    """Knows of the pages up to the one that is looked at, and whether there is another one."""

    def __init__(self, rows: QuerySet[Any], per_page: int, *, looked_at: int) -> None:
        super().__init__(rows, per_page)
        self._ids = rows.values_list("pk", flat=True)
        self._looked_at = min(max(looked_at, 1), MOST_PAGES)

    @cached_property
    def count(self) -> int:
        """How many rows there are, as far as anybody has looked. One query, for a page's ids."""
        begins = (self._looked_at - 1) * self.per_page
        return begins + len(self._ids[begins : begins + self.per_page + 1])


class UncountedList(ChangeList):
    """A list that says nothing of how many there are."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count  # equal: else both would be shown as if they were known


class NewestFirst(UncountedList):
    """A list in the order of the ids, whatever its address asks for: any other would sort the whole table."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return ["-pk"]


class WatchedAdmin(admin.ModelAdmin):
    """Look, filter and follow links; nothing is changed by hand."""

    show_full_result_count = False  # no COUNT over big tables
    list_per_page = 50
    list_max_show_all = 0

    linked_by: ClassVar[set[str]] = set()  # the lookups that other lists link here by

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[Any], per_page: int, *args: Any, **kwargs: Any
    ) -> UncountedPaginator:
        page = request.GET.get(PAGE_VAR, "")
        return UncountedPaginator(queryset, per_page, looked_at=int(page) if page.isdecimal() else 1)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return UncountedList

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup in self.linked_by or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class BigAdmin(WatchedAdmin):
    """The same of tables of millions of rows: found by ids, narrowed by indexes only.

    What has no index is looked for in the relay monitor, which does so in steps.
    """

    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return NewestFirst
