"""How a test waits for what another thread, process or server does: no longer than it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE = 40.0  # seconds; only a test that fails waits so long, and a busy machine may be slow


def until(
    found: Callable[[], Found],
    *,
    within: float = PATIENCE,
    look: float = 0.01,
    told: Callable[[], object] = str,
) -> Found:
    """What is found, once there is something; it is looked for each `look` seconds.

    AssertionError, with what is `told`, where nothing comes.
    """
    ends = time.monotonic() + within
    while not (value := found()):
        assert time.monotonic() < ends, f"it never came. {told()}"
        time.sleep(look)
    return value
