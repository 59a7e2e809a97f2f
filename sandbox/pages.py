"""The sandbox's own pages: look around, act as somebody, make tokens."""

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.template.loader import get_template
from django.urls import NoReverseMatch, reverse
from django.utils.html import strip_tags
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from .access import base_of, world_of
from .clock import MICRO
from .forms import MessageForm, TokenForm
from .records import Group, Message, Missing, Room, Token, User
from .shapes import file_url
from .world import World

SHOWN_MESSAGES = 100


@dataclass(frozen=True, slots=True)
class Line:
    """A message as the chat page shows it."""

    author: str
    moment: datetime
    text: str
    is_mine: bool
    is_deleted: bool
    is_notification: bool
    is_topic: bool
    file_name: str
    file_url: str


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    world = world_of(request)
    columns = [
        {
            "group": group,
            "users": world.directory.users(group.id),
            "rooms": [room for room in world.rooms.of_group(group.id) if not room.is_archived],
        }
        for group in world.directory.groups()
    ]
    return _page(request, "index.html", {"columns": columns, "base_url": base_of(request)})


@require_safe
def person(request: HttpRequest, user_id: int) -> HttpResponse:
    """A user's start page: their rooms."""
    return _page(request, "person.html", _acting_as(request, user_id) | {"page": "person"})


@require_http_methods(["GET", "HEAD", "POST"])
def room(request: HttpRequest, user_id: int, room_id: int) -> HttpResponse:
    context = _acting_as(request, user_id)
    world, user, found = world_of(request), context["user"], _room(context, room_id)
    form = MessageForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        world.post_message(found.id, user.id, form.cleaned_data["text"])
        return redirect(request.path)
    context |= {
        "room": found,
        "form": form,
        "others": _others(world, user, "person", found),
        "messages_html": _messages_html(request, user, found),
    }
    return _page(request, "chat.html", context, status=400 if form.errors else 200)


@require_safe
def room_messages(request: HttpRequest, user_id: int, room_id: int) -> HttpResponse:
    """The message list for the chat page to swap in; 204 while it has not changed."""
    context = _acting_as(request, user_id)
    html = _messages_html(request, context["user"], _room(context, room_id))
    seen = request.GET.get("seen", "")
    return HttpResponse(status=204) if seen and f'data-seen="{seen}"' in html else HttpResponse(html)


@require_http_methods(["GET", "HEAD", "POST"])
def api_access(request: HttpRequest, user_id: int) -> HttpResponse:
    """Make and list personal tokens, as HipChat's page of this name did."""
    context = _acting_as(request, user_id)
    world = world_of(request)
    form = TokenForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        world.create_token(user_id, form.cleaned_data["scopes"], label=form.cleaned_data["label"])
        return redirect(request.path)
    tokens = [_token_row(world, token) for token in world.tokens.of_user(user_id)]
    context |= {
        "form": form,
        "tokens": tokens,
        "base_url": base_of(request),
        "others": _others(world, context["user"], "api-access"),
        "page": "api-access",
    }
    return _page(request, "api_access.html", context, status=400 if form.errors else 200)


@require_POST
def api_access_revoke(request: HttpRequest, user_id: int) -> HttpResponse:
    user = _acting_as(request, user_id)["user"]
    world, client_id = world_of(request), request.POST.get("client_id", "")
    for token in world.tokens.of_user(user.id):
        if token.client_id == client_id:
            world.revoke_token(token.token)
    return redirect("sandbox:api-access", user_id=user.id)


def _acting_as(request: HttpRequest, user_id: int) -> dict[str, Any]:
    """What every page of a user shows: who they are, their rooms and who else one could be."""
    world = world_of(request)
    try:
        user = world.directory.user(user_id)
    except Missing as error:
        raise Http404(str(error)) from error
    group: Group = world.directory.group(user.group_id)
    rooms = [found for found in world.rooms.open_to(user) if not found.is_archived]
    return {"user": user, "group": group, "rooms": rooms, "others": _others(world, user, "person")}


def _others(world: World, user: User, page: str, room: Room | None = None) -> list[dict[str, Any]]:
    """Whom of the group one could be instead, each with where that leads: this page, if they may see it."""
    links = []
    for other in world.directory.users(user.group_id):
        if room is not None and world.may_enter(room, other):
            url = reverse("sandbox:chat", args=[other.id, room.id])
        else:
            url = reverse(f"sandbox:{page}", args=[other.id])
        links.append({"name": other.name, "url": url, "is_current": other.id == user.id})
    return links


def _room(context: dict[str, Any], room_id: int) -> Room:
    for found in context["rooms"]:
        if found.id == room_id:
            room: Room = found
            return room
    raise Http404("No such room")


def _messages_html(request: HttpRequest, user: User, found: Room) -> str:
    world = world_of(request)
    messages = world.messages.latest(found.chat, SHOWN_MESSAGES)
    people = world.people_of(messages)
    lines = [_line(message, people, user, base_of(request)) for message in messages]
    version = zlib.crc32(repr(lines).encode("utf-8", "replace"))
    context = {"lines": lines, "user": user, "room": found, "seen": f"{version:08x}"}
    html: str = get_template("sandbox/_messages.html").render(context)
    return html


def _line(message: Message, people: dict[int, User], reader: User, base: str) -> Line:
    author = people.get(message.user_id) if message.user_id else None
    upload = message.extra.get("upload") or {}
    text = message.text or ""
    return Line(
        author=message.sender or (author.name if author else "HipChat"),
        moment=datetime.fromtimestamp(message.stamp // MICRO, UTC),
        text=unescape(strip_tags(text)) if message.extra.get("message_format") == "html" else text,
        is_mine=message.user_id == reader.id and message.sender is None,
        is_deleted=message.text is None,
        is_notification=message.type == "notification",
        is_topic=message.type == "topic",
        file_name=upload.get("name", ""),
        file_url=file_url(upload["id"], upload["name"], base) if upload else "",
    )


def _token_row(world: World, token: Token) -> dict[str, Any]:
    return {
        "client_id": token.client_id,
        "secret": token.token,
        "label": token.label,
        "scopes": ", ".join(token.scope_labels),
        "expires": datetime.fromtimestamp(token.expires // MICRO, UTC),
        "is_expired": token.expires <= world.clock.micros(),
    }


def _page(request: HttpRequest, name: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Render without context processors: they belong to Sameroom and may want its database."""
    context |= {"csrf_token": get_token(request), "accounts_url": _accounts_url()}
    return HttpResponse(get_template(f"sandbox/{name}").render(context), status=status)


def _accounts_url() -> str:
    """Where Sameroom's own pages are; empty when the sandbox runs alone."""
    try:
        return reverse("accounts:account-list")
    except NoReverseMatch:
        return ""
