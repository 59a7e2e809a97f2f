"""Every test begins with nothing counted, nobody seen and nothing asked."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from monitor import collectors, counting, readiness
from monitor import store as store_module


@pytest.fixture(autouse=True)
def _nothing_counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(collectors, "current", collectors.Everything())
    monkeypatch.setattr(readiness, "current", readiness.Readiness())
    forget()
    yield
    forget()


def forget() -> None:
    with counting._flushing:  # or a thread takes to the new store what it counted before
        counting._pending.clear()
        store_module.store.cache_clear()
    cache.clear()  # where it is Redis, the counters too


def use(monkeypatch: pytest.MonkeyPatch, store: store_module.Store) -> None:
    """Have this process count there."""
    monkeypatch.setattr(counting, "store", lambda: store)
