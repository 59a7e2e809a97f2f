"""Which world a request is about, and at which address."""

import threading

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from .world import World

_lock = threading.Lock()
_default: World | None = None


def default_world() -> World:
    """The world of the sandbox that is mounted in Sameroom, opened on first use."""
    global _default
    with _lock:
        if _default is None:
            _default = World(
                settings.SANDBOX_DATABASE,
                request_limit=settings.SANDBOX_REQUEST_LIMIT,
                flood_limit=settings.SANDBOX_FLOOD_LIMIT,
            )
            _default.base_url = f"{settings.PUBLIC_URL}{reverse('sandbox:index')}".rstrip("/")
        return _default


def world_of(request: HttpRequest) -> World:
    """The world a `SandboxHandler` put on the request, else the default one."""
    world: World | None = getattr(request, "world", None)
    return world or default_world()


def base_of(request: HttpRequest) -> str:
    """The absolute address the sandbox is mounted at, without a slash at its end."""
    return request.build_absolute_uri(reverse("sandbox:index")).rstrip("/")
