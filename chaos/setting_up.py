"""`python -m chaos.setting_up`: makes the suite's users, accounts and Tubes, by the project's own services.

Takes `{"tubes": the plan, "logins": {"OWNER PROFILE": what is typed into the form}}` on its standard input,
and prints `{"hooks": [{token, url, secret, rooms}]}`: where the stub has to push.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import django

from chaos import network


def main() -> None:
    wanted = json.load(sys.stdin)
    django.setup()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    made = _make(wanted)
    json.dump(made, sys.stdout)


def _make(wanted: dict[str, Any]) -> dict[str, Any]:
    from accounts.models import User

    owners = {
        name: User.objects.create_user(f"{name}@example.com", "a long enough password")
        for name in network.OWNERS
    }
    accounts: dict[tuple[str, str], Any] = {}
    plan = network.links(wanted["tubes"])
    for link in plan:
        for room in (link.a, link.b):
            key = (link.owner, room.profile)
            if key not in accounts:
                accounts[key] = _link(owners[link.owner], wanted["logins"][f"{link.owner} {room.profile}"])
    for link in plan:
        _open(owners[link.owner], link, accounts)
    return {"hooks": [hook for key, account in accounts.items() if (hook := _hook(key, account))]}


def _link(owner: Any, login: dict[str, str]) -> Any:
    """Link an account as its form does: by logging in."""
    from accounts.services import account_link, account_refresh_rooms
    from connectors.registry import connectors

    cls = connectors()[login["kind"]]
    form = cls.credentials_form(login, connector_class=cls)
    if not form.is_valid():
        raise SystemExit(f"{login['kind']} refused a login: {form.errors.as_text()}")
    account = account_link(owner=owner, form=form)
    account_refresh_rooms(account=account)
    return account


def _open(owner: Any, link: network.Link, accounts: dict[tuple[str, str], Any]) -> None:
    from tubes.models import RoomListing, Seat
    from tubes.services import tube_open

    listings = [
        RoomListing.objects.get(account=accounts[link.owner, room.profile], name=room.name)
        for room in (link.a, link.b)
    ]
    tube = tube_open(owner=owner, listing_a=listings[0], listing_b=listings[1])
    if link.is_one_way:
        Seat.objects.filter(pk=tube.side_a_id).update(direction=Seat.Direction.OUT)
        Seat.objects.filter(pk=tube.side_b_id).update(direction=Seat.Direction.IN)


def _hook(key: tuple[str, str], account: Any) -> dict[str, Any] | None:
    """Where the stub has to push for this account; None where it is polled."""
    from connectors.base import Reading
    from tubes.relay.hooking import address_of

    if account.connector().capabilities.reading is not Reading.WEBHOOK:
        return None
    rooms = account.seats.values_list("room__name", flat=True)
    credentials = account.credentials
    return {
        "token": credentials["token"],
        "url": address_of(account),
        "secret": credentials["hook_secret"],
        "rooms": sorted(set(rooms)),
    }


if __name__ == "__main__":
    main()
