"""The body by which HipChat takes a file: multipart/related, read from the disk as it is sent.

HipChat API v2, share file with room, and HipChat's web client 4.30: a JSON part named `metadata` with the
description, and the file, both as attachments, with CRLF line ends. Two JSON parts are refused, so a
`.json` file goes as text.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from connectors.base import OutgoingFile

PIECE: Final = 64 * 1024  # bytes
_UNQUOTABLE: Final = str.maketrans({'"': "'", "\\": "_", "\r": " ", "\n": " "})


@dataclass(frozen=True, slots=True)
class ShareBody:
    """One file with its description. Can be read again from the beginning."""

    file: OutgoingFile
    boundary: str = field(default_factory=lambda: f"sameroom-{secrets.token_hex(16)}")

    @property
    def content_type(self) -> str:
        return f"multipart/related; boundary={self.boundary}; charset=UTF-8"

    def __len__(self) -> int:
        return len(self._head()) + self.file.size + len(self._tail())

    def __iter__(self) -> Iterator[bytes]:
        self.file.content.seek(0)
        yield self._head()
        while piece := self.file.content.read(PIECE):
            yield piece
        yield self._tail()

    def _head(self) -> bytes:
        name = self.file.name.translate(_UNQUOTABLE)
        is_json = self.file.content_type == "application/json"
        lines = [f"--{self.boundary}"]
        if self.file.message.text:
            lines += [
                "Content-Type: application/json; charset=UTF-8",
                'Content-Disposition: attachment; name="metadata"',
                "",
                json.dumps({"message": self.file.message.text}),
                f"--{self.boundary}",
            ]
        lines += [
            f"Content-Type: {'text/plain' if is_json else self.file.content_type}",
            f'Content-Disposition: attachment; name="file"; filename="{name}"',
            "",
            "",
        ]
        return "\r\n".join(lines).encode("utf-8", "replace")

    def _tail(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()
