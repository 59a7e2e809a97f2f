"""A fake Slack for each test, with one channel that the app and Ann are in."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from connectors.slack.connector import SlackConnector
from tests.connectors.slack.harness import SlackHarness, start


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def harness() -> Iterator[SlackHarness]:
    with start() as started:
        yield started


@pytest.fixture
def connector(harness: SlackHarness) -> SlackConnector:
    return SlackConnector(harness.login)
