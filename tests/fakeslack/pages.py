"""What somebody sees of the fake in a browser: channels and what stands there, and a form to say something.

For trying things out by hand (`python -m tests.fakeslack`) and for pictures; tests use `control.py`.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from aiohttp import web

from tests.fakeslack import text
from tests.fakeslack.world import Channel, Message, User

if TYPE_CHECKING:
    from tests.fakeslack.slack import Slack

STYLE = "body{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}li{list-style:none}"


class Pages:
    """Server-made HTML without a script."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack

    async def channels(self, request: web.Request) -> web.Response:
        """Every workspace with its channels."""
        body = ""
        for team in self._slack.world.teams.values():
            mine = [one for one in self._slack.world.channels.values() if one.teams[0] is team]
            items = "".join(f'<li><a href="/client/{one.id}">{_name(one)}</a></li>' for one in mine)
            body += f"<h2>{html.escape(team.name)}</h2><ul>{items}</ul>"
        return _page("Workspaces", body)

    async def channel(self, request: web.Request) -> web.Response:
        """What stands in a channel, threads beneath their parents, and the forms."""
        channel = self._channel(request)
        shown = "".join(_entry(one) for one in channel.messages.values() if not one.is_reply)
        people = [user for user in channel.members if not user.bot]
        names = "".join(f'<option value="{one.id}">{_shown(one)}</option>' for one in people)
        say = f'<form method="post"><select name="user">{names}</select> <input name="text" required>'
        bots = [bot.user for bot in self._slack.world.bots.values() if bot.is_active]
        absent = [user for user in bots if user not in channel.members and user.team in channel.teams]
        add = "".join(
            f'<form method="post"><button name="add" value="{one.id}">Add {_shown(one)}</button></form>'
            for one in absent
        )
        body = f"<ul>{shown}</ul>{say}<button>Send</button></form>{add}"
        return _page(_name(channel), f'<p><a href="/client">All channels</a></p>{body}')

    async def act(self, request: web.Request) -> web.Response:
        """Somebody says something, or an app is added."""
        channel, said = self._channel(request), await request.post()
        world, slack = self._slack.world, self._slack
        if "add" in said:
            slack.places.join(channel, world.users[str(said["add"])], channel.creator)
        else:
            user = world.users[str(said["user"])]
            slack.talking.post(channel, user, text.escape(str(said["text"])))
        raise web.HTTPSeeOther(request.path)

    def _channel(self, request: web.Request) -> Channel:
        found = self._slack.world.channels.get(request.match_info["channel"])
        if found is None:
            raise web.HTTPNotFound(text="There is no such channel.")
        return found


def _entry(message: Message) -> str:
    who = html.escape(message.username) or (_shown(message.user) if message.user else "")
    words = html.escape(text.unescape(message.text)).replace("\n", "<br>")
    notes = " <small>(edited)</small>" if message.edited else ""
    notes += "".join(f" <small>:{name}: {len(users)}</small>" for name, users in message.reactions.items())
    files = "".join(f"<br><em>{html.escape(file.name)}</em>" for file in message.files)
    replies = "".join(_entry(one) for one in message.replies)
    return f"<li><b>{who}</b> {words}{notes}{files}{f'<ul>{replies}</ul>' if replies else ''}</li>"


def _shown(user: User) -> str:
    return html.escape(user.display_name or user.real_name)


def _name(channel: Channel) -> str:
    people = ", ".join(user.name for user in channel.members)
    return html.escape(f"#{channel.name}" if channel.name else f"Direct message: {people}")


def _page(title: str, body: str) -> web.Response:
    head = f'<!DOCTYPE html><html lang="en"><title>{title}</title><style>{STYLE}</style>'
    return web.Response(text=f"{head}<h1>{title}</h1>{body}</html>", content_type="text/html")
