"""Installing an app: the page where people allow it, the codes and tokens, and apps made from a manifest.

docs.slack.dev, "Installing with OAuth", `oauth.v2.access`, "Using token rotation", "Configuring apps with app
manifests" (the address that opens a manifest for review).
"""

from __future__ import annotations

import html
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import yaml
from aiohttp import web

from tests.fakeslack.calls import Call, method
from tests.fakeslack.refusals import Refused
from tests.fakeslack.world import App, Json, Token, User

if TYPE_CHECKING:
    from tests.fakeslack.slack import Slack

CODE_LIFE = 600.0  # seconds: ten minutes
GRACE = 2  # tokens of an installation that are good beside each other, where tokens rotate


@dataclass
class Code:
    """What somebody has allowed, until it is exchanged."""

    app: App
    user: User
    scopes: list[str]
    redirect_uri: str
    until: float


@method("oauth.v2.access", tier=4, tokens=(), takes_json=False)
def oauth_v2_access(call: Call) -> Json:
    """Exchange a code, or a refresh token, for a token of the bot."""
    app = next((app for app in call.world.apps.values() if app.client_id == call.text("client_id")), None)
    if app is None:
        raise Refused("invalid_client_id")
    if not secrets.compare_digest(app.client_secret, call.text("client_secret")):
        raise Refused("bad_client_secret")
    match call.text("grant_type") or "authorization_code":
        case "authorization_code":
            return _exchange(call, app)
        case "refresh_token":
            return _refresh(call, app)
    raise Refused("invalid_grant_type")


def _exchange(call: Call, app: App) -> Json:
    codes = call.slack.oauth.codes
    code = codes.get(call.text("code"))
    if code is None or code.app is not app or code.until < call.world.now():
        raise Refused("invalid_code")
    if code.redirect_uri != call.text("redirect_uri"):
        raise Refused("bad_redirect_uri")
    del codes[call.text("code")]  # good once
    token = call.world.new_token(call.world.install(app, code.user, code.scopes))
    return _granted(call, token) | {"authed_user": {"id": code.user.id}}


def _refresh(call: Call, app: App) -> Json:
    """A new token; the one before the last is void by it, and the refresh token was good once."""
    old = call.world.refreshes.get(call.text("refresh_token"))
    if old is None or old.app is not app or old.refused:
        raise Refused("invalid_refresh_token")
    del call.world.refreshes[old.refresh]
    assert old.bot
    token = call.world.new_token(old.bot)
    good = [
        one for one in call.world.tokens.values() if one.bot is old.bot and one.expires and not one.refused
    ]
    for one in good[:-GRACE]:
        one.refused = "token_revoked"
        call.world.refreshes.pop(one.refresh, None)
    return _granted(call, token)


def _granted(call: Call, token: Token) -> Json:
    bot = token.bot
    assert bot
    enterprise = bot.team.enterprise
    told: Json = {
        "access_token": token.value,
        "token_type": "bot",
        "scope": ",".join(token.scopes),
        "bot_user_id": bot.user.id,
        "app_id": bot.app.id,
        "team": {"name": bot.team.name, "id": bot.team.id},
        "enterprise": {"name": enterprise.name, "id": enterprise.id} if enterprise else None,
        "is_enterprise_install": False,
    }
    if token.expires:
        told |= {"expires_in": int(token.expires - call.world.now()), "refresh_token": token.refresh}
    return told


class OAuth:
    """The pages. Everybody is logged in at Slack here, and says by a button who they are."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack
        self.codes: dict[str, Code] = {}

    async def authorize(self, request: web.Request) -> web.Response:
        """What an app asks for, with a button for each person who may allow it."""
        asked = request.query
        app = self._app(asked.get("client_id", ""))
        if app is None:
            return _page("Something went wrong", "<p>invalid_client_id</p>", 400)
        if trouble := _trouble(app, asked.get("scope", ""), asked.get("redirect_uri", "")):
            return _page("Something went wrong", f"<p>{trouble}</p>", 400)
        people = [
            user for user in self._slack.world.users.values() if not user.bot and user.name != "slackbot"
        ]
        wanted = asked.get("team", "")
        people = [user for user in people if not wanted or user.team.id == wanted]
        scopes = "".join(f"<li>{html.escape(scope)}</li>" for scope in asked["scope"].split(","))
        body = f"<p>{html.escape(app.name)} asks for:</p><ul>{scopes}</ul>"
        return _page("Allow access", body + "".join(_form(user, asked.items()) for user in people))

    async def decide(self, request: web.Request) -> web.Response:
        """The button: back to the app, with a code or with `access_denied`."""
        said = await request.post()
        app = self._app(str(said.get("client_id", "")))
        user = self._slack.world.users.get(str(said.get("user", "")))
        given = str(said.get("redirect_uri", ""))
        if app is None or user is None or _trouble(app, str(said.get("scope", "")), given):
            return _page("Something went wrong", "<p>invalid_request</p>", 400)
        answer = {"state": str(said.get("state", ""))}
        if said.get("decision") == "allow":
            code = f"{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
            until = self._slack.world.now() + CODE_LIFE
            self.codes[code] = Code(app, user, str(said["scope"]).split(","), given, until)
            answer = {"code": code} | answer
        else:
            answer = {"error": "access_denied"} | answer
        raise web.HTTPFound(f"{given or app.redirect_urls[0]}?{urlencode(answer)}")

    def _app(self, client_id: str) -> App | None:
        return next((app for app in self._slack.world.apps.values() if app.client_id == client_id), None)

    # ------------------------------------------------------------------ apps from manifests

    async def review(self, request: web.Request) -> web.Response:
        """`/apps?new_app=1&manifest_yaml=…` (or `manifest_json`): what is to be made, and a button."""
        try:
            manifest = read_manifest(dict(request.query))
        except ValueError as error:
            return _page("This manifest has errors", f"<p>{html.escape(str(error))}</p>", 400)
        text = html.escape(json.dumps(manifest), quote=True)
        shown = html.escape(json.dumps(manifest, indent=2))
        kept = f'<input type="hidden" name="manifest" value="{text}">'
        form = f'<form method="post">{kept}<button>Create</button></form>'
        return _page("Review summary and create your app", f"<pre>{shown}</pre>{form}")

    async def create(self, request: web.Request) -> web.Response:
        """The app, installed in the first workspace, with its tokens to copy."""
        said = await request.post()
        app = self._slack.app_of(json.loads(str(said["manifest"])))
        world = self._slack.world
        installer = next(user for user in world.users.values() if not user.bot and user.name != "slackbot")
        shown = {
            "App ID": app.id,
            "Client ID": app.client_id,
            "Client Secret": app.client_secret,
            "Signing Secret": app.signing_secret,
            "Bot User OAuth Token": world.new_token(world.install(app, installer, app.scopes)).value,
            "App-Level Token": world.new_app_token(app, ["connections:write"]).value,
        }
        rows = "".join(f"<dt>{name}</dt><dd><code>{value}</code></dd>" for name, value in shown.items())
        return _page("Basic Information", f"<dl>{rows}</dl>")


def _trouble(app: App, scope: str, redirect_uri: str) -> str:
    """The error that the page shows instead of asking."""
    if not scope:
        return "no_scopes"
    if any(one not in app.scopes for one in scope.split(",")):
        return "invalid_scope"
    if not redirect_uri:
        return "" if app.redirect_urls else "bad_redirect_uri"
    return "" if any(redirect_uri.startswith(url) for url in app.redirect_urls) else "bad_redirect_uri"


def _form(user: User, asked: Iterable[tuple[str, str]]) -> str:
    kept = {name: value for name, value in asked if name in ("client_id", "scope", "state", "redirect_uri")}
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(value, quote=True)}">'
        for name, value in (kept | {"user": user.id}).items()
    )
    who = html.escape(f"{user.name} of {user.team.name}")
    return (
        f'<form method="post">{hidden}<p>As {who}</p><button name="decision" value="allow">Allow</button>'
        '<button name="decision" value="cancel">Cancel</button></form>'
    )


def _page(title: str, body: str, status: int = 200) -> web.Response:
    text = f'<!DOCTYPE html><html lang="en"><title>{title}</title><h1>{title}</h1>{body}</html>'
    return web.Response(text=text, content_type="text/html", status=status)


def read_manifest(given: dict[str, str]) -> Json:
    """The manifest in an address. ValueError says what is wrong with it."""
    try:
        told = (
            json.loads(given["manifest_json"])
            if "manifest_json" in given
            else yaml.safe_load(given["manifest_yaml"])
        )
    except KeyError:
        raise ValueError("no manifest was given") from None
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {error}") from None
    if not isinstance(told, dict) or not told.get("display_information", {}).get("name"):
        raise ValueError("display_information.name is required")
    return told


def fields_of(manifest: Json) -> Json:
    """What a manifest says of an app, as fields of `App`. ValueError for what Slack would refuse."""
    name = manifest["display_information"]["name"]
    if len(name) > 35:
        raise ValueError("display_information.name may have 35 characters")
    config, features = manifest.get("oauth_config", {}), manifest.get("features", {})
    settings = manifest.get("settings", {})
    subscriptions = settings.get("event_subscriptions", {})
    commands = {one["command"]: one.get("url", "") for one in features.get("slash_commands", [])}
    if any(len(one.get("description", "")) == 0 for one in features.get("slash_commands", [])):
        raise ValueError("features.slash_commands: a description is required")
    if not settings.get("socket_mode_enabled") and subscriptions and not subscriptions.get("request_url"):
        raise ValueError("settings.event_subscriptions: request_url is required, or Socket Mode")
    return {
        "name": name,
        "scopes": list(config.get("scopes", {}).get("bot", [])),
        "events": set(subscriptions.get("bot_events", [])),
        "redirect_urls": list(config.get("redirect_urls", [])),
        "request_url": subscriptions.get("request_url", ""),
        "command_urls": commands,
        "socket_mode": bool(settings.get("socket_mode_enabled")),
        "token_rotation": bool(settings.get("token_rotation_enabled")),
    }
