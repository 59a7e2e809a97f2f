"""How what people type to us begins, wherever they type it. No I/O."""

from __future__ import annotations

import re
from typing import Final

STAYS: Final = "^^^"  # begins what is not for other rooms
# Telephones make a dash of what stands at the beginning of a line.
PREFIX: Final = re.compile(r"[-–—−]{1,2}sameroom(?:\s+|$)", re.IGNORECASE)
CALL: Final = re.compile(r"@sameroom(?:\s+|$)", re.IGNORECASE)  # where our accounts are apps


def is_call(text: str) -> bool:
    """Whether some Sameroom may take a text for a command, or for what is not for other rooms."""
    return text.startswith(STAYS) or PREFIX.match(text) is not None or CALL.match(text) is not None
