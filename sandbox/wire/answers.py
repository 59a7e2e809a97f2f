"""Answers of the API, and how a fault spoils them."""

import errno
import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import http_date

from ..eras import is_usual, rewritten
from ..faults import Fault
from ..limits import Quota
from ..records import Invalid, Missing, NameTaken, SandboxError
from ..world import World


class ApiError(Exception):
    """A refusal in the API's own words; `details` are further keys of its body."""

    def __init__(self, status: int, message: str, details: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details or {}


def answer(data: object, status: int = 200) -> HttpResponse:
    """JSON with everything beyond ASCII escaped, as HipChat wrote it."""
    return _quiet(HttpResponse(json.dumps(data), content_type="application/json", status=status))


def done() -> HttpResponse:
    return HttpResponse(status=204)


def refusal(error: ApiError) -> HttpResponse:
    """HipChat API v2, errors: the status again, a sentence, and the status' name."""
    told = {"code": error.status, "message": error.message, "type": HTTPStatus(error.status).phrase}
    return answer({"error": told | error.details}, error.status)


def translated(error: SandboxError, world: World) -> ApiError:
    """A refusal of the world, in the API's words and with its status."""
    text = str(error)
    if isinstance(error, Missing):
        kind, named = text.split(" ", 1)[0], world.switches.not_found_text == "named"
        return ApiError(404, text if named else f"{kind} not found")
    if isinstance(error, NameTaken):
        return ApiError(int(world.switches.name_taken), text)
    details = {}
    if isinstance(error, Invalid) and world.switches.error_details:
        details = {"field": error.field, "expected": error.expected, "validation": error.given}
    return ApiError(400, text, details)


def aged(response: HttpResponse, world: World) -> HttpResponse:
    """The answer as the server of the year that the switches tell would have written it."""
    if is_usual(world.switches) or response.get("Content-Type") != "application/json":
        return response
    response.content = json.dumps(rewritten(json.loads(response.content), world.switches)).encode()
    return response


def set_date(response: HttpResponseBase, world: World) -> None:
    """The answer's date in the world's time, by which a client reads the reset of a limit."""
    response["Date"] = http_date(world.clock.now())


def set_quota(response: HttpResponseBase, quota: Quota, *, name: str) -> None:
    response[f"X-{name}-Limit"] = str(quota.limit)
    response[f"X-{name}-Remaining"] = str(quota.remaining)
    response[f"X-{name}-Reset"] = str(quota.reset)


def replaced(fault: Fault) -> HttpResponse:
    """What the fault wants to be answered instead."""
    status = fault.status or 200
    if isinstance(fault.body, str):
        response = HttpResponse(fault.body, content_type="text/html", status=status)
    elif fault.body is not None:
        response = HttpResponse(json.dumps(fault.body), content_type="application/json", status=status)
    else:
        response = refusal(ApiError(status, "The sandbox was told to fail."))
    for name, value in (fault.headers or {}).items():
        response[name] = value
    return _quiet(response)


def spoiled(response: HttpResponse, fault: Fault, world: World, *, anchor: str) -> HttpResponseBase:
    """The answer to a request whose work is done, as the fault wants it to arrive.

    `anchor` is the message that the request asked for the history from, if it did.
    """
    if fault.status or fault.body is not None:
        response = replaced(fault)
    elif fault.headers:
        for name, value in fault.headers.items():
            response[name] = value
    if response.get("Content-Type") == "application/json":
        response.content = _edited(response.content, fault, anchor)
    if fault.cut == "garbage":
        response.content = b"\x00\xff{not json" + response.content[:8]
    if fault.cut in ("before", "inside"):
        return _streamed(response, _cut(response.content, inside=fault.cut == "inside"))
    if fault.drip:
        return _streamed(response, _drip(response.content, fault.drip, world))
    return response


def _edited(content: bytes, fault: Fault, anchor: str) -> bytes:
    if not (fault.drop_anchor or fault.malformed_card or fault.padding):
        return content
    data: dict[str, Any] = json.loads(content)
    if fault.drop_anchor:
        data["items"] = [item for item in data.get("items", []) if item.get("id") != anchor]
    if fault.malformed_card:
        for item in data.get("items", []):
            if "card" in item:
                item["card"] = item["card"][:-1] + ",,"
    if fault.padding:
        data["padding"] = "x" * fault.padding
    return json.dumps(data).encode()


def _streamed(response: HttpResponse, chunks: Iterator[bytes]) -> StreamingHttpResponse:
    stream = StreamingHttpResponse(chunks, status=response.status_code, headers=dict(response.items()))
    stream["Content-Length"] = str(len(response.content))
    return stream


def _cut(content: bytes, *, inside: bool) -> Iterator[bytes]:
    """Break off. A web server takes this error for a client that went away, and closes silently."""
    if inside:
        yield content[: max(1, len(content) // 2)]
    raise BrokenPipeError(errno.EPIPE, "The sandbox was told to cut this answer.")


def _drip(content: bytes, seconds: float, world: World) -> Iterator[bytes]:
    for position in range(len(content)):
        if world.closing.wait(seconds):
            return
        yield content[position : position + 1]


def _quiet(response: HttpResponse) -> HttpResponse:
    """Keep Django from logging a refusal: its line has the path, and some paths hold a token."""
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
