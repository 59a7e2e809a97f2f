"""Who is who in a workspace: names behind the ids of people, apps' bots and channels, kept in the cache.

What is in the cache is known without asking; the rest is asked for one by one where there is time for it.
Whatever may vanish may vanish: it is asked for again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.core.cache import cache

from connectors.errors import ConnectorError, LoginRejected, RoomGone
from connectors.slack.client import SlackClient
from connectors.slack.refusals import Refused
from connectors.slack.shapes import Json, table, text

log = logging.getLogger(__name__)

KEPT: Final = 2 * 86_400  # seconds
PLACE_KEPT: Final = 2 * 3600  # seconds: until the next hour's look, and not for ever where it is no good
MOST: Final = 30  # that are asked for one by one at a time
LONGEST: Final = 500  # characters of an address
_ALIAS: Final = "alias:"
_PICTURES: Final = ("image_192", "image_72", "image_48")


@dataclass(frozen=True, slots=True)
class Known:
    """One person, bot or channel."""

    name: str
    username: str = ""
    picture: str = ""
    user: str = ""  # of a bot: the user that it posts as


NOBODY: Final = Known("")


@dataclass(slots=True)
class Names:
    """Those of one message or page: what is known of the ids in it. No I/O."""

    found: dict[str, Known] = field(default_factory=dict)

    def of(self, id_: str) -> Known:
        """What is known of an id; NOBODY where it is unknown."""
        return self.found.get(id_, NOBODY)

    def name_of(self, id_: str) -> str:
        """The name behind an id, "" where it is unknown."""
        return self.of(id_).name

    def missing(self, ids: Iterable[str]) -> list[str]:
        """The ids of which nothing is known, each once."""
        return [one for one in dict.fromkeys(ids) if one not in self.found]


class Directory:
    """What the app `user` knows of its workspace `team`; `client` asks for the rest.

    Each app has its own: whoever owns one may sign whatever they like about everybody.
    """

    def __init__(self, client: SlackClient, team: str, user: str) -> None:
        self._client = client
        self._user, self._scope = user, f"{client.server} {team} {user}"

    def known(self, ids: Iterable[str]) -> Names:
        """What the cache has of these ids. Cache I/O."""
        ids = list(ids)
        keys = {self._key(one): one for one in ids if one}
        stored: Mapping[str, Any] = _safely(cache.get_many, list(keys)) or {} if keys else {}
        names = Names({keys[key]: Known(*value) for key, value in stored.items() if isinstance(value, tuple)})
        strangers = {self._ours(one): one for one in ids if one.startswith("B") and not names.of(one).user}
        ours: Mapping[str, str] = _safely(cache.get_many, list(strangers)) or {} if strangers else {}
        for key, user in ours.items():
            names.found[strangers[key]] = replace(names.of(strangers[key]), user=user)
        return names

    def tell_our_bot(self, bot: str) -> None:
        """Have all our accounts at this server know whose posts this bot's are. Cache I/O.

        No workspace tells of the bots of another one with which it shares a channel.
        """
        if bot:
            _safely(cache.set, self._ours(bot), self._user, KEPT)

    def looked_up(self, ids: Iterable[str]) -> Names:
        """The same, and what Slack says of those whom the cache does not have. Network I/O; may be repeated.

        Whoever cannot be looked up is left out; LoginRejected goes up.
        """
        wanted = list(dict.fromkeys(one for one in ids if one))
        names = self.known(wanted)
        for one in names.missing(wanted)[:MOST]:
            try:
                found = self._ask(one)
            except LoginRejected:
                raise
            except ConnectorError as error:
                log.info("Slack did not tell who %.20r is: %s", one, error)
                continue
            names.found[one] = found
            self.keep({one: found})
        return names

    def keep(self, found: Mapping[str, Known]) -> None:
        """Remember what Slack has told. Cache I/O."""
        stored = {self._key(one): (k.name, k.username, k.picture, k.user) for one, k in found.items()}
        if stored:
            _safely(cache.set_many, stored, KEPT)

    def place(self) -> str:
        """The cursor from which the list of people is read on, "" from its beginning. Cache I/O."""
        return text(_safely(cache.get, self._key("place")))

    def keep_place(self, cursor: str) -> None:
        """Remember it. Cache I/O."""
        _safely(cache.set, self._key("place"), cursor, PLACE_KEPT)

    def keep_emoji(self, told: Mapping[str, object]) -> None:
        """Remember what the workspace's own emoji stand for: those that are other names of one. Cache I/O."""
        aliases = {name: text(value).removeprefix(_ALIAS) for name, value in told.items() if _is_alias(value)}
        _safely(cache.set, self._key("emoji"), aliases, KEPT)

    def follow(self, user: Json, *, is_sure: bool) -> None:
        """Take a user object of an event. Unless it `is_sure`, they are only asked for anew. Cache I/O."""
        id_, told = text(user.get("id")), person(user)
        if id_ and is_sure:
            self.keep({id_: told})
        elif id_ and self.known([id_]).of(id_) != told:  # as it is, when it is a status that has changed
            _safely(cache.delete, self._key(id_))

    def follow_emoji(self, event: Json, *, is_sure: bool) -> None:
        """Take an `emoji_changed` event. Unless it `is_sure`, all are only asked for anew. Cache I/O."""
        aliases, names = self.aliases(), event.get("names")
        gone = [*(names if isinstance(names, list) else ()), event.get("old_name")]
        kept = {name: value for name, value in aliases.items() if name not in gone}
        name, value = text(event.get("name")) or text(event.get("new_name")), event.get("value")
        if name and _is_alias(value):
            kept[name] = text(value).removeprefix(_ALIAS)
        if kept != aliases and is_sure:
            _safely(cache.set, self._key("emoji"), kept, KEPT)
        elif kept != aliases:
            _safely(cache.set, self._key("emoji doubted"), 1, KEPT)

    def ask_for_emoji(self) -> None:
        """Ask for the workspace's own emoji, where something may have changed. Network I/O; LoginRejected."""
        if _safely(cache.delete, self._key("emoji doubted")) and not self.list_emoji():
            _safely(cache.set, self._key("emoji doubted"), 1, KEPT)

    def list_emoji(self) -> bool:
        """Ask for the workspace's own emoji; whether Slack has told them. Network I/O; LoginRejected."""
        try:
            self.keep_emoji(self._client.emoji())
        except LoginRejected:
            raise
        except ConnectorError as error:
            log.info("Slack did not tell its emoji: %s", error)
            return False
        return True

    def aliases(self) -> dict[str, str]:
        """The other names of emoji, each with what it stands for, as far as they are known. Cache I/O."""
        known = _safely(cache.get, self._key("emoji"))
        return known if isinstance(known, dict) else {}

    def _ask(self, one: str) -> Known:
        """Ask for one id, by what it begins with. Who is not found is nobody, and not asked for again."""
        try:
            if one.startswith("B"):
                return bot(self._client.bot(one))
            if one.startswith(("C", "G")):
                return channel(self._client.channel(one))
            return person(self._client.user(one)) if one.startswith(("U", "W")) else NOBODY
        except (Refused, RoomGone):  # a private channel of others is none to us
            return NOBODY

    def _key(self, one: str) -> str:
        return self.key("who", one)

    def _ours(self, bot: str) -> str:
        named = f"{self._client.server} {bot}"
        return f"slack:ours:{hashlib.sha256(named.encode()).hexdigest()[:32]}"

    def key(self, what: str, one: str) -> str:
        """Under which the cache keeps something that this app alone knows."""
        return f"slack:{what}:{hashlib.sha256(f'{self._scope} {one}'.encode()).hexdigest()[:32]}"


def person(told: Json) -> Known:
    """A user object: people are shown by their display name, else by their full one."""
    profile = table(told.get("profile"))
    names = (profile.get("display_name"), profile.get("real_name"), told.get("real_name"), told.get("name"))
    return Known(
        name=next((text(name).strip() for name in names if text(name).strip()), ""),
        username=text(told.get("name")),
        picture=picture(profile),
    )


def bot(told: Json) -> Known:
    """A bot object."""
    return Known(
        text(told.get("name")), picture=picture(table(told.get("icons"))), user=text(told.get("user_id"))
    )


def channel(told: Json) -> Known:
    """A conversation object."""
    return Known(text(told.get("name_normalized")) or text(told.get("name")))


def picture(told: Json) -> str:
    """The address of somebody's picture."""
    found = next((text(told.get(name)) for name in _PICTURES if text(told.get(name))), "")
    return found if found.startswith(("https://", "http://")) and len(found) <= LONGEST else ""


def people(members: Iterable[Json]) -> dict[str, Known]:
    """User objects by their ids."""
    return {text(one.get("id")): person(one) for one in members if text(one.get("id"))}


def _is_alias(value: object) -> bool:
    return text(value).startswith(_ALIAS)


def _safely(call: Any, *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever a client library raises
        log.warning("The cache fails (%s); names are asked for anew", type(error).__name__)
        return None
