"""The body of a shared file, multipart/related.

HipChat API v2, share file: one optional JSON part and one file part, told apart by their names.
Line ends are CRLF or LF, the file is raw or in base64, and parts have to be attachments.
"""

import base64
import json
import re
from dataclasses import dataclass
from email.message import Message as Headers
from email.parser import HeaderParser

from .answers import ApiError


@dataclass(frozen=True, slots=True)
class Share:
    name: str
    content_type: str
    content: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Part:
    headers: Headers
    content: bytes

    @property
    def is_metadata(self) -> bool:
        name = self.headers.get_param("name", header="content-disposition")
        return name == "metadata" or self.headers.get_content_type() == "application/json"


def read_share(content_type: str, body: bytes) -> Share:
    """The file and its description. Raises ApiError for what HipChat would refuse."""
    parts = _parts(content_type, body)
    metadata = [part for part in parts if part.is_metadata]
    files = [part for part in parts if not part.is_metadata]
    if len(files) != 1 or len(metadata) > 1:
        raise ApiError(400, "There has to be one file, and at most one part in JSON")
    headers = files[0].headers
    return Share(
        name=(headers.get_filename() or "file").strip(),
        content_type=headers.get_content_type(),
        content=_decoded(files[0]),
        text=_description(metadata[0]) if metadata else "",
    )


def _parts(content_type: str, body: bytes) -> list[Part]:
    header = HeaderParser().parsestr(f"Content-Type: {content_type}\n\n")
    boundary = header.get_boundary()
    if not boundary:
        raise ApiError(400, "The content type has no boundary")
    mark = b"--" + re.escape(boundary.encode("latin-1", "replace"))
    opening = re.search(rb"(?:\A|\n)" + mark + rb"[ \t]*(\r?\n)", body)
    if opening is None:
        raise ApiError(400, "The body does not start with its boundary")
    end = opening.group(1)
    pieces = re.split(re.escape(end) + mark + rb"(?:--)?[ \t]*(?=\r?\n|\Z)", body[opening.end() - len(end) :])
    return [_part(piece[len(end) :], end) for piece in pieces if piece.strip()]


def _part(piece: bytes, end: bytes) -> Part:
    head, _, content = piece.partition(end + end)
    headers = HeaderParser().parsestr(head.decode("utf-8", "replace"))
    if headers.get_content_disposition() != "attachment":
        raise ApiError(400, "Content-Disposition has to be attachment")
    return Part(headers, content)


def _decoded(part: Part) -> bytes:
    if part.headers.get("Content-Transfer-Encoding", "").strip().lower() != "base64":
        return part.content
    try:
        return base64.b64decode(b"".join(part.content.split()), validate=True)
    except ValueError as error:
        raise ApiError(400, "The file is not in base64") from error


def _description(part: Part) -> str:
    try:
        data = json.loads(part.content)
    except ValueError as error:
        raise ApiError(400, "The metadata cannot be parsed as valid JSON") from error
    text = data.get("message", "") if isinstance(data, dict) else None
    if not isinstance(text, str):
        raise ApiError(400, "message has to be a string")
    return text
