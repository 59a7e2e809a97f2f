"""What slack-sdk's client is refused with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError


def error_of(refused: pytest.ExceptionInfo[SlackApiError]) -> str:
    """The error's name."""
    return str(refused.value.response["error"])


def refusal(ask: Callable[..., Any], **arguments: Any) -> str:
    """The error of a call that has to be refused."""
    with pytest.raises(SlackApiError) as refused:
        ask(**arguments)
    return error_of(refused)
