"""Files people shared, kept in the database under an unguessable id."""

import mimetypes
import re
import secrets

from .records import Invalid, Missing, Upload
from .store import Store


class Uploads:
    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, name: str, content_type: str, content: bytes, *, largest: int) -> Upload:
        """Keep a file of at most `largest` bytes; without a content type its name tells what it is."""
        if len(content) > largest:
            raise Invalid("file", f"at most {largest} bytes", f"{len(content)} bytes")
        name = re.sub(r"[\x00-\x1f/\\]", "_", name) or "file"
        content_type = content_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
        upload = Upload(secrets.token_urlsafe(24), name, content_type, content)
        self._store.insert(
            "uploads",
            id=upload.id,
            name=upload.name,
            content_type=upload.content_type,
            content=upload.content,
        )
        return upload

    def get(self, upload_id: str) -> Upload:
        row = self._store.row("SELECT * FROM uploads WHERE id = ?", upload_id)
        if row is None:
            raise Missing("File not found")
        return Upload(**row)
