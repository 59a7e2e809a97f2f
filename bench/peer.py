"""The other end of `processes.Peer`: commands come in as lines of JSON, answers go out the same way."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

Command = Callable[..., Any]


def serve(commands: Mapping[str, Command]) -> None:
    """Carry out one command after another until the input ends. A failure is told, and is no end."""
    answers, sys.stdout = sys.stdout, sys.stderr  # nothing but answers may be printed there
    for line in sys.stdin:
        arguments = json.loads(line)
        try:
            told = {"result": commands[arguments.pop("do")](**arguments)}
        except Exception as error:  # noqa: BLE001 - told to whoever asked
            traceback.print_exc()
            told = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(told) + "\n")
        answers.flush()
