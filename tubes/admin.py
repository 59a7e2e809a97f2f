"""Rooms, Tubes, events and deliveries, as operators see them: state, age, last error, links.

Everything here is read only: the relay's rows are moved by the relay. No message text is shown.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.timesince import timesince

from tubes.admin_lists import BigAdmin, WatchedAdmin, following, listing
from tubes.models import (
    Command,
    Delivery,
    Event,
    Installation,
    Notice,
    Portal,
    PortalRequest,
    Post,
    Room,
    RoomListing,
    Seat,
    Tube,
)
from tubes.models.portals import PortalQuerySet
from tubes.services import portal_door, tube_state


@admin.register(Room)
class RoomAdmin(WatchedAdmin):
    list_display = [
        "name",
        "kind",
        "space",
        "is_archived",
        "next_poll_at",
        "read_failures",
        "last_error",
        "links",
    ]
    list_filter = ["kind", "is_archived", "space"]
    search_fields = ["name", "remote_id", "space"]
    raw_id_fields = ["reader"]

    @admin.display(description="go to")
    def links(self, room: Room) -> str:
        seats = listing("Seats", Seat, room__id__exact=room.pk)
        events = listing("Events", Event, room__id__exact=room.pk)
        return format_html("{} · {}", seats, events)


@admin.register(RoomListing)
class RoomListingAdmin(WatchedAdmin):
    list_display = ["name", "account", "is_private", "refreshed_at"]
    list_filter = ["is_private"]
    list_select_related = ["account"]
    search_fields = ["name", "account__team_name"]
    raw_id_fields = ["account"]


@admin.register(Seat)
class SeatAdmin(WatchedAdmin):
    linked_by = {"room__id__exact", "account__id__exact"}
    list_display = [
        "room",
        "owner",
        "account",
        "direction",
        "failure",
        "failed_since",
        "lane_lease_until",
        "lane_not_before",
        "throttled_since",
        "links",
    ]
    list_filter = ["direction", "failed_since", "throttled_since"]
    list_select_related = ["room", "owner", "account"]
    search_fields = ["room__name", "owner__email", "code"]
    raw_id_fields = ["room", "owner", "account"]

    @admin.display(description="go to")
    def links(self, seat: Seat) -> str:
        deliveries = listing("Deliveries", Delivery, seat__id__exact=seat.pk)
        return format_html("{} · {}", deliveries, following("Monitor", "lane", seat.pk))


@admin.register(Portal)
class PortalAdmin(WatchedAdmin):
    """Who holds a Portal's key may knock, so it is not shown; its owner finds it on Manage."""

    linked_by = {"seat__id__exact"}
    list_display = [
        "__str__",
        "owner",
        "state",
        "open_tubes",
        "most_tubes",
        "needs_approval",
        "expires_at",
        "created_at",
        "links",
    ]
    list_filter = ["needs_approval", "expires_at", "deleted_at", "created_at"]
    search_fields = ["seat__room__name", "seat__owner__email"]
    raw_id_fields = ["seat"]
    exclude = ["key"]

    def get_queryset(self, request: HttpRequest) -> PortalQuerySet:
        return Portal.objects.with_seat().counted()

    @admin.display(ordering="seat__owner")
    def owner(self, portal: Portal) -> str:
        return str(portal.seat.owner)

    @admin.display
    def state(self, portal: Portal) -> str:
        return portal_door(portal, open_tubes=self.open_tubes(portal)).name.replace("_", " ").capitalize()

    @admin.display(description="open Tubes", ordering="open_tubes")
    def open_tubes(self, portal: Any) -> int:
        return int(portal.open_tubes)

    @admin.display(description="go to")
    def links(self, portal: Portal) -> str:
        tubes = listing("Tubes", Tube, portal__id__exact=portal.pk)
        requests = listing("Requests", PortalRequest, portal__id__exact=portal.pk)
        return format_html("{} · {}", tubes, requests)


@admin.register(PortalRequest)
class PortalRequestAdmin(WatchedAdmin):
    linked_by = {"portal__id__exact"}
    list_display = ["__str__", "status", "visitor", "status_since", "created_at", "tube"]
    list_filter = ["status", "created_at"]
    list_select_related = ["portal__seat__room", "visitor", "tube__side_a__room", "tube__side_b__room"]
    search_fields = ["room_name", "visitor__email", "portal__seat__room__name"]
    raw_id_fields = ["portal", "visitor", "account", "tube"]


@admin.register(Tube)
class TubeAdmin(WatchedAdmin):
    linked_by = {"portal__id__exact"}
    list_display = ["__str__", "state", "reason", "age", "opened_by", "created_at", "links"]
    list_filter = ["status", "created_at"]
    search_fields = ["code", "side_a__room__name", "side_b__room__name", "opened_by__email"]
    raw_id_fields = ["side_a", "side_b", "portal", "opened_by", "status_by"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tube]:
        return Tube.objects.with_sides().select_related("opened_by")

    @admin.display(ordering="status")
    def state(self, tube: Tube) -> str:
        return tube_state(tube).label

    @admin.display(description="last error")
    def reason(self, tube: Tube) -> str:
        sides = (tube.side_a, tube.side_b)
        return " · ".join(filter(None, (seat.failure or seat.account.status_reason for seat in sides)))

    @admin.display(description="go to")
    def links(self, tube: Tube) -> str:
        sides = (tube.side_a, tube.side_b)
        lanes = [listing(str(seat.room), Delivery, seat__id__exact=seat.pk) for seat in sides]
        return format_html("{} · {}", *lanes)

    @admin.display(description="for", ordering="status_since")
    def age(self, tube: Tube) -> str:
        return timesince(tube.status_since, depth=1)


@admin.register(Event)
class EventAdmin(BigAdmin):
    linked_by = {"room__id__exact", "about__id__exact"}
    list_display = [
        "id",
        "kind",
        "about",
        "room",
        "number",
        "author_name",
        "held",
        "said_at",
        "accepted_at",
        "links",
    ]
    list_select_related = ["room", "about"]
    search_fields = ["remote_id"]
    search_help_text = "The whole id, as its service gave it. By kind and time: in the relay monitor."
    raw_id_fields = ["room", "about"]
    exclude = ["body", "attachments"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        term = search_term.strip()
        # By the index that begins with the room: a probe for each room there is.
        told = Q(room__in=Room.objects.values("pk"), remote_id=term)
        return (queryset.filter(told) if term else queryset), False

    @admin.display(description="go to")
    def links(self, event: Event) -> str:
        deliveries = listing("Deliveries", Delivery, event__id__exact=event.pk)
        about = listing("About it", Event, about__id__exact=event.pk)
        return format_html("{} · {} · {}", deliveries, about, following("Its whole way", "event", event.pk))


@admin.register(Delivery)
class DeliveryAdmin(BigAdmin):
    linked_by = {"seat__id__exact", "event__id__exact"}
    list_display = ["id", "status", "origin", "room", "age", "attempts", "why", "links"]
    list_select_related = ["room", "event__room"]
    search_fields = ["posts__remote_id"]
    search_help_text = (
        "The whole id of a post of ours, as its service gave it. By state: in the relay monitor."
    )
    raw_id_fields = ["room", "seat", "event", "origin", "carries", "lead"]
    exclude = ["parts"]  # how its text was cut

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        term = search_term.strip()
        posted = Post.objects.filter(remote_id=term).values("delivery")
        return (queryset.filter(pk__in=posted) if term else queryset), False

    @admin.display(description="last error")
    def why(self, delivery: Delivery) -> str:
        return Truncator(delivery.error).chars(80)

    @admin.display(description="from")
    def origin(self, delivery: Delivery) -> str:
        return str(delivery.event.room or "Sameroom")

    @admin.display
    def age(self, delivery: Delivery) -> str:
        return timesince(delivery.created_at, depth=1)

    @admin.display(description="go to")
    def links(self, delivery: Delivery) -> str:
        way = following("Its whole way", "event", delivery.event_id)
        return format_html("{} · {}", way, listing("Posts", Post, delivery__id__exact=delivery.pk))


@admin.register(Post)
class PostAdmin(BigAdmin):
    linked_by = {"delivery__id__exact"}
    list_display = ["remote_id", "room", "delivery", "part", "posted_at"]
    list_select_related = ["room", "delivery"]
    search_fields = ["remote_id__exact"]
    search_help_text = "The whole id, as its service gave it."
    raw_id_fields = ["room", "delivery"]


@admin.register(Notice)
class NoticeAdmin(WatchedAdmin):
    list_display = ["text", "kind", "count", "owner", "seat", "created_at", "dismissed_at"]
    list_filter = ["kind", "created_at", "dismissed_at"]
    list_select_related = ["owner", "seat__room", "seat__account"]
    search_fields = ["text", "owner__email"]
    raw_id_fields = ["owner", "seat"]


@admin.register(Command)
class CommandAdmin(WatchedAdmin):
    """What was typed in rooms; the words behind a command are not shown, they may be a code."""

    list_display = ["word", "room", "author_name", "status", "attempts", "due_at", "created_at"]
    list_filter = ["status", "word", "created_at"]
    list_select_related = ["room"]
    search_fields = ["room__name", "author_name"]
    raw_id_fields = ["event", "room"]
    exclude = ["rest"]


@admin.register(Installation)
class InstallationAdmin(WatchedAdmin):
    """Where this database belongs; a stopped relay is resumed by `manage.py relay_resume`, not here."""

    list_display = ["public_url", "is_relaying", "stopped_because", "mark", "marked_at"]

    @admin.display(boolean=True, description="relaying")
    def is_relaying(self, installation: Installation) -> bool:
        return not installation.stopped_because
