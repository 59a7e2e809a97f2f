"""Decisions about linked accounts. Only here (and in the relay) are their rows written."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts import letters
from accounts.models import LinkedAccount, LinkedAccountQuerySet, User
from connectors.authorizing import Proof
from connectors.base import Connector, Identity, RoomInfo
from connectors.errors import ConnectorError, LoginRejected, RetryLater
from connectors.markup.sanitize import clean_name, clean_text
from connectors.model import ROOM_KEY
from sameroom import clock
from tubes.models import Room, RoomListing
from tubes.relay import access, bell, handover, health, hooking, news
from tubes.services import listings_keep, rooms_rewatch, tubes_of_account

log = logging.getLogger(__name__)

LISTING_SECONDS = 60
TELL_EVERY = 0.5  # seconds, how far a listing has come
MOST_ROOMS = 20_000
_CONNECTED_ANEW: Final = {
    "status": LinkedAccount.Status.CONNECTED,
    "status_reason": "",
    "told_since": None,
    "warned_days": None,
}


class LinkRefused(Exception):
    """An account cannot be linked; `str(error)` is the sentence for the user."""


def account_link(*, owner: User, form: Proof, address: str = "", is_shared: bool = False) -> LinkedAccount:
    """Link the account that the valid `form`, or the service's own page, has just logged in with.

    Its owner gets a mail; `address` is where the request came from. No I/O but the database. Linking the
    same login again replaces its credentials. The rooms are listed afterwards, by a task. With `is_shared`
    it becomes one of Sameroom's own, which anybody may invite into a room.
    """
    identity, connector = form.identity, form.connector_class
    existing = LinkedAccount.objects.filter(
        kind=connector.kind, server=identity.server, remote_user_id=identity.user_id
    )
    if existing.exclude(owner=owner).exists():
        raise LinkRefused(
            f"This {connector.label} login is linked by somebody else at Sameroom already. "
            "Use a login of your own, such as a bot user made for Sameroom."
        )
    former = existing.filter(owner=owner).first()
    values = {
        **_told_by(identity),
        **_CONNECTED_ANEW,
        "status_since": clock.now(),
        "credentials": _keys_of_rooms(former) | form.secrets(),
    }
    try:
        with transaction.atomic():
            account, is_new = LinkedAccount.objects.update_or_create(
                owner=owner,
                kind=connector.kind,
                server=identity.server,
                remote_user_id=identity.user_id,
                defaults=values,
            )
            if is_shared and not account.is_shared:
                account_share(account)
            if is_new:
                letters.linked(account, address=address)
            elif former is not None and not former.is_usable:
                health.tell_of_recovery(account)
            bell.ring_lanes_on_commit(account.seats.values_list("pk", flat=True))
            health.login_replaced(account)
            hooking.mark(account.seats.values_list("pk", flat=True))
            bell.ring_listeners_on_commit()
    except IntegrityError as error:  # two people pasted one token at the same moment
        raise LinkRefused("This login has just been linked by somebody else at Sameroom.") from error
    return account


def _told_by(identity: Identity) -> dict[str, object]:
    """What a service says of a login, as its row keeps it."""
    return {
        "space": identity.space,
        "team_id": identity.team_id,
        "team_name": clean_name(identity.team_name) if identity.team_name else "",
        "remote_user_name": clean_name(identity.user_name),
        "remote_username": clean_name(identity.username) if identity.username else "",
        "scopes": list(identity.scopes),
        "expires_at": identity.expires_at,
        "rotates_at": identity.rotates_at,
    }


def account_share(account: LinkedAccount) -> None:
    """Make an account one of Sameroom's own: its rooms are nobody's but whose right to them is proved."""
    LinkedAccount.objects.filter(pk=account.pk).update(is_shared=True)
    RoomListing.objects.filter(account=account).delete()
    account.is_shared = True


def _keys_of_rooms(account: LinkedAccount | None) -> dict[str, str]:
    """What rooms were entered with: no login asks for it anew."""
    try:
        kept = account.credentials if account else {}
    except LoginRejected:  # no key opens them any more
        kept = {}
    return {name: value for name, value in kept.items() if name.startswith(ROOM_KEY)}


def account_listing_begin(*, account: LinkedAccount) -> None:
    """Have pages say from now on that the rooms of this account are being looked up."""
    LinkedAccount.objects.filter(pk=account.pk).update(listing_since=clock.now(), listing_count=0)


def account_listing_end(*, account: LinkedAccount) -> None:
    """Have pages say so no more."""
    LinkedAccount.objects.filter(pk=account.pk).update(listing_since=None)


def account_refresh_rooms(*, account: LinkedAccount) -> int:
    """Ask the service for all rooms and store them, with what the login may do now; how many there are.

    Network I/O, page by page, before one transaction; may be repeated. Meanwhile the account's row says
    how many were found. Raises ConnectorError, and then the former listing stands.
    """
    account_listing_begin(account=account)
    try:
        return _refresh_rooms(account)
    finally:
        account_listing_end(account=account)


def _refresh_rooms(account: LinkedAccount) -> int:
    connector = account.connector()
    grant = connector.granted()
    rooms = {clean_text(room.id)[:255]: room for room in _listed(account, connector) if not room.is_archived}
    now = clock.now()
    with transaction.atomic():
        names = {remote_id: clean_name(room.name) for remote_id, room in rooms.items()}
        if account.is_shared:  # who may pick which of them is proved room by room
            listings_keep(account, names, now)
        else:
            _list_all(account, rooms, now)
            _unlisted(account, connector).filter(refreshed_at__lt=now).delete()
        LinkedAccount.objects.filter(pk=account.pk).update(
            rooms_refreshed_at=now, checked_at=now, scopes=list(grant.scopes), expires_at=grant.expires_at
        )
        _connected(account).update(status_reason="")
        _rename(account, names)
    for seat_id in account.seats.in_use().exclude(failure="").values_list("pk", flat=True):
        access.check(seat_id)
    return len(rooms)


def _list_all(account: LinkedAccount, rooms: Mapping[str, RoomInfo], now: datetime) -> None:
    """Write down the rooms of an account, as its owner may pick them: what has changed, and what is new."""
    listings = {row.remote_id: row for row in RoomListing.objects.filter(account=account)}
    changed, new = [], []
    for remote_id, room in rooms.items():
        told = {
            "name": clean_name(room.name),
            "topic": clean_name(room.topic)[:255] if room.topic else "",
            "is_private": room.is_private,
            "is_invitation": room.is_invitation,
        }
        row = listings.get(remote_id)
        if row is None:
            place = {"account": account, "owner_id": account.owner_id, "remote_id": remote_id}
            new.append(RoomListing(**place, refreshed_at=now, **told))
        elif any(getattr(row, name) != value for name, value in told.items()):
            for name, value in told.items():
                setattr(row, name, value)
            changed.append(row)
    # Of two who list at once the second finds the first one's rows.
    RoomListing.objects.bulk_create(new, ignore_conflicts=True, batch_size=500)
    RoomListing.objects.bulk_update(changed, ["name", "topic", "is_private", "is_invitation"], batch_size=500)
    still = [row.pk for remote_id, row in listings.items() if remote_id in rooms]
    for start in range(0, len(still), 500):
        RoomListing.objects.filter(pk__in=still[start : start + 500]).update(refreshed_at=now)


def _unlisted(account: LinkedAccount, connector: Connector) -> QuerySet[RoomListing]:
    """What may go if its service does not list it; what is in use and shown by no list was typed in."""
    listings = RoomListing.objects.filter(account=account)
    if connector.capabilities.lists_all:
        return listings
    with_key = [name.removeprefix(ROOM_KEY) for name in _keys_of_rooms(account)]
    in_use = account.seats.values("room__remote_id")
    return listings.exclude(remote_id__in=with_key).exclude(remote_id__in=in_use)


def _connected(account: LinkedAccount) -> LinkedAccountQuerySet:
    return LinkedAccount.objects.filter(pk=account.pk, status=LinkedAccount.Status.CONNECTED)


def _rename(account: LinkedAccount, names: dict[str, str]) -> None:
    """Give the rooms this account sits in the names they have now."""
    for room in Room.objects.filter(seats__account=account, remote_id__in=names):
        if room.name != names[room.remote_id]:
            Room.objects.filter(pk=room.pk).update(name=names[room.remote_id])


def _listed(account: LinkedAccount, connector: Connector) -> Iterator[RoomInfo]:
    """The rooms of a login, within bounds: a server that never ends its list must not keep us."""
    told = clock.monotonic()
    ends = told + LISTING_SECONDS
    for number, room in enumerate(connector.list_rooms()):
        now = clock.monotonic()
        if number >= MOST_ROOMS or now > ends:
            raise RetryLater(f"{connector.label} lists more rooms than can be read in a minute.")
        if now > told + TELL_EVERY:
            told = now
            LinkedAccount.objects.filter(pk=account.pk).update(listing_count=number)
        yield room


def account_refresh_quietly(*, account: LinkedAccount) -> None:
    """Refresh the rooms as a background task does: a service's refusal is no error of ours.

    And the people. Who could not be told of is asked for when they are met.
    """
    try:
        account_refresh_rooms(account=account)
    except LoginRejected as error:
        health.needs_login(account, str(error))
        return
    except ConnectorError as error:
        _connected(account).update(status_reason=str(error)[:500])
    try:
        account.connector().refresh_people()
    except LoginRejected as error:
        health.needs_login(account, str(error))
    except ConnectorError as error:
        log.info("The people of account %s could not be looked up: %s", account.code, error)


def account_try_again(*, account: LinkedAccount) -> bool:
    """Ask whether a login that was refused works again, through no doing of its owner's; then use it.

    Network I/O; may be repeated.
    """
    LinkedAccount.objects.filter(pk=account.pk).update(checked_at=clock.now())
    try:
        account.connector().granted()
    except ConnectorError:
        return False  # as it was: its owner knows
    return health.recovered(account)


def account_verify(*, account: LinkedAccount) -> None:
    """Ask now whether a login works, and use it again where it does; for operators.

    Network I/O; may be repeated. Raises ConnectorError with what the service says, or LookupError where
    this installation lacks the connector. A login that works and was disabled is used again.
    """
    LinkedAccount.objects.filter(pk=account.pk).update(checked_at=clock.now())
    try:
        account.connector().granted()
    except LoginRejected as error:
        if account.is_usable:
            health.needs_login(account, str(error))
        raise
    if account.is_usable:
        health.works(account)
    else:
        health.recovered(account)


def account_disable(*, account: LinkedAccount, reason: str) -> bool:
    """Use an account no more until its owner renews it or an operator verifies it; False if it was already.

    Its rooms get other readers, and what is said at the other ends of its Tubes waits.
    """
    with transaction.atomic():
        return health.disabled(account, reason)


def account_remove(*, account: LinkedAccount, address: str = "", by_operator: bool = False) -> None:
    """Forget an account and its secret; its Tubes end, and its owner gets a mail.

    `address` is where the owner's own request came from. Network I/O where its service has to be told.
    """
    account_leave(account)
    with transaction.atomic():
        letters.removed(account, address=address, by_operator=by_operator)
        rooms = rooms_touched(account)
        seats = list(account.seats.values_list("pk", flat=True))
        left = news.ends_left_by(tubes_of_account(account), seats)
        handover.forsake(seats)
        account.delete()
        rooms_rewatch(rooms)
        news.ended(left, account.owner)


def account_leave(account: LinkedAccount) -> None:
    """Have the service push no more, and end the login, before an account is removed. Network I/O.

    What the service refuses is no reason to keep the account. It is used no more from here on: that its login
    has ended is not to be told to anybody as news.
    """
    hooking.leave(account.seats.all())
    ending = {"status": LinkedAccount.Status.DISABLED, "status_reason": "It is being removed."}
    LinkedAccount.objects.filter(pk=account.pk).update(**ending, status_since=clock.now())
    with suppress(ConnectorError, LookupError):
        account.connector().sign_out()


def rooms_touched(account: LinkedAccount) -> set[int]:
    """The rooms at both ends of its Tubes, and those it reads for others."""
    ends = tubes_of_account(account).values_list("side_a__room", "side_b__room")
    return {room for pair in ends for room in pair} | set(account.seats.values_list("room", flat=True))
