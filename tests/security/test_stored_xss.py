"""Whatever other people and services call themselves, no page makes more of it than text."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import AppConfig, apps
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.http import HttpResponse
from django.test import Client
from django.urls import NoReverseMatch, reverse

from accounts.models import Invitation, LinkedAccount, User
from connectors.echo import connector as echo
from operating.acts import ACTS
from sameroom import clock
from tests import factories
from tests.pages.test_isolation import ADDRESSES, path_of
from tests.security import hostile
from tubes.models import (
    Command,
    Event,
    Installation,
    Mute,
    Portal,
    PortalRequest,
    RoomClaim,
    RoomListing,
    Seat,
    Tube,
)
from tubes.services import map_link_make

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[2]
LIVE = {"HTTP_HX_REQUEST": "true"}
# Pages of ours and of allauth that name the user, without an object in their address.
PLAIN = ["home", "account_email", "account_logout", "account_change_password", "account_reauthenticate"]
# Acts on the user themselves: afterwards there would be nobody to look.
LAST = {"accounts:user-delete", "accounts:own-data-export"}

# What the pages of people show of what comes from outside. A page that is added shows up here by its fields.
SHOWN_TO_PEOPLE = {
    "accounts.linkedaccount.remote_user_name",
    "accounts.linkedaccount.status_reason",
    "accounts.linkedaccount.team_name",
    "tubes.mute.author_name",
    "tubes.notice.text",
    "tubes.portalrequest.room_name",
    "tubes.room.name",
    "tubes.roomlisting.name",
    "tubes.seat.failure",
    "tubes.seat.filtered_words",
    "tubes.seat.listed_people",
}


@pytest.fixture(autouse=True)
def empty_house() -> Iterator[None]:
    echo.clear()
    yield
    echo.clear()


@pytest.fixture
def ann(client: Client) -> User:
    ann = factories.user("ann@example.com")
    client.force_login(ann)
    return ann


class Walk:
    """Goes from page to page, and keeps what got through and what was shown."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.through: dict[str, list[str]] = {}
        self.shown: set[str] = set()
        self.pages = 0

    def look(self, name: str, response: HttpResponse) -> None:
        assert response.status_code < 500 or response.status_code == 503, name  # 503: a service is away
        self.pages += 1
        self.shown |= set(hostile.shown(response))
        if found := hostile.through(response):
            self.through[name] = found

    def visit(self, name: str, path: str) -> None:
        """As a page, as the part that htmx asks for, and with an empty form sent."""
        self.look(name, self.client.get(path))
        self.look(f"{name} live", self.client.get(path, **LIVE))
        self.look(f"{name} sent", self.client.post(path, {}, follow=True))


def full_house(ann: User) -> None:
    """One of everything, at ann's and at others' who are joined to her."""
    bob = factories.user("bob@example.com")
    mine = factories.account(ann, status="needs_login", status_reason="reason")
    factories.account(ann, is_shared=True)
    seats = [factories.seat(mine), factories.seat(factories.account(bob, team="globex"))]
    tube = factories.tube(*seats)
    well = factories.account(ann)
    factories.tube(factories.seat(well, failure="failed"), factories.seat(well))
    factories.listing(mine)
    portal = factories.portal(seats[0])
    Tube.objects.filter(pk=tube.pk).update(portal=portal)
    factories.portal_request(portal)
    factories.portal_request(factories.portal(seats[1]), mine)
    factories.portal_request(factories.portal(seats[1]), mine, status="declined")
    event = factories.event(seats[1].room)
    factories.delivery(event, seats[0], status="failed", error="error")
    factories.delivery(factories.event(seats[0].room), seats[1], status="sent")
    factories.notice(seats[0])
    Mute.objects.create(seat=seats[0], kind="echo", space="echo#globex", author_id="eve", author_name="Eve")
    Command.objects.create(event=event, room=seats[1].room, author_id="eve", rest="help")
    RoomClaim.objects.create(owner=ann, account=LinkedAccount.objects.get(is_shared=True), room_name="Lobby")
    Installation.objects.create(pk=1, public_url="https://one.example", stopped_because="copied")
    Invitation.objects.create(email="guest@example.com", invited_by=ann)
    Tube.objects.filter(pk=tube.pk).update(typed_by="eve")


def pages_of_what_there_is(ann: User) -> Iterator[tuple[str, str]]:
    """Every page about one object, of every object of ann's: with what hangs on it, unlike a new one."""
    codes = {
        "account_code": LinkedAccount.objects.owned_by(ann).values_list("code", flat=True),
        "tube_code": Tube.objects.owned_by(ann).values_list("code", flat=True),
        "portal_key": Portal.objects.owned_by(ann).values_list("key", flat=True),
        "seat_code": Seat.objects.owned_by(ann).values_list("code", flat=True),
        "listing_code": RoomListing.objects.owned_by(ann).values_list("code", flat=True),
        "request_code": PortalRequest.objects.owned_by(ann).values_list("code", flat=True),
        "shared_code": LinkedAccount.objects.filter(is_shared=True).values_list("code", flat=True),
    }
    for name, parameters in ADDRESSES.items():
        if len(parameters) == 1 and parameters[0] in codes:
            for code in codes[parameters[0]]:
                yield f"{name} {code}", reverse(name, args=[code])


def test_no_page_of_a_user_makes_more_than_text_of_hostile_names(client: Client, ann: User) -> None:
    full_house(ann)
    hostile.poison()
    walk = Walk(client)

    for name, path in pages_of_what_there_is(ann):
        walk.look(name, client.get(path))
    for name in sorted(set(ADDRESSES) - LAST):
        path = path_of(name, ann)
        hostile.poison()
        walk.visit(name, path)
    for name in PLAIN:
        walk.visit(name, reverse(name))

    assert walk.through == {}
    assert walk.pages > 150
    assert walk.shown >= SHOWN_TO_PEOPLE, SHOWN_TO_PEOPLE - walk.shown


def test_narrowed_paged_and_searched_pages_show_what_was_typed_as_text(client: Client, ann: User) -> None:
    full_house(ann)
    hostile.poison()
    walk = Walk(client)
    typed = hostile.BREAKOUT.format(field="typed")

    for name in ("tubes:tube-list", "tubes:tube-open", "tubes:portal-create", "tubes:notice-list", "home"):
        for key in ("q", "state", "service", "account", "page", "after", "next"):
            walk.look(f"{name}?{key}", client.get(reverse(name), {key: typed}))
    for path in (f"/p/{typed}", f"/no/such/{typed}", "/user/login/?next=" + typed):
        walk.look(path, Client().get(path))

    assert walk.through == {}


def test_strangers_pages_make_more_than_text_of_nothing(ann: User) -> None:
    full_house(ann)
    tube = Tube.objects.owned_by(ann).first()
    assert tube is not None
    link = map_link_make(seat=tube.side_a)
    portals = [factories.portal(tube.side_a), factories.portal(tube.side_a, deleted_at=clock.now())]
    hostile.poison()
    walk = Walk(Client())

    for portal in portals:
        walk.look("portal", walk.client.get(reverse("tubes:portal-visit", args=[portal.key])))
    walk.look("map", walk.client.get(reverse("tubes:network-map", args=[link.key])))

    assert walk.through == {}
    assert "tubes.room.name" in walk.shown


def admin_pages(user: User) -> Iterator[tuple[str, str]]:
    """Every list of the administration, every object in it, and what asks before it is deleted."""
    yield "index", reverse("admin:index")
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield f"{name} list", reverse(f"{name}_changelist")
        yield f"{name} found", reverse(f"{name}_changelist") + "?q=xss"
        for pk in model._default_manager.values_list("pk", flat=True)[:3]:
            for page in ("change", "delete", "history"):
                try:
                    yield f"{name} {page}", reverse(f"{name}_{page}", args=[pk])
                except NoReverseMatch:
                    continue


def monitor_pages() -> Iterator[tuple[str, str]]:
    """Every page of the relay monitor about every row, and what each act asks."""
    yield "deliveries", reverse("admin:operating_deliveries")
    yield "events", reverse("admin:operating_events")
    yield (
        "found nothing",
        reverse("admin:operating_find", query={"id": hostile.BREAKOUT.format(field="typed")}),
    )
    pages = {"operating_event": Event, "operating_lane": Seat, "operating_account": LinkedAccount}
    for name, model in pages.items():
        for pk in model._default_manager.values_list("pk", flat=True):
            yield name, reverse(f"admin:{name}", args=[pk])
    for act in ACTS.values():
        for pk in act.rows().values_list("pk", flat=True):
            yield act.name, reverse("admin:operating_act", args=[act.name, pk])


def test_no_page_of_the_monitor_makes_more_than_text_of_hostile_names(client: Client) -> None:
    operator = factories.user("operator@example.com", is_staff=True, is_superuser=True)
    client.force_login(operator)
    full_house(operator)
    factories.delivery(error="error")
    hostile.poison()
    walk = Walk(client)

    for name, path in monitor_pages():
        walk.look(name, client.get(path, follow=True))
        if name in ACTS:
            walk.look(f"{name} done", client.post(path, {"next": hostile.SCRIPT_ADDRESS}, follow=True))
    for name in ("deliveries", "events", "watch_changelist"):
        for key in ("state", "service", "reason", "since", "span", "before", "kind"):
            address = f"admin:operating_{name}"
            query = {key: hostile.BREAKOUT.format(field="typed")}
            walk.look(f"{name}?{key}", client.get(reverse(address, query=query)))

    assert walk.through == {}
    assert walk.shown >= {
        *("tubes.room.name", "tubes.room.space", "tubes.delivery.error", "tubes.seat.failure"),
        *("accounts.linkedaccount.status_reason", "accounts.linkedaccount.remote_user_name"),
        "tubes.event.author_name",
    }


def test_no_page_of_the_administration_makes_more_than_text_of_hostile_names(client: Client) -> None:
    operator = factories.user("operator@example.com", is_staff=True, is_superuser=True)
    client.force_login(operator)
    full_house(operator)
    LogEntry.objects.create(user=operator, object_repr="changed", action_flag=CHANGE, change_message="[]")
    hostile.poison()
    walk = Walk(client)

    for name, path in admin_pages(operator):
        walk.look(name, client.get(path))

    assert walk.through == {}
    assert {"tubes.room.name", "tubes.delivery.error", "accounts.linkedaccount.status_reason"} <= walk.shown
    assert walk.pages > 60


def test_reader_sees_what_a_page_without_escaping_would_let_through(client: Client) -> None:
    attack = hostile.BREAKOUT.format(field="tubes.room.name")
    inside = {
        "text": f"<p>{attack}</p>",
        "attribute": f'<img alt="{attack}">',
        "area": f"<textarea>{attack}</textarea>",
        "address": f'<a href="\tjava\nscript:{attack}">x</a>',
        "script": "<script>x()</script>",
    }

    found = {name: hostile.through(HttpResponse(page)) for name, page in inside.items()}

    assert [name for name, leaks in found.items() if not leaks] == []
    assert hostile.through(HttpResponse('<a href="/x">&lt;xss-probe&gt;</a><script src="/x"></script>')) == []


def test_every_free_text_of_the_models_is_attacked(ann: User) -> None:
    full_house(ann)
    hostile.poison()

    for label in ("tubes.Room", "accounts.LinkedAccount", "tubes.Notice", "tubes.PortalRequest"):
        rows = apps.get_model(label)._default_manager.values()
        assert any(hostile.ELEMENT in str(value) for row in rows for value in row.values()), label


def is_ours(app: AppConfig) -> bool:
    return Path(app.path).is_relative_to(ROOT) and "site-packages" not in app.path


# Where escaping is off, and why that is fine.
UNESCAPED = {
    "templates/_form_field.html": "help texts are written by us, some with links",
    "templates/sandbox/chat.html": "messages that the sandbox has rendered by a template of its own",
}
FOLDERS = {app.path.removeprefix(f"{ROOT}/").split("/")[0] for app in apps.get_app_configs() if is_ours(app)}
SWITCHES = ("|safe", "autoescape off", "safeseq")


def test_no_other_page_turns_escaping_off() -> None:
    ours = [ROOT / folder for folder in FOLDERS]
    pages = [page for place in (ROOT / "templates", *ours) for page in place.rglob("*.html")]

    found = {
        str(page.relative_to(ROOT)) for page in pages if any(word in page.read_text() for word in SWITCHES)
    }

    assert len(pages) > 80
    assert found == set(UNESCAPED)


def test_no_code_of_ours_declares_a_text_to_be_html() -> None:
    modules = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]

    found = [
        str(path.relative_to(ROOT))
        for path in modules
        if re.search(r"mark_safe|SafeString\(|SafeText", path.read_text())
    ]

    assert found == []
