"""Rooms that are not listed yet: entered by an address that somebody types, or made, and only then saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import transaction

from accounts.models import LinkedAccount, User
from connectors.base import Capabilities, Connector, RoomInfo
from connectors.errors import ConnectorError, LoginRejected
from connectors.markup.sanitize import clean_name, clean_text
from connectors.model import ROOM_KEY
from connectors.registry import connectors
from sameroom import clock
from tubes.models import RoomListing
from tubes.relay import health


class RoomRefused(Exception):
    """A room cannot be entered or made; `str(error)` is the sentence for the user."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What an account can do about a room that is not listed."""

    account: LinkedAccount
    enters: bool
    makes: bool


def offers_of(owner: User) -> list[Offer]:
    """The accounts of this owner that can enter a room by its address, or make one. One query."""
    kinds = [kind for kind, service in connectors().items() if _is_of_use(service.capabilities)]
    own = LinkedAccount.objects.owned_by(owner).filter(is_shared=False)
    accounts = own.usable().filter(kind__in=kinds).order_by("pk")
    known = [(account, _capabilities(account)) for account in accounts]
    return [
        Offer(account, can.addresses, can.creates_rooms)
        for account, can in known
        if can is not None and _is_of_use(can)
    ]


def room_enter(*, account: LinkedAccount, address: str) -> RoomListing:
    """Enter the room that an address leads to, and list it.

    Network I/O, half a minute at the most, before anything is saved; may be repeated. Raises RoomRefused.
    """
    return _listed(account, lambda connector: connector.enter(address))


def room_make(*, account: LinkedAccount, name: str, invited: Sequence[str] = ()) -> RoomListing:
    """Make a room, invite people as users type them, and list it. As `room_enter`, but NOT repeatable."""
    return _listed(account, lambda connector: connector.create_room(name, invited))


def _is_of_use(can: Capabilities) -> bool:
    return can.addresses or can.creates_rooms


def _capabilities(account: LinkedAccount) -> Capabilities | None:
    try:
        return account.connector().capabilities
    except LoginRejected:  # a secret that no key opens any more: whoever uses the account says so
        return None


def _listed(account: LinkedAccount, find: Callable[[Connector], RoomInfo]) -> RoomListing:
    if account.is_shared:  # whoever picks a room of it proves a right to that one
        raise RoomRefused(
            f"{account} is one of Sameroom’s own. Ask for a code under Accounts, for your room."
        )
    if not account.is_usable:
        raise RoomRefused(f"The account {account} needs attention first: see Accounts.")
    try:
        info = find(account.connector())
    except LoginRejected as error:
        health.needs_login(account, str(error))
        raise RoomRefused(str(error)) from error
    except ConnectorError as error:
        raise RoomRefused(str(error)) from error
    if info.is_archived:
        raise RoomRefused(
            f"{clean_name(info.name)} is archived at {account.label}. Unarchive it there first."
        )
    with transaction.atomic():
        _keep_key(account, info)
        listing, _ = RoomListing.objects.update_or_create(
            account=account,
            owner_id=account.owner_id,
            remote_id=clean_text(info.id)[:255],
            defaults={
                "name": clean_name(info.name),
                "topic": clean_name(info.topic)[:255] if info.topic else "",
                "is_private": info.is_private,
                "is_invitation": info.is_invitation,
                "refreshed_at": clock.now(),
            },
        )
    return listing


def _keep_key(account: LinkedAccount, info: RoomInfo) -> None:
    """Keep what lets us in again with the other secrets, or forget one that is needed no more."""
    locked = LinkedAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
    keys = locked.credentials
    if keys.get(ROOM_KEY + info.id, "") != info.key:
        keys.pop(ROOM_KEY + info.id, None)
        locked.credentials = keys | ({ROOM_KEY + info.id: info.key} if info.key else {})
        locked.save(update_fields=["sealed"])
