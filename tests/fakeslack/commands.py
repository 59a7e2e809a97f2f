"""Slash commands: docs.slack.dev, "Implementing slash commands" and its payload."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aiohttp import web

from tests.fakeslack import text
from tests.fakeslack.deliveries import signed
from tests.fakeslack.world import App, Bot, Channel, Json, User

if TYPE_CHECKING:
    from tests.fakeslack.slack import Slack

MOST_ANSWERS = 5  # by a response_url
LIFE = 30 * 60  # seconds of a response_url


@dataclass(eq=False)
class Asked:
    """A command that somebody has typed, and what they were shown for it."""

    channel: Channel
    user: User
    bot: Bot
    until: float
    failure: str = ""  # what Slackbot told them instead: `operation_timeout`, `dispatch_failed`
    shown: list[Json] = field(default_factory=list)  # answers that only they see
    left: int = MOST_ANSWERS


class Commands:
    """Brings commands to apps, and their answers to people. For the event loop."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack
        self._asked: dict[str, Asked] = {}

    async def ask(self, channel: Channel, user: User, app: App, command: str, words: str) -> Asked:
        """Somebody types a command; what came of it once the app has answered."""
        bot = self._slack.world.bot_of(app, user.team)
        if bot is None or "commands" not in bot.scopes:
            raise ValueError(f"{command} is no command of {user.team.name}")
        key, until = secrets.token_hex(12), self._slack.world.now() + LIFE
        asked = self._asked[key] = Asked(channel, user, bot, until)
        payload = self._payload(asked, command, words, key)
        if app.socket_mode:
            answer = await self._by_socket(app, payload, asked)
        else:
            answer = await self._by_http(app, command, payload, asked)
        if answer:
            self._show(asked, answer)
        return asked

    def _payload(self, asked: Asked, command: str, words: str, key: str) -> Json:
        team, channel, user = asked.user.team, asked.channel, asked.user
        return {
            "token": asked.bot.app.verification_token,
            "team_id": team.id,
            "team_domain": team.domain,
            "channel_id": channel.id,
            "channel_name": "privategroup" if channel.kind == "group" else channel.name or "directmessage",
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": words,
            "api_app_id": asked.bot.app.id,
            "is_enterprise_install": "false",
            "response_url": f"{self._slack.url}/commands/{team.id}/{key}",
            "trigger_id": f"{secrets.randbelow(10**12)}.{key}",
        }

    async def _by_socket(self, app: App, payload: Json, asked: Asked) -> Json | None:
        sockets = self._slack.sockets
        known = len(sockets.lost)
        answer = await sockets.bring(app, payload, "slash_commands", answers=True)
        if len(sockets.lost) > known:
            asked.failure = "dispatch_failed" if not sockets.of(app) else "operation_timeout"
        return answer

    async def _by_http(self, app: App, command: str, payload: Json, asked: Asked) -> Json | None:
        body = urlencode(payload).encode()
        headers = signed(app, body, "application/x-www-form-urlencoded")
        try:
            answer = await self._slack.deliveries.request(app.command_urls[command], body, headers)
        except TimeoutError:
            asked.failure = "operation_timeout"
            return None
        except Exception:  # noqa: BLE001 - whatever it was, people are told the same
            asked.failure = "dispatch_failed"
            return None
        if answer.status != 200:
            asked.failure = "dispatch_failed"
            return None
        told: Json = answer.json() or {"text": answer.body.decode()}
        return told if told.get("text") or told.get("blocks") else None

    async def respond(self, request: web.Request) -> web.Response:
        """An app's later answer, at the command's response_url."""
        asked = self._asked.get(request.match_info["key"])
        if asked is None or asked.until < self._slack.world.now():
            return web.Response(status=404, text="expired_url")
        if asked.left <= 0:
            return web.Response(status=404, text="used_url")
        asked.left -= 1
        self._show(asked, await request.json())
        return web.Response(text="ok")

    def _show(self, asked: Asked, answer: Json) -> None:
        """To everybody, or to who has asked alone, which is what happens unless the answer says otherwise."""
        if answer.get("response_type") != "in_channel":
            asked.shown.append(answer)
            return
        wire, blocks = text.kept(answer.get("text", "")), answer.get("blocks", [])
        talking, bot = self._slack.talking, asked.bot
        talking.post(asked.channel, bot.user, wire, bot=bot, blocks=blocks, subtype="bot_message")
