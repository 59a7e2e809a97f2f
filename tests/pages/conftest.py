import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.test import Client

from connectors.echo import connector as echo
from tests import factories
from tubes.relay import guard


@pytest.fixture(autouse=True)
def empty_house():
    echo.clear()
    yield
    echo.clear()


@pytest.fixture(autouse=True)
def one_look_at_the_guard(monkeypatch: pytest.MonkeyPatch):
    """However slow the machine is, each test asks once whether the relay is stopped."""
    guard.forget()
    monkeypatch.setattr(guard, "LOOK_AGAIN", 3600.0)
    yield
    guard.forget()


@pytest.fixture
def ann(db: None) -> AbstractBaseUser:
    return factories.user("ann@example.com")


@pytest.fixture
def page(client: Client, ann: AbstractBaseUser) -> Client:
    client.force_login(ann)
    return client
