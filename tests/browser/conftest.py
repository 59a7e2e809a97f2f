from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from standalone.throwaway import Sameroom
from tests.browser import newcomer
from tests.browser.newcomer import Newcomer
from tests.starting import started


@pytest.fixture(scope="module")
def sameroom() -> Iterator[Sameroom]:
    """What `make run` starts, on a port and with files of its own.

    Each module has one: a login of the sandbox has one owner, so what one linked another could not.
    """
    with started() as running:
        yield running


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    """Not for longer: while Playwright lives, its event loop runs in this thread, and no other may."""
    with newcomer.browser(chromium_path) as browser:
        yield browser


@pytest.fixture
def visitor(chromium: Browser, sameroom: Sameroom) -> Iterator[Newcomer]:
    context = chromium.new_context()
    yield Newcomer(context, sameroom.address)
    context.close()
