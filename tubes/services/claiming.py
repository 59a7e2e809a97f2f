"""Rooms of shared accounts: whoever types a code there has a right to them, and nobody else sees that.

While a code is outstanding its account lists its rooms now and then, and looks at what was said last in
those that bear the name which was told. Everything stands in rows; the sweep rings for what is due.
"""

from __future__ import annotations

import base64
import logging
import math
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.models import LinkedAccount, User
from connectors.base import Connector, IncomingEvent, Kind, RoomId, RoomInfo
from connectors.errors import ConnectorError, LoginRejected, RoomGone
from connectors.markup import plain
from connectors.markup.sanitize import clean_name, clean_text, fold
from sameroom import clock
from tubes.models import Event, Post, Room, RoomClaim, RoomListing, Seat
from tubes.relay import health

log = logging.getLogger(__name__)

LOOK_EVERY: Final = timedelta(seconds=10)  # a third of HipChat's 100 requests in five minutes
LIST_EVERY: Final = timedelta(seconds=40)
MOST_CANDIDATES: Final = 60  # rooms of one name: an account that many invite sits in many a “General”
MOST_ACCEPTED: Final = 3  # invitations to rooms of one name in one listing
MOST_LOOKED_AT: Final = 6  # rooms of one account in one look
MOST_LISTED: Final = 5_000
MOST_AN_HOUR: Final = 10  # codes for one user
LISTING_SECONDS: Final = 20.0
LETTERS: Final = 10  # of 32 each: 50 random bits
TYPED = re.compile(r"\b[A-Z2-7]{5}-?[A-Z2-7]{5}\b", re.IGNORECASE)


class ClaimRefused(Exception):
    """No code can be had; `str(error)` is the sentence for the user."""


def shared_accounts() -> list[LinkedAccount]:
    """The accounts that anybody may invite into a room: those that can look what was said there."""
    shared = LinkedAccount.objects.filter(is_shared=True).usable().order_by("kind", "team_name", "pk")
    return [account for account in shared if _can_look(account)]


def _can_look(account: LinkedAccount) -> bool:
    try:
        can = account.connector().capabilities
    except (LoginRejected, LookupError):
        return False
    return can.history and can.message_ids


def claim_begin(*, owner: User, account: LinkedAccount, room_name: str) -> RoomClaim:
    """A code for a room of this name at a shared account, in place of the one there was.

    No network I/O. Raises ClaimRefused.
    """
    now = clock.now()
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=owner.pk)  # of two at once, one counts the other
        lately = RoomClaim.objects.owned_by(owner).filter(created_at__gt=now - timedelta(hours=1))
        asked = list(lately.order_by("-created_at").values_list("created_at", flat=True)[:MOST_AN_HOUR])
        if len(asked) == MOST_AN_HOUR:
            minutes = math.ceil((asked[-1] + timedelta(hours=1) - now) / timedelta(minutes=1))
            raise ClaimRefused(
                f"You have asked for {MOST_AN_HOUR} codes within an hour. Try again in {minutes} "
                f"minute{'' if minutes == 1 else 's'}."
            )
        RoomClaim.objects.owned_by(owner).open().filter(account=account).update(expires_at=now)
        return RoomClaim.objects.create(owner=owner, account=account, room_name=clean_name(room_name))


def claim_code(claim: RoomClaim) -> str:
    """What has to be typed, such as K7QFM-2XA9B. No I/O."""
    digest = salted_hmac("tubes.claims", f"{claim.pk} {claim.created_at.isoformat()}", algorithm="sha256")
    letters = base64.b32encode(digest.digest()).decode()[:LETTERS]
    return f"{letters[:5]}-{letters[5:]}"


def listing_forget(*, owner: User, account: LinkedAccount, code: str) -> bool:
    """Take a proved room off the owner's list; Tubes that are open stay. False where there is none."""
    proved = RoomListing.objects.filter(owner=owner, account=account, code=code)
    return proved.delete()[0] > 0


def listings_keep(account: LinkedAccount, names: Mapping[str, str], now: datetime) -> None:
    """Give proved rooms the names (remote id → name) they have now; who cannot be entered any more goes."""
    for listing in RoomListing.objects.filter(account=account):
        if (name := names.get(listing.remote_id)) is None:
            listing.delete()
        else:
            RoomListing.objects.filter(pk=listing.pk).update(name=name, refreshed_at=now)


def accounts_due() -> list[int]:
    """Shared accounts with codes to look for, claimed by the caller. No network I/O."""
    now = clock.now()
    due = RoomClaim.objects.open().filter(next_look_at__lte=now)
    accounts = due.order_by("account").values_list("account", flat=True).distinct()
    return [pk for pk in accounts if due.filter(account=pk).update(next_look_at=now + LOOK_EVERY)]


def codes_look(account_id: int) -> int:
    """Look once for the codes that are outstanding at an account; how many were found.

    Network I/O, bounded: a listing now and then, and a call for each room of a name that was told. May be
    repeated.
    """
    account = LinkedAccount.objects.usable().filter(pk=account_id, is_shared=True).first()
    claims = list(RoomClaim.objects.open().filter(account=account_id).order_by("pk"))
    if account is None or not claims:
        return 0
    try:
        return _look(account, claims)
    except LoginRejected as error:
        health.needs_login(account, str(error))
    except ConnectorError as error:
        RoomClaim.objects.filter(pk__in=[claim.pk for claim in claims]).update(trouble=str(error)[:500])
    return 0


def _look(account: LinkedAccount, claims: list[RoomClaim]) -> int:
    connector = account.connector()
    _list(connector, claims)
    found = 0
    for room in _candidates(claims):
        wanted = [claim for claim in claims if room in claim.candidates and claim.found_at is None]
        with suppress(RoomGone):  # it is somebody's loss, not that of all who have a code
            found += _look_into(room, account, connector, wanted)
    RoomClaim.objects.filter(pk__in=[claim.pk for claim in claims]).exclude(trouble="").update(trouble="")
    return found


def _look_into(room: RoomId, account: LinkedAccount, connector: Connector, wanted: list[RoomClaim]) -> int:
    found = 0
    for event in connector.recent(room).events:
        if right := _entitled(account, room, event, wanted):
            info = connector.room(room)
            found += sum(_give(claim, account, info) for claim in right)
    return found


def _candidates(claims: Iterable[RoomClaim]) -> list[RoomId]:
    """The rooms to look at now; where there are too many for one look, some of them, whichever.

    So that no room, and nobody's code, waits behind those that were named before.
    """
    rooms = dict.fromkeys(RoomId(room) for claim in claims for room in claim.candidates)
    return random.sample([*rooms], min(len(rooms), MOST_LOOKED_AT))


def _list(connector: Connector, claims: list[RoomClaim]) -> None:
    """Note which rooms bear the names of claims that were not listed lately. Network I/O where there are."""
    now = clock.now()
    stale = [claim for claim in claims if claim.listed_at is None or claim.listed_at < now - LIST_EVERY]
    if not stale:
        return
    named: dict[str, list[RoomInfo]] = {}
    for room in _rooms(connector):
        named.setdefault(fold(clean_name(room.name)), []).append(room)
    for claim in stale:
        rooms = named.get(fold(claim.room_name), [])
        asked_in = islice((room.id for room in rooms if room.is_invitation), MOST_ACCEPTED)
        entered = (room.id for room in rooms if not room.is_invitation)
        claim.candidates = [*_accepted(connector, asked_in), *entered][:MOST_CANDIDATES]
        claim.listed_at = now
        claim.save(update_fields=["candidates", "listed_at"])


def _accepted(connector: Connector, rooms: Iterable[RoomId]) -> Iterator[RoomId]:
    """Accept invitations, for only who sits in a room can read it; those that cannot be are passed over."""
    for room in rooms:
        with suppress(RoomGone):
            yield connector.room(room).id


def _rooms(connector: Connector) -> Iterator[RoomInfo]:
    ends = clock.monotonic() + LISTING_SECONDS
    for room in islice(connector.list_rooms(), MOST_LISTED):
        if clock.monotonic() > ends:
            return
        if not room.is_archived:
            yield room


def _entitled(
    account: LinkedAccount, room: RoomId, event: IncomingEvent, claims: list[RoomClaim]
) -> list[RoomClaim]:
    """The claims whose code stands in this message, if a person typed it there."""
    if event.kind is not Kind.MESSAGE or event.body is None:
        return []
    typed = {word.replace("-", "").upper() for word in TYPED.findall(plain.render(event.body))}
    named = [claim for claim in claims if _is_named(claim, typed)]
    return named if named and _is_a_persons(account, room, event) else []


def _is_named(claim: RoomClaim, typed: set[str]) -> bool:
    code = claim_code(claim).replace("-", "")
    return any(constant_time_compare(code, word) for word in typed)


def _is_a_persons(account: LinkedAccount, room_id: RoomId, event: IncomingEvent) -> bool:
    """Whether nothing of ours posted this: through a Tube the code could come from a room elsewhere.

    Where the room is read for somebody, intake decides what is ours: until it has taken the message in,
    nothing is known.
    """
    ours = LinkedAccount.objects.filter(kind=account.kind, server=account.server)
    if ours.filter(remote_user_id=event.author.id).exists():
        return False
    room = Room.objects.filter(kind=account.kind, space=account.space, remote_id=room_id).first()
    if room is None:
        return True
    remote_id = clean_text(event.id)[:255]
    if Post.objects.filter(room=room, remote_id=remote_id).exists():
        return False
    if not Seat.objects.in_use().filter(room=room).exists():
        return True
    return Event.objects.filter(room=room, remote_id=remote_id, held=Event.Held.NO).exists()


def _give(claim: RoomClaim, account: LinkedAccount, info: RoomInfo) -> bool:
    """Compare-and-swap: a code is good for one room, once."""
    with transaction.atomic():
        if not RoomClaim.objects.open().filter(pk=claim.pk).update(found_at=clock.now()):
            return False
        listing, _ = RoomListing.objects.update_or_create(
            account=account,
            owner_id=claim.owner_id,
            remote_id=clean_text(info.id)[:255],
            defaults={
                "name": clean_name(info.name),
                "topic": clean_name(info.topic)[:255] if info.topic else "",
                "is_private": info.is_private,
                "refreshed_at": clock.now(),
            },
        )
        RoomClaim.objects.filter(pk=claim.pk).update(listing=listing)
    claim.found_at = clock.now()
    log.info("A room of account %s was proved by a code", account.code)
    return True
