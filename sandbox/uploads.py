"""Files people shared, kept in the database under an unguessable id."""

import re
import secrets

from .records import Missing, SandboxError, Upload
from .store import Store

LARGEST = 50 * 1024 * 1024


class Uploads:
    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, name: str, content_type: str, content: bytes) -> Upload:
        if len(content) > LARGEST:
            raise SandboxError("file is larger than 50 MB")
        name = re.sub(r"[\x00-\x1f/\\]", "_", name) or "file"
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
