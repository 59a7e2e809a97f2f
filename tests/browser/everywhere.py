"""Every page there is, with something on it: `python -m tests.browser.everywhere EMAIL` prints their paths.

In the environment of a Sameroom that is running, whose owner has the Tubes of `troubles.TUBES`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from sameroom.env import BASE_DIR
from standalone.throwaway import Sameroom

ALL_SERVICES = {
    "CONNECTORS": "hipchat,matrix,irc,slack,echo,stub.connector",
    **dict.fromkeys(("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET"), "an-app-of-ours"),
}

# Addresses without a page of their own: they act and lead elsewhere, or answer with a part, a file, data.
NO_PAGES = {
    "accounts:account-authorize",
    "accounts:account-authorized",
    "accounts:account-reauthorize",
    "accounts:account-refresh",
    "accounts:listing-state",
    "accounts:own-data-export",
    "tubes:first-steps",
    "tubes:first-steps-again",
    "tubes:first-steps-end",
    "tubes:hook",
    "tubes:map-make",
    "tubes:mute-remove",
    "tubes:notice-dismiss",
    "tubes:notice-restore",
    "tubes:notices-dismiss",
    "tubes:portal-approve",
    "tubes:portal-decline",
    "tubes:portal-enter",
    "tubes:portal-restore",
    "tubes:portal-slash",
    "tubes:portal-visit-enter",
    "tubes:portal-withdraw",
    "tubes:room-enter",
    "tubes:room-enter-side-b",
    "tubes:service-hook",
    "tubes:tube-close",
    "tubes:tube-pause",
    "tubes:tube-reopen",
    "tubes:tube-resume",
    "tubes:tube-retry",
}

# What allauth and our own address table hold beside the apps: open to everybody, or for whoever is signed in.
OPEN = {
    "home": "/",
    "sign-up": "/user/signup/",
    "sign-in": "/user/login/",
    "sign-in by code": "/user/login/code/",
    "reset": "/user/password/reset/",
    "reset, sent": "/user/password/reset/done/",
    "inactive": "/user/inactive/",
    "help": "/getting-started/en/",
    **{f"error {number}": f"/{number}" for number in ("400", "403", "403_csrf", "404", "429", "500")},
}
SIGNED_IN = {
    "e-mail": "/user/email/",
    "password": "/user/password/change/",
    "sign out": "/user/logout/",
    "manage, narrowed": "/manage/?state=waiting",
    "manage, nothing found": "/manage/?q=zzz",
    "a search": "/open-a-tube/?q=lounge",
    "a search without result": "/open-a-tube/?q=zzz",
}


def paths_of(email: str, sameroom: Sameroom) -> dict[str, list[str]]:
    """Name of an address → the paths at which this owner finds a page of it. Makes rows."""
    environment = {
        **os.environ,
        **ALL_SERVICES,
        "LOCAL": "1",
        "PUBLIC_URL": sameroom.address,
        "VAR_DIR": str(sameroom.log.parent),
        "DJANGO_SETTINGS_MODULE": "sameroom.settings",
    }
    command = [sys.executable, "-m", "tests.browser.everywhere", email]
    done = subprocess.run(command, cwd=BASE_DIR, env=environment, check=True, stdout=subprocess.PIPE)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def names() -> set[str]:
    """Every address of our own apps."""
    from tests.pages.test_isolation import ADDRESSES

    return set(ADDRESSES)


def _paths(email: str) -> dict[str, list[str]]:
    from django.urls import reverse

    made = _made(email)
    found: dict[str, list[str]] = {}
    for name in sorted(names() - NO_PAGES):
        for values in _values(name, made):
            found.setdefault(name, []).append(reverse(name, kwargs=values))
    return found


def _values(name: str, made: dict[str, list[Any]]) -> list[dict[str, Any]]:
    from tests.pages.test_isolation import ADDRESSES

    parameters = ADDRESSES[name]
    count = max([len(made[it]) for it in parameters], default=1)
    return [{it: made[it][number % len(made[it])] for it in parameters} for number in range(count)]


def _made(email: str) -> dict[str, list[Any]]:
    """Parameter of an address → the values to look at, with all that their pages can show."""
    from django.db import transaction

    from tubes.models import Room

    with transaction.atomic():
        made = _rows(email)
        # These rooms are at no service: a look at them would find them gone.
        Room.objects.filter(kind="echo").update(next_poll_at=None)
    return made


def _rows(email: str) -> dict[str, list[Any]]:
    from accounts.models import LinkedAccount, User
    from connectors.registry import connectors
    from tests import factories
    from tubes.codes import code_of
    from tubes.models import Delivery, MapLink, Mute, Notice, RoomListing, Seat, Tube
    from tubes.services import map_link_make

    owner = User.objects.get(email=email)
    seats = {seat.room.name: seat for seat in Seat.objects.filter(owner=owner).select_related("room")}
    support = seats["Support"]
    lost = Tube.objects.get(side_b=seats["Lounge"])
    mute = Mute.objects.create(
        seat=support, kind="hipchat", space="x", author_id="7", author_name="Eve Bell", typed_by="Ann Lee"
    )
    Seat.objects.filter(pk=support.pk).update(has_mutes=True)
    portal = factories.portal(support, needs_approval=True)
    stranger = factories.account(factories.user(), team="initech")
    factories.tube(support, factories.seat(stranger), portal=portal)
    asked = factories.portal_request(portal, stranger, remote_id="attic", room_name="Attic")
    theirs = factories.portal(factories.seat(stranger))
    mine = LinkedAccount.objects.filter(owner=owner, kind="hipchat").order_by("pk")[0]
    wish = factories.portal_request(theirs, mine)
    shared = factories.account(factories.user(), is_shared=True, remote_user_name="Relay Bot")
    unknown = Delivery.objects.filter(seat=seats["Watercooler"], status__in=["failed", "unknown"])
    link: MapLink = map_link_make(seat=support)
    return {
        "account_code": [mine.code],
        "listing_code": [RoomListing.objects.filter(account=mine).order_by("pk")[0].code],
        "tube_code": [lost.code],
        "seat_code": [support.code],
        "mute_code": [code_of(mute)],
        "notice_code": [code_of(Notice.objects.filter(owner=owner)[0])],
        "portal_key": [portal.key],
        "asked_code": [asked.code],
        "request_code": [wish.code],
        "delivery_code": [code_of(row) for row in unknown.order_by("status", "pk")],
        "visited_key": [theirs.key, "no-such-portal"],
        "kind": sorted(connectors()),
        "key": [link.key, "gone"],
        "name": ["plan.pdf"],
        "shared_code": [shared.code],
        "invitation_code": ["no-such-code"],
    }


if __name__ == "__main__":
    import django

    django.setup()
    json.dump(_paths(sys.argv[1]), sys.stdout)
