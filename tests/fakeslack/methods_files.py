"""Files: an address to send them to, the sending, the sharing; and their download.

docs.slack.dev, "Working with files" and `files.*` among the methods. The sharing is asynchronous: the
answer of files.completeUploadExternal comes before the message that shows the file.
"""

from __future__ import annotations

import asyncio
import mimetypes
import re
import secrets
from typing import TYPE_CHECKING

from aiohttp import web

from tests.fakeslack import text
from tests.fakeslack.calls import Call, method
from tests.fakeslack.faults import Fault
from tests.fakeslack.methods_chat import NOT_FOR_THREADS
from tests.fakeslack.refusals import Refused
from tests.fakeslack.shapes import file_with_shares
from tests.fakeslack.wires import drip, reset
from tests.fakeslack.world import Channel, File, Json, Token, User

if TYPE_CHECKING:
    from tests.fakeslack.slack import Slack

LONGEST_ALT_TEXT = 1000
BIGGEST = 1_000_000_000  # bytes: 1 GB, whatever the workspace pays


@method("files.getUploadURLExternal", tier=4, scopes=("files:write",), takes_json=False)
def files_get_upload_url_external(call: Call) -> Json:
    """Where to send a file of this name and size, and the id that it will have."""
    name, length = call.text("filename"), call.text("length")
    if not name or length in ("", "0"):
        raise Refused("missing_argument")
    if not length.isdecimal():
        raise Refused("invalid_arguments")
    if int(length) > min(BIGGEST, call.slack.files.biggest):
        raise Refused("file_upload_size_restricted")
    if len(call.text("alt_txt")) > LONGEST_ALT_TEXT:
        raise Refused("alt_txt_too_large")
    file = call.slack.files.begin(call.caller, name, int(length), call.text("alt_txt"))
    return {"upload_url": call.slack.files.address(file), "file_id": file.id}


@method("files.completeUploadExternal", tier=4, scopes=("files:write",))
def files_complete_upload_external(call: Call) -> Json:
    """Share what was sent; the message comes a moment later."""
    wanted = call.structure("files", "invalid_arguments")
    if not isinstance(wanted, list) or not wanted:
        raise Refused("invalid_arguments")
    files = [_uploaded(call, one) for one in wanted]
    channel = _where(call)
    thread_ts = _thread(call, channel)
    for file, one in zip(files, wanted, strict=True):
        file.title = one.get("title") or file.name
    comment = text.kept(call.text("initial_comment"))
    call.slack.start(call.slack.files.share(files, channel, comment, thread_ts))
    return {"files": [file_with_shares(file) for file in files]}


def _uploaded(call: Call, one: Json) -> File:
    file = call.world.files.get(one.get("id", "")) if isinstance(one, dict) else None
    if file is None or not file.is_uploaded or file.user is not call.user:
        raise Refused("file_not_found")
    return file


def _where(call: Call) -> Channel | None:
    name = call.text("channel_id")
    if not name:
        return None
    if not re.fullmatch("[CGDZ][A-Z0-9]{8,}", name):  # as node-slack-sdk's and bolt-js' issues quote it
        told = "[ERROR] input must match regex pattern: ^[CGDZ][A-Z0-9]{8,}$ [json-pointer:/channel_id]"
        raise Refused("invalid_arguments", response_metadata={"messages": [told]})
    channel = call.world.channels.get(name)
    if channel is None or not call.sees(channel):
        raise Refused("channel_not_found")
    if call.user not in channel.members:
        raise Refused("not_in_channel")
    if channel.is_archived:
        raise Refused("is_archived")
    if channel.is_read_only:
        raise Refused("posting_to_channel_denied")
    return channel


def _thread(call: Call, channel: Channel | None) -> str:
    thread_ts = call.text("thread_ts")
    if not thread_ts or channel is None:
        return ""
    parent = channel.messages.get(thread_ts)
    if parent is None or parent.is_reply or NOT_FOR_THREADS.fullmatch(parent.subtype):
        raise Refused("invalid_thread_ts")
    return thread_ts


@method("files.info", tier=4, scopes=("files:read",), takes_json=False)
def files_info(call: Call) -> Json:
    file = call.world.files.get(call.text("file"))
    if file is None or not _may_see(call, file):
        raise Refused("file_not_found")
    if file.is_deleted:
        raise Refused("file_deleted")
    return {"file": file_with_shares(file), "comments": [], "response_metadata": {"next_cursor": ""}}


@method("files.delete", tier=3, scopes=("files:write",))
def files_delete(call: Call) -> Json:
    file = call.world.files.get(call.text("file"))
    if file is None or not _may_see(call, file):
        raise Refused("file_not_found")
    if file.is_deleted:
        raise Refused("file_deleted")
    if file.user is not call.user:
        raise Refused("cant_delete_file")
    call.slack.talking.delete_file(file)
    return {}


def _may_see(call: Call, file: File) -> bool:
    return file.user is call.user or any(call.sees(channel) for channel in file.shares)


class Files:
    """The bytes: uploads in, downloads out. For the event loop."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack
        self.biggest = BIGGEST
        self.sharing = 0.05  # seconds between the answer and the message
        self.is_held = False  # nothing is shown until it is False again
        self._uploads: dict[str, File] = {}

    def begin(self, token: Token, name: str, size: int, alt_txt: str = "") -> File:
        """A file that an app is still to send."""
        file = self._new(token.person, name, size)
        file.alt_txt, file.bot = alt_txt, token.bot
        return file

    def begin_by(self, user: User, name: str, content: bytes) -> File:
        """A file that somebody has sent by their client."""
        file = self._new(user, name, len(content))
        file.content, file.is_uploaded, file.is_complete = content, True, True
        return file

    def _new(self, user: User, name: str, size: int) -> File:
        world = self._slack.world
        id = world.new_id("F")
        address = "".join(letter if letter.isalnum() or letter in ".-_" else "_" for letter in name.lower())
        url = f"{self._slack.url}/files-pri/{user.team.id}-{id}/{address}"
        file = File(id, name, name, user, b"", size, int(world.now()), url)
        file.mimetype = mimetypes.guess_type(name)[0] or "application/octet-stream"
        world.files[id] = file
        return file

    def address(self, file: File) -> str:
        """Where its bytes are to be sent, once."""
        key = secrets.token_urlsafe(24)
        self._uploads[key] = file
        return f"{self._slack.url}/upload/v1/{key}"

    async def share(self, files: list[File], channel: Channel | None, comment: str, thread_ts: str) -> None:
        """Look at the files, then show them."""
        await asyncio.sleep(self.sharing)
        while self.is_held:
            await asyncio.sleep(0.01)
        for file in files:
            file.is_complete = True
        if channel:
            self._slack.talking.share(channel, files, comment, thread_ts=thread_ts)

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """Bytes, as they are or as a form's only file."""
        fault = self._slack.faults.of_call("upload")
        if fault and (spoilt := _spoilt(request, fault)):
            return spoilt
        file = self._uploads.get(request.match_info["key"])
        if file is None or file.is_uploaded:
            return web.Response(status=404, text="not found")
        content = await _content(request)
        if len(content) != file.size:
            return web.Response(status=400, text=f"expected {file.size} bytes, got {len(content)}")
        file.content, file.is_uploaded = content, True
        return web.Response(text=f"OK - {len(content)}")

    async def download(self, request: web.Request) -> web.StreamResponse:
        """The bytes, for a token that may read files; everybody else is led to a page where people log in."""
        fault = self._slack.faults.of_call("download")
        if fault and (spoilt := _spoilt(request, fault)):
            return spoilt
        file = self._slack.world.files.get(request.match_info["file"].rpartition("-")[2])
        token = self._slack.world.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if file is None or file.is_deleted:
            return web.Response(status=404, text="not found")
        if token is None or token.refused or token.kind == "app" or "files:read" not in token.scopes:
            raise web.HTTPFound(f"{self._slack.url}/?redir={request.path}")
        if not _may_see(Call(self._slack, "download", {}, token), file):
            return web.Response(status=404, text="not found")
        answer = web.Response(body=file.content, content_type=file.mimetype)
        return await drip(request, answer, fault.pause) if fault and fault.kind == "drip" else answer

    async def sign_in(self, request: web.Request) -> web.Response:
        """Where a download without a good token ends: a page, with status 200."""
        return web.Response(text="<!DOCTYPE html><title>Slack</title><p>Sign in", content_type="text/html")


def _spoilt(request: web.Request, fault: Fault) -> web.Response | None:
    """What comes instead of an answer: an error, or the end of the connection."""
    if fault.kind == "reset":
        reset(request)
    return (
        web.Response(status=fault.status, text="upstream error")
        if fault.kind in ("status", "reset")
        else None
    )


async def _content(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    for value in (await request.post()).values():
        if isinstance(value, web.FileField):
            return value.file.read()
    return b""
