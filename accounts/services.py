"""Decisions about linked accounts. Only here (and in the relay) are their rows written."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from accounts.models import LinkedAccount, User
from connectors.base import Connector
from connectors.errors import ConnectorError
from connectors.forms import CredentialsForm
from connectors.markup.sanitize import clean_name
from sameroom import clock
from tubes.models import RoomListing


class LinkRefused(Exception):
    """An account cannot be linked; `str(error)` is the sentence for the user."""


def account_link(*, owner: User, form: CredentialsForm) -> LinkedAccount:
    """Link the account whose credentials the valid `form` has just logged in with.

    No I/O but the database. Linking the same login again replaces its credentials. The rooms are
    listed afterwards, by a task.
    """
    identity, connector = form.identity, form.connector_class
    existing = LinkedAccount.objects.filter(
        kind=connector.kind, server=identity.server, remote_user_id=identity.user_id
    )
    if existing.filter(is_shared=False).exclude(owner=owner).exists():
        raise LinkRefused(
            f"This {connector.label} login is linked by somebody else at Sameroom already. "
            "Use a login of your own, such as a bot user made for Sameroom."
        )
    values = {
        "space": identity.space,
        "team_id": identity.team_id,
        "team_name": clean_name(identity.team_name) if identity.team_name else "",
        "remote_user_name": clean_name(identity.user_name),
        "credentials": form.secrets(),
        "scopes": list(identity.scopes),
        "expires_at": identity.expires_at,
        "status": LinkedAccount.Status.CONNECTED,
        "status_reason": "",
        "status_since": clock.now(),
    }
    try:
        with transaction.atomic():
            account, _ = LinkedAccount.objects.update_or_create(
                owner=owner,
                kind=connector.kind,
                server=identity.server,
                remote_user_id=identity.user_id,
                defaults=values,
            )
    except IntegrityError as error:  # two people pasted one token at the same moment
        raise LinkRefused("This login has just been linked by somebody else at Sameroom.") from error
    return account


def account_refresh_rooms(*, account: LinkedAccount) -> int:
    """Ask the service for all rooms and store them; how many there are.

    Network I/O, page by page, before one transaction; may be repeated. Raises ConnectorError, and
    then the former listing stands.
    """
    connector: Connector = account.connector()
    rooms = [room for room in connector.list_rooms() if not room.is_archived]
    now = clock.now()
    with transaction.atomic():
        RoomListing.objects.bulk_create(
            [
                RoomListing(
                    account=account,
                    remote_id=room.id,
                    name=clean_name(room.name),
                    topic=clean_name(room.topic)[:255] if room.topic else "",
                    is_private=room.is_private,
                    refreshed_at=now,
                )
                for room in rooms
            ],
            update_conflicts=True,
            unique_fields=["account", "remote_id"],
            update_fields=["name", "topic", "is_private", "refreshed_at"],
            batch_size=500,
        )
        RoomListing.objects.filter(account=account, refreshed_at__lt=now).delete()
        LinkedAccount.objects.filter(pk=account.pk).update(rooms_refreshed_at=now)
    return len(rooms)


def account_refresh_quietly(*, account: LinkedAccount) -> None:
    """Refresh the rooms as a background task does: a service's refusal is no error of ours."""
    try:
        account_refresh_rooms(account=account)
    except ConnectorError as error:
        LinkedAccount.objects.filter(pk=account.pk).update(status_reason=str(error)[:500])


def account_remove(*, account: LinkedAccount) -> None:
    """Forget an account and its secret; its Tubes end. No network I/O."""
    from tubes.services import rooms_rewatch, tubes_of_account  # the one place where accounts look right

    ends = tubes_of_account(account).values_list("side_a__room", "side_b__room")
    rooms = {room for pair in ends for room in pair}
    with transaction.atomic():
        account.delete()
        rooms_rewatch(rooms)
