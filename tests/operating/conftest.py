"""A staff user signed in, with the rights that a test names; nothing rings anybody."""

from collections.abc import Callable, Iterable, Iterator

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from connectors.echo import connector as echo
from monitor import counting
from monitor import store as store_module
from tests import factories
from tubes.relay import bell, guard

LOOK = "operating.view_monitor"


class Rung(list[int]):
    """The lanes that were rung for."""


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> Rung:
    lanes = Rung()

    def ring(seat_ids: Iterable[int]) -> None:
        lanes.extend(seat_ids)

    monkeypatch.setattr(bell, "ring_lanes_on_commit", ring)
    monkeypatch.setattr(bell, "_ring", lambda *args, **kwargs: None)
    return lanes


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    def forget() -> None:
        with counting._flushing:  # or a thread takes to the new store what it counted before
            counting._pending.clear()
            store_module.store.cache_clear()
        cache.clear()
        echo.clear()
        guard.forget()

    forget()
    yield
    forget()


def may(user: User, *permissions: str) -> User:
    """Give a user these rights, as `app.codename`."""
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


@pytest.fixture
def operator() -> User:
    return factories.user("operator@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def desk(client: Client, operator: User) -> Client:
    """The browser of an operator who may do everything."""
    client.force_login(operator)
    return client


@pytest.fixture
def staff(client: Client) -> Callable[..., Client]:
    """The browser of a staff user who may do what is named, and nothing else."""

    def signed_in(*permissions: str) -> Client:
        client.force_login(may(factories.user(is_staff=True), *permissions))
        return client

    return signed_in
