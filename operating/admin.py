"""The relay monitor's place in the admin: in its index, its navigation and its addresses."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from operating import views
from operating.models import Watch


@admin.register(Watch)
class MonitorAdmin(admin.ModelAdmin):
    """Pages instead of a list of rows; see `operating.views`."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return views.may_look(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        return [
            path("", site.admin_view(views.overview_page), name="operating_watch_changelist"),
            path("deliveries/", site.admin_view(views.delivery_list), name="operating_deliveries"),
            path("events/", site.admin_view(views.event_list), name="operating_events"),
            path("events/<int:pk>/", site.admin_view(views.event_detail), name="operating_event"),
            path("lanes/<int:pk>/", site.admin_view(views.lane_detail), name="operating_lane"),
            path("accounts/<int:pk>/", site.admin_view(views.account_detail), name="operating_account"),
            path("find/", site.admin_view(views.find), name="operating_find"),
            path("all/<slug:name>/", site.admin_view(views.act_on_all), name="operating_act_on_all"),
            path("<slug:name>/<int:pk>/", site.admin_view(views.act_page), name="operating_act"),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return views.overview_page(request)
