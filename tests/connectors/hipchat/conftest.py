from collections.abc import Iterator

import pytest
from django.core.cache import cache

from connectors.hipchat.connector import HipChatConnector
from tests.connectors.hipchat.harness import HipChatHarness, start


@pytest.fixture
def hipchat() -> Iterator[HipChatHarness]:
    cache.clear()
    with start() as harness:
        yield harness


@pytest.fixture
def connector(hipchat: HipChatHarness) -> HipChatConnector:
    return HipChatConnector(hipchat.login)
