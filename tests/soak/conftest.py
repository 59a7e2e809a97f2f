"""The suite starts its own servers: these fixtures only tell that it needs them."""

import pytest


@pytest.fixture
def postgres() -> None:
    """A machine without PostgreSQL leaves the test out."""


@pytest.fixture
def redis() -> None:
    """A machine without Redis leaves the test out."""


@pytest.fixture
def synapse() -> None:
    """A machine without Synapse leaves the test out."""


@pytest.fixture
def ircd() -> None:
    """A machine without IRC servers leaves the test out."""
