"""slack-sdk's Web API client on our own door to the outside: its calls and answers, our limits.

By itself slack-sdk opens addresses with urllib: no total deadline, no address rules, a connection for each
call. The one method that does so is replaced; nothing is retried there, which is the relay's affair.
"""

from __future__ import annotations

import logging
from typing import Any, Final
from urllib.request import Request

from slack_sdk import WebClient

from connectors import net

# Says nothing: what slack-sdk would log are texts of messages and answers.
_silent: Final = logging.getLogger("connectors.slack.wire.sdk")
_silent.setLevel(logging.CRITICAL + 1)
_SENT: Final = ("Authorization", "Content-Type")  # of slack-sdk's headers; urllib writes them "Content-type"


class Unreadable(Exception):
    """An answer that is not Slack's: no JSON object, whatever its status."""

    def __init__(self, answer: net.Answer) -> None:
        super().__init__(f"status {answer.status}")
        self.answer = answer


class Wire(WebClient):
    """One token for one call of at most `deadline` seconds. Raises net.NetError and Unreadable too."""

    def __init__(self, server: str, token: str, *, deadline: float, max_bytes: int) -> None:
        super().__init__(token, base_url=f"{server}/", logger=_silent, retry_handlers=[])
        self._deadline, self._max_bytes, self._secrets = deadline, max_bytes, [token]

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        data = req.data
        answer = net.request(
            "POST",
            url,
            deadline=self._deadline,
            max_bytes=self._max_bytes,
            headers={name: str(value) for name in _SENT if (value := req.get_header(name.capitalize()))},
            data=data if isinstance(data, bytes) else b"",
            secrets=self._secrets,
        )
        try:
            is_object = isinstance(answer.json(), dict)
        except ValueError:
            is_object = False
        if not is_object:
            raise Unreadable(answer)
        return {"status": answer.status, "headers": answer.headers, "body": answer.text}
