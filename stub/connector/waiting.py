"""Waiting for the stub's answers by the thousand, in one event loop. asyncio."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from connectors import net
from connectors.errors import RetryLater
from connectors.net.waiting import Connections
from stub.connector.client import READ_DEADLINE, refused

Json = dict[str, Any]


class Waiting:
    """One token at one stub. Every method is one request."""

    def __init__(self, http: Connections, server: str, token: str) -> None:
        self._http, self._server, self._token = http, server, token

    async def get(self, *path: str, wait: float = 0.0, **params: str) -> Json:
        """Read, and wait so many seconds for news. RetryLater, LoginRejected, RoomGone; ValueError."""
        try:
            answer = await self._http.get(
                "/".join([self._server, *(quote(part, safe="") for part in path)]),
                deadline=wait + READ_DEADLINE,
                headers={"Authorization": f"Bearer {self._token}"},
                params=params | ({"wait": str(wait)} if wait else {}),
                secrets=[self._token],
            )
        except net.NetError as error:
            raise RetryLater(f"The stub did not answer: {error}.") from None
        if answer.status != 200:
            refused(answer, writes=False)
        told = answer.json()
        if not isinstance(told, dict):
            raise ValueError("The stub's answer is no object.")
        return told
