"""Who and what there is: `auth.*`, `users.*`, `team.info`, `bots.info`, `emoji.list`, `apps.*`.

docs.slack.dev/reference/methods, each under its name.
"""

from __future__ import annotations

from tests.fakeslack.calls import Call, method, page
from tests.fakeslack.limits import POSTING
from tests.fakeslack.refusals import Refused
from tests.fakeslack.shapes import bot_json, team_json, user_json
from tests.fakeslack.world import Json


@method("api.test", tier=4, tokens=())
def api_test(call: Call) -> Json:
    if error := call.text("error"):
        raise Refused(error, args=call.args)
    return {"args": call.args}


@method("auth.test", tier=POSTING, own_limit=True, tokens=("bot", "user", "app"))
def auth_test(call: Call) -> Json:
    """Who the token is of; of an app-level token, which app's."""
    token = call.caller
    if token.kind == "app":
        return {"app_name": token.app.name, "app_id": token.app.id}
    user = call.user
    told: Json = {
        "url": f"https://{user.team.domain}.slack.com/",
        "team": user.team.name,
        "user": user.name,
        "team_id": user.team.id,
        "user_id": user.id,
        "is_enterprise_install": False,
    }
    told |= {"bot_id": token.bot.id} if token.bot else {}
    told |= {"enterprise_id": user.team.enterprise.id} if user.team.enterprise else {}
    return told | ({"expires_in": int(token.expires - call.world.now())} if token.expires else {})


@method("auth.revoke", tier=3)
def auth_revoke(call: Call) -> Json:
    """The token is void from now on; with `test` it only says whether it would be."""
    if call.flag("test"):
        return {"revoked": False}
    call.slack.places.revoke(call.caller)
    return {"revoked": True}


@method("users.list", tier=2, scopes=("users:read",), takes_json=False)
def users_list(call: Call) -> Json:
    people = [user for user in call.world.users.values() if user.team is call.user.team]
    limit = call.number("limit", len(people) or 1, 1000)
    piece, metadata = page(call, people, "user", limit=limit)
    with_email = "users:read.email" in call.caller.scopes
    told = [user_json(user, with_email=with_email) for user in piece]
    return {"members": told, "cache_ts": int(call.world.now())} | metadata


@method("users.info", tier=4, scopes=("users:read",), takes_json=False)
def users_info(call: Call) -> Json:
    """Somebody of the workspace, or of another one that a channel is shared with."""
    user = call.world.users.get(call.text("user"))
    shared = [one for one in call.world.channels.values() if one.is_shared and call.sees(one)]
    if user is None or not (user.team is call.user.team or any(user in one.members for one in shared)):
        raise Refused("user_not_found")
    told = user_json(user, with_email="users:read.email" in call.caller.scopes)
    return {"user": told | ({"is_stranger": True} if user.team is not call.user.team else {})}


@method("users.lookupByEmail", tier=3, scopes=("users:read.email",), takes_json=False)
def users_lookup_by_email(call: Call) -> Json:
    people = (
        user for user in call.world.users.values() if user.team is call.user.team and not user.is_deleted
    )
    user = next((user for user in people if user.email and user.email == call.text("email")), None)
    if user is None:
        raise Refused("users_not_found")
    return {"user": user_json(user, with_email=True)}


@method("team.info", tier=3, scopes=("team:read",), takes_json=False)
def team_info(call: Call) -> Json:
    if (name := call.text("team")) and name != call.user.team.id:
        raise Refused("team_not_found")
    return {"team": team_json(call.user.team)}


@method("bots.info", tier=3, scopes=("users:read",), takes_json=False)
def bots_info(call: Call) -> Json:
    """A bot by its `bot_id`, which is not its user's."""
    bot = call.world.bots.get(call.text("bot"))
    if bot is None or bot.team is not call.user.team:
        raise Refused("bot_not_found")
    return {"bot": bot_json(bot)}


@method("emoji.list", tier=2, scopes=("emoji:read",), takes_json=False)
def emoji_list(call: Call) -> Json:
    return {"emoji": dict(call.user.team.emoji), "cache_ts": f"{call.world.now():.6f}"}


@method("apps.connections.open", tier=1, scopes=("connections:write",), tokens=("app",), own_limit=True)
def apps_connections_open(call: Call) -> Json:
    """Where to connect for Socket Mode: an address that is good once."""
    if not call.app.socket_mode:
        raise Refused("forbidden_team")  # what is said where it is switched off is not documented
    return {"url": call.slack.sockets.address(call.app)}


@method("apps.uninstall", tier=1, takes_json=False)
def apps_uninstall(call: Call) -> Json:
    app = call.app
    if call.text("client_id") != app.client_id:
        raise Refused("invalid_client_id")
    if call.text("client_secret") != app.client_secret:
        raise Refused("bad_client_secret")
    bot = call.bot or call.world.bot_of(app, call.user.team)
    if bot:
        call.slack.places.uninstall(bot)
    return {}
