"""The Web API behind a socket: reads a request's arguments, answers as Slack does, or as a fault has it."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from aiohttp import web

from tests.fakeslack import calls, methods_chat, methods_conversations, methods_files, methods_people, oauth
from tests.fakeslack.calls import METHODS
from tests.fakeslack.faults import Fault
from tests.fakeslack.refusals import Limited, Refused
from tests.fakeslack.wires import drip, reset
from tests.fakeslack.world import Json, Token

if TYPE_CHECKING:
    from tests.fakeslack.slack import Slack

LOADED = (methods_chat, methods_conversations, methods_files, methods_people, oauth)  # fill METHODS
SLOW = ("drip", "latency")  # faults that answer all the same
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class Api:
    """Answers `/api/METHOD`."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        fault = self._slack.faults.of_call(name)
        if fault is None:
            return await self._answer(request, name)
        if fault.stored or fault.kind in SLOW:
            answer = await self._answer(request, name)
            return await spoil(request, fault, answer) or answer
        return await spoil(request, fault) or await self._answer(request, name)

    async def _answer(self, request: web.Request, name: str) -> web.Response:
        slack, headers = self._slack, {"x-slack-req-id": secrets.token_hex(16)}
        token: Token | None = None
        try:
            args, warnings, is_json = await arguments(request)
            value = token_in(request, args)
            token = slack.world.tokens.get(value)
            if is_json and name in METHODS and not METHODS[name].takes_json:
                args = {}  # what such a method is sent as JSON it does not see
            told, token, call = calls.run(slack, name, args, value)
            warnings += call.warnings
        except Limited as refused:
            headers["Retry-After"] = str(refused.seconds)
            slack.called.append((name, "ratelimited"))
            return web.json_response(refused.body(), status=429, headers=headers)
        except Refused as refused:
            told, warnings = refused.body(), []
        slack.called.append((name, told.get("error", "")))
        if warnings:
            metadata = told.get("response_metadata", {}) | {"warnings": warnings}
            told |= {"warning": ",".join(warnings), "response_metadata": metadata}
        return web.json_response(told, headers=headers | _granted(token, name))


async def spoil(
    request: web.Request, fault: Fault, answer: web.Response | None = None
) -> web.StreamResponse | None:
    """What the fault has instead of an answer; None where it only takes its time."""
    match fault.kind:
        case "status":
            return web.Response(
                status=fault.status, text="<html>upstream error</html>", content_type="text/html"
            )
        case "throttle":
            headers = {"Retry-After": str(fault.retry_after)}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        case "error":
            return web.json_response({"ok": False, "error": fault.error})
        case "garbage":
            return web.Response(text='{"ok": tru', content_type="application/json")
        case "hang":
            await asyncio.sleep(3600)
        case "reset":
            reset(request)
        case "latency":
            await asyncio.sleep(fault.delay)
        case "drip" if answer is not None:
            return await drip(request, answer, fault.pause)
    return None


def _granted(token: Token | None, name: str) -> dict[str, str]:
    if token is None:
        return {}
    wanted = METHODS[name].scopes if name in METHODS else ()
    return {"x-oauth-scopes": ",".join(token.scopes), "x-accepted-oauth-scopes": ",".join(wanted)}


async def arguments(request: web.Request) -> tuple[Json, list[str], bool]:
    """The arguments, what is to be warned about, and whether they came as JSON. Raises Refused."""
    args: Json = dict(request.query)
    if request.method == "GET" or not request.can_read_body:
        return args, [], False
    kind = request.content_type
    if kind == "application/json":
        return args | await _json(request), [] if request.charset else ["missing_charset"], True
    if kind == "multipart/form-data":
        fields = await request.post()
        return args | {name: value for name, value in fields.items() if isinstance(value, str)}, [], False
    if kind not in FORMS:
        raise Refused("invalid_post_type")
    try:
        return args | dict(parse_qsl((await request.read()).decode(), keep_blank_values=True)), [], False
    except ValueError:
        raise Refused("invalid_form_data") from None


async def _json(request: web.Request) -> Json:
    try:
        told = json.loads(await request.read() or b"{}")
    except ValueError:
        raise Refused("invalid_json") from None
    if not isinstance(told, dict):
        raise Refused("json_not_object")
    return told


def token_in(request: web.Request, args: Json) -> str:
    """The token: in the header, or as an argument of a form. HTTP Basic is for the app's own secrets."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() == "basic":
        name, _, secret = base64.b64decode(value).decode().partition(":")
        args.setdefault("client_id", name)
        args.setdefault("client_secret", secret)
    is_form = request.content_type in FORMS or request.method == "GET"
    return str(args.get("token", "")) if is_form else ""
