"""The threads in which an event loop has done what waits for the database or a service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError

from tubes.relay import sql

log = logging.getLogger(__name__)

STORING = 8  # threads; fewer than database connections, for other work wants some too
FETCHING = 16  # they hold no connection while they wait for a service, and one service gets a quarter of them
AWAY = (OperationalError, InterfaceError)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Threads:
    """Three pools: so renewing leases waits for no batch, and no batch for a service. Made in the loop."""

    def __init__(self) -> None:
        self._keeping = ThreadPoolExecutor(1, "Listener leases")
        self._storing = ThreadPoolExecutor(STORING, "Listener batches")
        self._fetching = ThreadPoolExecutor(FETCHING, "Listener reads")
        self._is_away = False

    async def keep(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Work on leases. Raises what `work` raises, as the others do."""
        return await self._run(self._keeping, partial(work, *args, **kwargs))

    async def store(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Work on rows."""
        return await self._run(self._storing, partial(work, *args, **kwargs))

    async def fetch(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Work that asks a service."""
        return await self._run(self._fetching, partial(work, *args, **kwargs))

    def close(self) -> None:
        """Take nothing more; what runs is not waited for."""
        for pool in (self._keeping, self._storing, self._fetching):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
        try:
            result = await asyncio.get_running_loop().run_in_executor(pool, _tidily, work)
        except AWAY as error:
            if not self._is_away:
                log.error("The database does not answer; trying again. %s", str(error).strip())
            self._is_away = True
            raise
        if self._is_away:
            self._is_away = False
            log.info("The database answers again")
        return result


def _tidily(work: Callable[[], Result]) -> Result:
    try:
        return work()
    finally:
        sql.end_of_work()
