import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.test import Client

from connectors.echo import connector as echo
from tests import factories


@pytest.fixture(autouse=True)
def empty_house():
    echo.clear()
    yield
    echo.clear()


@pytest.fixture
def ann(db: None) -> AbstractBaseUser:
    return factories.user("ann@example.com")


@pytest.fixture
def page(client: Client, ann: AbstractBaseUser) -> Client:
    client.force_login(ann)
    return client
